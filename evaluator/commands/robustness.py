"""`hear-eval robustness`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator.commands._arguments import (
    MODULE,
    TASK,
    Arguments,
    add_data,
    add_hearing,
    add_module_options,
    add_store,
    add_unrepeatable,
    add_workers,
    count,
    hearing_options,
    module_options,
    seed,
    share,
)
from evaluator.commands._console import bar, print_table, report_error
from evaluator.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from evaluator.api.robustness import Robustness
    from evaluator.results.robustness import RobustnessCurve, RobustnessPoint

SUMMARY = "measure how far scores fall with noise, gain, a low-pass, shorter clips and a lower sample rate"

EXAMPLES = """
hear-eval robustness hear_ssl.melspec hear_ssl.byol_a_mini --task demo/calls --protocol logistic
hear-eval robustness hear_ssl.aves_bio --task ./my_recordings --snr 20 10 0 --noise ./rain
hear-eval robustness hear_ssl.melspec --task demo/calls --snr --length 1 0.5  # the usual ratios, and two lengths
"""

# Arguments that are called in the API as they are here.
_PASSED_ON = (
    "protocol",
    "profile",
    "layers",
    "seed",
    "seeds",
    "folds",
    "allow_failed",
    "allow_unrepeatable",
    "store",
    "data",
    "cache",
    "rehash",
    "paths",
    "workers",
    "ray",
    "out",
    "snr",
    "gain",
    "low_pass",
    "length",
    "sample_rate",
    "noise_seed",
    "degrade_training",
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, what is done to the clips (levels in dB, Hz and seconds), and what may be chosen about a run."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    _add_degradations(
        command.add_argument_group("what is done to the test clips; without any, all of it at the usual levels")
    )
    command.add_argument("--protocol", help="how embeddings are evaluated (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default), or published, deviations included")
    command.add_argument("--out", type=Path, default=Path("robustness"), metavar="DIR", help="default: robustness")
    command.add_argument("--json", action="store_true", help="print one JSON object per level")
    command.add_argument("--seed", type=seed, default=0, help="of the probes (default 0)")
    command.add_argument("--seeds", type=count, default=1, metavar="N", help="train probes with N seeds (default 1)")
    command.add_argument("--folds", type=count, metavar="N", help="as in run")
    command.add_argument(
        "--layers", default="", metavar="L", help="as in run; clean clips choose the layer for all levels"
    )
    command.add_argument(
        "--allow-failed",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the clips, 0 to 1, that may be unreadable",
    )
    command.add_argument(
        "--no-paths", dest="paths", action="store_false", help="results that can be handed on, as in run"
    )
    add_data(command)
    add_unrepeatable(command)
    add_store(command)
    add_hearing(command)
    add_module_options(command)
    add_workers(command)


def _add_degradations(group: Arguments) -> None:
    """Kinds of degradations and their levels; an option without levels asks for the usual ones."""
    for name, unit, text in (
        ("snr", "DB", "signal-to-noise ratios, over the samples in which a clip sounds (usual: 30 20 10 0)"),
        ("gain", "DB", "louder and quieter, unclipped (usual: -40 -20 20)"),
        ("low-pass", "HZ", "cut-off frequencies (usual: 8000 4000 2000 1000)"),
        ("length", "S", "seconds that are kept of a clip, at a place that is drawn (usual: 2 1 0.5 0.25)"),
        ("sample-rate", "HZ", "rates that clips are brought to and back (usual: 16000 8000 4000 2000)"),
    ):
        group.add_argument(f"--{name}", type=float, nargs="*", metavar=unit, help=text)
    group.add_argument(
        "--noise",
        action="append",
        metavar="WHAT",
        help="white, pink, or a folder of recordings; repeatable (default: white and pink)",
    )
    group.add_argument(
        "--noise-seed", type=seed, default=0, metavar="N", help="of all that is drawn of clips (default 0)"
    )
    group.add_argument(
        "--degrade-training",
        action="store_true",
        help="degrade training and validation clips as well; every level then has probes of its own",
    )


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval robustness`: every module on every task, clean and degraded; what fails is told and the others go on."""
    import evaluator as ev

    failed: list[Exception] = []

    def tell(name: str, error: Exception) -> None:
        failed.append(error)
        report_error(name, error)

    try:
        ev.measure_robustness(
            parsed.modules,
            parsed.task,
            **{name: getattr(parsed, name) for name in _PASSED_ON},
            **({"noise": parsed.noise} if parsed.noise else {}),
            progress=bar,
            on_result=_print_json if parsed.json else _print,
            on_failure=tell,
            **hearing_options(parsed),
            **module_options(parsed),
        )
    except (UsageError, EvaluationError) as error:
        if error not in failed:
            raise
    return 0 if not failed else 2 if all(isinstance(each, UsageError) for each in failed) else 1


