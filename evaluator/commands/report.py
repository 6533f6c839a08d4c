"""`hear-eval report`."""

import argparse
import sys
from pathlib import Path

from evaluator.commands._arguments import add_published, number_of_clips
from evaluator.commands._console import bar

SUMMARY = "make one page of results: leaderboards, figures, clips to hear"

EXAMPLES = """
hear-eval report results --out report.html
hear-eval report results --published arch2024 --format tex --format svg
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results, the page, and what else is written."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    command.add_argument("--out", type=Path, default=Path("report.html"), metavar="F.html", help="default: report.html")
    command.add_argument("--title", default="", metavar="TEXT", help="heading of the page")
    command.add_argument("--author", default="", metavar="TEXT", help="line below the heading: names, a place, a date")
    command.add_argument(
        "--pair",
        nargs=2,
        action="append",
        default=[],
        metavar=("PRE_TRAINED", "FINE_TUNED"),
        help="mark a module as fine-tuned from another in curves of layers; repeatable",
    )
    _add_clips(command)
    command.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("csv", "md", "tex", "svg", "png"),
        help="also write tables (csv, md, tex) or figures (svg, png) into F-files/; repeatable",
    )
    _add_company(command)


def _add_clips(command: argparse.ArgumentParser) -> None:
    """Which clips can be heard and seen, and where their audio lies."""
    command.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="where the audio lies: a folder with one folder per dataset, or a dataset's own (default: where each result says)",
    )
    command.add_argument(
        "--clips",
        type=number_of_clips,
        default=12,
        metavar="N",
        help="clips a task that can be heard, 0 for none (default 12)",
    )
    command.add_argument(
        "--log-frequency", action="store_true", help="draw spectrograms of clips over the logarithm of frequency"
    )


def _add_company(command: argparse.ArgumentParser) -> None:
    """What else stands on the page: papers' numbers, maps and similarities."""
    add_published(command)
    command.add_argument(
        "--map",
        action="extend",
        nargs="+",
        default=[],
        type=Path,
        metavar="MAPDIR",
        help="a folder that hear-eval map wrote, on the same page; repeatable",
    )
    command.add_argument(
        "--similarity",
        action="extend",
        nargs="+",
        default=[],
        type=Path,
        metavar="DIR",
        help="a folder that hear-eval similarity wrote, on the same page; repeatable",
    )


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval report`: a page of all results, and figures and tables beside it; what could not be used is told on standard error."""
    import evaluator as ev

    report = ev.write_report(
        parsed.results,
        parsed.out,
        data=parsed.data,
        n_clips=parsed.clips,
        log_frequency=parsed.log_frequency,
        formats=parsed.format,
        published=parsed.published,
        title=parsed.title,
        author=parsed.author,
        maps=parsed.map,
        similarities=parsed.similarity,
        pairs=[(base, tuned) for base, tuned in parsed.pair],
        progress=bar,
    )
    for problem in report.problems:
        print(f"hear-eval: {problem}", file=sys.stderr)
    first, *others = report.written
    print(f"written: {first}")
    if others:
        print(f"written: {len(others)} file{'s' * (len(others) > 1)} in {others[0].parent}")
    return 0
