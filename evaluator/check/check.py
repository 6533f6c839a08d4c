"""A task against what is on disk, before anything is trained: what is missing, broken, doubled, leaking or unheard."""

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
from evaluator.check.issue import Finding
from evaluator.check.scan import MODEL_RATE, Heard, listen
from evaluator.datasets import splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import rows
from evaluator.datasets.task import Task
from evaluator.errors import UsageError

MODEL_FRAME = 0.025  # seconds: what one frame of wav2vec 2.0 hears
_THREADS = 4
_USUAL = 0.9  # share of the clips from which on a rate, a number of channels or a length is the dataset's own
_SAME_LENGTH = 0.02  # relative
_CLIPPED = 0.01  # share of samples at full scale
_LOST = 0.1  # share of the power that a model does not hear
_HOURS = 0.1  # relative: how far the audio may be from what is expected

Facts = dict[str, FileFacts | AudioError]


def check(
    task: Task, manifest: Manifest, cache: Path, advance: Callable[[int], object] = lambda n_clips: None
) -> list[Finding]:
    """Every finding about a task's data, the gravest first.

    Args:
        task: The task.
        manifest: Its clips.
        cache: Where facts about files are remembered.
        advance: Called with 1 after each clip, for a progress bar.
    """
    facts = decode.file_facts(manifest.root, [clip.path for clip in manifest.clips], cache)
    heard = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for one in threads.map(lambda clip: listen(manifest.root, clip, facts[clip.path]), manifest.clips):
            heard.append(one)
            advance(1)
    try:
        folds, undivided = splits.make(task.split, manifest.clips), []
    except UsageError as error:
        folds, undivided = [], [Finding("error", str(error))]
    findings = [
        *undivided,
        *counts(task, manifest),
        *gaps(task, manifest),
        *hours(task, manifest, facts),
        *broken(task, manifest, heard),
        *odd_sounds(manifest, heard),
        *strays(manifest),
        *leaks.doubled(manifest, heard, folds),
        *leaks.alike(manifest, heard, folds),
        *leaks.overlapping(manifest, folds),
        *leaks.classes(manifest, folds),
        *leaks.straddling(manifest, folds),
        *headers(manifest, facts),
        *lost(heard),
    ]
    return sorted(findings, key=lambda finding: ("error", "warning", "note").index(finding.level))


# How many ------------------------------------------------------------------------------------------------------------


def counts(task: Task, manifest: Manifest) -> Iterator[Finding]:
    """How many clips, classes, and clips per fold or split there are, and should be."""
    n_clips, n_classes = len(manifest.clips), len(manifest.classes)
    yield Finding("note", f"{n_clips} clips, {n_classes} classes in {manifest.root}")
    expected = task.dataset.expected
    found: dict[str, int] = {"clips": n_clips, "classes": n_classes}
    wanted = {name: expected[name] for name in ("clips", "classes") if expected.get(name)}
    for kind in ("fold", "split"):
        tally = Counter(getattr(clip, kind) for clip in manifest.clips)
        for name, n in expected.get(f"{kind}s", {}).items():
            found[f"clips in {kind} {name}"], wanted[f"clips in {kind} {name}"] = tally[name], n
    tolerance = expected.get("tolerance", 0)
    for what, n in wanted.items():
        if abs(found[what] - n) > (0 if what == "classes" else tolerance):
            yield Finding("warning", f"{found[what]} {what}; the whole dataset has {n}")


def gaps(task: Task, manifest: Manifest) -> Iterator[Finding]:
    """Classes without clips; and where clips are missing or too many, if all others have the same number of them."""
    per_class = Counter(label for clip in manifest.clips for label in clip.labels)
    empty = [label for label in manifest.classes if not per_class[label]]
    if empty:
        yield Finding("warning", f"{len(empty)} classes have no clip at all", tuple(empty))
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
            yield Finding("warning", f"every class has {usual} clips in every {kind}, but not everywhere", where)
            return


def hours(task: Task, manifest: Manifest, facts: Facts) -> Iterator[Finding]:
    """How much audio there is, and should be."""
    found, expected = sum(lengths(manifest, facts)) / 3600, task.dataset.expected.get("hours")
    if expected and abs(found - expected) > _HOURS * expected + 0.02:
        yield Finding("warning", f"{found:.3g} h of audio; the whole dataset has about {expected:g} h")


# The clips by themselves ---------------------------------------------------------------------------------------------


def broken(task: Task, manifest: Manifest, heard: Sequence[Heard]) -> Iterator[Finding]:
    """Clips that cannot be read."""
    known_bad = set(task.dataset.known_bad)
    for clip, one in zip(manifest.clips, heard, strict=True):
        if one.trouble:
            level = "note" if clip.path in known_bad else "error"
            yield Finding(level, one.trouble + "; known to be bad as published" * (level == "note"), (clip.name,))


