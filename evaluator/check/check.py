"""A task against what is on disk, before anything is trained: what is missing, broken, doubled, leaking, or lost to a model."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.check import leaks
from evaluator.check.issue import LEVELS, Issue
from evaluator.check.scan import MODEL_RATE, ClipScan, scan
from evaluator.datasets import splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import rows
from evaluator.datasets.task import Task
from evaluator.errors import UsageError

_MODEL_FRAME = 0.025  # seconds: the receptive field of one frame of wav2vec 2.0
_THREADS = 4
_USUAL = 0.9  # share of the clips from which on a rate, a number of channels or a length is the dataset's own
_SAME_LENGTH = 0.02  # relative
_CLIPPED = 0.01  # share of samples at full scale
_MAX_ABOVE_NYQUIST = 0.1  # share of the power that a model does not see
_HOURS = 0.1  # relative: how far the audio may be from what is expected

FactsByPath = dict[str, FileFacts | AudioError]


def check(
    task: Task,
    manifest: Manifest,
    cache: Path,
    advance: Callable[[int], object] = lambda n_clips: None,
    rehash: bool = False,
) -> list[Issue]:
    """Every issue with a task's data, (n_issues,), the gravest first.

    Args:
        task: The task.
        manifest: Its clips.
        cache: Where facts about files are remembered.
        advance: Called with 1 after each clip, for a progress bar.
        rehash: Whether to hash every file anew, whatever is remembered of it.
    """
    facts = decode.file_facts(manifest.root, [clip.path for clip in manifest.clips], cache, rehash)
    scans = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for each in threads.map(lambda clip: scan(manifest.root, clip, facts[clip.path]), manifest.clips):
            scans.append(each)
            advance(1)
    try:
        folds, undivided = splits.make(task.split, manifest.clips), []
    except UsageError as error:
        folds, undivided = [], [Issue("error", str(error))]
    issues = [
        *undivided,
        *counts(task, manifest),
        *_gaps(task, manifest),
        *_hours(task, manifest, facts),
        *_broken(task, manifest, scans),
        *_odd_sounds(manifest, scans),
        *_strays(manifest),
        *leaks.doubled(manifest, scans, folds),
        *leaks.alike(manifest, scans, folds),
        *leaks.overlapping(manifest, folds),
        *leaks.classes(manifest, folds),
        *leaks.straddling(manifest, folds),
        *_headers(manifest, facts),
        *_above_nyquist(scans),
    ]
    return sorted(issues, key=lambda issue: LEVELS.index(issue.level))


# How many ------------------------------------------------------------------------------------------------------------


def counts(task: Task, manifest: Manifest) -> Iterator[Issue]:
    """How many clips, classes, and clips per fold or split there are, and should be: issues, (n_issues,)."""
    n_clips, n_classes = len(manifest.clips), len(manifest.classes)
    yield Issue("note", f"{n_clips} clips, {n_classes} classes in {manifest.root}")
    expected = task.dataset.expected
    actual: dict[str, int] = {"clips": n_clips, "classes": n_classes}
    whole = {name: expected[name] for name in ("clips", "classes") if expected.get(name)}
    for kind in ("fold", "split"):
        tally = Counter(getattr(clip, kind) for clip in manifest.clips)
        for name, n in expected.get(f"{kind}s", {}).items():
            actual[f"clips in {kind} {name}"], whole[f"clips in {kind} {name}"] = tally[name], n
    tolerance = expected.get("tolerance", 0)
    for what, n in whole.items():
        if abs(actual[what] - n) > (0 if what == "classes" else tolerance):
            yield Issue("warning", f"{actual[what]} {what}; the whole dataset has {n}")


def _gaps(task: Task, manifest: Manifest) -> Iterator[Issue]:
    """Classes without clips; and where clips are missing or too many, if all others have the same number of them."""
    per_class = Counter(label for clip in manifest.clips for label in clip.labels)
    empty = [label for label in manifest.classes if not per_class[label]]
    if empty:
        yield Issue("warning", f"{len(empty)} classes have no clip at all", tuple(empty))
    if task.dataset.expected.get("clips") in (None, len(manifest.clips)):
        return
    for kind in ("fold", "split"):
        cells = Counter(
            (label, getattr(clip, kind)) for clip in manifest.clips for label in clip.labels if getattr(clip, kind)
        )
        usual, n_usual = Counter(cells.values()).most_common(1)[0] if cells else (0, 0)
        if len(cells) / 2 < n_usual < len(cells):
            odd = {cell: n for cell, n in cells.items() if n != usual}
            where = tuple(f"{label} in {kind} {part}: {n} clips" for (label, part), n in sorted(odd.items()))
            yield Issue("warning", f"every class has {usual} clips in every {kind}, but not everywhere", where)
            return


def _hours(task: Task, manifest: Manifest, facts: FactsByPath) -> Iterator[Issue]:
    """How much audio there is, and should be."""
    actual, expected = sum(lengths(manifest, facts)) / 3600, task.dataset.expected.get("hours")
    if expected and abs(actual - expected) > _HOURS * expected + 0.02:
        yield Issue("warning", f"{actual:.3g} h of audio; the whole dataset has about {expected:g} h")


# The clips by themselves ---------------------------------------------------------------------------------------------


def _broken(task: Task, manifest: Manifest, scans: Sequence[ClipScan]) -> Iterator[Issue]:
    """Clips that cannot be read."""
    known_bad = set(task.dataset.known_bad)
    for clip, each in zip(manifest.clips, scans, strict=True):
        if each.problem:
            level = "note" if clip.path in known_bad else "error"
            yield Issue(level, each.problem + "; known to be bad as published" * (level == "note"), (clip.name,))


def _odd_sounds(manifest: Manifest, scans: Sequence[ClipScan]) -> Iterator[Issue]:
    """Clips that can be read, but hold nothing, or are distorted."""
    kinds = (
        ("are silent: all their samples are 0", lambda each: each.silent),
        ("hold one value throughout, so no sound", lambda each: each.flat and not each.silent),
        (
            f"are clipped: more than {100 * _CLIPPED:g} % of their samples are at full scale",
            lambda each: each.clipped > _CLIPPED,
        ),
    )
    for words, applies in kinds:
        names = tuple(
            clip.name for clip, each in zip(manifest.clips, scans, strict=True) if each.sha256 and applies(each)
        )
        if names:
            yield Issue("warning", f"{len(names)} clips {words}", names)


def _strays(manifest: Manifest) -> Iterator[Issue]:
    """Audio files beside the clips that no clip uses."""
    used = {clip.path for clip in manifest.clips}
    folders = sorted({path.rpartition("/")[0] for path in used})
    audio = [
        path.relative_to(manifest.root).as_posix()
        for folder in folders
        if (manifest.root / folder).is_dir()
        for path in sorted((manifest.root / folder).iterdir())
        if path.suffix.lower() in rows.AUDIO_SUFFIXES and not path.name.startswith(".")
    ]
    unused = tuple(path for path in audio if path not in used)
    if unused:
        yield Issue("note", f"{len(unused)} audio files lie beside the clips and belong to none", unused)


def _headers(manifest: Manifest, facts: FactsByPath) -> Iterator[Issue]:
    """Sample rates, channels and lengths, and what stands out among them."""
    known = {path: one for path, one in facts.items() if isinstance(one, FileFacts)}
    seconds = {clip.name: length for clip, length in _lengths(manifest, facts)}
    if not seconds:
        return
    rates = Counter(one.sample_rate for one in known.values())
    stereo = sum(one.channels > 1 for one in known.values())
    low, middle, high = np.quantile(list(seconds.values()), [0, 0.5, 1])
    yield Issue(
        "note",
        f"{', '.join(f'{rate} Hz x {n}' for rate, n in rates.most_common())}; {stereo} of {len(known)} files have several "
        f"channels; clips last {low:.3g} to {high:.3g} s, median {middle:.3g} s",
    )
    yield from _outliers("sample rate", {path: one.sample_rate for path, one in known.items()}, " Hz")
    yield from _outliers("number of channels", {path: one.channels for path, one in known.items()}, "")
    short = tuple(name for name, length in seconds.items() if length < _MODEL_FRAME)
    if short:
        yield Issue(
            "warning",
            f"{len(short)} clips are shorter than one frame of a speech model ({1000 * _MODEL_FRAME:g} ms)",
            short,
        )
    odd = {name: length for name, length in seconds.items() if abs(length - middle) > _SAME_LENGTH * middle}
    if odd and len(odd) <= (1 - _USUAL) * len(seconds):
        where = tuple(f"{name}: {length:.3g} s" for name, length in odd.items())
        yield Issue("warning", f"{len(odd)} clips have another length than the others ({middle:.3g} s)", where)


def _outliers(what: str, values: dict[str, int], unit: str) -> Iterator[Issue]:
    usual, n = Counter(values.values()).most_common(1)[0]
    if _USUAL * len(values) <= n < len(values):
        odd = tuple(f"{path}: {value}{unit}" for path, value in values.items() if value != usual)
        yield Issue("warning", f"{len(odd)} files have another {what} than the others ({usual}{unit})", odd)


def lengths(manifest: Manifest, facts: FactsByPath) -> list[float]:
    """Lengths in seconds of the clips that have one, (n_readable,)."""
    return [length for _, length in _lengths(manifest, facts)]


def _lengths(manifest: Manifest, facts: FactsByPath) -> Iterator[tuple[Clip, float]]:
    for clip in manifest.clips:
        one = facts[clip.path]
        try:
            if isinstance(one, FileFacts):
                yield clip, decode.clip_seconds(one, clip, ClipRule())
        except AudioError:
            continue  # reported by `_broken`


def _above_nyquist(scans: Sequence[ClipScan]) -> Iterator[Issue]:
    """How much of the sound lies above the Nyquist frequency of a 16 kHz model."""
    shares = [each.above_nyquist for each in scans if each.above_nyquist is not None]
    if not shares:
        return
    mean = float(np.mean(shares))
    n_over_half = sum(share > 0.5 for share in shares)
    yield Issue(
        "warning" if mean > _MAX_ABOVE_NYQUIST else "note",
        f"{100 * mean:.3g} % of the power lies above {MODEL_RATE // 2000} kHz, which a model at {MODEL_RATE // 1000} kHz "
        f"never sees (mean over {len(shares)} clips; {n_over_half} of them lose more than half)",
    )
