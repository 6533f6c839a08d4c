"""`hear-eval compare`."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

SUMMARY = "tell whether one result is really above another"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results of one task."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--json", action="store_true", help="print one JSON object per pair")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval compare`: every two results in a sentence."""
    import evaluator as ev
    from evaluator.files import finite

    for each in ev.compare(*parsed.results):
        print(json.dumps(finite(asdict(each)), allow_nan=False) if parsed.json else each.sentence)
    return 0