def _print(made: "Robustness") -> None:
    """A table of all levels, then what a reader should know, then where the results are."""
    from evaluator.results.caveats import DAGGER
    from evaluator.scoring.metrics import METRICS

    clean = made.clean
    metric = METRICS[clean.metric]
    unit = f"{clean.metric}{f' ({metric.unit})' if metric.unit else ''}"
    head = ("degradation", "level", unit, "95 % interval", "change", "interval", "p")
    rows: list[tuple[str, ...]] = [
        ("none", "", metric.shown(clean.score), metric.interval(clean.ci_low, clean.ci_high), "", "", "")
    ]
    rows += [_row(curve, point) for curve in made.curves for point in reversed(curve.points)]
    print(f"{clean.module} on {clean.task} ({clean.protocol}, {clean.profile})")
    print_table(head, rows)
    for curve in made.curves:
        for point in curve.points:
            if point.unpaired:
                print(
                    f"note: {curve.series} {point.level:g} {curve.kind.unit}: no change is told, since {point.unpaired}"
                )
    for caveat in clean.caveats:
        print(f"{DAGGER} caveat: {clean.module}, {clean.task}: {caveat.text}")
    if made.written:
        print(f"written: {len(made.written)} results in {made.written[0].parent.parent.parent}")
    print()


def _row(curve: "RobustnessCurve", point: "RobustnessPoint") -> tuple[str, ...]:
    from evaluator.scoring.metrics import METRICS

    result, change = point.result, point.change
    metric = METRICS[result.metric]
    name, level = curve.series, f"{point.level:g} {curve.kind.unit}"
    score = metric.shown(result.score), metric.interval(result.ci_low, result.ci_high)
    if change is None:
        return name, level, *score, "", "", ""
    p = "" if change.p != change.p else "<0.001" if change.p < 0.001 else f"{change.p:.3f}"
    return name, level, *score, f"{_signed(metric.shown(change.value))}", _interval(metric, change.low, change.high), p


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _interval(metric: Any, low: float, high: float) -> str:
    """The interval of a change, in the unit of the score."""
    return "none" if low != low else f"{_signed(metric.shown(low))} to {_signed(metric.shown(high))}"


def _print_json(made: "Robustness") -> None:
    """The clean result and every level as one JSON object each."""
    from dataclasses import asdict

    from evaluator.files import finite

    clean = made.clean
    shared = {"module": clean.module, "task": clean.task, "protocol": clean.protocol, "profile": clean.profile}
    shared |= {"metric": clean.metric}
    for result, facts in [(clean, {"degradation": "none"}), *_levels(made)]:
        scores = {"score": result.score, "ci_low": result.ci_low, "ci_high": result.ci_high, "run": result.run}
        caveats = [asdict(each) for each in result.caveats]
        print(json.dumps(finite({**shared, **facts, **scores, "caveats": caveats})), flush=True)


def _levels(made: "Robustness") -> list[Any]:
    """Every degraded result with what was done to its clips, and its change from the clean one."""
    return [
        (
            point.result,
            {
                "degradation": curve.series,
                "level": point.level,
                "unit": curve.kind.unit,
                "training": curve.training,
                "noise_seed": curve.seed,
                "change": None if point.change is None else point.change.value,
                "change_low": None if point.change is None else point.change.low,
                "change_high": None if point.change is None else point.change.high,
                "p": None if point.change is None else point.change.p,
                "unpaired": point.unpaired,
            },
        )
        for curve in made.curves
        for point in curve.points
    ]
