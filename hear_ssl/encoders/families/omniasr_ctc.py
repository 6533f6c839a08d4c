"""The encoder of Omnilingual ASR in its CTC models; their letters are left out."""

from hear_ssl.encoders.omniasr import omniasr_family

FAMILY = omniasr_family(
    "omniasr_ctc", ("model.audio_tower.", "audio_tower."), frozenset({"ctc_head"}), section="audio_config"
)
