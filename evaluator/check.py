"""A task against what is on disk, before anything is trained: what is missing, broken, doubled, leaking or unheard."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from evaluator import audio, fingerprint, rows, splits
from evaluator.audio import AudioError, ClipRule, FileFacts
from evaluator.clip import Clip
from evaluator.errors import UsageError
from evaluator.listen import MODEL_RATE, Heard, listen
from evaluator.manifest import Manifest
from evaluator.splits import Fold
from evaluator.task import Task

MODEL_FRAME = 0.025  # seconds: what one frame of wav2vec 2.0 hears
_THREADS = 4
_USUAL = 0.9  # share of the clips from which on a rate, a number of channels or a length is the dataset's own
_SAME_LENGTH = 0.02  # relative
_CLIPPED = 0.01  # share of samples at full scale
_LOST = 0.1  # share of the power that a model does not hear
_HOURS = 0.1  # relative: how far the audio may be from what is expected

Facts = dict[str, FileFacts | AudioError]


@dataclass(frozen=True)
class Finding:
    """One finding.

    level: `error` (scores would be wrong or impossible), `warning` or `note`.
    what: A sentence.
    where: The clips, files or classes that it is about.
    """

    level: str
    what: str
    where: tuple[str, ...] = ()


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
    facts = audio.file_facts(manifest.root, [clip.path for clip in manifest.clips], cache)
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
        *doubled(manifest, heard, folds),
        *alike(manifest, heard, folds),
        *overlapping(manifest, folds),
        *classes(manifest, folds),
        *straddling(manifest, folds),
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
                yield clip, audio.clip_seconds(one, clip, ClipRule())
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


# The clips among each other ------------------------------------------------------------------------------------------


def doubled(manifest: Manifest, heard: Sequence[Heard], folds: Sequence[Fold]) -> Iterator[Finding]:
    """Clips with the very same samples; an error where one trains and its double tests."""
    same: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(heard):
        if one.sha256 and not one.flat:
            same[one.sha256].append(number)
    for fold in folds:
        trained = {heard[number].sha256 for number in (*fold.train, *fold.valid)} - {""}
        tested = [number for number in fold.test if heard[number].sha256 in trained and not heard[number].flat]
        if 2 * len(tested) > len(fold.test):
            yield Finding(
                "error",
                f"fold {fold.name}: {len(tested)} of {len(fold.test)} test clips are training clips too; the split is wrong",
                tuple(manifest.clips[number].name for number in tested),
            )
    for numbers in (numbers for numbers in same.values() if len(numbers) > 1):
        names = tuple(manifest.clips[number].name for number in numbers)
        labels = sorted({"+".join(manifest.clips[number].labels) for number in numbers})
        label = f"labelled {' and '.join(labels)}"
        leak = [fold.name for fold in folds if overlap(numbers, fold)]
        if leak:
            yield Finding("error", f"identical audio ({label}) trains and tests in fold {', '.join(leak)}", names)
        else:
            yield Finding("error" if len(labels) > 1 else "warning", f"identical audio, {label}", names)


def overlap(numbers: Sequence[int], fold: Fold) -> bool:
    """Whether some of these clips train or choose in a fold in which others of them are tested."""
    learnt = np.union1d(fold.train, fold.valid)
    return bool(np.isin(numbers, learnt).any() and np.isin(numbers, fold.test).any())


def alike(manifest: Manifest, heard: Sequence[Heard], folds: Sequence[Fold]) -> Iterator[Finding]:
    """Clips that sound like one, one of which trains and the other is tested."""
    roles = np.zeros((len(folds), len(heard)), np.int8)
    for row, fold in zip(roles, folds, strict=True):
        row[fold.train], row[fold.valid], row[fold.test] = 1, 1, 2

    def crosses(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (roles[:, first] * roles[:, second] == 2).any(axis=0)

    for match in fingerprint.matches([one.landmarks for one in heard], crosses):
        one, other = manifest.clips[match.first], manifest.clips[match.second]
        if heard[match.first].sha256 == heard[match.second].sha256 or one.path == other.path:
            continue  # told by `doubled`, or by `overlapping`
        yield Finding(
            "warning",
            f"two clips on two sides of a split sound like one ({100 * match.share:.0f} % of their landmarks are shared)",
            (one.name, other.name),
        )


def overlapping(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Stretches of one recording that overlap, one of which trains and the other is tested."""
    clips = manifest.clips
    order = sorted(
        (number for number, clip in enumerate(clips) if clip.start is not None and clip.end is not None),
        key=lambda number: (clips[number].path, clips[number].start),
    )
    pairs = [
        (one, other)
        for one, other in pairwise(order)
        if clips[one].path == clips[other].path and (clips[other].start or 0.0) < (clips[one].end or 0.0)
    ]
    for fold in folds if pairs else ():
        role = np.zeros(len(clips), np.int8)
        role[fold.train], role[fold.valid], role[fold.test] = 1, 1, 2
        crossing = [(one, other) for one, other in pairs if role[one] * role[other] == 2]
        if crossing:
            where = tuple(f"{clips[one].name} and {clips[other].name}" for one, other in crossing)
            yield Finding(
                "warning", f"fold {fold.name}: {len(crossing)} test clips overlap in time with training clips", where
            )


def classes(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Classes that a fold tests without training on them, or does not test at all."""
    for fold in folds:
        untrained = splits.untrained(fold, manifest.clips)
        tested = {label for number in fold.test for label in manifest.clips[number].labels}
        untested = sorted(set(manifest.classes) - tested)
        if untrained:
            yield Finding("error", f"fold {fold.name} tests classes that it has no training clip of", tuple(untrained))
        if untested:
            yield Finding("warning", f"fold {fold.name} has no test clip of some classes", tuple(untested))


def straddling(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Groups (recordings, individuals, speakers) with clips both in training and in test."""
    groups = np.array([clip.group for clip in manifest.clips])
    for fold in folds:
        both = (set(groups[fold.train]) | set(groups[fold.valid])) & set(groups[fold.test]) - {""}
        if both:
            yield Finding(
                "warning",
                f"fold {fold.name}: {len(both)} groups are heard in training and in test, so the score does not tell how "
                "well new ones would do",
                tuple(sorted(both)),
            )
