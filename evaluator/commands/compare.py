"""`hear-eval compare`."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluator.results.compare import Comparison
    from evaluator.results.over_tasks import MeanDifference

SUMMARY = "tell whether one module is really above another, on a task or in the mean over several"

EXAMPLES = """
hear-eval compare results  # every two modules, on each task and in the mean
hear-eval compare results --baselines  # and each module with each baseline
hear-eval compare results/hear_ssl.melspec results/hear_ssl.byol_a_mini --json
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results of one task or several."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    command.add_argument("--json", action="store_true", help="print one JSON object per pair, and per mean over tasks")
    command.add_argument(
        "--baselines",
        action="store_true",
        help="compare modules with baselines too, corrected apart (default: where there are no two modules to compare)",
    )


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval compare`: a row a pair, then means over tasks and notes; what cannot be paired, on standard error."""
    import evaluator as ev
    from evaluator.commands._comparisons import print_comparisons
    from evaluator.files import finite

    compared = ev.compare_over_tasks(*parsed.results, baselines=parsed.baselines)
    if parsed.json:
        every: list[Comparison | MeanDifference] = [*compared.by_task, *compared.means]
        for each in every:
            print(json.dumps(finite(asdict(each)), allow_nan=False))
    else:
        print_comparisons(compared)
    for sentence in compared.unpaired:
        print(f"hear-eval: not compared: {sentence}", file=sys.stderr)
    return 0
