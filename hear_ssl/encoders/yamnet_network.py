"""YAMNet's SavedModel behind the sizes and functions of a HEAR model. Importing this file imports TensorFlow.

A patch is 96 spectrogram frames of 25 ms, 10 ms apart: 15600 samples; the next one starts 48 frames later. The network
zero-pads a clip at its end to a whole number of patches; so do we before it is called, which leaves it nothing to pad
and lets long clips run in stretches without a difference, for patches know nothing of each other.

Source: features.py and params.py of https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf

from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.source import source_hash

WIDTH = 1024
FRAMING = Framing(receptive_field=95 * 160 + 400, hop=48 * 160, sample_rate=16000)


class Yamnet(tf.Module):
    """A loaded YAMNet.

    Args:
        network: The SavedModel: a waveform (n_samples,) -> scores, embeddings (n_patches, 1024), log-mel spectrogram.
        version: What tells this SavedModel from others.
        pooling: "mean" or "mean+std".
        window_seconds: Longest stretch of audio that the network sees at once.

    Attributes:
        sample_rate: Of the audio it takes, in Hz.
        timestamp_embedding_size, scene_embedding_size: Widths of the two embeddings.
        n_layers: 1, the one that is taken.

    Raises:
        ValueError: An unknown pooling, or a window below one second.
    """

    sample_rate = FRAMING.sample_rate
    timestamp_embedding_size = WIDTH
    n_layers = 1

    def __init__(self, network: Any, version: str, pooling: str = "mean", window_seconds: float = 30.0):
        super().__init__()
        if pooling not in ("mean", "mean+std"):
            raise ValueError(f"option pooling={pooling!r}: known values are 'mean' and 'mean+std'")
        if not isinstance(window_seconds, (int, float)) or not window_seconds >= 1:
            raise ValueError(f"option window_seconds={window_seconds!r}: a number of seconds from 1 is wanted")
        self.network = network
        self.version = version
        self.pooling = pooling
        self.window = 1 + (int(window_seconds * self.sample_rate) - FRAMING.receptive_field) // FRAMING.hop
        self.scene_embedding_size = WIDTH * (2 if pooling == "mean+std" else 1)

    def embedding_identity(self) -> dict[str, Any]:
        """What its embeddings (n, 1024) depend on beside audio and variables, in words of JSON."""
        return {
            "code": source_hash(__name__),
            "network": self.version,
            "pooling": self.pooling,
            "scene_from": {"layers": [0], "pooling": self.pooling},
        }

    @property
    def variables(self) -> tuple[Any, ...]:
        """The weights, by name; tf.Module does not look into a SavedModel for them."""
        by_reference = {
            each.ref(): each for function in self.network.signatures.values() for each in function.variables
        }
        return tuple(sorted(by_reference.values(), key=lambda each: each.name))

    def checked(self, audio: Any, axes: int) -> Any:
        """The audio as float32, if it is a tensor of finite floats with `axes` axes and at least one sample.

        Raises:
            TypeError: Not a TensorFlow tensor of floats.
            ValueError: Wrong number of axes, no sound, no sample, NaN or infinite values.
        """
        shape = "(n_sounds, n_samples)" if axes == 2 else "(n_samples,)"
        if not tf.is_tensor(audio) or not audio.dtype.is_floating:
            came = f"a tensor of {audio.dtype}" if hasattr(audio, "dtype") else type(audio).__name__
            raise TypeError(f"audio must be a TensorFlow tensor of floats in [-1, 1], shape {shape}; {came} came")
        if len(audio.shape) != axes or 0 in audio.shape:
            raise ValueError(f"audio must have shape {shape} with at least one sample; {tuple(audio.shape)} came")
        if not tf.reduce_all(tf.math.is_finite(audio)):
            raise ValueError(f"audio of shape {tuple(audio.shape)} holds NaN or infinite samples; clean it first")
        return tf.cast(audio, tf.float32)

    def patches(self, clip: Any) -> Any:
        """Embeddings of one clip (n_samples,): (n_patches, WIDTH)."""
        rest = max(0, clip.shape[0] - FRAMING.receptive_field)
        n_samples = FRAMING.receptive_field + -(-rest // FRAMING.hop) * FRAMING.hop
        clip = tf.pad(clip, [[0, n_samples - clip.shape[0]]])
        windows = FRAMING.windows(n_samples, self.window)
        parts = [self.network(clip[each.start : each.stop])[1][slice(*each.keep)] for each in windows]
        return tf.concat(parts, axis=0)

    def timestamps(self, audio: Any) -> tuple[Any, Any]:
        """Embeddings (n_sounds, n_patches, WIDTH) and centres in ms (n_sounds, n_patches) of equally long clips."""
        embeddings = tf.stack([self.patches(clip) for clip in tf.unstack(self.checked(audio, axes=2))])
        centres = tf.constant(FRAMING.centres(embeddings.shape[1]), tf.float32)
        return embeddings, tf.repeat(centres[None], len(audio), axis=0)

    def clips(self, clips: Iterable[Any]) -> dict[str, Any]:
        """Pooled embeddings of checked clips of any lengths; see `hear_ssl.encoders.yamnet.get_clip_embeddings`."""
        means, stds = zip(*(_moments(self.patches(clip)) for clip in clips), strict=True)
        mean, std = tf.stack(means), tf.stack(stds)
        scene = tf.concat([mean, std], axis=1) if self.pooling == "mean+std" else mean
        return {"scene": scene, "layers_mean": mean[:, None], "layers_std": std[:, None]}


def _moments(frames: Any) -> tuple[Any, Any]:
    """Mean and sample standard deviation (ddof 1; 0 for one frame) over frames (n_frames, width): (width,) each, float32."""
    frames = tf.cast(frames, tf.float64)
    mean = tf.reduce_mean(frames, axis=0)
    variance = tf.reduce_sum(tf.square(frames - mean), axis=0) / max(1, len(frames) - 1)
    return tf.cast(mean, tf.float32), tf.cast(tf.sqrt(variance), tf.float32)


def load(folder: Path, version: str, **options: Any) -> Yamnet:
    """The SavedModel in a folder, tried once on one patch of 975 ms.

    Args:
        folder: Of the SavedModel.
        version: What tells it from others.
        **options: `pooling` and `window_seconds` of `Yamnet`.

    Raises:
        ValueError: It is damaged, or gives no embeddings like YAMNet's.
    """
    try:
        network = tf.saved_model.load(str(folder))
        answer = network(tf.zeros(FRAMING.receptive_field))
        shapes = [tuple(each.shape) for each in answer]
    except Exception as error:  # TensorFlow raises its own kinds for damaged files, and any for other networks
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{folder}: this SavedModel cannot be loaded and called as YAMNet is ({first})") from error
    if len(shapes) != 3 or shapes[1] != (1, WIDTH):
        raise ValueError(
            f"{folder}: for {FRAMING.receptive_field} samples YAMNet gives scores, embeddings of shape (1, {WIDTH}) and a "
            f"spectrogram; {len(shapes)} answers of shapes {shapes} came"
        )
    return Yamnet(network, version, **options)
