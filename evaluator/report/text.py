"""A board in plain words: what was scored and how, caveats and notes, and where the results came from."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.datasets import dataset
from evaluator.report.board import Board
from evaluator.report.curve_points import primary_point
from evaluator.results.bill import BILL
from evaluator.results.result import Result
from evaluator.schema import names_in
from evaluator.scoring import differences, intervals, measures
from evaluator.scoring.metrics import METRICS, title_of

_SHOWN_ELSEWHERE = (
    "data",
    "command",
    "module",
    "packages",
    "protocol_says",
    "protocol_differs",
    "task",
    "protocol",
    "fused",
    "asked_task",
    "asked_protocol",
    BILL,
)  # fields of provenance and environment
_FOLDS = {intervals.POOLED: "all test clips together make the score", intervals.MEAN: "scores averaged"}
_OVER = {"clips": "test clips", "groups": "groups of test clips (individuals, recordings)"}  # by `Result.interval_over`


def count_of(count: int, noun: str) -> str:
    """A number of things in words: `1 clip`, `2,000 clips`.

    >>> count_of(1, "clip"), count_of(2000, "clip")
    ('1 clip', '2,000 clips')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def as_sentence(text: str) -> str:
    """A text with a full stop, unless it ends as a sentence already."""
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def metric_name(metric: str) -> str:
    """The metric with its unit, such as `mAP (%)`, as the head of a column."""
    unit = METRICS[metric].unit
    return f"{title_of(metric)} ({unit})" if unit else title_of(metric)


def facts(board: Board, results: Sequence[Result]) -> list[tuple[str, str]]:
    """What was scored and how, the same for all modules: a word for each fact, and sentences about it.

    Args:
        board: With one entry at least.
        results: Of its entries, (n_entries,).
    """
    first = results[0]
    says, differs = (str(first.provenance.get(key) or "not described") for key in ("protocol_says", "protocol_differs"))
    return [
        ("Data", _data(first)),
        ("Protocol", as_sentence(f"{first.protocol}. {says}")),
        ("Profile", as_sentence(f"{first.profile}. {differs}")),
        ("Score", f"{_score(first.metric)}{chance(first)}"),
        ("Test", _folds(board, results)),
        ("Interval", _interval(board, results)),
        *([("Ranks", _ranks(board))] if any(entry.rank for entry in board.entries) else []),
    ]


def _data(result: Result) -> str:
    """What the dataset is, as far as its file here tells, and how much of it there was."""
    classes = len(result.classes)
    size = f"{count_of(result.n_clips, 'clip')}, {classes:,} class{'es' * (classes != 1)}."
    built_in = result.environment.get("asked_task", result.task) == result.task and "/" in result.task
    if not built_in or result.dataset not in names_in("datasets"):
        return f"{result.dataset}: {size}"
    known = dataset.read(result.dataset)
    licence = f" Licence: {as_sentence(known.licence)}" if known.licence else ""
    citation = as_sentence(known.citation) if known.citation else ""
    return f"{result.dataset}: {as_sentence(known.title)} {size}{licence} {citation}".strip()


def chance(result: Result) -> str:
    """What a prediction that is the same for every test clip scores, in the metric's unit, as a sentence.

    It is the mean of the targets, (n_classes,), of all folds where they are pooled, else of each. "" for tasks of events, where that has no meaning.
    """
    metric = METRICS[result.metric]
    if metric.of_events:
        return ""
    if metric.of_measures:
        value = float(np.mean([measures.chance(result.metric, targets) for targets in result.test_targets]))
        return f" By chance (a random order, or permuted labels): {metric.shown(value)}{f' {metric.unit}' if metric.unit else ''}."
    pooled = result.over_folds == intervals.POOLED
    folds = [np.concatenate(result.test_targets)] if pooled else result.test_targets
    constant = [np.tile(targets.mean(axis=0), (len(targets), 1)) for targets in folds]
    value = intervals.mean_score(list(zip(folds, constant, strict=True)), result.metric, result.over_folds)
    unit = f" {metric.unit}" if metric.unit else ""
    return f" Chance: {metric.shown(value)}{unit}, for the best prediction that is the same for every clip."


