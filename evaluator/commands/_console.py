"""What commands say: tables on standard output, bars and complaints on standard error."""

import logging
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluator.embedding.spent import Spent
    from evaluator.results.caveats import Caveat
    from evaluator.results.result import Result

LINE_SECONDS = 30.0  # between lines of progress where no bar can be drawn


def report_error(name: str, error: Exception) -> None:
    """Say what went wrong, now; the name once, also where the error begins with it."""
    has_name = str(error).startswith((f"{name}: ", f"module {name}"))
    print(f"hear-eval: {error}" if has_name else f"hear-eval: {name}: {error}", file=sys.stderr)


class _Teller(logging.Handler):
    """Says the warnings of the rooms below on standard error, as it is at that moment, above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one, but for those of the API itself: what failed is said by the command."""
        from tqdm import tqdm

        if record.name != "evaluator":
            tqdm.write(f"hear-eval: {record.getMessage()}", file=sys.stderr)


_TELLER = _Teller(logging.WARNING)


def tell_warnings() -> None:
    """Have what the rooms below warn of said from now on."""
    logging.getLogger("evaluator").addHandler(_TELLER)  # once, however often it is called


def print_results(done: "Sequence[tuple[Result, Path | None]]", unchanged: Collection[Path] = ()) -> None:
    """A table of scores, then what a reader should know, then where the files are, and which of them were there already."""
    from evaluator.results.caveats import DAGGER

    rows = [
        (
            r.module,
            r.task,
            f"{r.protocol} ({r.profile})",
            r.chosen,
            r.metric,
            *_figures(r),
            f"{r.n_clips - r.n_failed}/{r.n_clips}",
            f"{r.seconds.get('embed', 0.0):.1f}",
        )
        for r, _ in done
    ]
    if rows:
        head = ("module", "task", "protocol", "of", "metric", "score", "95 % interval", "trained", "clips", "embed s")
        print_table(*_without_empty(head, rows))
    for result, path in done:
        for caveat in result.caveats:
            print(f"{DAGGER} caveat: {result.module}, {result.task}: {caveat.text}{_consequence(caveat)}")
        for note in result.notes:
            print(f"note: {result.module}, {result.task}: {note}")
        if path is not None:
            print(f"{'unchanged' if path in unchanged else 'written'}: {path}")


def print_bill(made: "Sequence[Result]", begun: "Spent") -> None:
    """A line about what a command took since it began, and for which results that were made now."""
    from evaluator.embedding import spent
    from evaluator.results.bill import bill_of, in_a_line

    now, bills = spent.now(), [bill for bill in map(bill_of, made) if bill is not None]
    print(f"took: {in_a_line(bills, now.processor - begun.processor, now.wall - begun.wall, now.peak_bytes)}")


def _consequence(caveat: "Caveat") -> str:
    """What a caveat forbids, in words."""
    from evaluator.results.caveats import ALWAYS, UNLESS_SHARED, falsifies

    said = {ALWAYS: " (no rank, no verdict)", UNLESS_SHARED: " (no verdict but on results that share it)"}
    return said.get(falsifies(caveat), "")


def _figures(result: "Result") -> tuple[str, str, str]:
    """Score with a dagger if it has caveats, interval, and how often probes were trained and with what standard deviation; percentages times a hundred."""
    from evaluator.results.caveats import mark
    from evaluator.scoring.metrics import METRICS

    metric = METRICS[result.metric]
    interval = metric.interval(result.ci_low, result.ci_high)
    n_times = len(result.test_probabilities[0])
    std = "" if result.std is None else f"{n_times}, +-{metric.shown(result.std)}"
    return f"{metric.shown(result.score)} {metric.unit}".strip() + mark(result.caveats), interval, std


def _without_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Head and rows without the columns that hold nothing."""
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    return [head[column] for column in kept], [[row[column] for column in kept] for row in rows]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest entry."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def bar(title: str, total: int, unit: str = "") -> Callable[[int], object]:
    """A progress bar on standard error, or a line now and then where that is no terminal; large counts of a unit get a prefix."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        return _Lines(title, total, unit).update
    return tqdm(total=total, desc=title, file=sys.stderr, unit=unit, unit_scale=bool(unit)).update


class _Lines:
    """Progress in whole lines, for logs: the first after `LINE_SECONDS`, so that what is short says nothing."""

    def __init__(self, title: str, total: int, unit: str):
        self.title, self.total, self.unit, self.n = title, total, unit, 0
        self.began = self.told = time.monotonic()

    def update(self, n_steps: int) -> None:
        """Count steps, and say how far it is if nothing was said for so long."""
        from tqdm import tqdm

        self.n += n_steps
        now = time.monotonic()
        if now - self.told >= LINE_SECONDS:
            self.told = now
            line = tqdm.format_meter(
                self.n,
                self.total,
                now - self.began,
                prefix=self.title,
                unit_scale=bool(self.unit),
                unit=self.unit,
                bar_format="{desc}: {n_fmt} of {total_fmt}{unit} ({percentage:.0f} %), {elapsed} so far, {remaining} to go",
            )
            print(f"hear-eval: {line}", file=sys.stderr, flush=True)
