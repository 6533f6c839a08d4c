"""SEW: wav2vec 2.0 whose transformer works on pairs of frames."""

from hear_ssl.encoders.bounds import Whole
from hear_ssl.encoders.squeezed import build
from hear_ssl.encoders.transformer import OPTIONS
from hear_ssl.encoders.wave_family import wave_family

FAMILY = wave_family("sew", "SEW", rules={"squeeze_factor": Whole(max=64)}, build=build, options=OPTIONS)
