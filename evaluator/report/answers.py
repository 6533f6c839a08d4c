"""What a board answers, in a sentence: which module is best, and whether that is significant."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.report.board import Board, BoardEntry
from evaluator.report.overview import Overview
from evaluator.report.text import count_of
from evaluator.results.caveats import mark
from evaluator.scoring.metrics import METRICS, title_of

_MAX_NAMED = 2  # modules that a sentence names beside the best


@dataclass(frozen=True)
class Answer:
    """A sentence: the name that it begins with, "" for none, and the rest of it."""

    name: str
    rest: str


def answer(board: Board) -> Answer:
    """Which module is best on a board, (n_entries,), with what is significant about it; or why none can be told."""
    able = [n for n, each in enumerate(board.entries) if _can_be_best(each)]
    after = f"{_baseline(board, able)}{_withheld(board)}"
    if not able:
        return Answer("", f"No module can be ranked here.{after}")
    best, *others = (board.entries[n] for n in able)
    score = _score(board, best, with_interval=True)
    if not others:
        return Answer(best.title, f" scores {score}.{after}")
    but = " but for a baseline" if any(each.baseline for each in board.entries[: able[0]]) else ""
    better = board.significantly_better[able[0]]
    beaten = [board.entries[n] for n in able[1:] if better[n]]
    if len(beaten) == len(others):
        than = _names(board, others) if len(others) <= _MAX_NAMED else f"all {len(others)} others"
        return Answer(best.title, f" is best{but}: {score}, significantly better than {than}.{after}")
    return Answer(
        best.title, f" has the {_best_score(board)}{but}, {score}, {_undecided(board, able, len(beaten))}.{after}"
    )


def is_best(board: Board) -> BoardEntry | None:
    """The entry, of (n_entries,), that is significantly better than all others that can be compared, one at least; None if none is."""
    able = [n for n, each in enumerate(board.entries) if _can_be_best(each)]
    if len(able) > 1 and all(board.significantly_better[able[0]][n] for n in able[1:]):
        return board.entries[able[0]]
    return None


def summary(everything: Overview) -> list[str]:
    """All boards in a sentence or two: on how many each module is best, and who has the best mean rank; (n_sentences,)."""
    boards = [board for board in everything.boards if sum(map(_can_be_best, board.entries)) > 1]
    if not boards:
        return []
    titles = {entry.header.variant: row.title for row in everything.rows for entry in row.entries if entry}
    wins = Counter(titles[best.header.variant] for board in boards if (best := is_best(board)))
    is_task_each = len({board.task for board in boards}) == len(boards)  # not one of several protocols or test sets
    n_tasks, undecided = count_of(len(boards), "task" if is_task_each else "leaderboard"), len(boards) - wins.total()
    if wins:
        won = ", ".join(f"{name} on {n}" for name, n in wins.most_common())
        rest = f"; on {undecided} no module is" if undecided else ""
        sentences = [f"Significantly better than all others, of {n_tasks}: {won}{rest}."]
    else:
        sentences = [f"On none of {n_tasks} is a module significantly better than all others."]
    ranked = [row for row in everything.rows if row.mean_rank is not None]
    if len(ranked) > 1 and ranked[0].mean_rank != ranked[1].mean_rank:
        first = ranked[0]
        sentences.append(
            f"{first.title} has the best mean rank, {first.mean_rank:.1f} of {len(ranked)}, over {count_of(len(everything.shared), 'leaderboard')}."
        )
    return sentences


def _can_be_best(entry: BoardEntry) -> bool:
    return entry.result.score == entry.result.score and not entry.withheld and not entry.baseline


def _best_score(board: Board) -> str:
    return "highest score" if METRICS[board.metric].best == "highest" else "lowest score, which is best"


def _score(board: Board, entry: BoardEntry, with_interval: bool = False) -> str:
    metric, result = METRICS[board.metric], entry.result
    unit = f" {metric.unit}" if metric.unit else ""
    score = f"{metric.shown(result.score)}{unit}{mark(result.caveats)}"
    if not with_interval:
        return score
    span = metric.interval(result.ci_low, result.ci_high)
    name = title_of(board.metric)
    return f"{score} {name} (95 % interval {span})" if span != "none" else f"{score} {name}"


def _names(board: Board, entries: Sequence[BoardEntry]) -> str:
    """Modules with their scores, the first few by name."""
    named = [f"{each.title} ({_score(board, each)})" for each in entries[:_MAX_NAMED]]
    more = len(entries) - len(named)
    if more:
        return f"{', '.join(named)} and {more} more"
    return " and ".join(named)


def _undecided(board: Board, able: Sequence[int], n_beaten: int) -> str:
    """Why the best of several, `able` of the entries, is not called so."""
    entries = [board.entries[n] for n in able]
    if board.cannot_tell():
        of = "test groups" if board.over_groups else "test clips"
        return f"but {board.n_units} {of} are too few to rank {count_of(len(able), 'module')}"
    if entries[0].hides_luck or all(each.hides_luck for each in entries[1:]):
        once = "clustering was started" if METRICS[board.metric].of_measures else "probe was trained"
        return f"but its {once} once, so that no difference is called significant"
    close = [board.entries[n] for n in able[1:] if not board.significantly_better[able[0]][n]]
    rest = f"; it is significantly better than {count_of(n_beaten, 'other')}" if n_beaten else ""
    return f"not significantly better than {_names(board, close)}{rest}"


def _baseline(board: Board, able: Sequence[int]) -> str:
    """A sentence where a baseline scores higher than the best, or not significantly lower; "" where none does, or nothing could tell."""
    higher = [each for each in board.entries[: able[0]] if each.baseline] if able else []
    if higher:
        score = "scores" if len(higher) == 1 else "score"
        better = "higher" if METRICS[board.metric].best == "highest" else "lower, which is better"
        return f" The baseline{'s' * (len(higher) > 1)} {_names(board, higher)} {score} {better}."
    if board.cannot_tell(with_baselines=True) or (able and board.entries[able[0]].hides_luck):
        return ""
    close = [
        each
        for n, each in enumerate(board.entries)
        if each.baseline and able and not each.withheld and not board.significantly_better[able[0]][n]
    ]
    return f" It is not significantly better than the baseline {_names(board, close[:1])}." if close else ""


def _withheld(board: Board) -> str:
    withheld = [each for each in board.entries if each.withheld]
    return f" Not ranked, for its caveats: {_names(board, withheld)}." if withheld else ""
