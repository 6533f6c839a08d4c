"""The clips on which modules disagree most, to be heard and seen: who says what, a short piece of audio and a spectrogram."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip, named
from evaluator.audio.clip_rule import ClipRule
from evaluator.errors import EvaluationError
from evaluator.results.compare import refuse_unlike
from evaluator.results.result import Result
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS

MOST_SECONDS = 10.0
MOST_BYTES = 150_000  # of a clip's audio as a data URI
SAMPLE_RATE = 16_000  # Hz, of what is heard
_LABELS = 3  # told of each module where clips have several
_WINDOW = 512  # samples, 32 ms: the nearest power of two to the 25 ms that speech models hear
_COLUMNS = 200  # of a spectrogram, at most
_DPI, _PALETTE = 100, 48  # of its picture: dots per inch, colours
_RANGE_DB = 80.0  # below the loudest point
_STEPS = 20  # colours of a spectrogram: few, so that its file is small
_INK = "#808080"  # can be read on white and on black


@dataclass(frozen=True)
class Said:
    """What one module says of a clip: its most probable labels with their probabilities (0 to 1), and whether that is right."""

    title: str
    labels: tuple[tuple[str, float], ...]
    right: bool


@dataclass(frozen=True)
class Disputed:
    """A test clip, its truth, and what each module says of it.

    name, group: Of the clip; its group is "" where it has none.
    truth: Its labels.
    measure: How far the modules differ, in bits, or, with one module, how sure it is of being wrong; the higher the earlier.
    """

    name: str
    group: str
    truth: tuple[str, ...]
    measure: float
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Heard:
    """A clip for a page.

    audio, picture: Data URIs: mono sound (FLAC, or MP3 where that would be too large) and a PNG of its spectrogram.
    seconds: Length of what is heard.
    whole: Whether that is the whole clip.
    exact: Whether the sound is the clip's samples to 16 bits at 16 kHz; else it is MP3.
    """

    audio: str
    picture: str
    seconds: float
    whole: bool
    exact: bool


def chosen_by(n_modules: int, single: bool) -> str:
    """The rule of `disagreeing` in sentences for the page, and what is right; single: whether each clip has one label."""
    right = (
        "A ✓ says that the most probable class is the clip's."
        if single
        else f"A ✓ says that every label, the {_LABELS} most probable of which stand here, is right at a probability of a half."
    )
    if n_modules == 1:
        return f"The clips of which the module says something wrong and is surest of it. {right}"
    summed = "" if single else ", summed over labels"
    return f"The clips on which the modules' probabilities differ most (Jensen-Shannon divergence, in bits{summed}). {right}"


def disagreeing(titles: Sequence[str], results: Sequence[Result], most: int = 12) -> list[Disputed]:
    """The test clips on which modules differ most, first that with the largest difference, then by name.

    With several modules the measure is the Jensen-Shannon divergence of their probabilities with equal weights: the entropy of
    the mean less the mean of the entropies, 0 to log2(modules) bits; for tasks with several labels a clip, the sum of that of each
    label. With one module: the probability of the wrong class that it says, or the largest distance of a
    label's probability from the truth where that is above a half. Probabilities are means over trainings; a clip that was
    tested in several folds counts once, where the measure is largest. Clips of measure 0 are left out.

    Args:
        titles: What each result is called.
        results: Of one task, on the same test clips. Tasks of events have no such clips.
        most: How many clips at most.

    Raises:
        UsageError: The results do not have the same test clips.

    Source: Lin 1991, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37(1), section IV.
    """
    if not results or METRICS[results[0].metric].of_events:
        return []
    refuse_unlike(results)
    single = results[0].confusion is not None
    found: dict[str, tuple[float, int, int, np.ndarray]] = {}
    for fold, targets in enumerate(results[0].test_targets):
        said = np.stack([intervals.repetitions(result.test_probabilities[fold]).mean(axis=0) for result in results])
        said = said.astype(float)  # (n_modules, n_clips, n_classes)
        measures = divergence(said, single) if len(results) > 1 else surely_wrong(targets, said[0], single)
        for place, name in enumerate(results[0].test_clips[fold]):
            if measures[place] > max(1e-9, found[name][0] if name in found else 0.0):
                found[name] = (float(measures[place]), fold, place, said[:, place])
    ordered = sorted(found, key=lambda name: (-round(found[name][0], 9), name))[:most]
    return [_disputed(name, titles, results[0], single, *found[name]) for name in ordered]


def divergence(said: np.ndarray, single: bool) -> np.ndarray:
    """Jensen-Shannon divergence of modules for each clip, (n_clips,), in bits.

    Args:
        said: Probabilities (n_modules, n_clips, n_classes).
        single: Whether classes exclude each other; else each label is an event of its own, and their divergences are added.
    """
    from scipy.special import entr

    if single:
        sums = said.sum(axis=2, keepdims=True)
        shares = np.divide(said, sums, out=np.full_like(said, 1 / said.shape[2]), where=sums > 0)[..., None]
    else:
        clipped = said.clip(0, 1)
        shares = np.stack([clipped, 1 - clipped], axis=-1)
    bits = entr(shares.mean(axis=0)).sum(axis=(1, 2)) - entr(shares).sum(axis=(2, 3)).mean(axis=0)
    measure: np.ndarray = np.maximum(bits, 0) / np.log(2)
    return measure


def surely_wrong(targets: np.ndarray, said: np.ndarray, single: bool) -> np.ndarray:
    """How sure one module is of what is wrong, for each clip, (n_clips,); 0 where it is right; as in `disagreeing`.

    Args:
        targets, said: Truth and probabilities (n_clips, n_classes).
        single: Whether classes exclude each other.
    """
    if single:
        wrong = said.argmax(axis=1) != targets.argmax(axis=1)
        return np.where(wrong, said.max(axis=1), 0.0)
    distance = np.abs(targets - said).max(axis=1)
    return np.where(distance > 0.5, distance, 0.0)


def _disputed(
    name: str,
    titles: Sequence[str],
    first: Result,
    single: bool,
    measure: float,
    fold: int,
    place: int,
    said: np.ndarray,
) -> Disputed:
    true = first.test_targets[fold][place] > 0.5
    truth = tuple(first.classes[number] for number in np.flatnonzero(true))
    answers = []
    for title, each in zip(titles, said, strict=True):
        best = np.argsort(-each, kind="stable")[: 1 if single else _LABELS]
        right = bool(true[best[0]]) if single else bool(((each > 0.5) == true).all())
        answers.append(Said(title, tuple((first.classes[number], float(each[number])) for number in best), right))
    return Disputed(name, first.test_groups[fold][place], truth, measure, tuple(answers))


def heard(name: str, folder: Path | None, most_bytes: int = MOST_BYTES) -> Heard | str:
    """A clip's sound and spectrogram, or a sentence that says why they cannot be had.

    At most its first 10 s, mono, 16 kHz, at the level of the recording (samples beyond full scale are clipped) and
    without the task's own cutting and padding.

    Args:
        name: Of the clip, as `Clip.name` gives it and results hold it.
        folder: Of the data that its path is relative to; None if it is not known.
        most_bytes: Size of the sound's data URI beyond which MP3 is taken, and then less of the clip.
    """
    if folder is None:
        return "where the recordings lie is not known; give their folder with --data"
    try:
        clip = named(name)
        path = _within(folder, clip.path)
        known = clip.end is not None and round(clip.end - (clip.start or 0), 6) <= MOST_SECONDS
        shorter = clip if known else Clip(clip.path, (), clip.start, None)
        samples = decode.read_clip(path, shorter, ClipRule(MOST_SECONDS + 1 / SAMPLE_RATE), SAMPLE_RATE)
        whole = len(samples) <= MOST_SECONDS * SAMPLE_RATE
        samples = samples[: round(MOST_SECONDS * SAMPLE_RATE)]
        sound, n_kept, exact = _sound(samples, most_bytes)
        return Heard(sound, _picture(samples[:n_kept]), n_kept / SAMPLE_RATE, whole and n_kept == len(samples), exact)
    except (EvaluationError, OSError, ValueError) as error:
        return str(error)


def _within(folder: Path, path: str) -> Path:
    """The file of a path below a folder; names in results are not trusted."""
    said, windows = PurePosixPath(path), PureWindowsPath(path)
    outside = ".." in said.parts or ".." in windows.parts or windows.drive or "\0" in path
    if outside or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise EvaluationError(f"{path!r} leads out of the data folder {folder}, and is not read; --data names another")
    return folder / path


def _sound(samples: np.ndarray, most_bytes: int) -> tuple[str, int, bool]:
    """A data URI of at most so many bytes, how many samples it holds, and whether they are exact to 16 bits."""
    import soundfile

    whole = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    uri = _encoded(whole, "FLAC")
    if len(uri) <= most_bytes:
        return uri, len(whole), True
    kind, n_kept = ("MP3" if "MP3" in soundfile.available_formats() else "FLAC"), len(whole)
    while len(uri) > most_bytes and n_kept > 1:
        uri = _encoded(whole[:n_kept], kind)
        if len(uri) > most_bytes:
            n_kept = max(1, min(n_kept - 1, int(0.95 * n_kept * most_bytes / len(uri))))
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


def _uri(kind: str, content: bytes) -> Any:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
