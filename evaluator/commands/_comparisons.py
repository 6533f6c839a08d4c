"""What `hear-eval compare` says of pairs: a table, and below it each note once, with the pairs that it is about."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from evaluator.commands._console import print_table, without_empty

if TYPE_CHECKING:
    from evaluator.results.compare import Comparison
    from evaluator.results.over_tasks import MeanDifference, OverTasks

    Compared: TypeAlias = Comparison | MeanDifference

_FAMILIES = ("", " with baselines")
_MAX_NAMED = 3  # pairs that a note names, and whose groups are told one by one


def print_comparisons(compared: "OverTasks") -> None:
    """Tables of pairs on each task and in the mean over tasks, those with baselines apart, and notes below."""
    for with_baseline, family in enumerate(_FAMILIES):
        by_task = [each for each in compared.by_task if each.with_baseline == bool(with_baseline)]
        means = [each for each in compared.means if each.with_baseline == bool(with_baseline)]
        ways = [f"{each.protocol}, {each.profile}" for each in by_task]
        several = len(set(ways)) > 1
        of_task = [f"{each.task} ({way})" if several else each.task for each, way in zip(by_task, ways, strict=True)]
        on = f" on {of_task[0]}" if len(set(of_task)) == 1 else ""
        _print_family(f"Comparisons{family}{on}", by_task, [("task", "" if on else each) for each in of_task])
        over = [
            ("better on", f"{each.n_better} of {len(each.tasks)} tasks ({', '.join(each.tasks)})") for each in means
        ]
        _print_family(f"Means over tasks{family}", means, over)
    every: list[Compared] = [*compared.by_task, *compared.means]
    for line in _below(every):
        print(line)


def _print_family(title: str, pairs: "Sequence[Compared]", first: Sequence[tuple[str, str]]) -> None:
    """A table of the pairs of one family, with a column in front, (n_pairs,), and the notes on them."""
    if not pairs:
        return
    levels = {each.difference.level for each in pairs}
    n_tested = sum(each.p == each.p for each in pairs)
    corrected = f", p corrected for {n_tested} comparisons (Holm)" if n_tested > 1 else ""
    print(f"{title}{corrected}:")
    level = f"{100 * levels.pop():.3g} % " if len(levels) == 1 else ""
    head = (first[0][0], "better", "than", "by", f"{level}interval", "p", "verdict", "found from")
    rows = [(cell, *_cells(each, not level)) for each, (_, cell) in zip(pairs, first, strict=True)]
    print_table(*without_empty(head, rows))
    for note in _notes(pairs):
        print(note)
    print()


def _cells(pair: "Compared", with_level: bool) -> tuple[str, ...]:
    from evaluator.results.caveats import mark
    from evaluator.results.verdict import NOT_SIGNIFICANT, ends
    from evaluator.scoring.metrics import METRICS

    metric, difference = METRICS[pair.metric], pair.difference
    low, high = ends(pair.metric, difference) if hasattr(pair, "task") else (difference.low, difference.high)
    level = f" ({100 * difference.level:.3g} %)" if with_level and low == low else ""
    unit = " points" if metric.unit == "%" else ""
    p = "" if pair.p != pair.p else "<0.001" if pair.p < 0.001 else f"{pair.p:.3f}"
    return (
        *(f"{name}{mark(pair.caveats[name])}" for name in (pair.better, pair.worse)),
        f"{metric.shown(abs(difference.value))}{unit}",
        f"{metric.interval(low, high)}{level}",
        p,
        pair.verdict,
        f"{metric.shown(difference.detectable)}{unit}" if pair.verdict == NOT_SIGNIFICANT else "",
    )


def _notes(pairs: "Sequence[Compared]") -> Iterator[str]:
    """What a reader of the table should know, each sentence once, with the pairs that it is about unless these are all."""
    from evaluator.results.over_tasks import sharing_in_words

    about: dict[str, list[Compared]] = {}
    for each in pairs:
        for text in _said(each, len(pairs) <= _MAX_NAMED):
            about.setdefault(text, []).append(each)
    for text, several in about.items():
        yield f"note: {_whose(several, pairs)}{text}"
    shared = [text for each in pairs for text in (sharing_in_words(each) if not hasattr(each, "task") else ())]
    yield from (f"note: {text}" for text in dict.fromkeys(shared))


def _below(pairs: "Sequence[Compared]") -> Iterator[str]:
    """What all tables have in common, below the last of them: what a column means, and each caveat of a module once."""
    from evaluator.results.caveats import DAGGER
    from evaluator.results.verdict import NOT_SIGNIFICANT

    if any(each.verdict == NOT_SIGNIFICANT for each in pairs):
        yield "note: found from: a real difference would most likely (80 %) have been found from there on"
    caveats = {f"{name}: {one.text}": None for each in pairs for name in each.caveats for one in each.caveats[name]}
    yield from (f"{DAGGER} caveat: {text}" for text in caveats)


def _said(pair: "Compared", with_groups: bool) -> Iterator[str]:
    """Why a pair has its verdict, and what it is made of."""
    from evaluator.scoring.metrics import METRICS

    if pair.reason:
        yield pair.reason
    if getattr(pair, "is_pooled_anew", False):
        yield "folds make their scores in different ways; all folds are pooled for this"
    if with_groups and pair.p != pair.p and (by_group := getattr(pair, "by_group", {})):
        shown = METRICS[pair.metric].shown
        each = ", ".join(f"{name} {'-' * (value < 0)}{shown(abs(value))}" for name, value in by_group.items())
        yield f"the difference in each group: {each}"


def _whose(several: "Sequence[Compared]", pairs: "Sequence[Compared]") -> str:
    """What stands before a note: nothing where it is about all pairs, else their tasks, or the pairs by name."""
    if len(several) == len(pairs):
        return ""
    tasks = {getattr(each, "task", "") for each in several}
    if sum(getattr(each, "task", "") in tasks for each in pairs) == len(several):
        return f"{', '.join(sorted(tasks))}: "
    named = [f"{each.better} and {each.worse}" for each in several]
    more = f" and {len(named) - _MAX_NAMED} more pairs" if len(named) > _MAX_NAMED else ""
    return f"{'; '.join(named[:_MAX_NAMED])}{more}: "
