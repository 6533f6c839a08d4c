"""The clips on which modules disagree most: who predicts what, and how they sound, while the bytes of the page last."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.datasets import synthetic_calls
from evaluator.datasets.moved import find_folder, is_made, missing
from evaluator.errors import EvaluationError, UsageError
from evaluator.files import cache_folder, usable_cache
from evaluator.report.budget import PageBudget
from evaluator.report.page_parts import ClipEntry, ClipList, Details, PageTable, ShownPrediction, UnheardClips
from evaluator.report.recordings import another
from evaluator.report.sound import ClipSound, SoundOptions, clip_sound
from evaluator.report.text import count_of
from evaluator.results.alike import refuse_unlike
from evaluator.results.hearing import Hearing, pace
from evaluator.results.result import Result
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS

_LABELS = 3  # shown of each module where clips have several
_NAMED = 3  # clips that cannot be heard
_CAPTION = "What they are, and what each module predicts, with its probability"


@dataclass(frozen=True)
class ClipOptions:
    """How many clips of a task are shown, and how they are heard.

    n_max: Clips of a task, at most.
    data: The folder of their recordings, or of several datasets; None for where the results say they lay.
    log_frequency: Whether spectrograms have a logarithmic axis of frequency, in kHz.
    """

    n_max: int
    data: Path | None
    log_frequency: bool = False


@dataclass(frozen=True)
class ModulePrediction:
    """What one module predicts for a clip, and whether it is right.

    labels: The most probable ones with their probabilities (0 to 1), (n_labels,), the most probable first.
    """

    title: str
    labels: tuple[tuple[str, float], ...]
    right: bool


@dataclass(frozen=True)
class DisputedClip:
    """A test clip, its truth, and what each module predicts for it, (n_modules,).

    name, group: Of the clip; its group is "" where it has none.
    truth: Its labels.
    measure: How far the modules differ, in bits, or, with one module, the probability of what it predicts wrongly; the
        higher, the earlier it is shown.
    seconds: Its length as it was evaluated; NaN where the results do not tell.
    """

    name: str
    group: str
    truth: tuple[str, ...]
    measure: float
    predictions: tuple[ModulePrediction, ...]
    seconds: float = math.nan


def clip_list(titles: Sequence[str], results: Sequence[Result], budget: PageBudget, options: ClipOptions) -> ClipList:
    """The clips of a board with the modules' predictions; none for tasks of events, or if none are wanted.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, on the same test clips, (n_results,).
        budget: Of the section; a clip for whose sound too few bytes are left is there without it.
        options: How many clips at most, and where their recordings lie.
    """
    titles, results, left_out = without_baselines(titles, results)
    disputed = disagreeing(titles, results, options.n_max) if options.n_max else []
    folder = _folder(results[0], options.data, [each.name for each in disputed])
    sounds = _sound_options(results[0].hearing, options)
    heading = (
        "Clips on which the modules differ most"
        if len(results) > 1
        else "Clips on which the module is wrong with the highest probability"
    )
    rule = selection_rule(len(results), results[0].confusion is not None)
    rule += f" Not looked at: {', '.join(left_out)}." if left_out else ""
    lost = set(missing(folder, [each.name for each in disputed])) if folder else {each.name for each in disputed}
    cards = [_clip_entry(each, folder, budget, sounds) for each in disputed if each.name not in lost]
    return ClipList(heading, rule, cards, _unheard([each for each in disputed if each.name in lost], folder))


def _unheard(disputed: Sequence[DisputedClip], folder: Path | None) -> UnheardClips | None:
    """The clips whose recordings are not there, (n_clips,), in a sentence and a table; None where there are none."""
    if not disputed:
        return None
    names = [each.name for each in disputed]
    first, n_more = ", ".join(names[:_NAMED]), len(names) - _NAMED
    whose = "its recording is" if len(names) == 1 else "their recordings are"
    where = f"not in {folder}" if folder else "in a folder that is not known"
    why = f"since {whose} {where}: {first}{f' and {n_more:,} more' if n_more > 0 else ''}"
    head = ["clip", "truth", *(each.title for each in disputed[0].predictions)]
    rows = [[each.name, _truth(each), *map(_in_a_cell, each.predictions)] for each in disputed]
    summary = f"{count_of(len(names), 'clip')} cannot be heard, {why}; --data names the folder"
    return UnheardClips(len(names), why, Details(summary, (), [PageTable(_CAPTION, head, rows)]))


def _in_a_cell(prediction: ModulePrediction) -> str:
    labels = ", ".join(f"{label} {probability:.2f}" for label, probability in prediction.labels)
    return f"{'✓' if prediction.right else '✗'} {labels}"


def _truth(disputed: DisputedClip) -> str:
    return ", ".join(disputed.truth) or "no label"


def _folder(result: Result, data: Path | None, clips: Sequence[str]) -> Path | None:
    lay = result.environment.get("data")
    document, dataset = result.provenance.get("task"), result.dataset
    folder = find_folder(data, Path(str(lay)) if lay else None, document, dataset, clips)
    if is_made(document) and (folder is None or missing(folder, clips)):
        with suppress(UsageError, EvaluationError, OSError):  # then each clip says why it is mute
            return synthetic_calls.make(usable_cache(cache_folder(None)))
    return folder


def _sound_options(hearing: Hearing | None, options: ClipOptions) -> SoundOptions:
    """Clips are heard as the modules heard them: the same channel, as slowly."""
    channel, expand = (hearing.channel, hearing.expand) if hearing else ("mix", None)
    return SoundOptions(log_frequency=options.log_frequency, channel=channel, expand=expand)


def without_baselines(titles: Sequence[str], results: Sequence[Result]) -> tuple[list[str], list[Result], list[str]]:
    """Titles and results, (n_results,), of those that are no baseline or untrained copy, and the titles of these.

    Where there is nothing but baselines, they all stay.
    """
    kept = [n for n, result in enumerate(results) if not result.is_baseline]
    if not kept:
        return list(titles), list(results), []
    left_out = [title for n, title in enumerate(titles) if n not in kept]
    return [titles[n] for n in kept], [results[n] for n in kept], left_out


def _clip_entry(disputed: DisputedClip, folder: Path | None, budget: PageBudget, options: SoundOptions) -> ClipEntry:
    group = f" Group {disputed.group}." if disputed.group else ""
    truth = f"Truth: {_truth(disputed)}.{group}"
    predictions = [
        ShownPrediction(
            each.title,
            ", ".join(label for label, _ in each.labels),
            each.right,
            ", ".join(f"{probability:.2f}" for _, probability in each.labels),
        )
        for each in disputed.predictions
    ]
    trouble = another(folder, disputed.name, disputed.seconds) if folder else ""
    sound = trouble or clip_sound(disputed.name, folder, options)
    if isinstance(sound, str):
        return ClipEntry(disputed.name, truth, predictions, trouble=sound)
    if not budget.take(sound.n_bytes, f"the sound of {disputed.name}"):
        return ClipEntry(disputed.name, truth, predictions, left_out=True)
    return ClipEntry(disputed.name, truth, predictions, sound, note=_note(sound, options))


def _note(sound: ClipSound, options: SoundOptions) -> str:
    """What to know about a sound: how long it is, what of the clip is missing, how slowly it plays."""
    parts = [f"{sound.seconds:.2f} s" if sound.whole else f"the first {sound.seconds:.1f} s"]
    top = sound.spectrogram.top_hz
    if sound.sample_rate / 2 < top:
        parts.append(f"heard up to {sound.sample_rate / 2000:g} kHz of {top / 1000:g} kHz")
    if options.expand is not None:
        parts.append(f"heard {pace(options.expand)}")
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def selection_rule(n_modules: int, single: bool) -> str:
    """The rule of `disagreeing` in sentences for the page, and what is right; single: whether each clip has one label."""
    right = (
        "A ✓ means that the most probable class is the clip's."
        if single
        else f"A ✓ means that every label, the {_LABELS} most probable of which stand here, is right at a probability of a half."
    )
    if n_modules == 1:
        return f"The clips for which the module's prediction is wrong and most probable. {right}"
    summed = "" if single else ", summed over labels"
    return f"The clips on which the modules' probabilities differ most (Jensen-Shannon divergence, in bits{summed}). {right}"


def disagreeing(titles: Sequence[str], results: Sequence[Result], n_max: int = 12) -> list[DisputedClip]:
    """The test clips on which modules differ most, first that with the largest difference, then by name.

    With several modules the measure is the Jensen-Shannon divergence of their probabilities with equal weights: the entropy of
    the mean less the mean of the entropies, 0 to log2(modules) bits; for tasks with several labels a clip, the sum of that of each
    label. With one module: the probability of the wrong class that it predicts, or the largest distance of a
    label's probability from the truth where that is above a half. Probabilities are means over trainings; a clip that was
    tested in several folds counts once, where the measure is largest. Clips of measure 0 are left out.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, on the same test clips, (n_results,). Tasks of events have no such clips.
        n_max: How many clips at most.

    Raises:
        UsageError: The results do not have the same test clips.

    Source: Lin 1991, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37(1), section IV.
    """
    if not results or not METRICS[results[0].metric].by_class:
        return []
    refuse_unlike(results)
    single = results[0].confusion is not None
    best: dict[str, tuple[float, int, int, np.ndarray]] = {}  # measure, fold, row and probabilities of each clip
    for fold, targets in enumerate(results[0].test_targets):
        means = [intervals.repetitions(result.test_probabilities[fold]).mean(axis=0) for result in results]
        probabilities = np.stack(means).astype(float)  # (n_modules, n_clips, n_classes)
        if len(results) > 1:
            measures = divergence(probabilities, single)
        else:
            measures = _confidently_wrong(targets, probabilities[0], single)
        for row, name in enumerate(results[0].test_clips[fold]):
            if measures[row] > max(1e-9, best[name][0] if name in best else 0.0):
                best[name] = (float(measures[row]), fold, row, probabilities[:, row])
    ordered = sorted(best, key=lambda name: (-round(best[name][0], 9), name))[:n_max]
    return [_disputed(name, titles, results[0], single, *best[name]) for name in ordered]


def divergence(probabilities: np.ndarray, single: bool) -> np.ndarray:
    """Jensen-Shannon divergence of modules for each clip, (n_clips,), in bits.

    Args:
        probabilities: (n_modules, n_clips, n_classes).
        single: Whether classes exclude each other; else each label is an event of its own, and their divergences are added.
    """
    from scipy.special import entr

    if single:
        sums = probabilities.sum(axis=2, keepdims=True)
        uniform = np.full_like(probabilities, 1 / probabilities.shape[2])
        shares = np.divide(probabilities, sums, out=uniform, where=sums > 0)[..., None]
    else:
        clipped = probabilities.clip(0, 1)
        shares = np.stack([clipped, 1 - clipped], axis=-1)
    bits = entr(shares.mean(axis=0)).sum(axis=(1, 2)) - entr(shares).sum(axis=(2, 3)).mean(axis=0)
    measure: np.ndarray = np.maximum(bits, 0) / np.log(2)
    return measure


def _confidently_wrong(targets: np.ndarray, probabilities: np.ndarray, single: bool) -> np.ndarray:
    """The probability (0 to 1) of what one module predicts wrongly, for each clip, (n_clips,); 0 where it is right.

    Args:
        targets, probabilities: (n_clips, n_classes).
        single: Whether classes exclude each other.
    """
    if single:
        wrong = probabilities.argmax(axis=1) != targets.argmax(axis=1)
        return np.where(wrong, probabilities.max(axis=1), 0.0)
    distance = np.abs(targets - probabilities).max(axis=1)
    return np.where(distance > 0.5, distance, 0.0)


def _disputed(
    name: str,
    titles: Sequence[str],
    first: Result,
    single: bool,
    measure: float,
    fold: int,
    row: int,
    probabilities: np.ndarray,
) -> DisputedClip:
    """Probabilities: (n_modules, n_classes) of the clip in this row of this fold."""
    true = first.test_targets[fold][row] > 0.5
    truth = tuple(first.classes[number] for number in np.flatnonzero(true))
    predictions = []
    for title, each in zip(titles, probabilities, strict=True):
        best = np.argsort(-each, kind="stable")[: 1 if single else _LABELS]
        right = bool(true[best[0]]) if single else bool(((each > 0.5) == true).all())
        labels = tuple((first.classes[number], float(each[number])) for number in best)
        predictions.append(ModulePrediction(title, labels, right))
    seconds = first.test_seconds[fold] if fold < len(first.test_seconds) else ()
    length = float(seconds[row]) if row < len(seconds) else math.nan
    return DisputedClip(name, first.test_groups[fold][row], truth, measure, tuple(predictions), length)
