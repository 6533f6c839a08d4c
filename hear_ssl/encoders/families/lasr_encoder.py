"""The encoder of LASR by itself."""

from hear_ssl.encoders.lasr import lasr_family

FAMILY = lasr_family("lasr_encoder", (), frozenset())
