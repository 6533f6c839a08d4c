"""data2vec for audio: the network of wav2vec 2.0 with several positional convolutions, one behind the other."""

from hear_ssl.encoders.wave_family import wave_family

FAMILY = wave_family("data2vec-audio", "Data2VecAudio")
