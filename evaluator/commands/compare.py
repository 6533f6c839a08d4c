"""`hear-eval compare`."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from evaluator.commands._arguments import seed

SUMMARY = "tell whether one result is really above another"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results of one task."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--json", action="store_true", help="print one JSON object per pair")
    command.add_argument("--seed", type=seed, default=0, help="of the bootstrap (default 0)")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval compare`: every two results in a sentence."""
    import evaluator as ev

    for each in ev.compare(*parsed.results, seed=parsed.seed):
        print(json.dumps(asdict(each)) if parsed.json else each.sentence)
    return 0
