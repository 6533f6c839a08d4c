"""BirdAVES biox-large, HuBERT large on 2570 h with many birds, 24 layers of 1024.

16 kHz, raw audio, a frame of 25 ms every 20 ms. Group norm over the whole clip in the first convolution,
unlike in other large models.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.aves import AvesCheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = AvesCheckpoint(
    stem="birdaves/birdaves-biox-large",
    licence="MIT",
    citation="Hagiwara 2022, AVES, https://arxiv.org/abs/2210.14493",
    trained_on=dict.fromkeys(("fsd50k", "hear_fsd50k"), "FSD50K, without labels, as its authors say")
    | {"cbi": "may have heard its recordings: its authors name 2210 h of Xeno-canto, from which this dataset was made"},
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=315_427_968,
    sample_rate=16_000,
    trained_on="2570 h of sounds with many birds",
    network={"num_attention_heads": 16, "intermediate_size": 4096, "mask_time_prob": 0.0},
)
load_model = CHECKPOINT.load_model
