"""A task against what is on disk, before anything is trained: what is missing, broken, doubled, leaking or unheard."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator import audio, splits
from evaluator.audio import AudioError, ClipRule, FileFacts
from evaluator.errors import UsageError
from evaluator.manifest import Manifest
from evaluator.splits import Fold
from evaluator.task import Task

MODEL_RATE = 16000  # Hz, of nearly every speech model
SPECTRUM_CLIPS = 100
SPECTRUM_RATE = 96000  # Hz; what lies above 48 kHz is not looked at
THREADS = 4


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


@dataclass(frozen=True)
class Heard:
    """What decoding a clip showed: a hash of its samples, or why it cannot be read; and whether all are 0."""

    sha256: str = ""
    silent: bool = False
    trouble: str = ""


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

    def listen(number: int) -> Heard:
        clip = manifest.clips[number]
        known = facts[clip.path]
        try:
            if isinstance(known, AudioError):
                raise known
            samples = audio.read_clip(manifest.root / clip.path, clip, ClipRule(), known.sample_rate)
        except AudioError as error:
            return Heard(trouble=str(error))
        return Heard(hashlib.sha256(samples.tobytes()).hexdigest(), silent=not samples.any())

    heard = []
    with ThreadPoolExecutor(THREADS) as threads:
        for one in threads.map(listen, range(len(manifest.clips))):
            heard.append(one)
            advance(1)
    try:
        folds, undivided = splits.make(task.split, manifest.clips), []
    except UsageError as error:
        folds, undivided = [], [Finding("error", str(error))]
    findings = [
        *undivided,
        *counts(task, manifest),
        *broken(task, manifest, heard),
        *doubled(manifest, heard, folds),
        *classes(manifest, folds),
        *straddling(manifest, folds),
        *headers(manifest, facts),
        *unheard(manifest, facts),
    ]
    return sorted(findings, key=lambda finding: ("error", "warning", "note").index(finding.level))


def counts(task: Task, manifest: Manifest) -> Iterator[Finding]:
    """How many clips, classes, and clips per fold or split there are, and should be."""
    n_clips, n_classes = len(manifest.clips), len(manifest.classes)
    yield Finding("note", f"{n_clips} clips, {n_classes} classes in {manifest.root}")
    expected = task.dataset.expected
    found: dict[str, int] = {"clips": n_clips, "classes": n_classes}
    for kind in ("fold", "split"):
        tally = Counter(getattr(clip, kind) for clip in manifest.clips)
        found.update({f"clips in {kind} {name}": tally[name] for name in expected.get(f"{kind}s", {})})
    wanted = {name: expected[name] for name in ("clips", "classes") if expected.get(name)}
    for kind in ("fold", "split"):
        wanted.update({f"clips in {kind} {name}": n for name, n in expected.get(f"{kind}s", {}).items()})
    for what, n in wanted.items():
        if found[what] != n:
            yield Finding("warning", f"{found[what]} {what}; the whole dataset has {n}")


def broken(task: Task, manifest: Manifest, heard: list[Heard]) -> Iterator[Finding]:
    """Clips that cannot be read, and silent ones."""
    known_bad = set(task.dataset.known_bad)
    for clip, one in zip(manifest.clips, heard, strict=True):
        if one.trouble:
            level = "note" if clip.path in known_bad else "error"
            yield Finding(level, one.trouble + "; known to be bad as published" * (level == "note"), (clip.name,))
    silent = [clip.name for clip, one in zip(manifest.clips, heard, strict=True) if one.silent]
    if silent:
        yield Finding("warning", f"{len(silent)} clips are silent: all their samples are 0", tuple(silent))


def doubled(manifest: Manifest, heard: list[Heard], folds: list[Fold]) -> Iterator[Finding]:
    """Clips with the very same samples; an error where one trains and its double tests."""
    same: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(heard):
        if one.sha256 and not one.silent:
            same[one.sha256].append(number)
    for numbers in (numbers for numbers in same.values() if len(numbers) > 1):
        names = tuple(manifest.clips[number].name for number in numbers)
        labels = sorted({"+".join(manifest.clips[number].labels) for number in numbers})
        label = f"labelled {' and '.join(labels)}"
        leak = [fold.name for fold in folds if overlap(numbers, fold)]
        if leak:
            yield Finding("error", f"identical audio ({label}) trains and tests in fold {', '.join(leak)}", names)
        else:
            yield Finding("error" if len(labels) > 1 else "warning", f"identical audio, {label}", names)


def overlap(numbers: list[int], fold: Fold) -> bool:
    """Whether some of these clips train or choose in a fold in which others of them are tested."""
    learnt = np.union1d(fold.train, fold.valid)
    return bool(np.isin(numbers, learnt).any() and np.isin(numbers, fold.test).any())


def classes(manifest: Manifest, folds: list[Fold]) -> Iterator[Finding]:
    """Classes that a fold tests without training on them, or does not test at all."""
    for fold in folds:
        has = {
            part: {label for number in rows for label in manifest.clips[number].labels}
            for part, rows in (("train", fold.train), ("test", fold.test))
        }
        untaught = sorted(has["test"] - has["train"])
        untested = sorted(set(manifest.classes) - has["test"])
        if untaught:
            yield Finding("error", f"fold {fold.name} tests classes that it has no training clip of", tuple(untaught))
        if untested:
            yield Finding("warning", f"fold {fold.name} has no test clip of some classes", tuple(untested))


def straddling(manifest: Manifest, folds: list[Fold]) -> Iterator[Finding]:
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


def lengths(manifest: Manifest, facts: dict[str, FileFacts | AudioError]) -> list[float]:
    """Lengths in seconds of the clips that have one."""
    found = []
    for clip in manifest.clips:
        one = facts[clip.path]
        try:
            found += [audio.clip_seconds(one, clip, ClipRule())] if isinstance(one, FileFacts) else []
        except AudioError:
            continue  # told by `broken`
    return found


def headers(manifest: Manifest, facts: dict[str, FileFacts | AudioError]) -> Iterator[Finding]:
    """Sample rates, channels and lengths."""
    known = [one for one in facts.values() if isinstance(one, FileFacts)]
    seconds = lengths(manifest, facts)
    if not seconds:
        return
    rates = ", ".join(f"{rate} Hz x {n}" for rate, n in Counter(one.sample_rate for one in known).most_common())
    stereo = sum(one.channels > 1 for one in known)
    low, middle, high = np.quantile(seconds, [0, 0.5, 1])
    yield Finding(
        "note",
        f"{rates}; {stereo} of {len(known)} files have several channels; clips last {low:.3g} to {high:.3g} s, "
        f"median {middle:.3g} s",
    )


def unheard(manifest: Manifest, facts: dict[str, FileFacts | AudioError]) -> Iterator[Finding]:
    """The share of the sound's power above the Nyquist frequency of a 16 kHz model, from a sample of clips."""
    usable = []
    for number, clip in enumerate(manifest.clips):
        one = facts[clip.path]
        if isinstance(one, FileFacts) and one.sample_rate > MODEL_RATE:
            usable.append(number)
    if not usable:
        return
    chosen = np.random.default_rng(0).permutation(usable)[:SPECTRUM_CLIPS]
    shares = []
    for number in chosen.tolist():
        clip = manifest.clips[number]
        one = facts[clip.path]
        rate = min(one.sample_rate, SPECTRUM_RATE) if isinstance(one, FileFacts) else SPECTRUM_RATE
        try:
            samples = audio.read_clip(manifest.root / clip.path, clip, ClipRule(seconds=10.0), rate)
        except AudioError:
            continue  # told by `broken`
        power = np.abs(np.fft.rfft(samples)) ** 2
        if power.sum():
            shares.append(power[np.fft.rfftfreq(len(samples), 1 / rate) > MODEL_RATE / 2].sum() / power.sum())
    if shares:
        lost = float(np.mean(shares))
        yield Finding(
            "warning" if lost > 0.1 else "note",
            f"{100 * lost:.2g} % of the power lies above {MODEL_RATE // 2000} kHz, which a model at {MODEL_RATE // 1000} "
            f"kHz never hears (mean over {len(shares)} clips)",
        )
