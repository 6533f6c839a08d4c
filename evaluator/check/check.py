"""A task against what is on disk, before anything is trained: what is missing, broken, doubled, leaking, or lost to a model."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evaluator.audio import decode, oddities
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS, ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.check import leaks
from evaluator.check.compared import Compared, told_by_sound, told_by_tables
from evaluator.check.issue import Issue, issue
from evaluator.check.meant import Meant, divided
from evaluator.check.scan import MODEL_RATE, Scans, scan_all
from evaluator.datasets import own_split
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import rows
from evaluator.datasets.recordings import Recordings
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.errors import EvaluationError, UsageError
from evaluator.results.hearing import pace
from evaluator.words import counted

_MODEL_FRAME = 0.025  # seconds: the receptive field of one frame of wav2vec 2.0
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
    meant: Meant | None = None,
) -> Iterator[Issue]:
    """Every kind of issue with a task's data, (n_issues,), as it is found: what needs no audio first.

    Args:
        task: The task.
        manifest: Its clips.
        cache: Where facts about files are remembered.
        advance: Called with 1 after each clip, for a progress bar.
        rehash: Whether to hash every file anew, whatever is remembered of it.
        meant: The protocol that the data is to be enough for; None where nobody says which it is.
    """
    yield from counts(task, manifest)
    yield from _groups(manifest)
    yield from _gaps(task, manifest)
    folds, why_none = divided(task, manifest.clips, meant)
    if why_none:
        yield Issue("error", why_none)
    yield from _refused(meant, folds)
    compared = None if meant is None or meant.trains else Compared(manifest.clips, folds, meant.exclude)
    if compared is None:
        yield from leaks.classes(manifest, folds)
        yield from leaks.straddling(manifest, folds)
        yield from _unused_groups(task, manifest, folds)
    else:
        yield from told_by_tables(task, compared)
    if own_split.validates_on_known(task, folds, manifest.clips):
        yield Issue("note", own_split.VALIDATION_ON_KNOWN)
    yield from (Issue("note", each.text, (each.first,) if each.first else ()) for each in manifest.intake.differences)
    if task.dataset.access != "own":  # of a user's own data the intake tells what lies beside the clips
        yield from _strays(manifest)
    facts = decode.file_facts(manifest.root, [clip.path for clip in manifest.clips], cache, rehash)
    rule = ClipRule(channel=task.channel, expand=task.expand)
    yield from _hours(task, manifest, facts)
    yield from _headers(manifest, facts, rule)
    yield from _paces(facts, rule)
    scans = scan_all(manifest, facts, advance, rule)
    yield from _broken(task, manifest, scans)
    yield from _odd_sounds(manifest, scans)
    yield from _above_nyquist(scans)
    cut = None if task.clip_seconds is None else task.clip_seconds * (task.expand or 1)
    heard = Recordings(task.name, manifest, replace(rule, seconds=cut), facts)
    if compared is None:
        yield from leaks.shared(heard, folds, scans)
        yield from leaks.doubled(manifest, scans, folds)
        yield from leaks.alike(manifest, scans, folds)
    else:
        yield from told_by_sound(compared, heard, scans)


def _refused(meant: Meant | None, folds: Sequence[Fold]) -> Iterator[Issue]:
    """What a run with the protocol that is meant would refuse of clips in these folds, (n_folds,), in its own words."""
    try:
        if meant is not None and folds:
            meant.refuse(folds)
    except (UsageError, EvaluationError) as error:
        yield Issue("error", str(error))


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
            yield Issue("warning", f"{counted(actual[what], what)}; the whole dataset has {n}")


def _groups(manifest: Manifest) -> Iterator[Issue]:
    """How many groups were read, and how many clips have none."""
    groups = {clip.group for clip in manifest.clips} - {""}
    alone = sum(not clip.group for clip in manifest.clips)
    some = f"; {counted(alone, 'clips have none')}, and each counts as one of its own" if alone else ""
    yield Issue(
        "note",
        f"{counted(len(groups), 'groups (individuals, sites, recordings)')}{some}"
        if groups
        else "no groups (individuals, sites, recordings) are known: each clip counts by itself",
    )


def _unused_groups(task: Task, manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Groups that file names seem to name, divided by the split; where a YAML file says how the data is meant, it may know better."""
    text = own_split.groups_not_used(task, folds, manifest.clips)
    if text:
        yield Issue("warning" if task.by_table else "note", text)


