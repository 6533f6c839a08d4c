"""`hear-eval fuse`."""

import argparse
import sys
from pathlib import Path

from evaluator.commands._arguments import add_out
from evaluator.commands._console import print_results

SUMMARY = "average the probabilities of several results, and score that"

EXAMPLES = """
hear-eval fuse results --out fused  # all modules on each task
hear-eval fuse results/A results/B --out fused
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results of one task or several, and where the fused ones go."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    add_out(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval fuse`: one more result a task, of all of them together; what is in none, on standard error."""
    import evaluator as ev
    from evaluator.files import writable_folder
    from evaluator.results import on_disk

    fused, left_out = ev.fuse_by_task(*parsed.results)
    out = writable_folder("--out", parsed.out)
    print_results([(each, on_disk.write(each, out)) for each in fused])
    for sentence in left_out:
        print(f"hear-eval: not fused: {sentence}", file=sys.stderr)
    return 0
