"""`hear-eval report`."""

import argparse
import sys
from pathlib import Path

from evaluator.commands.console import bar
from evaluator.commands.given import number, seed

SUMMARY = "make one page of results: leaderboards, figures, clips to hear"


def fill(command: argparse.ArgumentParser) -> None:
    """Results, the page, and what else is written."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    command.add_argument("--out", type=Path, default=Path("report.html"), metavar="F.html", help="default: report.html")
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="where the audio lies (default: where each result says)"
    )
    command.add_argument(
        "--clips", type=number, default=12, metavar="N", help="clips a task that can be heard, 0 for none (default 12)"
    )
    command.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("csv", "md", "tex", "svg", "png"),
        help="also write tables (csv, md, tex) or figures (svg, png) into F-files/; repeatable",
    )
    command.add_argument("--seed", type=seed, default=0, help="of the bootstrap behind the ranks (default 0)")


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval report`: a page of all results, and figures and tables beside it; what could not be used is said on standard error."""
    from evaluator.report.build import ReportOptions, build

    options = ReportOptions(parsed.out, parsed.data, parsed.clips, parsed.format, parsed.seed, bar)
    report = build(parsed.results, options)
    for problem in report.problems:
        print(f"hear-eval: {problem}", file=sys.stderr)
    first, *others = report.written
    print(f"written: {first}")
    if others:
        print(f"written: {len(others)} file{'s' * (len(others) > 1)} in {others[0].parent}")
    return 0
