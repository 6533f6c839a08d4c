"""`hear-eval similarity`."""

import argparse
import json

from evaluator.commands.console import print_table
from evaluator.commands.given import sample, sampled

SUMMARY = "tell how alike modules, layers, acoustic descriptors and labels are"


def fill(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and which layers and clips are compared."""
    sample(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval similarity`: how alike embeddings are, and what they have in common with descriptors and labels."""
    from evaluator.similarity import figures, results, rsa

    modules, tasks, protocols, settings, out = sampled(parsed)
    analysis = rsa.analyse(modules, tasks, protocols, settings)
    folder = results.write(analysis, out)
    figures.draw(analysis, folder)
    if parsed.json:
        print(json.dumps(results.plain(analysis)))
        return 0
    for head, rows in results.as_tables(analysis):
        print_table(head, rows)
        print()
    for each in analysis.datasets:
        for note in each.notes:
            print(f"note: {each.task}: {note}")
    print(f"written: {folder}")
    return 0
