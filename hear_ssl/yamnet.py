"""YAMNet, a supervised classifier of 521 kinds of sound, as Ogg compares it; over the published TensorFlow SavedModel.

16 kHz; the 1024 numbers before its last layer; a patch of 0.96 s every 0.48 s (coarser than the 50 ms that HEAR
recommends for events), scenes their mean. Needs the folder of the SavedModel and the extra `tensorflow`.
"""

from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.yamnet import (
    YamnetCheckpoint,
    get_clip_embeddings,
    get_scene_embeddings,
    get_timestamp_embeddings,
)

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = YamnetCheckpoint(
    licence="Apache-2.0",
    citation="Plakal & Ellis 2020, YAMNet, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
)
FACTS = Facts(
    layers=1,
    width=1024,
    sample_rate=16_000,
    trained_on="labelled sounds of 521 kinds, hours unknown",
)
load_model = CHECKPOINT.load_model
