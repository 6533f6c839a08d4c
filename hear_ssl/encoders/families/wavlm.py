"""WavLM: the network of wav2vec 2.0 with gated relative positions; the library has one attention for it only."""

from hear_ssl.encoders.wave_family import wave_family

FAMILY = wave_family("wavlm", "WavLM", "eager")
