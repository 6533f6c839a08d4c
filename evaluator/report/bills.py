"""What the results of a board took, as a table: seconds by stage, audio and memory."""

from collections.abc import Sequence

from evaluator.report.page_parts import Details, PageTable
from evaluator.results.bill import STAGES, bill_of
from evaluator.results.result import Result
from evaluator.tables import TableCell

_CAPTION = (
    "Seconds of processor time by stage, all threads and processes together (list and open: once for all results of one command; "
    "embed holds what storing and proving take), then of wall time; audio that was embedded, the rest was there already, and how "
    "many seconds of it in one of wall time; the most memory held up to then"
)


def details(titles: Sequence[str], results: Sequence[Result]) -> list[Details]:
    """The table of results that have a bill, at a click; none if no result has one.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one board, (n_results,).
    """
    head, rows = bill_rows(titles, results)
    return [Details("What it took", (), [PageTable(_CAPTION, head, rows)])] if rows else []


def bill_rows(titles: Sequence[str], results: Sequence[Result]) -> tuple[list[str], list[list[TableCell]]]:
    """Head and rows of the table, (n_bills, n_columns): times in seconds, audio in hours, memory in GB."""
    billed = [(title, bill) for title, bill in zip(titles, map(bill_of, results), strict=True) if bill is not None]
    stages = [stage for stage in STAGES if any(stage in bill.processor for _, bill in billed)]
    head = ["module", *stages, "processor s", "wall s", "audio h", "embedded h", "s of audio a second", "GB"]
    rows: list[list[TableCell]] = []
    for title, bill in billed:
        row: list[TableCell] = [title, *(_rounded(bill.processor.get(stage), 1) for stage in stages)]
        row += [round(sum(bill.processor.values()), 1), round(sum(bill.wall.values()), 1)]
        row += [_rounded(bill.audio_seconds / 3600, 3), _rounded(bill.embedded_seconds / 3600, 3)]
        row += [_rounded(bill.audio_per_second, 1), _rounded(bill.peak_bytes / 1e9 or None, 2)]
        rows.append(row)
    return head, rows


def _rounded(value: float | None, n_digits: int) -> float | None:
    return None if value is None else round(value, n_digits)
