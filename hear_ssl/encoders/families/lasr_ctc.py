"""The encoder of LASR in its CTC models, as MedASR is published; their letters are left out."""

from hear_ssl.encoders.lasr import lasr_family

FAMILY = lasr_family("lasr_ctc", ("encoder.",), frozenset({"ctc_head"}), section="encoder_config")
