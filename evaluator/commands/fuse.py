"""`hear-eval fuse`."""

import argparse
from pathlib import Path

from evaluator.commands.console import print_results
from evaluator.commands.given import seed, writable

SUMMARY = "average what several results say, and score that"


def fill(command: argparse.ArgumentParser) -> None:
    """Results of one task, and where theirs together goes."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--seed", type=seed, default=0, help="of the bootstrap (default 0)")


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval fuse`: one more result, of all of them together."""
    from evaluator.results import compare, on_disk

    fused = compare.fuse([on_disk.read(path) for path in parsed.results], parsed.seed)
    print_results([(fused, on_disk.write(fused, writable("--out", parsed.out)))])
    return 0