def _score(name: str) -> str:
    metric = METRICS[name]
    return f"{name}: {metric.meaning}. The {metric.best} is best."


def _folds(board: Board, results: Sequence[Result]) -> str:
    folds = [fold for result in results for fold in result.folds]
    n_train, n_valid, n_test = ([getattr(fold, name) for fold in folds] for name in ("n_train", "n_valid", "n_test"))
    n_shots, n_folds = primary_point(results[0]).n_shots, len(results[0].folds)
    if METRICS[results[0].metric].of_measures:
        return f"All {_range(n_test, 'clip')} that are tested in any fold, against each other; nothing is trained."
    trains = f"{_range(n_train, 'clip')} {_verb(n_train, 'train')} the probe"
    if n_shots is not None:
        n_times = [entry.n_times for entry in board.entries]
        drawn = "once" if max(n_times) == 1 else _range(n_times, "time")
        trains = f"{count_of(n_shots, 'clip')} of each class, drawn {drawn} from {_range(n_train)}, train the probe"
    validates = f", {_range(n_valid)} {_verb(n_valid, 'validate')} it" if max(n_valid) else ""
    sizes = f"{trains}{validates}, {_range(n_test)} {_verb(n_test, 'test')} it"
    return (
        f"One split: {sizes}."
        if n_folds == 1
        else f"{n_folds} folds, {_FOLDS[results[0].over_folds]}; in each fold {sizes}."
    )


def _verb(counts: Sequence[int], verb: str) -> str:
    return f"{verb}s" if max(counts) == 1 else verb


def _range(counts: Sequence[int], noun: str = "") -> str:
    """`1 clip`, `3 clips` or `1 to 3 clips`; the numbers alone without a noun."""
    low, high = min(counts), max(counts)
    span = "" if low == high else f"{low:,} to "
    return f"{span}{count_of(high, noun)}" if noun else f"{span}{high:,}"


def _ranks(board: Board) -> str:
    n_ranked = sum(entry.rank is not None for entry in board.entries)
    pairs = n_ranked * (n_ranked - 1) // 2
    corrected = f", corrected for {pairs:,} pairs (Holm)" if pairs > 1 else ""
    return (
        f"One module is significantly better than another where p is below {differences.SURE:g}{corrected}: Student's t of their "
        f"difference, over {board.n_units:,} {_OVER['groups' if board.over_groups else 'clips']}."
        f"{' Baselines have no rank.' if any(entry.baseline for entry in board.entries) else ''}"
    )


def _interval(board: Board, results: Sequence[Result]) -> str:
    if all(math.isnan(result.ci_low) for result in results):
        return "None: fewer than four groups or clips, or one group with everything that is scored."
    over = sorted({result.interval_over for result in results})
    n_times = [entry.n_times for entry in board.entries]
    trains = not METRICS[results[0].metric].of_measures
    repeated = "trainings of each probe" if trains else "random starts of each clustering"
    trainings = f" and over the {_range(n_times)} {repeated}" if max(n_times) > 1 else ""
    single = f"; where {'a probe was trained once' if trains else 'there was one'}, over {' or '.join(over)} alone"
    once = single if trainings and min(n_times) == 1 else ""
    units = " or ".join(_OVER.get(each, each) for each in over)
    counts = sorted({result.n_units for result in results} - {0})
    n_units = f"{_range(counts)} " if counts else ""
    shared = ", counting that folds share training clips" if len(results[0].folds) > 1 else ""
    return f"95 %, over {n_units}{units}, each left out of the score in turn (jackknife){trainings}{once}{shared}."


def caption(board: Board) -> str:
    """What stands above the table of a board: the metric with its unit, and what the first rank that is a range means."""
    metric = metric_name(board.metric)
    if not any(entry.rank for entry in board.entries):
        return f"{metric}."
    entry = next((each for each in board.entries if each.rank != each.last_rank), None)
    below = " Below them stand those without a rank." if any(each.withheld for each in board.entries) else ""
    if entry is None:
        return f"{metric}, best first. No two modules tie.{below}"
    first, last = entry.rank or 1, entry.last_rank or 1
    better = {1: "no module is", 2: "one module is"}.get(first, f"{first - 1} modules are")
    return (
        f"{metric}, best first. Rank {first}–{last}: {better} significantly better, and this one may stand anywhere down to "
        f"rank {last}.{below}"
    )


