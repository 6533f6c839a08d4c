"""A result in plain words: what was asked, how the score came about, what to know, and where it came from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.datasets import dataset
from evaluator.report import curve_points
from evaluator.report.board import Board
from evaluator.results.result import Result
from evaluator.schema import names_in
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS

_UNTOLD = (
    "data",
    "command",
    "module",
    "packages",
    "protocol_says",
    "protocol_differs",
    "fused",
    "asked_task",
    "asked_protocol",
)  # told elsewhere


def metric_name(metric: str) -> str:
    """The metric with its unit, as a column's head."""
    unit = METRICS[metric].unit
    return f"{metric} ({unit})" if unit else metric


def asked(board: Board, found: Sequence[Result]) -> list[tuple[str, str]]:
    """What was asked of all modules alike: a word for each part of it, and a sentence about it."""
    first = found[0]
    says, differs = (str(first.provenance.get(key) or "not described") for key in ("protocol_says", "protocol_differs"))
    ranked = [("Ranks", _ranks(board))] if any(place.rank for place in board.places) else []
    return [
        ("Data", _data(first)),
        ("Protocol", ended(f"{first.protocol}. {says}")),
        ("Profile", ended(f"{first.profile}. {differs}")),
        ("Score", f"{_score(first.metric)}{chance(first)}"),
        ("Test", _folds(board, found)),
        ("Interval", _interval(board, first)),
        *ranked,
    ]


def _data(result: Result) -> str:
    """What the dataset is, as far as its file here tells, and how much of it there was."""
    clips, classes = f"{result.n_clips:,} clip{'s' * (result.n_clips != 1)}", len(result.classes)
    size = f"{clips}, {classes:,} class{'es' * (classes != 1)}."
    built_in = result.provenance.get("asked_task", result.task) == result.task and "/" in result.task
    if not built_in or result.dataset not in names_in("datasets"):
        return f"{result.dataset}: {size}"
    known = dataset.read(result.dataset)
    licence = f" Licence: {ended(known.licence)}" if known.licence else ""
    return f"{result.dataset}: {ended(known.title)} {size}{licence} {ended(known.citation) if known.citation else ''}".strip()


def chance(result: Result) -> str:
    """What an answer that is the same for every test clip scores, as a sentence; "" where that has no meaning."""
    metric = METRICS[result.metric]
    if metric.of_events:
        return ""
    same = [np.tile(true.mean(axis=0), (len(true), 1)) for true in result.test_targets]
    value = intervals.mean_score(list(zip(result.test_targets, same, strict=True)), result.metric)
    unit = f" {metric.unit}" if metric.unit else ""
    return f" Chance: {metric.shown(value)}{unit}, for the best answer that is the same for every clip."


def _score(name: str) -> str:
    metric = METRICS[name]
    return f"{name}: {metric.meaning}. The {metric.best} is best."


def _folds(board: Board, found: Sequence[Result]) -> str:
    folds = [fold for result in found for fold in result.folds]
    train, valid, test = (_range([getattr(fold, name) for fold in folds]) for name in ("n_train", "n_valid", "n_test"))
    n_shots, n_folds = curve_points.headline(found[0]).n_shots, len(found[0].folds)
    trains = f"{train} clips train the probe"
    if n_shots is not None:
        trains = f"{n_shots:,} clip{'s' * (n_shots != 1)} of each class, drawn {_times(board)} times from {train}, train the probe"
    sizes = f"{trains}{f', {valid} validate it' if valid != '0' else ''}, {test} test it"
    return f"One split: {sizes}." if n_folds == 1 else f"{n_folds} folds, scores averaged; in each fold {sizes}."


def _times(board: Board) -> str:
    return _range([place.n_times for place in board.places])


def _ranks(board: Board) -> str:
    pairs = len(board.places) * (len(board.places) - 1) // 2
    several = f", corrected for {pairs:,} pairs (Holm)" if pairs > 1 else ""
    what = "groups of clips" if board.draws_groups else "test clips"
    return (
        f"Two modules are told apart where p is below {intervals.SURE:g}{several}: the paired bootstrap of their difference, "
        f"{intervals.TEST_DRAWS:,} draws of {what} with seed {board.seed}. Another seed moves a p of 0.003 by about a tenth."
    )


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _interval(board: Board, result: Result) -> str:
    groups = intervals.units(result.test_groups)
    drawn = "groups of clips (recordings, individuals)" if groups else "test clips"
    times = {place.n_times for place in board.places}
    several = f", and over the {_times(board)} trainings of each probe" if max(times) > 1 else ""
    not_all = (
        f"; where a probe was trained once, over {'groups' if groups else 'clips'} alone"
        if several and min(times) == 1
        else ""
    )
    return f"95 %, from {intervals.DRAWS:,} bootstrap draws of {drawn}{intervals.why_not(result.test_groups)}{several}{not_all}."


