"""A clip on a page: a short piece of audio and its spectrogram, as data URIs."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip, named
from evaluator.audio.clip_rule import ClipRule
from evaluator.errors import EvaluationError

MAX_BYTES = 150_000  # of a clip's audio as a data URI
SAMPLE_RATE = 16_000  # Hz, of the sound on the page
_MAX_SECONDS = 10.0
_WINDOW = 512  # samples, 32 ms: the nearest power of two to the 25 ms windows of speech models
_COLUMNS = 200  # of a spectrogram, at most
_DPI, _PALETTE = 100, 48  # of its picture: dots per inch, colours
_RANGE_DB = 80.0  # below the loudest point
_STEPS = 20  # colours of a spectrogram: few, so that its file is small
_INK = "#808080"  # can be read on white and on black


@dataclass(frozen=True)
class ClipSound:
    """The sound of a clip.

    audio, picture: Data URIs: mono sound (FLAC, or MP3 where that would be too large) and a PNG of its spectrogram.
    seconds: Length of the sound.
    whole: Whether that is the whole clip.
    exact: Whether the sound is the clip's samples to 16 bits at 16 kHz; else it is MP3.
    """

    audio: str
    picture: str
    seconds: float
    whole: bool
    exact: bool


def clip_sound(
    name: str, folder: Path | None, max_bytes: int = MAX_BYTES, channel: str = "mix", expand: float | None = None
) -> ClipSound | str:
    """A clip's sound and spectrogram, or a sentence that says why they cannot be had.

    At most its first 10 s, mono, 16 kHz, at the level of the recording (samples beyond full scale are clipped) and
    without the task's own cutting and padding.

    Args:
        name: Of the clip, as `Clip.name` gives it and results hold it.
        folder: Of the data that its path is relative to; None if it is not known.
        max_bytes: Size of the sound's data URI beyond which MP3 is taken, and then less of the clip.
        channel, expand: Which channel is heard, and how many times slower than life (`ClipRule`).
    """
    if folder is None:
        return "where the recordings lie is not known; give their folder with --data"
    try:
        clip = named(name)
        path = _within(folder, clip.path)
        known = clip.end is not None and round(clip.end - (clip.start or 0), 6) <= _MAX_SECONDS
        shorter = clip if known else Clip(clip.path, (), clip.start, None)
        rule = ClipRule(_MAX_SECONDS + 1 / SAMPLE_RATE, channel=channel, expand=expand)
        samples = decode.read_clip(path, shorter, rule, SAMPLE_RATE)
        whole = len(samples) <= _MAX_SECONDS * SAMPLE_RATE
        samples = samples[: round(_MAX_SECONDS * SAMPLE_RATE)]
        sound, n_kept, exact = _sound(samples, max_bytes)
        return ClipSound(
            sound, _picture(samples[:n_kept]), n_kept / SAMPLE_RATE, whole and n_kept == len(samples), exact
        )
    except (EvaluationError, OSError, ValueError) as error:
        return str(error)


def _within(folder: Path, path: str) -> Path:
    """The file of a path below a folder; names in results are not trusted."""
    posix, windows = PurePosixPath(path), PureWindowsPath(path)
    outside = ".." in posix.parts or ".." in windows.parts or windows.drive or "\0" in path
    if outside or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise EvaluationError(f"{path!r} leads out of the data folder {folder}, and is not read; --data names another")
    return folder / path


def _sound(samples: np.ndarray, max_bytes: int) -> tuple[str, int, bool]:
    """A data URI of at most so many bytes, how many samples it holds, and whether they are exact to 16 bits."""
    import soundfile

    whole = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    uri = _encoded(whole, "FLAC")
    if len(uri) <= max_bytes:
        return uri, len(whole), True
    kind, n_kept = ("MP3" if "MP3" in soundfile.available_formats() else "FLAC"), len(whole)
    while len(uri) > max_bytes and n_kept > 1:
        uri = _encoded(whole[:n_kept], kind)
        if len(uri) > max_bytes:
            n_kept = max(1, min(n_kept - 1, int(0.95 * n_kept * max_bytes / len(uri))))
    return uri, n_kept, kind == "FLAC"


def _encoded(samples: np.ndarray, kind: str) -> str:
    import soundfile

    target = io.BytesIO()
    subtype, level = ("PCM_16", 1.0) if kind == "FLAC" else ("MPEG_LAYER_III", 0.4)
    soundfile.write(target, samples, SAMPLE_RATE, format=kind, subtype=subtype, compression_level=level)
    return _uri("audio/flac" if kind == "FLAC" else "audio/mpeg", target.getvalue())


def _picture(samples: np.ndarray) -> str:
    """A PNG of the log power spectrogram, dark to bright over 80 dB below its own loudest point."""
    from matplotlib import colormaps
    from PIL import Image

    from evaluator.figure import empty

    target = io.BytesIO()
    figure = empty(4.4, 1.5)
    axes = figure.subplots()
    extent = (0, len(samples) / SAMPLE_RATE, 0, SAMPLE_RATE / 2000)
    axes.imshow(
        _decibels(samples), cmap=colormaps["viridis"].resampled(_STEPS), vmin=-_RANGE_DB, vmax=0, extent=extent,
        origin="lower", aspect="auto", interpolation="nearest",
    )  # fmt: skip
    axes.set_xlabel("s", color=_INK, fontsize=8, labelpad=0)
    axes.set_ylabel("kHz", color=_INK, fontsize=8)
    axes.tick_params(colors=_INK, labelsize=8)
    axes.spines[:].set(color=_INK, linewidth=0.5)
    figure.patch.set_alpha(0)
    figure.set_dpi(_DPI)
    figure.canvas.draw()
    # A palette instead of 32 bits a point: a third of the size.
    Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).quantize(_PALETTE).save(target, "PNG", optimize=True)
    return _uri("image/png", target.getvalue())


def _decibels(samples: np.ndarray) -> np.ndarray:
    """Power in dB below the loudest point, (n_frequencies, n_columns), 0 to 8 kHz upwards."""
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    padded = np.pad(samples.astype(float), (0, max(0, _WINDOW - len(samples))))
    hop = max(_WINDOW // 8, -(-len(padded) // _COLUMNS))
    transform = ShortTimeFFT(hann(_WINDOW, sym=False), hop, SAMPLE_RATE)
    power = transform.spectrogram(padded, p0=0, p1=max(1, len(padded) // hop))
    power = power[: len(power) // 2 * 2].reshape(len(power) // 2, 2, -1).mean(axis=1)  # a row for each 62.5 Hz
    decibels: np.ndarray = 10 * np.log10(np.maximum(power, 1e-20) / max(power.max(), 1e-12))
    return decibels


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
