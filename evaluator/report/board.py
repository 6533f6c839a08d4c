"""Leaderboards: the results of one question on the same clips, with ranks that admit ties."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.report.gathered import Asked, Head
from evaluator.results import Result


@dataclass(frozen=True)
class Place:
    """One result on a board.

    head: What its JSON says: module, score, interval, spread, chosen, run, path ...
    title: What to call it on this board.
    rank, last_rank: The first and the last rank that it may have: 1 + how many are surely better, and n - how many are surely
        worse, of n that have a score; None for a result without a score.
    """

    head: Head
    title: str
    rank: int | None
    last_rank: int | None


@dataclass(frozen=True)
class Board:
    """The results of one question on the same test clips.

    places: Best first.
    surely_better: Whether row i is surely better than column j, in the order of `places`, (n_places, n_places).
    n_clips, n_folds: Test clips of all folds together, and folds.
    draws_groups: Whether groups of clips were drawn, not clips.
    notes: What a reader of the board should know, for one where it parts from other boards of the question.
    problems: A sentence for each result that could not be used.
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


def boards(asked: Asked, seed: int = 0) -> Iterator[Board]:
    """The boards of a question: one, or several if its results were not tested on the same clips."""
    raise NotImplementedError(asked, seed)


def board(
    found: Sequence[Result], paths: Sequence[Path], seed: int = 0, titles: Mapping[Path, str] | None = None
) -> Board:
    """The board of results on the same clips."""
    raise NotImplementedError(found, paths, seed, titles)
