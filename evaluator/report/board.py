"""Leaderboards: results of one task, protocol, profile and metric on the same test clips, with ranks that admit ties.

Ranks follow from which result is significantly better than which (`significance`), which is what `compare.compare` says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.report.collect import ComparableResults, with_titles
from evaluator.report.header import ResultHeader, header_of
from evaluator.report.significance import significantly_better
from evaluator.results import compare, on_disk
from evaluator.results.result import Result
from evaluator.scoring import intervals, metrics


@dataclass(frozen=True)
class BoardEntry:
    """One result on a board.

    header: Module, score, interval, std, caveats, path ...
    title: What to call it on this board.
    rank, last_rank: The first and the last rank, from 1, that it may have: 1 + how many are significantly better, and n less
        those that are significantly worse, of n that have a score; None for a result without a score, and for one that
        has nothing beside it to be ranked with.
    n_times: How often its probes were trained, over seeds and random choices of few shots.
    """

    header: ResultHeader
    title: str
    rank: int | None
    last_rank: int | None
    n_times: int

    @property
    def result(self) -> Result:
        """The result, without what its header leaves out."""
        return self.header.result


@dataclass(frozen=True)
class Board:
    """The results of one task, protocol, profile and metric on the same test clips.

    entries: Best first.
    significantly_better: Whether row i is significantly better than column j, in the order of `entries`,
        (n_entries, n_entries).
    n_clips, n_folds: Test clips of all folds together, and folds.
    over_groups: Whether the bootstrap behind the ranks is over groups of clips, not over clips.
    notes: What a reader of the board should know, for one where it differs from other boards of the same task.
    problems: A sentence for each result that could not be used.
    seed: Of the bootstrap behind the ranks.
    """

    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    entries: list[BoardEntry]
    significantly_better: list[list[bool]]
    n_clips: int
    n_folds: int
    over_groups: bool
    notes: list[str]
    problems: list[str]
    seed: int = 0


@dataclass(frozen=True)
class _Scored:
    """What is kept of a result until its board is complete.

    value: Its score, from its predictions.
    n_times: How often its probes were trained.
    resampled: Its score in each draw of the bootstrap, (TEST_DRAWS,).
    trained_on: Hashes of all clips, of the task file and of the protocol file.
    trained_seldom: Whether that was too seldom to know the standard deviation over trainings.
    remarks: About it alone.
    """

    header: ResultHeader
    value: float
    n_times: int
    resampled: np.ndarray
    trained_on: tuple[str, ...]
    trained_seldom: bool
    remarks: list[str]


@dataclass(frozen=True)
class _SameClips:
    """Results on the same clips as the first one; groups of its clips, (n_clips,) each fold, None for clips."""

    first: Result
    groups: list[np.ndarray] | None
    scored: list[_Scored] = field(default_factory=list)


def boards(comparable: ComparableResults, seed: int = 0) -> list[Board]:
    """One board, or several if the results were not tested on the same clips; the one with most entries first.

    Results are read one after the other; of each, no more than its score in each draw is kept. The first board has the
    problems; where no result could be used, it has no entries.

    Args:
        comparable: Its headers, (n_results,), say where the results lie.
        seed: Of the bootstrap.
    """
    by_clips: list[_SameClips] = []
    problems: list[str] = []
    for header in comparable.headers:
        try:
            _add(by_clips, header, on_disk.read(header.path), seed)
        except EvaluationError as error:
            problems.append(str(error))
    if not by_clips:
        names = (comparable.task, comparable.dataset, comparable.protocol, comparable.profile, comparable.metric)
        return [Board(*names, [], [], 0, 0, False, ["None of its results can be used"], problems)]
    by_clips.sort(key=lambda each: -len(each.scored))
    first, *others = [_ranked(each, seed) for each in by_clips]
    reasons = [_why_apart(by_clips[0], each) for each in by_clips[1:]]
    explained = [replace(each, notes=[why, *each.notes]) for each, why in zip(others, reasons, strict=True)]
    return [replace(first, notes=[*reasons, *first.notes], problems=problems), *explained]


def board(
    results: Sequence[Result], paths: Sequence[Path], seed: int = 0, titles: Mapping[Path, str] | None = None
) -> Board:
    """The board of results on the same clips.

    Args:
        results, paths: The results and where they lie, (n_results,) each.
        seed: Of the bootstrap.
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
        _add(by_clips, replace(header, title=titles[header.path]) if titles else header, result, seed)
    if len(by_clips) > 1:
        raise UsageError(_why_apart(by_clips[0], by_clips[1]))
    return _ranked(by_clips[0], seed)


def _add(by_clips: list[_SameClips], header: ResultHeader, result: Result, seed: int) -> None:
    """Put a result to those on the same clips, or, if there are none, on its own."""
    _refuse_unsound(result, header.path)
    same = next((each for each in by_clips if not _difference(each.first, result)), None)
    if same is None:
        same = _SameClips(result, intervals.units(result.test_groups))
    scored = _scored(header, result, same, seed)
    if not same.scored:
        by_clips.append(same)
    same.scored.append(scored)


