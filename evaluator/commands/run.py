"""`hear-eval run`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands._arguments import (
    MODULE,
    TASK,
    Arguments,
    add_data,
    add_hearing,
    add_module_options,
    add_out,
    add_protocol,
    add_store,
    add_unrepeatable,
    add_workers,
    count,
    hearing_options,
    module_options,
    seed,
    share,
)
from evaluator.commands._console import bar, print_bill, print_results, report_error
from evaluator.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from evaluator.experiment.run import Failure
    from evaluator.results.result import Result

SUMMARY = "score modules on tasks"

EXAMPLES = """
hear-eval run hear_ssl.melspec hear_ssl.byol_a_mini --task demo/calls  # nothing to download
hear-eval run hear_ssl.aves_bio --task ./my_recordings --protocol logistic --layers all --baselines
hear-eval run ./my_model.py --task arch --data data --seeds 3 --out mine
hear-eval run hear_ssl.hubert_base --task arch --data data --plan  # run nothing, say what it would take
"""

# Arguments that are called in the API as they are here.
_PASSED_ON = (
    "protocol",
    "profile",
    "layers",
    "seed",
    "seeds",
    "baselines",
    "folds",
    "allow_failed",
    "allow_unrepeatable",
    "store",
    "data",
    "cache",
    "rehash",
    "again",
    "paths",
    "workers",
    "ray",
    "out",
)
_NOT_PLANNED = ("allow_unrepeatable", "workers", "ray")  # a plan is about this process alone


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, protocol, and what may be chosen about a run."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument("--json", action="store_true", help="print one JSON object per result")
    command.add_argument(
        "--plan",
        action="store_true",
        help="run nothing: say what it would take (clips, hours, downloads, disk, memory), and time by a trial of a few clips",
    )
    _add_evaluation(command.add_argument_group("how embeddings are evaluated"))
    clips = command.add_argument_group("clips")
    add_hearing(clips)
    clips.add_argument(
        "--allow-failed",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the clips, 0 to 1, that may be unreadable (default 0)",
    )
    add_unrepeatable(clips)
    places = command.add_argument_group("where things lie")
    add_data(places)
    add_store(places)
    add_out(places)
    places.add_argument(
        "--again", action="store_true", help="fit and score anew also where a kept result says that nothing has changed"
    )
    places.add_argument(
        "--no-paths",
        dest="paths",
        action="store_false",
        help="results that can be handed on: without host and folders, files named relative to the data",
    )
    add_module_options(command.add_argument_group("how modules are loaded"))
    add_workers(command.add_argument_group("other processes"))


def _add_evaluation(command: Arguments) -> None:
    """Protocol, layers, seeds, folds, and what a score has to beat."""
    add_protocol(command, "how embeddings are evaluated")
    command.add_argument(
        "--layers",
        default="",
        metavar="L",
        help="scene, all (each layer, the best is chosen), last, mean, weighted (learned), a number, or several (1,6,12 or 0-4, as all); default: the protocol's",
    )
    command.add_argument(
        "--baselines",
        action="store_true",
        help="also majority, chance, duration and loudness, log-mel, and an untrained copy of each module",
    )
    command.add_argument("--seed", type=seed, default=0, metavar="N", help="of the probes (default 0)")
    command.add_argument("--seeds", type=count, default=1, metavar="N", help="train probes with N seeds (default 1)")
    command.add_argument(
        "--folds",
        type=count,
        metavar="N",
        help="parts, each tested once, of data without folds of its own (default 5; one a group for 3 to 6 groups)",
    )


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval run`: every module on every task; what fails is told and the others go on."""
    if parsed.plan:
        return _plan(parsed)
    import evaluator as ev
    from evaluator.embedding import spent
    from evaluator.files import finite

    begun = spent.now()
    done: list[tuple[Result, Path | None]] = []
    unchanged: set[Path] = set()
    reported: list[Failure] = []

    def tell(failure: "Failure") -> None:
        reported.append(failure)
        report_error(failure.spec.name, failure.error)

    def show(result: "Result", path: Path | None) -> None:
        done.append((result, path))
        if parsed.json:
            print(json.dumps(finite({**result.summary(), "unchanged": path in unchanged})), flush=True)

    try:
        ev.run(
            parsed.modules,
            parsed.task,
            **{name: getattr(parsed, name) for name in _PASSED_ON},
            progress=bar,
            on_result=show,
            on_unchanged=lambda result, path: unchanged.add(path),
            on_failure=tell,
            **hearing_options(parsed),
            **module_options(parsed),
        )
    except ev.RunError as error:
        only_usage = all(isinstance(each.error, UsageError) for each in error.failures)
        return 2 if only_usage and not error.results else 1
    except (UsageError, EvaluationError) as error:
        if not reported:
            raise
        return 2 if isinstance(error, UsageError) else 1
    finally:  # also of a run that was interrupted
        if not parsed.json:
            print_results(done, unchanged)
            if done:
                print_bill([result for result, path in done if path not in unchanged], begun)
    return 0


def _plan(parsed: argparse.Namespace) -> int:
    """`hear-eval run --plan`: what every module would take on every task, in seconds and bytes; 2 if one could not be run."""
    import evaluator as ev
    from evaluator.commands import _forecast

    failures: list[Failure] = []

    def tell(failure: "Failure") -> None:
        failures.append(failure)
        report_error(failure.spec.name, failure.error)

    made = ev.forecast(
        parsed.modules,
        parsed.task,
        **{name: getattr(parsed, name) for name in _PASSED_ON if name not in _NOT_PLANNED},
        on_failure=tell,
        **hearing_options(parsed),
        **module_options(parsed),
    )
    if parsed.json:
        print(json.dumps([_forecast.as_plain(each) for each in made]))
    elif made:
        _forecast.print_forecasts(made)
    if not failures:
        return 0
    return 2 if all(isinstance(each.error, UsageError) for each in failures) else 1