def odd_sounds(manifest: Manifest, heard: Sequence[Heard]) -> Iterator[Finding]:
    """Clips that can be read, but hold nothing, or are distorted."""
    kinds = (
        ("are silent: all their samples are 0", lambda one: one.silent),
        ("hold one value throughout, so no sound", lambda one: one.flat and not one.silent),
        (
            f"are clipped: more than {100 * _CLIPPED:g} % of their samples are at full scale",
            lambda one: one.clipped > _CLIPPED,
        ),
    )
    for words, applies in kinds:
        names = tuple(clip.name for clip, one in zip(manifest.clips, heard, strict=True) if one.sha256 and applies(one))
        if names:
            yield Finding("warning", f"{len(names)} clips {words}", names)


def strays(manifest: Manifest) -> Iterator[Finding]:
    """Audio files beside the clips that no clip uses."""
    used = {clip.path for clip in manifest.clips}
    folders = sorted({path.rpartition("/")[0] for path in used})
    found = [
        path.relative_to(manifest.root).as_posix()
        for folder in folders
        if (manifest.root / folder).is_dir()
        for path in sorted((manifest.root / folder).iterdir())
        if path.suffix.lower() in rows.AUDIO_SUFFIXES and not path.name.startswith(".")
    ]
    left = tuple(path for path in found if path not in used)
    if left:
        yield Finding("note", f"{len(left)} audio files lie beside the clips and belong to none", left)


def headers(manifest: Manifest, facts: Facts) -> Iterator[Finding]:
    """Sample rates, channels and lengths, and what stands out among them."""
    known = {path: one for path, one in facts.items() if isinstance(one, FileFacts)}
    seconds = {clip.name: length for clip, length in _lengths(manifest, facts)}
    if not seconds:
        return
    rates = Counter(one.sample_rate for one in known.values())
    stereo = sum(one.channels > 1 for one in known.values())
    low, middle, high = np.quantile(list(seconds.values()), [0, 0.5, 1])
    yield Finding(
        "note",
        f"{', '.join(f'{rate} Hz x {n}' for rate, n in rates.most_common())}; {stereo} of {len(known)} files have several "
        f"channels; clips last {low:.3g} to {high:.3g} s, median {middle:.3g} s",
    )
    yield from _outliers("sample rate", {path: one.sample_rate for path, one in known.items()}, " Hz")
    yield from _outliers("number of channels", {path: one.channels for path, one in known.items()}, "")
    short = tuple(name for name, length in seconds.items() if length < MODEL_FRAME)
    if short:
        yield Finding(
            "warning",
            f"{len(short)} clips are shorter than one frame of a speech model ({1000 * MODEL_FRAME:g} ms)",
            short,
        )
    odd = {name: length for name, length in seconds.items() if abs(length - middle) > _SAME_LENGTH * middle}
    if odd and len(odd) <= (1 - _USUAL) * len(seconds):
        where = tuple(f"{name}: {length:.3g} s" for name, length in odd.items())
        yield Finding("warning", f"{len(odd)} clips have another length than the others ({middle:.3g} s)", where)


def _outliers(what: str, values: dict[str, int], unit: str) -> Iterator[Finding]:
    usual, n = Counter(values.values()).most_common(1)[0]
    if _USUAL * len(values) <= n < len(values):
        odd = tuple(f"{path}: {value}{unit}" for path, value in values.items() if value != usual)
        yield Finding("warning", f"{len(odd)} files have another {what} than the others ({usual}{unit})", odd)


def lengths(manifest: Manifest, facts: Facts) -> list[float]:
    """Lengths in seconds of the clips that have one."""
    return [length for _, length in _lengths(manifest, facts)]


def _lengths(manifest: Manifest, facts: Facts) -> Iterator[tuple[Clip, float]]:
    for clip in manifest.clips:
        one = facts[clip.path]
        try:
            if isinstance(one, FileFacts):
                yield clip, decode.clip_seconds(one, clip, ClipRule())
        except AudioError:
            continue  # told by `broken`


def lost(heard: Sequence[Heard]) -> Iterator[Finding]:
    """How much of the sound lies above the Nyquist frequency of a 16 kHz model."""
    shares = [one.unheard for one in heard if one.unheard is not None]
    if not shares:
        return
    mean = float(np.mean(shares))
    most = sum(share > 0.5 for share in shares)
    yield Finding(
        "warning" if mean > _LOST else "note",
        f"{100 * mean:.2g} % of the power lies above {MODEL_RATE // 2000} kHz, which a model at {MODEL_RATE // 1000} kHz "
        f"never hears (mean over {len(shares)} clips; {most} of them lose more than half)",
    )