def _difference(one: Result, other: Result) -> str:
    """Where two results differ in what was tested, in a sentence; "" if they were tested on the same clips."""
    try:
        compare.refuse_unlike([one, other])
    except UsageError as error:
        return str(error)
    return ""


def _why_apart(largest: _SameClips, other: _SameClips) -> str:
    modules = ", ".join(sorted({scored.header.title for scored in other.scored}))
    return f"On a board of its own: {modules}; {_difference(largest.first, other.first)}"


def _refuse_unsound(result: Result, path: Path) -> None:
    """Refuse predictions that do not fit the rest of the result.

    Raises:
        EvaluationError: No folds, or one with other numbers of clips, classes, probabilities or points of the curve.
    """
    of_events = metrics.METRICS[result.metric].of_events
    for fold, clips, groups, targets, probabilities in zip(
        result.folds,
        result.test_clips,
        result.test_groups,
        result.test_targets,
        result.test_probabilities,
        strict=True,
    ):
        shapes = (
            f"{len(clips)} clips, {len(groups)} groups, targets {targets.shape}, probabilities {probabilities.shape}"
        )
        fits = targets.ndim == 2 and probabilities.ndim == 3
        fits = fits and len(clips) == len(groups) == len(targets) == probabilities.shape[1] > 0
        if not fits or not (of_events or targets.shape[1] == probabilities.shape[2] == len(result.classes)):
            raise EvaluationError(
                f"{path}: fold {fold.name} does not fit together ({shapes}, {len(result.classes)} classes); run it again"
            )
        if fold.point not in range(len(result.curve)):
            raise EvaluationError(
                f"{path}: fold {fold.name} is scored at point {fold.point} of a curve of {len(result.curve)}; run it again"
            )
    if not result.folds:
        raise EvaluationError(f"{path}: a result of {len(result.folds)} folds; run it again")


def _scored(header: ResultHeader, result: Result, same: _SameClips, seed: int) -> _Scored:
    tested = compare.tested(result)
    try:
        value = compare.refuse_another_score(result)
    except EvaluationError as error:
        raise EvaluationError(f"{header.path}: {error}") from error
    remarks = []
    if result.test_groups != same.first.test_groups:
        remarks.append(
            f"{header.title}: its clips have other groups than those of {same.first.module}, which the ranks are made with"
        )
    hashes = ("manifest_sha256", "task_sha256", "protocol_sha256")
    return _Scored(
        header,
        value,
        intervals.n_trainings(result.test_probabilities),
        intervals.many_draws(tested, result.metric, seed, same.groups),
        tuple(str(result.provenance.get(name)) for name in hashes),
        compare.trained_seldom(result),
        remarks,
    )


def _ranked(same: _SameClips, seed: int) -> Board:
    """The board of results on the same clips: order, ranks and notes."""
    first = same.first
    ordered = sorted(same.scored, key=lambda each: (-metrics.signed(first.metric, each.value), each.header.title))
    better = significantly_better(
        np.array([each.value for each in ordered]),
        np.stack([each.resampled for each in ordered]),
        first.metric,
        intervals.n_units(compare.tested(first), same.groups),
    )
    n_scored = sum(not np.isnan(each.value) for each in ordered)
    titles = _distinct_titles([each.header for each in ordered])
    entries = [
        BoardEntry(each.header, title, 1 + int(better[:, n].sum()), n_scored - int(better[n].sum()), each.n_times)
        if n < n_scored > 1  # those without a score come last
        else BoardEntry(each.header, title, None, None, each.n_times)
        for n, (each, title) in enumerate(zip(ordered, titles, strict=True))
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
        over_groups=same.groups is not None,
        notes=_notes(ordered),
        problems=[],
        seed=seed,
    )


def _distinct_titles(headers: Sequence[ResultHeader]) -> list[str]:
    """Titles; where a variant was run several times, say with other seeds, with the run."""
    titles = [header.title for header in headers]
    return [
        title if titles.count(title) == 1 else f"{title} [run {header.result.run}]"
        for title, header in zip(titles, headers, strict=True)
    ]


def _notes(ordered: Sequence[_Scored]) -> list[str]:
    notes = []
    seldom = sorted({each.header.title for each in ordered if each.trained_seldom})
    if seldom and len(ordered) > 1:
        notes.append(
            f"Trained less than {compare.SEEDS} times, so that luck in training is hardly counted (--seeds): {_some(seldom)}"
        )
    whats = ("data as a whole, training clips included,", "task file", "protocol file")
    for what, versions in zip(whats, zip(*(each.trained_on for each in ordered), strict=True), strict=True):
        if len(set(versions)) > 1:
            usual = max(versions, key=versions.count)
            odd = sorted({each.header.title for each, own in zip(ordered, versions, strict=True) if own != usual})
            notes.append(f"The {what} is not the same for all: another one for {_some(odd)}")
    return [*notes, *(remark for each in ordered for remark in each.remarks)]


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
