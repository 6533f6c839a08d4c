"""UniSpeech: the network of wav2vec 2.0, trained with phonemes beside the contrastive task."""

from hear_ssl.encoders.wave_family import HEADS, wave_family

FAMILY = wave_family("unispeech", "UniSpeech", heads=HEADS | {"ctc_proj"})
