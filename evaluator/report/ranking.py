"""Leaderboards from results: which were tested on the same clips, in which order they stand, and what ranks they may have.

Ranks follow from which result is significantly better than which (`significance`), which is what `compare.compare` says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.report.board import Board, BoardEntry
from evaluator.report.collect import ComparableResults, with_titles
from evaluator.report.header import ResultHeader, header_of
from evaluator.report.significance import significantly_better, without_verdict
from evaluator.report.unfit import refuse_unfit
from evaluator.results import alike, caveats, naming, on_disk, verdict
from evaluator.results.result import Result
from evaluator.scoring import differences, intervals, metrics
from evaluator.scoring.intervals import Estimate
from evaluator.scoring.units import Units

_WAYS = {intervals.POOLED: "of all folds' test clips together", intervals.MEAN: "the mean of folds"}


@dataclass(frozen=True)
class _Scored:
    """What is kept of a result until its board is complete.

    made: Its score, from its predictions, with what each block of units changes, (n_blocks,).
    n_times: How often its probes were trained.
    trained_on: Hashes of all clips, of the task file and of the protocol file.
    trained_seldom, hides_luck: Whether that was too seldom to know the standard deviation over trainings, or once.
    shared: Caveats that whatever it is compared with has to have as well.
    """

    header: ResultHeader
    made: Estimate
    n_times: int
    trained_on: tuple[str, ...]
    trained_seldom: bool
    hides_luck: bool
    shared: caveats.Shared


@dataclass(frozen=True)
class _SameClips:
    """Results on the same clips as the first one, whose units, (n_units,), they all have, and whose folds make one score alike."""

    first: Result
    units: Units
    scored: list[_Scored] = field(default_factory=list)


def boards(comparable: ComparableResults) -> list[Board]:
    """One board, or several if the results were not tested on the same clips; the one with most entries first.

    Results are read one after the other; of each, no more than what its groups change is kept. The first board has the
    problems; where no result could be used, it has no entries.

    Args:
        comparable: Its headers, (n_results,), say where the results lie.
    """
    by_clips: list[_SameClips] = []
    problems: list[str] = []
    for header in comparable.headers:
        try:
            _add(by_clips, header, on_disk.read(header.path))
        except EvaluationError as error:
            problems.append(str(error))
    if not by_clips:
        names = (comparable.task, comparable.dataset, comparable.protocol, comparable.profile, comparable.metric)
        return [Board(*names, [], [], 0, 0, False, 0, ["None of its results can be used"], problems)]
    by_clips.sort(key=lambda each: -len(each.scored))
    first, *others = [_ranked(each) for each in by_clips]
    reasons = [_why_apart(by_clips[0], each) for each in by_clips[1:]]
    explained = [replace(each, notes=[why, *each.notes]) for each, why in zip(others, reasons, strict=True)]
    return [replace(first, notes=[*reasons, *first.notes], problems=problems), *explained]


def board(results: Sequence[Result], paths: Sequence[Path], titles: Mapping[Path, str] | None = None) -> Board:
    """The board of results on the same clips.

    Args:
        results, paths: The results and where they lie, (n_results,) each.
        titles: What to call them, by their paths; without, as `collect.with_titles` does.

    Raises:
        UsageError: They were not tested on the same clips, or one of them is there twice.
        EvaluationError: The fields or predictions of one do not fit together.
    """
    headers = with_titles([header_of(result, path) for result, path in zip(results, paths, strict=True)])
    runs = [(result.module, result.run) for result in results]
    if not headers or len(set(runs)) < len(runs):
        raise UsageError(f"a board of {len(runs)} results: none, or one of them twice; give each once")
    by_clips: list[_SameClips] = []
    for header, result in zip(headers, results, strict=True):
        _add(by_clips, replace(header, title=titles[header.path]) if titles else header, result)
    if len(by_clips) > 1:
        raise UsageError(_why_apart(by_clips[0], by_clips[1]))
    return _ranked(by_clips[0])


def _add(by_clips: list[_SameClips], header: ResultHeader, result: Result) -> None:
    """Put a result to those on the same clips, or, if there are none, on its own."""
    refuse_unfit(result, header.path)
    same = next((each for each in by_clips if not _difference(each.first, result)), None)
    if same is None:
        same = _SameClips(result, alike.units_in(result))
    scored = _scored(header, result, same)
    if not same.scored:
        by_clips.append(same)
    same.scored.append(scored)


def _difference(one: Result, other: Result) -> str:
    """Where two results differ in what was tested, in a sentence; "" if they were tested on the same clips."""
    try:
        alike.refuse_unlike([one, other])
    except UsageError as error:
        return str(error)
    if one.over_folds != other.over_folds:
        here, there = naming.titles([one, other])
        return (
            f"the score of {here} is {_WAYS[one.over_folds]}, that of {there} is {_WAYS[other.over_folds]}; "
            "run again what is older"
        )
    return ""


def _why_apart(largest: _SameClips, other: _SameClips) -> str:
    modules = ", ".join(sorted({scored.header.title for scored in other.scored}))
    return f"On a board of its own: {modules}; {_difference(largest.first, other.first)}"


def _scored(header: ResultHeader, result: Result, same: _SameClips) -> _Scored:
    try:
        alike.refuse_another_score(result)
    except EvaluationError as error:
        raise EvaluationError(f"{header.path}: {error}") from error
    hashes = ("manifest_sha256", "task_sha256", "protocol_sha256")
    return _Scored(
        header,
        intervals.estimate(alike.tested(result), result.metric, same.units, result.over_folds),
        intervals.n_trainings(result.test_probabilities),
        tuple(str(result.provenance.get(name)) for name in hashes),
        verdict.trained_seldom(result),
        verdict.hides_luck(result),
        caveats.has_to_be_shared(result),
    )


def _ranked(same: _SameClips) -> Board:
    """The board of results on the same clips: order, ranks and notes."""
    first = same.first
    ordered, withheld = _in_order(same)
    baseline = _baselines([each.header for each in ordered], withheld)
    better = _better(ordered, np.array(baseline), first.metric)
    is_ranked = np.array(
        [
            not why and not base and not np.isnan(each.made.value)
            for each, why, base in zip(ordered, withheld, baseline, strict=True)
        ]
    )
    entries = _entries(ordered, withheld, baseline, better, is_ranked)
    no_rank = [
        f"No rank for {each.title}, not to be compared with the others: {each.withheld}"
        for each in entries
        if each.withheld
    ]
    return Board(
        task=first.task,
        dataset=first.dataset,
        protocol=first.protocol,
        profile=first.profile,
        metric=first.metric,
        entries=entries,
        significantly_better=better.tolist(),
        n_clips=sum(map(len, first.test_clips)),
        n_folds=len(first.folds),
        over_groups=same.units.over == "groups",
        n_units=same.units.n,
        notes=[*_cannot_rank(same.units, int(is_ranked.sum())), *no_rank, *_notes(ordered)],
        problems=[],
    )


def _in_order(same: _SameClips) -> tuple[list[_Scored], list[str]]:
    """The results, best first and those without a rank last, and of each why it has none; "" for those that may have one."""
    reasons = caveats.why_no_rank([each.header.result for each in same.scored], [each.shared for each in same.scored])
    in_order = sorted(
        zip(same.scored, reasons, strict=True),
        key=lambda each: (bool(each[1]), -metrics.signed(same.first.metric, each[0].made.value), each[0].header.title),
    )
    return [each for each, _ in in_order], [why for _, why in in_order]


def _entries(
    ordered: Sequence[_Scored],
    withheld: Sequence[str],
    baseline: Sequence[bool],
    better: np.ndarray,
    is_ranked: np.ndarray,
) -> list[BoardEntry]:
    """The entries of a board, (n_results,), with the ranks that follow from `better`, (n_results, n_results), among those ranked."""
    n_ranked, titles = int(is_ranked.sum()), _distinct_titles([each.header for each in ordered])
    return [
        BoardEntry(
            each.header,
            title,
            1 + int(better[is_ranked, n].sum()) if is_ranked[n] and n_ranked > 1 else None,
            n_ranked - int(better[n, is_ranked].sum()) if is_ranked[n] and n_ranked > 1 else None,
            each.n_times,
            withheld[n],
            baseline[n],
            each.hides_luck,
        )
        for n, (each, title) in enumerate(zip(ordered, titles, strict=True))
    ]


def _baselines(headers: Sequence[ResultHeader], withheld: Sequence[str]) -> list[bool]:
    """Which of the results, (n_results,), are baselines; none where there is nothing else that could be ranked."""
    found = [each.result.is_baseline for each in headers]
    others = [not base and not why for base, why in zip(found, withheld, strict=True)]
    return found if any(others) else [False] * len(found)


def _better(ordered: Sequence[_Scored], baseline: np.ndarray, metric: str) -> np.ndarray:
    """`significantly_better` among modules, and of modules and baselines, each corrected for its own pairs, (n_results, n_results)."""
    made = [each.made for each in ordered]
    unlike = without_verdict(
        [each.header.result.caveats for each in ordered],
        [each.shared for each in ordered],
        [each.hides_luck for each in ordered],
    )
    both, mixed = baseline[:, None] | baseline[None, :], baseline[:, None] ^ baseline[None, :]
    of_modules: np.ndarray = significantly_better(made, unlike | both, metric)
    return of_modules | significantly_better(made, unlike | ~mixed, metric)


def _distinct_titles(headers: Sequence[ResultHeader]) -> list[str]:
    """Titles; where a variant was run several times, say with other seeds, with the run."""
    titles = [header.title for header in headers]
    return [
        title if titles.count(title) == 1 else f"{title} [run {header.result.run}]"
        for title, header in zip(titles, headers, strict=True)
    ]


def _cannot_rank(units: Units, n_scored: int) -> list[str]:
    """A sentence if so few units cannot tell so many modules apart, however they differ."""
    if n_scored < 2 or not differences.cannot_tell(units.n, n_scored * (n_scored - 1) // 2):
        return []
    what = units.over if units.n > 1 else units.over[:-1]
    return [f"{units.n} {what} cannot rank {n_scored} modules: a tie here says nothing"]


def _notes(ordered: Sequence[_Scored]) -> list[str]:
    notes, metric = [], ordered[0].header.result.metric
    done = "Started" if metrics.METRICS[metric].of_measures else "Trained"
    way_out = verdict.WAY_OUT[metrics.METRICS[metric].repeats]
    once = sorted({each.header.title for each in ordered if each.hides_luck})
    if once and len(ordered) > 1:
        notes.append(
            f"{done} once, which hides its luck, so that no difference to others is called significant ({way_out}): "
            f"{_some(once)}"
        )
    seldom = sorted({each.header.title for each in ordered if each.trained_seldom and not each.hides_luck})
    if seldom and len(ordered) > 1:
        notes.append(f"{verdict.had_seldom(metric).capitalize()}: {_some(seldom)}")
    whats = ("data as a whole, training clips included,", "task file", "protocol file")
    for what, versions in zip(whats, zip(*(each.trained_on for each in ordered), strict=True), strict=True):
        if len(set(versions)) > 1:
            usual = max(versions, key=versions.count)
            odd = sorted({each.header.title for each, own in zip(ordered, versions, strict=True) if own != usual})
            notes.append(f"The {what} is not the same for all: another one for {_some(odd)}")
    return notes


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
