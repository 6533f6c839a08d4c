"""`hear-eval fuse`."""

import argparse
from pathlib import Path

from evaluator.commands._console import print_results

SUMMARY = "average the probabilities of several results, and score that"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results of one task, and where the fused one goes."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval fuse`: one more result, of all of them together."""
    import evaluator as ev
    from evaluator.files import writable_folder
    from evaluator.results import on_disk

    fused = ev.fuse(*parsed.results)
    print_results([(fused, on_disk.write(fused, writable_folder("--out", parsed.out)))])
    return 0
