"""Scores of degraded clips beside the score of the clean ones: curves over levels, and how far each point lies from clean.

A result of degraded clips says so in its provenance, under `DEGRADATION`; its task is called after the degradation, so that it is
never taken for the clean one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluator.audio.degradation import KINDS, DegradationKind
from evaluator.errors import EvaluationError, UsageError
from evaluator.results import alike
from evaluator.results.result import Result
from evaluator.scoring import differences, intervals
from evaluator.scoring.differences import Difference

DEGRADATION = "degradation"  # in the provenance of a result
CLEAN, DEGRADED = "clean", "degraded"  # what probes were fitted to


@dataclass(frozen=True)
class RobustnessPoint:
    """The score at one level of a degradation.

    level: In the unit of its kind: dB, Hz or seconds.
    result: Of the degraded clips.
    change: From the clean score, on the same test clips; its interval and p are corrected for all points of the module on the task
        (Holm). None where the clips are not the same.
    unpaired: Why there is none; "" where there is.
    """

    level: float
    result: Result
    change: Difference | None
    unpaired: str = ""


@dataclass(frozen=True)
class RobustnessCurve:
    """A module's score on a task over the levels of one degradation.

    series: What is done to the clips: `white noise`, `gain`.
    kind: The kind of it.
    training: What probes were fitted to: `CLEAN` or `DEGRADED`.
    seed: Of what was drawn.
    clean: The result of the clean clips.
    points: In order of level, (n_points,), one at least.
    """

    series: str
    kind: DegradationKind
    training: str
    seed: int
    clean: Result
    points: list[RobustnessPoint]


def is_degraded(result: Result) -> bool:
    """Whether a result is of clips that were degraded on purpose."""
    return DEGRADATION in result.provenance


def curves_of(clean: Result, degraded: Sequence[Result]) -> list[RobustnessCurve]:
    """The curves of a module on a task.

    Scores are compared over the same test clips, (n_clips,), by the method of `compare`; probes that are the same on both sides do not
    add to the doubt of a difference.

    Args:
        clean, degraded: The results, with their predictions.

    Raises:
        EvaluationError: A result does not say how its clips were degraded, or its score is not that of its predictions.
    """
    alike.refuse_another_score(clean)
    for each in degraded:
        alike.refuse_another_score(each)
    changes = [_change(clean, each) for each in degraded]
    chances = [float("nan") if isinstance(each, str) else each.p for each in changes]
    corrected = zip(changes, differences.holm_levels(chances), differences.holm(chances), strict=True)
    by_series: dict[tuple[str, str, str, int], list[RobustnessPoint]] = defaultdict(list)
    for result, (change, level, p) in zip(degraded, corrected, strict=True):
        facts = facts_of(result)
        found = None if isinstance(change, str) else replace(differences.at_level(change, level), p=p)
        point = RobustnessPoint(float(facts["level"]), result, found, change if isinstance(change, str) else "")
        by_series[facts["kind"], str(facts["noise"] or ""), facts["training"], facts["seed"]].append(point)
    return [
        RobustnessCurve(
            f"{noise} noise" if noise else KINDS[kind].name,
            KINDS[kind],
            training,
            seed,
            clean,
            sorted(points, key=lambda each: each.level),
        )
        for (kind, noise, training, seed), points in by_series.items()
    ]


def facts_of(result: Result) -> Mapping[str, Any]:
    """How the clips of a result were degraded: kind, level, noise, seed, training, the task (`of`), and the run of the clean result.

    The level is in the unit of its kind: dB, Hz or seconds.

    Raises:
        EvaluationError: It does not say, or names no kind that is known.
    """
    facts = result.provenance.get(DEGRADATION)
    kinds = {"kind": str, "level": int | float, "seed": int, "training": str, "of": str, "clean_run": str}
    if not isinstance(facts, Mapping) or any(not isinstance(facts.get(name), kind) for name, kind in kinds.items()):
        raise EvaluationError(
            f"{result.module} on {result.task}: provenance.{DEGRADATION} is not that of degraded clips"
        )
    if facts["kind"] not in KINDS:
        raise EvaluationError(f"{result.module} on {result.task}: a degradation {facts['kind']!r} is not known")
    return facts


def of_clean(degraded: Result, clean: Result) -> Result:
    """The result of degraded clips, which names the run of the clean result (both of (n_clips,) clips)."""
    facts = {**facts_of(degraded), "clean_run": clean.run}
    return replace(degraded, provenance={**degraded.provenance, DEGRADATION: facts})


def _change(clean: Result, degraded: Result) -> Difference | str:
    """How far the degraded score lies from the clean one, or why that cannot be told."""
    try:
        alike.refuse_unlike([replace(clean, task=degraded.task), degraded])
    except UsageError as error:
        return str(error)
    if clean.over_folds != degraded.over_folds:
        return "folds make one score in another way"
    units = alike.units_in(clean)
    one, other = (
        intervals.estimate(alike.tested(each), each.metric, units, each.over_folds) for each in (degraded, clean)
    )
    return differences.between(one, other, same_trainings=facts_of(degraded)["training"] == CLEAN)