def caption(board: Board) -> str:
    """What the ranks of a board mean, by its own first one that is a range; what stands above the table."""
    metric = metric_name(board.metric)
    if not any(place.rank for place in board.places):
        return f"{metric}."
    place = next((each for each in board.places if each.rank != each.last_rank), None)
    if place is None:
        return f"{metric}, best first. No two modules tie."
    first, last = place.rank or 1, place.last_rank or 1
    ahead = {1: "No module is", 2: "One module is"}.get(first, f"{first - 1} modules are")
    return f"{metric}, best first. Rank {first}–{last}: {ahead} surely ahead, and this one may stand anywhere down to rank {last}."


def notes(titles: Sequence[str], found: Sequence[Result]) -> list[str]:
    """What a reader of the scores should know; what is true of all is said once, the interval by `asked`."""
    told: dict[str, list[str]] = {}
    for title, result in zip(titles, found, strict=True):
        for note in result.notes:
            if not note.startswith("the interval draws "):
                told.setdefault(note, []).append(title)
        if result.n_failed:
            told.setdefault(f"{result.n_failed} of {result.n_clips} clips could not be used", []).append(title)
        if result.n_silent:
            told.setdefault(f"{result.n_silent} of {result.n_clips} clips are silent", []).append(title)
    return [
        ended(f"{note[:1].upper()}{note[1:]}" if len(who) == len(found) else f"{_several(who)}: {note}")
        for note, who in told.items()
    ]


def _several(titles: Sequence[str]) -> str:
    return ", ".join(titles) if len(titles) <= 4 else f"{', '.join(titles[:3])} and {len(titles) - 3} more"


def failures(titles: Sequence[str], found: Sequence[Result]) -> list[tuple[str, str, str]]:
    """Clips that could not be used, each once: (clip, why, for which modules)."""
    told: dict[tuple[str, str], list[str]] = {}
    for title, result in zip(titles, found, strict=True):
        for clip, why in result.failed.items():
            told.setdefault((clip, why), []).append(title)
    return [
        (clip, why, "all modules" if len(who) == len(found) else _several(who)) for (clip, why), who in told.items()
    ]


def origins(found: Sequence[Result]) -> tuple[list[tuple[str, str]], list[str], list[list[str]]]:
    """Where results came from: facts that all share (name, value), then names and a row of values each for the others."""
    facts = [_origin(result) for result in found]
    names = list(dict.fromkeys(name for each in facts for name in each))
    shared = [name for name in names if len({each.get(name, "") for each in facts}) == 1]
    parting = [name for name in names if name not in shared]
    return (
        [(name, facts[0][name]) for name in shared if facts[0][name]],
        parting,
        [[each.get(name, "") for name in parting] for each in facts],
    )


def _origin(result: Result) -> dict[str, str]:
    provenance: Mapping[str, Any] = result.provenance
    module = provenance.get("module")
    packages = provenance.get("packages")
    told: dict[str, Any] = {
        "run": result.run,
        "weights": result.weights,
        "options": _listed(result.options),
        "command": " ".join(map(str, provenance.get("command") or ())),
        **{name: value for name, value in provenance.items() if name not in _UNTOLD},
        "packages": _listed(packages) if isinstance(packages, dict) else packages,
        **({f"module's {name}": value for name, value in module.items()} if isinstance(module, dict) else {}),
        "embedding took": f"{result.seconds['embed']:.1f} s" if "embed" in result.seconds else "",
        "training took": f"{result.seconds['train']:.1f} s" if "train" in result.seconds else "",
        "fused modules": ", ".join(str(each.get("module")) for each in provenance.get("fused") or ()),
        "data": provenance.get("data"),
    }
    return {name.replace("_", " "): _plain(value) for name, value in told.items()}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return _listed(value)
    return "" if value is None else str(value)


def _listed(pairs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs.items())


def ended(sentence: str) -> str:
    """A sentence with a full stop, whatever it ended with."""
    sentence = sentence.strip()
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
