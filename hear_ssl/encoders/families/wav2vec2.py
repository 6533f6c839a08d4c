"""wav2vec 2.0, XLS-R and MMS: the waveform through seven convolutions, then a transformer."""

from hear_ssl.encoders.wave_family import wave_family

FAMILY = wave_family("wav2vec2", "Wav2Vec2")
