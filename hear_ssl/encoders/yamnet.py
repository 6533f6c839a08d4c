"""YAMNet as a HEAR module: its three functions, and where the SavedModel is to be had.

Audio and embeddings are TensorFlow's tensors, for that is the language of the network; float32 in [-1, 1], mono, 16 kHz.
TensorFlow is imported by `YamnetCheckpoint.load_model`, never by importing this file. Clips run one by one, since the
SavedModel takes one waveform; so a clip's embedding never depends on the other clips of its batch.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hear_ssl.encoders.options import check_names

OPTIONS = {
    "pooling": "mean (default) or mean+std: how patches become a scene embedding",
    "window_seconds": "longest stretch of audio that the network sees at once (default 30); changes no number",
}
HOW_TO_GET = (
    "give the folder of the SavedModel (saved_model.pb, variables/) as model_file_path: version 1 of google/yamnet for "
    "TensorFlow 2, from TensorFlow Hub (https://tfhub.dev/google/yamnet/1), unpacked"
)


@dataclass(frozen=True)
class YamnetCheckpoint:
    """The published YAMNet, and how to load it as a HEAR module; 16 kHz, a patch of 0.96 s every 480 ms.

    Attributes:
        licence: Of the weights.
        citation: Where it is described.
    """

    licence: str = ""
    citation: str = ""

    def load_model(self, model_file_path: str = "", **options: Any) -> Any:
        """The model, a `tf.Module`; see `hear_ssl.encoders.yamnet_network.Yamnet`.

        A SavedModel is a program of TensorFlow's: take it from where its authors put it.

        Args:
            model_file_path: Folder of the SavedModel.
            **options: See `OPTIONS`.

        Raises:
            ValueError: An unknown option or value, or the SavedModel is damaged or another network.
            FileNotFoundError: No path, or no SavedModel there.
            ImportError: TensorFlow cannot be imported.
        """
        check_names(options, OPTIONS)
        if not model_file_path:
            raise FileNotFoundError(f"YAMNet needs a model_file_path: {HOW_TO_GET}")
        folder = Path(model_file_path)
        if not (folder / "saved_model.pb").is_file():
            raise FileNotFoundError(f"{folder}: no saved_model.pb there; {HOW_TO_GET}")
        try:
            from hear_ssl.encoders import yamnet_network
        except ImportError as error:
            raise ImportError(
                f'YAMNet runs on TensorFlow, which cannot be imported ({error}): pip install "hear-ssl[tensorflow]"'
            ) from error
        return yamnet_network.load(folder, _digest(folder), **options)


def _digest(folder: Path) -> str:
    """SHA-256 over graph and weights of a SavedModel, so that embeddings of one are never taken for another's."""
    sha256 = hashlib.sha256()
    for path in [folder / "saved_model.pb", *sorted(folder.glob("variables/*"))]:
        sha256.update(path.name.encode() + b"\n" + path.read_bytes())
    return sha256.hexdigest()


def get_timestamp_embeddings(audio: Any, model: Any) -> tuple[Any, Any]:
    """Embeddings of every patch.

    Args:
        audio: tf.Tensor (n_sounds, n_samples), float in [-1, 1] at 16 kHz; any length from one sample.
        model: What `load_model` gave.

    Returns:
        Embeddings (n_sounds, n_patches, 1024) and the patches' centres in milliseconds (n_sounds, n_patches), both
        float32. The first centre lies at 487.5 ms, also in a clip that is shorter.

    Raises:
        TypeError, ValueError: Not such audio.
    """
    return model.timestamps(audio)


def get_scene_embeddings(audio: Any, model: Any) -> Any:
    """One embedding per sound, (n_sounds, scene_embedding_size), float32: its patches pooled over time.

    Args:
        audio: tf.Tensor (n_sounds, n_samples), float in [-1, 1] at 16 kHz; any length from one sample.
        model: What `load_model` gave.

    Raises:
        TypeError, ValueError: Not such audio.
    """
    return model.clips(model.checked(audio, axes=2))["scene"]


def get_clip_embeddings(clips: Sequence[Any], model: Any) -> dict[str, Any]:
    """Pooled embeddings of clips of different lengths (our extension of HEAR).

    Args:
        clips: Each (n_samples,), else as for `get_scene_embeddings`.
        model: What `load_model` gave.

    Returns:
        "scene": (n_clips, scene_embedding_size), equal to `get_scene_embeddings` of each clip alone; "layers_mean" and
        "layers_std": (n_clips, 1, 1024), mean and sample standard deviation (0 for a single patch). All float32.

    Raises:
        TypeError, ValueError: Not such audio.
    """
    return model.clips([model.checked(clip, axes=1) for clip in clips])
