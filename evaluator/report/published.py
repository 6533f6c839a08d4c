"""Numbers that papers print, as rows beside measured ones: never ranked, never bold, and marked where they answer another question."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluator.report.board import Board
from evaluator.scoring.metrics import METRICS

DOUBLE_DAGGER = "‡"  # beside a printed number that is of another question than the measured ones of its board


@dataclass(frozen=True)
class PrintedNumber:
    """What a paper prints for one of its models on one task.

    model, table: The row's printed name, and the table of the paper.
    metrics: Names of the metric in the protocol's profiles, by profile: the same score by the paper's code, and corrected.
    text, std, low, high: As printed, in the metric's unit (percent where it has one); "" for what is not printed.
    """

    model: str
    table: str
    task: str
    protocol: str
    profile: str
    metrics: Mapping[str, str]
    text: str
    std: str = ""
    low: str = ""
    high: str = ""

    @property
    def value(self) -> float:
        """The number, in the metric's unit from 0 to 1, as a result's score is."""
        return float(self.text) / self._unit

    def scaled(self, text: str) -> float | None:
        """What is printed beside the number, in the unit of `value`; None for "", where nothing is printed."""
        return float(text) / self._unit if text else None

    @property
    def _unit(self) -> float:
        return 100.0 if METRICS[self.metrics[self.profile]].unit == "%" else 1.0

    @property
    def shown(self) -> str:
        """The number as it is read: with its printed digits, without zeros in front.

        >>> PrintedNumber("M", "t", "s/t", "arch", "published", {"published": "accuracy"}, "00.30").shown
        '0.30'
        """
        return f"{float(self.text):.{len(self.text.partition('.')[2])}f}"

    @property
    def interval(self) -> str:
        """The printed interval as it is read; "" for none."""
        return f"{self.low} to {self.high}" if self.low and self.high else ""


@dataclass(frozen=True)
class PublishedPaper:
    """A paper's name, how to cite it, and its printed numbers, (n_numbers,), in the order of its tables."""

    name: str
    citation: str
    numbers: Sequence[PrintedNumber]


@dataclass(frozen=True)
class PrintedRow:
    """A printed number on a board.

    variant: Equal for the same model of the same paper on all boards.
    name: The model as it is printed, with its table where that tells it from another number.
    others: In which ways it answers another question than the measured rows, each a phrase; none if it does not.
    """

    paper: PublishedPaper
    number: PrintedNumber
    variant: tuple[str, str, str]
    name: str
    others: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What to call it among measured ones."""
        return f"{self.name}, printed in {self.paper.name}"

    @property
    def score(self) -> str:
        """The number as it is read, with a double dagger where it answers another question."""
        return f"{self.number.shown}{DOUBLE_DAGGER if self.others else ''}"


def rows_of(board: Board, papers: Sequence[PublishedPaper]) -> list[PrintedRow]:
    """The printed numbers of a board's task and metric, (n_rows,), paper by paper, the best first.

    A model that a paper prints alike in several tables is one row; where the numbers differ, the table tells them apart.

    >>> number = PrintedNumber("M", "t1", "s/t", "arch", "published", {"published": "accuracy"}, "45.73")
    >>> board = Board("s/t", "d", "arch", "clean", "accuracy", [], [], 0, 0, False, 0, [], [])
    >>> (row,) = rows_of(board, [PublishedPaper("p2024", "A. (2024)", [number])])
    >>> row.title, row.score, row.others
    ('M, printed in p2024', '45.73‡', ('profile published, not clean',))
    """
    rows: list[PrintedRow] = []
    for paper in papers:
        of_paper: dict[tuple[str, str, str], PrintedRow] = {}
        ambiguous = _told_apart_by_table(paper)
        for each in paper.numbers:
            if each.task != board.task or board.metric not in each.metrics.values():
                continue
            table = each.table if each.model in ambiguous else ""
            name = f"{each.model} ({table})" if table else each.model
            variant = (paper.name, each.model, table)
            of_paper.setdefault(variant, PrintedRow(paper, each, variant, name, tuple(_others(board, each))))
        sign = 1 if METRICS[board.metric].best == "lowest" else -1
        rows += sorted(of_paper.values(), key=lambda row: (sign * row.number.value, row.title))
    return rows


def _told_apart_by_table(paper: PublishedPaper) -> set[str]:
    """The models for which tables of the paper print different numbers on the same task."""
    texts: dict[tuple[str, str], set[str]] = {}
    for each in paper.numbers:
        texts.setdefault((each.model, each.task), set()).add(each.text)
    return {model for (model, _), several in texts.items() if len(several) > 1}


def _others(board: Board, number: PrintedNumber) -> Iterator[str]:
    """In which ways a printed number answers another question than the results of a board."""
    if board.protocol != number.protocol:
        yield f"protocol {number.protocol}, not {board.protocol}"
    if board.profile != number.profile:
        yield f"profile {number.profile}, not {board.profile}"
    if board.metric != number.metrics[number.profile]:
        yield f"metric {number.metrics[number.profile]}, not {board.metric}"
    if any(caveat.kind == "partial_data" for entry in board.entries for caveat in entry.result.caveats):
        yield "the published data, not the part or version that is here"


def notes(rows: Sequence[PrintedRow]) -> list[str]:
    """What to know about the printed rows of a board, as sentences: whose they are, and where they answer another question.

    Args:
        rows: As `rows_of` gives them, (n_rows,).
    """
    sentences = []
    for paper in {row.paper.name: row.paper for row in rows}.values():
        sentences.append(
            f"Printed in {paper.name}, not measured here and never ranked, since nothing tells on which clips it was right: "
            f"{paper.citation}"
        )
        by_others = dict.fromkeys(row.others for row in rows if row.paper.name == paper.name and row.others)
        sentences += [
            f"{DOUBLE_DAGGER} Numbers of {paper.name} answer another question than the results here: {'; '.join(others)}"
            for others in by_others
        ]
    return sentences


def unmatched(boards: Sequence[Board], papers: Sequence[PublishedPaper]) -> list[str]:
    """A sentence for each paper of which no printed number stands on any board, (n_boards,)."""
    sentences = []
    for paper in papers:
        if any(rows_of(board, [paper]) for board in boards):
            continue
        tasks = list(dict.fromkeys(each.task for each in paper.numbers))
        here = ", ".join(dict.fromkeys(board.task for board in boards))
        sentences.append(
            f"--published {paper.name}: it prints no number for {here} in the same metric; it does for {', '.join(tasks)}"
        )
    return sentences
