"""`hear-eval map`."""

import argparse
import json
from pathlib import Path

from evaluator.commands.console import bar, print_table
from evaluator.commands.given import MODULE, TASK, cache_folder, count, data, module, seed, share, specs, writable

SUMMARY = "draw a task's embeddings on a plane: t-SNE, PCA or UMAP"


def fill(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and how which layers and clips are mapped."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument("--protocol", help="how much of each clip is heard (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--layers", default="", metavar="L", help="scene (default), all, last, mean, or a number")
    command.add_argument(
        "--method", action="append", choices=("tsne", "pca", "umap"), help="repeatable (default: tsne and pca)"
    )
    command.add_argument(
        "--colour",
        action="append",
        metavar="C",
        help="label (default), group, fold, split, recording, folder, or a descriptor: pitch, level, duration, ...; repeatable",
    )
    command.add_argument(
        "--clips", type=count, default=1000, metavar="N", help="held-out clips drawn of each task (default 1000)"
    )
    command.add_argument("--perplexity", type=float, default=30.0, metavar="P", help="of t-SNE (default 30)")
    command.add_argument("--seed", type=seed, default=0, help="of the clips, t-SNE and UMAP (default 0)")
    command.add_argument("--allow-failed", type=share, default=0.0, metavar="SHARE", help="as in run (default 0)")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--json", action="store_true", help="print one JSON object per task")
    data(command)
    module(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval map`: each task's embeddings on a plane, and how far such maps can be trusted."""
    from evaluator import task
    from evaluator.judging import protocol
    from evaluator.mapping import atlas, figures, maps, page
    from evaluator.reproduction import weights
    from evaluator.similarity import sample

    tasks = [found for spec in parsed.task for found in task.find(spec, parsed.profile)]
    protocols = [protocol.load(parsed.protocol or each.protocol, parsed.profile) for each in tasks]
    cache, out = writable("--cache", cache_folder(parsed.cache)), writable("--out", parsed.out)
    settings = sample.Settings(parsed.data, cache, parsed.clips, parsed.layers, parsed.seed, parsed.allow_failed, bar)
    choice = maps.Choice(parsed.method or ("tsne", "pca"), parsed.colour or ("label",), parsed.perplexity)
    for each in maps.draw(weights.of_each(specs(parsed, parsed.modules)), tasks, protocols, choice, settings):
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
