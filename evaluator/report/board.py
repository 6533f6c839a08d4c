"""Leaderboards: the results of one question on the same clips, with ranks that admit ties.

One result is surely better than another if a paired bootstrap over their test clips says so (`stats.p_values`, below `stats.SURE`),
corrected for all pairs of the board (Holm): what `compare.compare` says of the same results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.report.collect import Asked, Head, head_of, titled
from evaluator.results import compare, on_disk
from evaluator.results.result import Result
from evaluator.scoring import intervals, metrics

_PAIRS = 250  # judged at once; their draws take 8 MB


@dataclass(frozen=True)
class Place:
    """One result on a board.

    head: What its JSON says: module, score, interval, std, chosen, run, path ...
    title: What to call it on this board.
    rank, last_rank: The first and the last rank that it may have: 1 + how many are surely better, and n - how many are surely
        worse, of n that have a score; None for a result without a score, and for one that has nothing beside it to be ranked with.
    n_times: How often its probes were trained, over seeds and draws of few shots.
    """

    head: Head
    title: str
    rank: int | None
    last_rank: int | None
    n_times: int


@dataclass(frozen=True)
class Board:
    """The results of one question on the same test clips.

    places: Best first.
    surely_better: Whether row i is surely better than column j, in the order of `places`, (n_places, n_places).
    n_clips, n_folds: Test clips of all folds together, and folds.
    draws_groups: Whether groups of clips were drawn, not clips.
    notes: What a reader of the board should know, for one where it parts from other boards of the question.
    problems: A sentence for each result that could not be used.
    seed: Of the draws behind the ranks.
    """

    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    places: list[Place]
    surely_better: list[list[bool]]
    n_clips: int
    n_folds: int
    draws_groups: bool
    notes: list[str]
    problems: list[str]
    seed: int = 0


@dataclass(frozen=True)
class _Entrant:
    """What is kept of a result.

    value: Its score, from its predictions.
    n_times: How often its probes were trained.
    drawn: Its score in each draw, (TEST_DRAWS,).
    lucky: Whether that was too seldom to tell the luck in it.
    remarks: About it alone.
    """

    head: Head
    value: float
    n_times: int
    drawn: np.ndarray
    trained_on: tuple[str, ...]
    lucky: bool
    remarks: list[str]


@dataclass(frozen=True)
class _Party:
    """Results on the same clips as the first."""

    first: Result
    groups: list[np.ndarray] | None
    entrants: list[_Entrant] = field(default_factory=list)


def boards(asked: Asked, seed: int = 0) -> list[Board]:
    """The boards of a question: one, or several if its results were not tested on the same clips; the largest first.

    Results are read one after the other; of each, no more than its score in each draw is kept. The first board has the
    sentences about results that could not be used; where none could, it has no places.
    """
    parties: list[_Party] = []
    problems: list[str] = []
    for head in asked.heads:
        try:
            _join(parties, head, on_disk.read(head.path), seed)
        except EvaluationError as error:
            problems.append(str(error))
    if not parties:
        question = (asked.task, asked.dataset, asked.protocol, asked.profile, asked.metric)
        return [Board(*question, [], [], 0, 0, False, ["no result of this question can be used"], problems)]
    parties.sort(key=lambda party: -len(party.entrants))
    first, *others = [_decided(party, seed) for party in parties]
    partings = [_parting(parties[0], party) for party in parties[1:]]
    told = [replace(each, notes=[why, *each.notes]) for each, why in zip(others, partings, strict=True)]
    return [replace(first, notes=[*partings, *first.notes], problems=problems), *told]


def board(
    found: Sequence[Result], paths: Sequence[Path], seed: int = 0, titles: Mapping[Path, str] | None = None
) -> Board:
    """The board of results on the same clips.

    Args:
        found, paths: The results and where they lie, (n_results,) each.
        seed: Of the bootstrap.
        titles: What to call them, by their paths; without, as `collect.titled` does.

    Raises:
        UsageError: They were not tested on the same clips, or one of them is given twice.
        EvaluationError: The fields or predictions of one do not fit together.
    """
    heads = titled([head_of(path, vars(result)) for result, path in zip(found, paths, strict=True)])
    runs = [(head.module, head.run) for head in heads]
    if not heads or len(set(runs)) < len(runs):
        raise UsageError(f"a board of {len(runs)} results: none, or one of them twice; give each once")
    parties: list[_Party] = []
    for head, result in zip(heads, found, strict=True):
        _join(parties, replace(head, title=titles[head.path]) if titles else head, result, seed)
    if len(parties) > 1:
        raise UsageError(_parting(parties[0], parties[1]))
    return _decided(parties[0], seed)


def _join(parties: list[_Party], head: Head, result: Result, seed: int) -> None:
    """Put a result to those on the same clips, or begin a new party with it."""
    refuse_unsound(result, head.path)
    party = next((each for each in parties if not _parts(each.first, result)), None)
    if party is None:
        party = _Party(result, intervals.units(result.test_groups))
    entrant = _entrant(head, result, party, seed)
    if not party.entrants:
        parties.append(party)
    party.entrants.append(entrant)


def _parts(one: Result, other: Result) -> str:
    """Where two results part, in a sentence; "" if they were tested on the same clips."""
    try:
        compare.refuse_unlike([one, other])
    except UsageError as error:
        return str(error)
    return ""


def _parting(largest: _Party, other: _Party) -> str:
    modules = ", ".join(sorted({entrant.head.title for entrant in other.entrants}))
    return f"on a board of its own: {modules}; {_parts(largest.first, other.first)}"


def refuse_unsound(result: Result, path: Path) -> None:
    """Refuse predictions that do not fit the rest of the result.

    Raises:
        EvaluationError: No folds, or one with other numbers of clips, classes or probabilities.
    """
    of_events = metrics.METRICS[result.metric].of_events
    for name, clips, groups, targets, said in zip(
        [fold.name for fold in result.folds],
        result.test_clips,
        result.test_groups,
        result.test_targets,
        result.test_probabilities,
        strict=True,
    ):
        shapes = f"{len(clips)} clips, {len(groups)} groups, targets {targets.shape}, probabilities {said.shape}"
        fits = targets.ndim == 2 and said.ndim == 3 and len(clips) == len(groups) == len(targets) == said.shape[1] > 0
        if not fits or not (of_events or targets.shape[1] == said.shape[2] == len(result.classes)):
            raise EvaluationError(
                f"{path}: fold {name} does not fit together ({shapes}, {len(result.classes)} classes); run it again"
            )
    if not result.folds:
        raise EvaluationError(f"{path}: a result of {len(result.folds)} folds; run it again")


def _entrant(head: Head, result: Result, party: _Party, seed: int) -> _Entrant:
    pairs = compare.tested(result)
    try:
        value = compare.refuse_another_score(result)
    except EvaluationError as error:
        raise EvaluationError(f"{head.path}: {error}") from error
    remarks = []
    if result.test_groups != party.first.test_groups:
        remarks.append(f"{head.title}: its clips have other groups than those of {party.first.module}, which are drawn")
    decides = ("manifest_sha256", "task_sha256", "protocol_sha256")
    trained_on = tuple(str(result.provenance.get(name)) for name in decides)
    lucky, n_times = compare.trained_seldom(result), intervals.n_trainings(result.test_probabilities)
    return _Entrant(
        head, value, n_times, intervals.many_draws(pairs, result.metric, seed, party.groups), trained_on, lucky, remarks
    )


def _decided(party: _Party, seed: int) -> Board:
    """The board of a party: order, ranks and notes."""
    first = party.first
    entrants = sorted(party.entrants, key=lambda each: (-metrics.signed(first.metric, each.value), each.head.title))
    sure = surely_better(
        np.array([each.value for each in entrants]),
        np.stack([each.drawn for each in entrants]),
        first.metric,
        intervals.n_units(compare.tested(first), party.groups),
    )
    n_scored = sum(not np.isnan(each.value) for each in entrants)
    places = [
        Place(each.head, title, 1 + int(sure[:, n].sum()), n_scored - int(sure[n].sum()), each.n_times)
        if n < n_scored > 1  # those without a score come last
        else Place(each.head, title, None, None, each.n_times)
        for n, (each, title) in enumerate(zip(entrants, _told_apart([each.head for each in entrants]), strict=True))
    ]
    return Board(
        task=first.task,
        dataset=first.dataset,
        protocol=first.protocol,
        profile=first.profile,
        metric=first.metric,
        places=places,
        surely_better=sure.tolist(),
        n_clips=sum(map(len, first.test_clips)),
        n_folds=len(first.folds),
        draws_groups=party.groups is not None,
        notes=_notes(entrants),
        problems=[],
        seed=seed,
    )


def surely_better(values: np.ndarray, drawn: np.ndarray, metric: str, n_units: int) -> np.ndarray:
    """Whether each result is surely better than each other, (n_results, n_results), True in row i and column j for i over j.

    Args:
        values: Scores, (n_results,); NaN is neither better nor worse.
        drawn: Their scores in the same draws of test clips, (n_results, n_draws).
        metric: Name of the score.
        n_units: Clips or groups that were drawn from.
    """
    rows, columns = np.triu_indices(len(values), 1)
    rows, columns = (side[~np.isnan(values[rows] - values[columns])] for side in (rows, columns))
    p = [
        intervals.p_values(drawn[one] - drawn[other], values[one] - values[other], n_units)
        for one, other in (
            (rows[start : start + _PAIRS], columns[start : start + _PAIRS]) for start in range(0, len(rows), _PAIRS)
        )
    ]
    real = np.array(intervals.holm(np.concatenate([*p, []]).tolist())) < intervals.SURE  # (n_pairs,)
    up = (values[rows] > values[columns]) == (metrics.METRICS[metric].best == "highest")
    sure = np.zeros((len(values), len(values)), dtype=bool)
    sure[np.where(up, rows, columns)[real], np.where(up, columns, rows)[real]] = True
    return sure


def _told_apart(heads: Sequence[Head]) -> list[str]:
    """Titles; where a variant was run several times, say with other seeds, with the run."""
    titles = [head.title for head in heads]
    return [
        title if titles.count(title) == 1 else f"{title} [run {head.run}]"
        for title, head in zip(titles, heads, strict=True)
    ]


def _notes(entrants: Sequence[_Entrant]) -> list[str]:
    notes = []
    lucky = sorted({each.head.title for each in entrants if each.lucky})
    if lucky and len(entrants) > 1:
        notes.append(
            f"trained less than {compare.SEEDS} times, so that luck in training is hardly counted (--seeds): {_some(lucky)}"
        )
    whats = ("data as a whole, training clips included,", "task file", "protocol file")
    for what, versions in zip(whats, zip(*(each.trained_on for each in entrants), strict=True), strict=True):
        if len(set(versions)) > 1:
            usual = max(versions, key=versions.count)
            odd = sorted({each.head.title for each, mine in zip(entrants, versions, strict=True) if mine != usual})
            notes.append(f"the {what} is not the same for all: another one for {_some(odd)}")
    return [*notes, *(remark for each in entrants for remark in each.remarks)]


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
