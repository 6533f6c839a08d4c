"""What commands say: tables on standard output, bars and complaints on standard error."""

import re
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands import _log
from evaluator.commands._curves import curve_lines

if TYPE_CHECKING:
    from evaluator.embedding.spent import Spent
    from evaluator.results.caveats import Caveat
    from evaluator.results.result import Result

_MANY = 3  # results; a sentence about more that is about all of them does not name them
_NUMBER = re.compile(r"\d[\d.]*")

LINE_SECONDS = 30.0  # between lines of progress where no bar can be drawn


def report_error(name: str, error: Exception) -> None:
    """Say what went wrong, now; the name once, also where the error begins with it."""
    has_name = str(error).startswith((f"{name}: ", f"module {name}"))
    print(f"hear-eval: {error}" if has_name else f"hear-eval: {name}: {error}", file=sys.stderr)


def print_results(done: "Sequence[tuple[Result, Path | None]]", unchanged: Collection[Path] = ()) -> None:
    """A table of scores, with the seconds that embedding took, then what a reader should know.

    Last come the files, and which of them were there already.
    """
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
        head = (
            "module",
            "task",
            "protocol",
            "of",
            "metric",
            "score",
            "95 % interval",
            _times(done),
            "clips",
            "embed s",
        )
        print_table(*without_empty(head, rows))
    for line in curve_lines([result for result, _ in done]):
        print(line)
    caveats = [(f"{each.text}{_consequence(each)}", result) for result, _ in done for each in result.caveats]
    notes = [(each, result) for result, _ in done for each in result.notes]
    for kind, said in ((f"{DAGGER} caveat", caveats), ("note", notes)):
        for line in _gathered(said, len(done)):
            print(f"{kind}: {line}")
    for _, path in done:
        if path is not None:
            print(f"{'unchanged' if path in unchanged else 'written'}: {path}")


def _gathered(said: "Sequence[tuple[str, Result]]", n_results: int) -> Iterator[str]:
    """Each sentence once, with the results that it is about in front of it, `all` where these are all of several.

    From three tasks on, sentences that differ in their numbers alone are one line: the first of them, and whom the others are about.
    """
    about: dict[str, list[Result]] = {}
    for text, result in said:
        about.setdefault(text, []).append(result)
    is_suite = len({result.task for _, result in said}) > 2
    alike: dict[str, list[str]] = {}
    for text in about:
        alike.setdefault(_NUMBER.sub("#", text) if is_suite else text, []).append(text)
    for first, *others in alike.values():
        likewise = [result for text in others for result in about[text]]
        behind = f" (likewise, with numbers of their own: {_named(likewise)})" if likewise else ""
        whose = "all" if len(about[first]) == n_results > _MANY else _named(about[first])
        yield f"{whose}: {first}{behind}"


def _named(results: "Sequence[Result]") -> str:
    """Modules and tasks of results in few words: `A, t`, `A and B, t`, `A, t and u`."""
    tasks_of: dict[str, list[str]] = {}
    for each in results:
        tasks_of.setdefault(each.module, []).append(each.task)
    modules_of: dict[tuple[str, ...], list[str]] = {}
    for module, tasks in tasks_of.items():
        modules_of.setdefault(tuple(dict.fromkeys(tasks)), []).append(module)
    return "; ".join(f"{_listed(modules)}, {_listed(tasks)}" for tasks, modules in modules_of.items())


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def print_bill(made: "Sequence[Result]", begun: "Spent") -> None:
    """A line about what a command took since it began, and for which results that were made now.

    Args:
        made: The results that were made now.
        begun: What was used before the command began, in seconds and bytes.
    """
    from evaluator.embedding import spent
    from evaluator.results.bill import bill_of, in_a_line

    now, bills = spent.now(), [bill for bill in map(bill_of, made) if bill is not None]
    print(f"took: {in_a_line(bills, now.processor - begun.processor, now.wall - begun.wall, now.peak_bytes)}")


def _consequence(caveat: "Caveat") -> str:
    """What a caveat forbids, in words."""
    from evaluator.results.caveats import ALWAYS, UNLESS_SHARED, falsifies

    said = {ALWAYS: " (no rank, no verdict)", UNLESS_SHARED: " (no verdict but on results that share it)"}
    return said.get(falsifies(caveat), "")


def _times(done: "Sequence[tuple[Result, Path | None]]") -> str:
    """The head of the column of how often something was repeated: probes are trained, clusterings started, both are times."""
    from evaluator.scoring.metrics import METRICS

    kinds = {METRICS[result.metric].repeats for result, _ in done if result.std is not None}
    return kinds.pop() if len(kinds) == 1 else "times"


def _figures(result: "Result") -> tuple[str, str, str]:
    """Score with a dagger if it has caveats, interval, and how often probes were trained (or clusterings started) and with what standard deviation; percentages times a hundred."""
    from evaluator.results.caveats import mark
    from evaluator.scoring.metrics import METRICS

    metric = METRICS[result.metric]
    interval = metric.interval(result.ci_low, result.ci_high)
    n_times = len(result.test_probabilities[0])
    std = "" if result.std is None else f"{n_times}, +-{metric.shown(result.std)}"
    return f"{metric.shown(result.score)} {metric.unit}".strip() + mark(result.caveats), interval, std


def without_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Head (n_columns,) and rows (n_rows, n_columns) without the columns that hold nothing."""
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    return [head[column] for column in kept], [[row[column] for column in kept] for row in rows]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, rows (n_rows, n_columns), that fits the terminal.

    Elsewhere, where lines are searched and cut, columns are as wide as their longest cell.
    """
    from evaluator.tables import fitted

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in fitted(head, rows, width):
        print(line)


def bar(title: str, total: int, unit: str = "") -> Callable[[int], object]:
    """A progress bar on standard error, or a line every 30 seconds where that is no terminal; large counts of a unit get a prefix.

    With --quiet nothing is shown; a log file gets the lines in any case.
    """
    from tqdm import tqdm

    is_drawn = sys.stderr.isatty() and not _log.CONSOLE.is_quiet
    lines = _Lines(title, total, unit, to_log_alone=is_drawn or _log.CONSOLE.is_quiet)
    if not is_drawn:
        return lines.update
    drawn = tqdm(total=total, desc=title, file=sys.stderr, unit=unit, unit_scale=bool(unit))

    def update(n_steps: int) -> None:
        drawn.update(n_steps)
        lines.update(n_steps)

    return update


class _Lines:
    """Progress in whole lines, for logs: the first after `LINE_SECONDS`, so that what is short says nothing."""

    def __init__(self, title: str, total: int, unit: str, to_log_alone: bool):
        self.title, self.total, self.unit, self.to_log_alone = title, total, unit, to_log_alone
        self.n, self.began = 0, time.monotonic()
        self.told = self.began

    def update(self, n_steps: int) -> None:
        """Count steps, and say how far it is if nothing was said for so long."""
        self.n += n_steps
        now = time.monotonic()
        if now - self.told < LINE_SECONDS:
            return
        self.told = now
        if self.to_log_alone:
            _log.note(self.line(now))
        else:
            print(f"hear-eval: {self.line(now)}", file=sys.stderr, flush=True)

    def line(self, now: float) -> str:
        """What is done, how long it took and how long the rest will take, at a time in seconds."""
        from tqdm import tqdm

        return tqdm.format_meter(
            self.n,
            self.total,
            now - self.began,
            prefix=self.title,
            unit_scale=bool(self.unit),
            unit=self.unit,
            bar_format="{desc}: {n_fmt} of {total_fmt}{unit} ({percentage:.0f} %), {elapsed} so far, {remaining} to go",
        )
