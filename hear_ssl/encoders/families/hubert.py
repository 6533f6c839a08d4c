"""HuBERT, mHuBERT, DistilHuBERT and ContentVec: the network of wav2vec 2.0, trained on cluster labels."""

from hear_ssl.encoders.wave_family import wave_family

FAMILY = wave_family("hubert", "Hubert")