def _gaps(task: Task, manifest: Manifest) -> Iterator[Issue]:
    """Classes without clips; and where clips are missing or too many, if all others have the same number of them."""
    per_class = Counter(label for clip in manifest.clips for label in clip.labels)
    empty = [label for label in manifest.classes if not per_class[label]]
    if empty:
        yield issue("warning", counted(len(empty), "classes have no clip at all"), empty)
    if task.dataset.expected.get("clips") in (None, len(manifest.clips)):
        return
    for kind in ("fold", "split"):
        cells = Counter(
            (label, getattr(clip, kind)) for clip in manifest.clips for label in clip.labels if getattr(clip, kind)
        )
        usual, n_usual = Counter(cells.values()).most_common(1)[0] if cells else (0, 0)
        if len(cells) / 2 < n_usual < len(cells):
            odd = {cell: n for cell, n in cells.items() if n != usual}
            where = (f"{label} in {kind} {part}: {counted(n, 'clips')}" for (label, part), n in sorted(odd.items()))
            yield issue("warning", f"every class has {usual} clips in every {kind}, but not everywhere", where)
            return


def _hours(task: Task, manifest: Manifest, facts: FactsByPath) -> Iterator[Issue]:
    """How much audio there is, and should be."""
    actual, expected = sum(lengths(manifest, facts)) / 3600, task.dataset.expected.get("hours")
    if expected and abs(actual - expected) > _HOURS * expected + 0.02:
        yield Issue("warning", f"{actual:.3g} h of audio; the whole dataset has about {expected:g} h")


# The clips by themselves ---------------------------------------------------------------------------------------------


def _broken(task: Task, manifest: Manifest, scans: Scans) -> Iterator[Issue]:
    """Clips that cannot be read, an issue for each reason."""
    known_bad = set(task.dataset.known_bad)
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, problem in scans.problems.items():
        clip = manifest.clips[index]
        kind = re.sub(r"[0-9.]+", "", problem.replace(clip.path, ""))  # the same reason, whatever its figures
        kinds["note" if clip.path in known_bad else "error", kind].append(index)
    for (level, _), indices in kinds.items():
        first = scans.problems[indices[0]] + "; known to be bad as published" * (level == "note")
        several = f"{len(indices)} clips cannot be read for one reason, the first of them: " * (len(indices) > 1)
        yield issue(level, several + first, (manifest.clips[index].name for index in indices))


def _odd_sounds(manifest: Manifest, scans: Scans) -> Iterator[Issue]:
    """Clips that can be read, but hold nothing, or are distorted, or are heard otherwise than people hear them."""
    cancelled = np.zeros(len(scans.flat), bool)
    cancelled[scans.odd.get("channels_cancel", [])] = True
    kinds = (
        ("are silent: all their samples are 0", scans.silent),
        ("hold one value throughout, so no sound", scans.flat & ~scans.silent & ~cancelled),
        (
            f"are clipped: more than {100 * _CLIPPED:g} % of their samples are at full scale",
            scans.clipped > _CLIPPED,
        ),
    )
    for words, applies in kinds:
        indices = np.flatnonzero(applies)
        if len(indices):
            yield issue(
                "warning", counted(len(indices), f"clips {words}"), (manifest.clips[index].name for index in indices)
            )
    for kind, odd in scans.odd.items():
        names = [manifest.clips[index].name for index in odd if not scans.flat[index] or cancelled[index]]
        if names:
            yield issue("warning", oddities.of_clips(kind, names), names)
    beyond = np.flatnonzero(scans.peaks > 1)
    if len(beyond):
        what = counted(len(beyond), f"clips have samples beyond full scale, up to {scans.peaks.max():.3g} times")
        yield issue("note", what, (manifest.clips[index].name for index in beyond))


def _paces(facts: FactsByPath, rule: ClipRule) -> Iterator[Issue]:
    """Files whose header is wrong, and files that play slower than life, some perhaps and others not."""
    for text, paths in oddities.headers(facts):
        yield issue("warning", text, paths)
    pace = oddities.paces(facts, rule)
    if pace:
        yield Issue("warning", pace)


