"""A bridge's network as a module of torch, for tools that take no other: hear-validator, and HEAR's kit.

    hear-validator hear_ssl.bridges.as_torch --model birdnet:2.4

Where a network needs weights or options that a tool cannot hand on, a file of a few lines names them, and is given to the tool in the
place of this module:

    from hear_ssl.bridges import as_torch
    from hear_ssl.bridges.as_torch import get_scene_embeddings, get_timestamp_embeddings
    def load_model(model_file_path=""):
        return as_torch.load_model(model_file_path, bridge="perch:v2")
"""

from typing import Any

import torch

from hear_ssl.bridges import door

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


class Model(torch.nn.Module):
    """A network of another package; it computes where its package does, and answers on the device of the audio.

    Attributes:
        sample_rate: Of the audio it takes, in Hz.
        scene_embedding_size, timestamp_embedding_size: Widths of the two embeddings.
    """

    def __init__(self, behind: door.Model):
        super().__init__()
        self.behind = behind
        self.sample_rate = behind.sample_rate
        self.scene_embedding_size = behind.scene_embedding_size
        self.timestamp_embedding_size = behind.timestamp_embedding_size


def load_model(model_file_path: str = "", bridge: str = "", **options: Any) -> Model:
    """The network of a bridge, with its sample rate in Hz and its embeddings' width.

    Args:
        model_file_path: The bridge and its network, as `birdnet:2.4`; or weights, where `bridge` names these.
        bridge, **options: See `hear_ssl.bridges.door.load_model`.

    Raises:
        ValueError, FileNotFoundError, ImportError: See there.
    """
    return Model(door.load_model(model_file_path, bridge=bridge, **options))


def get_scene_embeddings(audio: torch.Tensor, model: Model) -> torch.Tensor:
    """One vector a clip, (n_clips, width), float32; audio is (n_clips, n_samples), float in [-1, 1] at the model's rate.

    Raises:
        ValueError: Not such audio.
    """
    return torch.from_numpy(door.get_scene_embeddings(audio.detach().cpu().numpy(), model.behind)).to(audio.device)


def get_timestamp_embeddings(audio: torch.Tensor, model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors (n_clips, n_frames, width) and their centres in ms, (n_clips, n_frames), both float32; audio as for scenes.

    Raises:
        ValueError: Not such audio.
    """
    frames, centres = door.get_timestamp_embeddings(audio.detach().cpu().numpy(), model.behind)
    return torch.from_numpy(frames).to(audio.device), torch.from_numpy(centres).float().to(audio.device)
