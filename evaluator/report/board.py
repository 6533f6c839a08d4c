"""What a leaderboard says: results of one task, protocol, profile and metric on the same test clips, with ranks that admit ties.

`ranking` makes it.
"""

import math
from dataclasses import dataclass

from evaluator.report.header import ResultHeader
from evaluator.results.result import Result
from evaluator.scoring import differences


@dataclass(frozen=True)
class BoardEntry:
    """One result on a board.

    header: Module, score, interval, std, caveats, path ...
    title: What to call it on this board.
    rank, last_rank: The first and the last rank, from 1, that it may have: 1 + how many are significantly better, and n less
        those that are significantly worse, of n that have a score; None for a result without a score, for a baseline, and
        for one that has nothing beside it to be ranked with or is withheld.
    withheld: Why its caveats forbid a rank beside the others; "" if they do not.
    n_times: How often its probes were trained, over seeds and random choices of few shots.
    baseline: Whether it stands there to be compared with, such as chance, beside modules that are none.
    hides_luck: Whether its probes draw something and were trained once, so that no difference to it is called significant.
    """

    header: ResultHeader
    title: str
    rank: int | None
    last_rank: int | None
    n_times: int
    withheld: str = ""
    baseline: bool = False
    hides_luck: bool = False

    @property
    def result(self) -> Result:
        """The result, without what its header leaves out."""
        return self.header.result


@dataclass(frozen=True)
class Board:
    """The results of one task, protocol, profile and metric on the same test clips.

    entries: Best first; those that are withheld after the others.
    significantly_better: Whether row i is significantly better than column j, in the order of `entries`,
        (n_entries, n_entries). Modules among each other are one family of comparisons, modules and baselines another;
        two baselines are not compared.
    n_clips, n_folds: Test clips of all folds together, and folds.
    over_groups, n_units: Whether the units behind the ranks are groups of clips, not clips, and how many there are.
    notes: What a reader of the board should know, for one where it differs from other boards of the same task.
    problems: A sentence for each result that could not be used.
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
    n_units: int
    notes: list[str]
    problems: list[str]

    def cannot_tell(self, with_baselines: bool = False) -> bool:
        """Whether so few units cannot tell any two modules apart, or modules from baselines, however they differ."""
        known = [each for each in self.entries if not math.isnan(each.result.score)]
        n_modules = sum(not each.withheld and not each.baseline for each in known)
        n_baselines = sum(each.baseline for each in known)
        n_pairs = n_modules * n_baselines if with_baselines else n_modules * (n_modules - 1) // 2
        return differences.cannot_tell(self.n_units, n_pairs)
