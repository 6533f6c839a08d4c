"""`hear-eval map`."""

import argparse
import json

from evaluator.commands.console import print_table
from evaluator.commands.given import sample, sampled, writable

SUMMARY = "draw a task's embeddings on a plane: t-SNE, PCA or UMAP"


def fill(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and how which layers and clips are mapped."""
    sample(command)
    command.add_argument(
        "--method", action="append", choices=("tsne", "pca", "umap"), help="repeatable (default: tsne and pca)"
    )
    command.add_argument(
        "--colour",
        action="append",
        metavar="C",
        help="label (default), group, fold, split, recording, folder, or a descriptor: pitch, level, duration, ...; repeatable",
    )
    command.add_argument("--perplexity", type=float, default=30.0, metavar="P", help="of t-SNE (default 30)")


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval map`: each task's embeddings on a plane, and how far such maps can be trusted."""
    from evaluator.mapping import atlas, figures, maps, page

    modules, tasks, protocols, settings, out = sampled(parsed)
    choice = maps.Choice(parsed.method or ("tsne", "pca"), parsed.colour or ("label",), parsed.perplexity)
    for each in maps.draw(modules, tasks, protocols, choice, settings):
        folder = writable("--out", out / f"map-{each.run}")
        figures.draw(each, folder)
        atlas.write(each, folder)
        written = page.write(each, folder)
        if parsed.json:
            print(json.dumps(atlas.plain(each)), flush=True)
            continue
        print_table(*atlas.as_table(each))
        for note in each.notes:
            print(f"note: {each.task}: {note}")
        print(f"written: {written}")
    return 0
