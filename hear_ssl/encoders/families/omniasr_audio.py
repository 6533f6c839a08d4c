"""The encoder of Omnilingual ASR by itself."""

from hear_ssl.encoders.omniasr import omniasr_family

FAMILY = omniasr_family("omniasr_audio", (), frozenset())