def caveats(titles: Sequence[str], results: Sequence[Result]) -> list[str]:
    """What limits the meaning of scores, as sentences; what is true of all modules is said once.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one board, (n_results,).
    """
    return _said_once(titles, results, lambda result: [caveat.text for caveat in result.caveats])


def notes(titles: Sequence[str], results: Sequence[Result]) -> list[str]:
    """How scores came about, as sentences; arguments, (n_results,), and form as those of `caveats`."""
    return _said_once(titles, results, lambda result: result.notes)


def _said_once(
    titles: Sequence[str], results: Sequence[Result], texts_of: Callable[[Result], Iterable[str]]
) -> list[str]:
    """Each text once, with the modules that it is about unless these are all."""
    modules: dict[str, list[str]] = {}
    for title, result in zip(titles, results, strict=True):
        for text in dict.fromkeys(texts_of(result)):
            modules.setdefault(text, []).append(title)
    return [
        as_sentence(f"{text[:1].upper()}{text[1:]}" if len(several) == len(results) else f"{_several(several)}: {text}")
        for text, several in modules.items()
    ]


def _several(titles: Sequence[str]) -> str:
    return ", ".join(titles) if len(titles) <= 4 else f"{', '.join(titles[:3])} and {len(titles) - 3} more"


def failures(titles: Sequence[str], results: Sequence[Result]) -> list[tuple[str, str, str]]:
    """Clips that could not be used, each once: (clip, why, for which modules).

    Arguments, (n_results,), as those of `caveats`.
    """
    modules: dict[tuple[str, str], list[str]] = {}
    for title, result in zip(titles, results, strict=True):
        for clip, why in result.failed.items():
            modules.setdefault((clip, why), []).append(title)
    return [
        (clip, why, "all modules" if len(several) == len(results) else _several(several))
        for (clip, why), several in modules.items()
    ]


def origins(results: Sequence[Result]) -> tuple[list[tuple[str, str]], list[str], list[list[str]]]:
    """Where results came from.

    Returns:
        What all have in common, as names and values; then the names of the rest, (n_names,), and their values,
        (n_results, n_names).
    """
    columns = [_origin(result) for result in results]
    names = list(dict.fromkeys(name for each in columns for name in each))
    shared = [name for name in names if len({each.get(name, "") for each in columns}) == 1]
    others = [name for name in names if name not in shared]
    return (
        [(name, columns[0][name]) for name in shared if columns[0].get(name)],
        others,
        [[each.get(name, "") for name in others] for each in columns],
    )


def _origin(result: Result) -> dict[str, str]:
    provenance, environment = result.provenance, result.environment
    module, of_machine = (
        {} if not isinstance(each := block.get("module"), dict) else each for block in (provenance, environment)
    )
    packages = environment.get("packages")
    values: dict[str, Any] = {
        "run": result.run,
        "weights": result.weights,
        "options": _listed(result.options),
        "command": " ".join(map(str, environment.get("command") or ())),
        **{name: value for name, value in {**provenance, **environment}.items() if name not in _SHOWN_ELSEWHERE},
        "packages": _listed(packages) if isinstance(packages, dict) else packages,
        **{f"module's {name}": value for name, value in {**module, **of_machine}.items()},
        "fused modules": ", ".join(str(each.get("module")) for each in provenance.get("fused") or ()),
        "data": environment.get("data"),
    }
    return {name.replace("_", " "): "" if value is None else _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return _listed(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_inside, value))
    return "none" if value is None else str(value)


def _listed(pairs: Mapping[str, Any]) -> str:
    """Names and values in words, what lies inside a value in brackets."""
    return ", ".join(f"{name} {_inside(value)}" for name, value in pairs.items())


def _inside(value: Any) -> str:
    return f"({_as_text(value)})" if isinstance(value, (dict, list, tuple)) else _as_text(value)
