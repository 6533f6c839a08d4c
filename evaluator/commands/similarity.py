"""`hear-eval similarity`."""

import argparse
import json
from pathlib import Path

from evaluator.commands.console import bar, print_table
from evaluator.commands.given import MODULE, TASK, cache_folder, count, data, module, seed, share, specs, writable

SUMMARY = "tell how alike modules, layers, acoustic descriptors and labels are"


def fill(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and which layers and clips are compared."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument("--protocol", help="how much of each clip is heard (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--layers", default="", metavar="L", help="scene (default), all, last, mean, or a number")
    command.add_argument(
        "--clips",
        type=count,
        default=1000,
        metavar="N",
        help="held-out clips drawn of each task (default 1000, as Ogg 2025)",
    )
    command.add_argument("--seed", type=seed, default=0, help="of the clips and the permutations (default 0)")
    command.add_argument("--allow-failed", type=share, default=0.0, metavar="SHARE", help="as in run (default 0)")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--json", action="store_true", help="print all of it as one JSON object")
    data(command)
    module(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval similarity`: how alike embeddings are, and what they have in common with descriptors and labels."""
    from evaluator import task
    from evaluator.judging import protocol
    from evaluator.reproduction import weights
    from evaluator.similarity import figures, results, rsa, sample

    tasks = [found for spec in parsed.task for found in task.find(spec, parsed.profile)]
    protocols = [protocol.load(parsed.protocol or each.protocol, parsed.profile) for each in tasks]
    cache, out = writable("--cache", cache_folder(parsed.cache)), writable("--out", parsed.out)
    settings = sample.Settings(parsed.data, cache, parsed.clips, parsed.layers, parsed.seed, parsed.allow_failed, bar)
    analysis = rsa.analyse(weights.of_each(specs(parsed, parsed.modules)), tasks, protocols, settings)
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
