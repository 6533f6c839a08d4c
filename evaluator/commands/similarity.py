"""`hear-eval similarity`."""

import argparse
import json

from evaluator.commands._arguments import add_sample, sample_options
from evaluator.commands._console import print_table

SUMMARY = "correlate modules, layers, acoustic descriptors and labels with each other: representational similarity"

EXAMPLES = """
hear-eval similarity hear_ssl.melspec hear_ssl.byol_a_mini --task demo/calls
hear-eval similarity hear_ssl.hubert_base --task ./my_recordings --layers all
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and which layers and clips are compared."""
    add_sample(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval similarity`: correlations (n_embeddings, n_embeddings), and those with descriptors and labels."""
    import evaluator as ev
    from evaluator.files import writable_folder
    from evaluator.similarity import figures, page, results

    out = writable_folder("--out", parsed.out)
    analysis = ev.compute_similarity(parsed.modules, parsed.task, **sample_options(parsed))
    folder = results.write(analysis, out)
    figures.draw(analysis, folder)
    written = page.write(analysis, folder)
    if parsed.json:
        print(json.dumps(results.as_plain(analysis)))
        return 0
    for head, rows in results.as_tables(analysis):
        print_table(head, rows)
        print()
    for each in analysis.datasets:
        for note in each.notes:
            print(f"note: {each.task}: {note}")
    print(f"written: {written}")
    return 0