def _strays(manifest: Manifest) -> Iterator[Issue]:
    """Audio files beside the clips that no clip uses."""
    used = {clip.path for clip in manifest.clips}
    folders = sorted({path.rpartition("/")[0] for path in used})
    audio = (
        f"{folder}/{path.name}" if folder else path.name  # as clips name them: relative, or from the root of the disk
        for folder in folders
        if (manifest.root / folder).is_dir()
        for path in sorted((manifest.root / folder).iterdir())
        if path.suffix.lower() in rows.AUDIO_SUFFIXES and not path.name.startswith(".")
    )
    unused = [path for path in audio if path not in used]
    if unused:
        yield issue("note", counted(len(unused), "recordings lie beside the clips without belonging to one"), unused)


def _headers(manifest: Manifest, facts: FactsByPath, rule: ClipRule) -> Iterator[Issue]:
    """Sample rates, channels and lengths as heard, and what stands out among them."""
    known = {path: one for path, one in facts.items() if isinstance(one, FileFacts)}
    seconds = {clip.name: length for clip, length in _lengths(manifest, facts, rule)}
    if not seconds:
        return
    rates = Counter(one.sample_rate for one in known.values())
    stereo = sum(one.channels > 1 for one in known.values())
    low, middle, high = np.quantile(list(seconds.values()), [0, 0.5, 1])
    yield Issue(
        "note",
        f"{', '.join(f'{rate} Hz x {n}' for rate, n in rates.most_common())}; {stereo} of {len(known)} files have several "
        f"channels; clips last {low:.3g} to {high:.3g} s, median {middle:.3g} s"
        + ("" if rule.expand is None else f", heard {pace(rule.expand)}"),
    )
    yield from _outliers("sample rate", {path: one.sample_rate for path, one in known.items()}, " Hz")
    yield from _outliers("number of channels", {path: one.channels for path, one in known.items()}, "")
    short = [name for name, length in seconds.items() if length < _MODEL_FRAME]
    if short:
        yield issue(
            "warning",
            counted(len(short), f"clips are shorter than one frame of a speech model ({1000 * _MODEL_FRAME:g} ms)"),
            short,
        )
    odd = {name: length for name, length in seconds.items() if abs(length - middle) > _SAME_LENGTH * middle}
    if odd and len(odd) <= (1 - _USUAL) * len(seconds):
        where = (f"{name}: {length:.3g} s" for name, length in odd.items())
        yield issue("warning", counted(len(odd), f"clips have another length than the others ({middle:.3g} s)"), where)


def _outliers(what: str, values: dict[str, int], unit: str) -> Iterator[Issue]:
    usual, n = Counter(values.values()).most_common(1)[0]
    if _USUAL * len(values) <= n < len(values):
        odd = [f"{path}: {value}{unit}" for path, value in values.items() if value != usual]
        yield issue("warning", counted(len(odd), f"files have another {what} than the others ({usual}{unit})"), odd)


def lengths(manifest: Manifest, facts: FactsByPath) -> list[float]:
    """Lengths in seconds of the clips that have one, (n_readable,)."""
    return [length for _, length in _lengths(manifest, facts)]


def _lengths(manifest: Manifest, facts: FactsByPath, rule: ClipRule = AS_IT_IS) -> Iterator[tuple[Clip, float]]:
    for clip in manifest.clips:
        one = facts[clip.path]
        try:
            if isinstance(one, FileFacts):
                yield clip, decode.clip_seconds(one, clip, rule)
        except AudioError:
            continue  # reported by `_broken`


def _above_nyquist(scans: Scans) -> Iterator[Issue]:
    """How much of the sound lies above the Nyquist frequency of a 16 kHz model."""
    shares = scans.above_nyquist[~np.isnan(scans.above_nyquist)]
    if not len(shares):
        return
    mean = float(np.mean(shares))
    yield Issue(
        "warning" if mean > _MAX_ABOVE_NYQUIST else "note",
        f"{100 * mean:.3g} % of the power lies above {MODEL_RATE // 2000} kHz, which a model at {MODEL_RATE // 1000} kHz "
        f"never sees (mean over {len(shares)} clips; {int((shares > 0.5).sum())} of them lose more than half)",
    )
