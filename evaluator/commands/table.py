"""`hear-eval table`."""

import argparse
import sys
from pathlib import Path

from evaluator.commands._arguments import add_published

SUMMARY = "make a table for a paper: modules by tasks, as LaTeX, Markdown or CSV"

EXAMPLES = """
hear-eval table results --out table.tex
hear-eval table results --out table.tex table.csv --doubt std --suite-means --published arch2024
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results, the files, and what stands in the table."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    command.add_argument(
        "--out",
        nargs="+",
        type=Path,
        default=[Path("table.tex")],
        metavar="F",
        help="files that end in .tex, .md or .csv (default: table.tex)",
    )
    command.add_argument(
        "--doubt",
        choices=("interval", "std", "none"),
        default="interval",
        help="behind each score: its 95 %% interval (default), the standard deviation over trainings, or nothing",
    )
    command.add_argument(
        "--suite-means", action="store_true", help="a mean for each suite, of modules that have all of its tasks"
    )
    add_published(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval table`: the files, and what could not be used on standard error."""
    import evaluator as ev

    table = ev.write_table(
        parsed.results,
        parsed.out,
        published=parsed.published,
        doubt=parsed.doubt,
        suite_means=parsed.suite_means,
    )
    for problem in table.problems:
        print(f"hear-eval: {problem}", file=sys.stderr)
    for path in table.written:
        print(f"written: {path}")
    return 0
