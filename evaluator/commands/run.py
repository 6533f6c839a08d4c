"""`hear-eval run`."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands.console import bar, print_results, told
from evaluator.commands.given import MODULE, TASK, cache_folder, count, data, module, seed, share, specs, writable
from evaluator.errors import UsageError

if TYPE_CHECKING:
    from evaluator.embedding.spec import ModuleSpec
    from evaluator.results.result import Result

SUMMARY = "score modules on tasks"


def fill(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, protocol, and what may be chosen about a run."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument(
        "--baselines",
        action="store_true",
        help="also majority, chance, duration and loudness, log-mel, and each module untrained",
    )
    command.add_argument("--protocol", help="how embeddings are judged (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default), or published, accidents included")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--seed", type=seed, default=0, help="of the probes and the bootstrap (default 0)")
    command.add_argument("--seeds", type=count, default=1, metavar="N", help="train probes with N seeds (default 1)")
    command.add_argument(
        "--layers",
        default="",
        metavar="L",
        help="scene, all (each layer, the best is chosen), last, mean, weighted (learned), or a number; default: the protocol's",
    )
    command.add_argument(
        "--allow-failed",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the clips, 0 to 1, that may be unreadable (default 0)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object per result")
    data(command)
    module(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval run`: every module on every task; what fails is told and the others go on."""
    from evaluator.embedding import baselines
    from evaluator.experiment import catalogue, run_many
    from evaluator.experiment.run import Settings, as_line
    from evaluator.probes import protocol
    from evaluator.results.on_disk import write

    tasks = [found for spec in parsed.task for found in catalogue.find(spec, parsed.profile)]
    questions = [(each, protocol.load(parsed.protocol or each.protocol, parsed.profile)) for each in tasks]
    settings = Settings(
        parsed.data,
        writable("--cache", cache_folder(parsed.cache)),
        parsed.device,
        parsed.seed,
        parsed.seeds,
        parsed.layers,
        parsed.allow_failed,
        bar,
    )
    given = specs(parsed, parsed.modules)
    added = baselines.beside(given) if parsed.baselines else []
    plain = replace(settings, layers="")  # baselines have no layers to choose from, but for untrained copies
    orders = [
        run_many.Order(spec, questions, settings if spec in given or spec.name.startswith("untrained:") else plain)
        for spec in [*given, *added]
    ]
    out = writable("--out", parsed.out)
    done: list[tuple[Result, Path]] = []
    failures: list[tuple[ModuleSpec, Exception]] = []
    try:
        for _, _, result in run_many.results(
            orders, lambda spec, _, error: failures.append((spec, told(spec.name, error)))
        ):
            done.append((result, write(result, out)))
            if parsed.json:
                print(json.dumps(as_line(result)), flush=True)
    finally:  # also of a run that was interrupted
        if not parsed.json:
            print_results(done)
    # A baseline that cannot be, such as an untrained copy of what has no weights, was not asked for by name.
    counted = [error for spec, error in failures if spec in given or not isinstance(error, UsageError)]
    if counted:
        return 2 if not done and all(isinstance(error, UsageError) for error in counted) else 1
    return 0
