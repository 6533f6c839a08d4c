"""Several results as one: the probabilities of their modules averaged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from evaluator.errors import UsageError
from evaluator.results.alike import common_way, refuse_unlike, titles, units_in
from evaluator.results.caveats import Caveat
from evaluator.results.environment import machine
from evaluator.results.pairing import pair_up
from evaluator.results.result import CurvePoint, FoldResult, Result
from evaluator.scoring import doubts, intervals, metrics
from evaluator.scoring.group_scores import group_measure, group_scores

_OF_THE_QUESTION = ("task_sha256", "protocol_sha256", "manifest_sha256", "audio_sha256")  # in the provenance

# Fields of a fold that tell how one module was trained.
_NOT_OF_A_FUSION: dict[str, Any] = {
    "chosen_epoch": 0,
    "valid_score": None,
    "chosen": "",
    "layer_shares": (),
    "point": 0,
}


def fuse(results: Sequence[Result]) -> Result:
    """The results' probabilities averaged with equal weight, scored as one.

    Each fold's probabilities are (n_times, n_clips, n_classes).

    Source: Sarkar & Magimai-Doss 2025, Table III (posteriors of several features, each at its best layer).

    Args:
        results: Two or more, of one task, with the same test clips.

    Raises:
        UsageError: They do not have the same test clips and metric.
    """
    _refuse_unfit(results)
    first, names = results[0], titles(results)
    averaged = [_averaged(fold) for fold in zip(*(each.test_probabilities for each in results), strict=True)]
    pairs = list(zip(first.test_targets, averaged, strict=True))
    over_folds, units = common_way(results), units_in(first)
    made = intervals.estimate(pairs, first.metric, units, over_folds)
    low, high = intervals.interval(made, first.metric)
    n_times = len(made.by_training)
    seeds = first.seeds if n_times % len(first.seeds) == 0 and n_times > 1 else first.seeds[:1]
    failed = {clip: why for each in reversed(results) for clip, why in each.failed.items()}
    measure = group_measure(first.metric, first.confusion is not None)
    return replace(
        first,
        module="fusion of " + " and ".join(names),
        weights="",
        options={},
        score=made.value,
        ci_low=low,
        ci_high=high,
        protocol=first.protocol if len({each.protocol for each in results}) == 1 else "several",
        seeds=seeds,
        seed_scores=made.by_training.reshape(len(seeds), -1).mean(axis=1).tolist(),
        std=float(made.by_training.std(ddof=1)) if n_times > 1 else None,
        scores={},
        chosen="",
        curve=[CurvePoint("", made.value, low, high, None, None)],
        folds=_folds(first, pairs, over_folds),
        failed=failed,
        n_failed=len(failed),
        notes=[
            f"probabilities averaged: {', '.join(names)}",
            *doubts.target(units, len(first.folds), over_folds, n_times),
        ],
        caveats=_joined_caveats(results, names),
        interval_over=units.over,
        n_units=units.n,
        over_folds=over_folds,
        group_scores=group_scores(pairs, first.test_groups, measure) if first.group_scores else {},
        confusion=metrics.confusion(pairs) if first.confusion is not None else None,
        seconds={},
        provenance=_provenance(results),
        environment=machine(datetime.now(UTC)),
        test_probabilities=averaged,
    )


def _refuse_unfit(results: Sequence[Result]) -> None:
    """Refuse what cannot be fused; errors as those of `fuse`."""
    if len(results) < 2:
        raise UsageError("one result alone cannot be fused; give two or more")
    refuse_unlike(results)
    first = results[0]
    if metrics.METRICS[first.metric].of_events:
        raise UsageError(f"{first.task}: {first.metric} is made of events, which have no probabilities to average")
    if metrics.METRICS[first.metric].of_measures:
        raise UsageError(
            f"{first.task}: {first.metric} is made without probes, so that there are no probabilities to average"
        )


def _folds(first: Result, pairs: Sequence[tuple[np.ndarray, np.ndarray]], over_folds: str) -> list[FoldResult]:
    """The folds of the fusion, from those of one of its members and targets (n_clips, n_classes) and probabilities of each."""
    return [
        replace(fold, score=intervals.mean_score([pair], first.metric, over_folds), **_NOT_OF_A_FUSION)
        for fold, pair in zip(first.folds, pairs, strict=True)
    ]


def _provenance(results: Sequence[Result]) -> dict[str, Any]:
    """What a fusion is made of, and what its members have in common of the question."""
    shared = {name: {str(each.provenance.get(name)) for each in results} for name in _OF_THE_QUESTION}
    return {
        **{name: results[0].provenance.get(name) for name, values in shared.items() if len(values) == 1},
        "seeded": any(each.provenance.get("seeded") for each in results),
        "fused_runs": [each.run for each in results],
        "fused": [{**each.provenance, "module": each.module} for each in results],
    }


def fuse_by_task(results: Sequence[Result]) -> tuple[list[Result], list[str]]:
    """A fusion for each task, protocol and profile; and a sentence for each result that is not in one.

    Probabilities are (n_times, n_clips, n_classes) for each fold. Fusions of what is there itself are left out. Results of one task
    alone are fused as `fuse` does, whatever their protocols.

    Raises:
        UsageError: No two have the same task and test clips.
    """
    runs = {result.run for result in results}
    again = [result for result in results if runs.intersection(result.provenance.get("fused_runs") or ())]
    kept = [result for result in results if not any(result is each for each in again)]
    left_out = [f"{each.module} on {each.task}: a fusion of results that are given themselves" for each in again]
    if len(kept) < 2 and again:
        raise UsageError(f"{left_out[0]}; give other results to fuse")
    if len({result.task for result in kept}) < 2:
        return [fuse(kept)], left_out
    paired = pair_up(kept)
    return [fuse(each.results) for each in paired.questions], [*left_out, *paired.unpaired]


def _joined_caveats(results: Sequence[Result], names: Sequence[str]) -> list[Caveat]:
    """That it is a fusion, and the caveats of all, each once; where not all have one, it says whose it is."""
    who: dict[Caveat, list[str]] = {}
    for name, result in zip(names, results, strict=True):
        for caveat in result.caveats:
            who.setdefault(caveat, []).append(name)
    derived = Caveat("derived", f"a fusion of {len(results)} results, not a run of one module")
    return [
        derived,
        *(
            caveat if len(owners) == len(results) else Caveat(caveat.kind, f"{', '.join(owners)}: {caveat.text}")
            for caveat, owners in who.items()
            if caveat.kind != "derived"
        ),
    ]


def _averaged(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of several modules' probabilities (n_times, n_clips, n_classes) for a fold, time by time.

    Where they were not trained equally often, each module's own mean comes first, (1, n_clips, n_classes).
    """
    if len({len(each) for each in probabilities}) > 1:
        probabilities = [each.mean(axis=0, keepdims=True) for each in probabilities]
    averaged: np.ndarray = np.mean(probabilities, axis=0).astype(np.float32)
    return averaged
