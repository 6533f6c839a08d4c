"""`hear-eval compare`."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from evaluator.commands.given import seed

SUMMARY = "tell whether one result is really above another"


def fill(command: argparse.ArgumentParser) -> None:
    """Results of one task."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--json", action="store_true", help="print one JSON object per pair")
    command.add_argument("--seed", type=seed, default=0, help="of the bootstrap (default 0)")


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval compare`: every two results in a sentence."""
    from evaluator.results import compare, on_disk

    for each in compare.compare([on_disk.read(path) for path in parsed.results], parsed.seed):
        print(json.dumps(asdict(each)) if parsed.json else each.sentence)
    return 0
