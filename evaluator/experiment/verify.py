"""Results on disk held against themselves: hashes, names, and every number that their predictions can tell again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.datasets.task import spec_sha256
from evaluator.errors import EvaluationError, UsageError
from evaluator.probes import protocol
from evaluator.results import on_disk
from evaluator.results.alike import ROUNDING, refuse_another_score, tested, units_in
from evaluator.results.result import SCHEMA_VERSION, Result
from evaluator.scoring import intervals, metrics
from evaluator.scoring.group_scores import group_measure, group_scores


@dataclass(frozen=True)
class Verification:
    """What was found of one file.

    path: The JSON file.
    problems: A sentence for each, (n_problems,); empty where all is as it was written.
    """

    path: Path
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(places: Sequence[Path]) -> Iterator[Verification]:
    """Every result in files and, at any depth, folders; JSON of other kinds is passed over.

    Scores, interval and group scores are computed again from the predictions (n_times, n_clips, n_classes).

    Args:
        places: Files and folders.

    Raises:
        UsageError: A place is not there.
    """
    for place in places:
        if not place.exists():
            raise UsageError(f"{place}: there is no such file or folder; give results, or folders that hold some")
        files = sorted(place.rglob("*.json")) if place.is_dir() else [place]
        for path in files:
            try:
                plain = on_disk.parsed(path)
            except EvaluationError as error:
                yield Verification(path, (_without_name(error, path),))
                continue
            if not place.is_dir() or on_disk.is_result(plain):
                yield Verification(path, tuple(_problems(path, plain)))


def _problems(path: Path, plain: Any) -> Iterator[str]:
    """What is wrong with a result, a sentence each."""
    try:
        result = on_disk.read(path)
    except EvaluationError as error:
        yield _without_name(error, path)
        return
    if on_disk.is_edited(plain):
        yield "edited: what it says is not what was written (result_sha256)"
    if plain["schema_version"] == SCHEMA_VERSION and "result_sha256" not in plain:
        yield "nothing in it tells whether it was edited (no result_sha256)"
    if path.name != on_disk.file_name(result):
        yield f"its name does not fit its fields, by which it would be {on_disk.file_name(result)}"
    fused = result.provenance.get("fused")
    for each in (result.provenance, *(fused if isinstance(fused, list) else ())):
        yield from _of_documents(each)
    try:
        refuse_another_score(result)
    except EvaluationError as error:
        yield str(error)
        return
    if plain["schema_version"] == SCHEMA_VERSION:
        yield from _of_numbers(result)


def _of_documents(provenance: Mapping[str, Any]) -> Iterator[str]:
    """Whether the whole task and protocol are those that the hashes, and so the run's name, are of."""
    for name, sha256 in (("task", spec_sha256), ("protocol", protocol.sha256_of)):
        if not isinstance(provenance, Mapping) or provenance.get(name) is None:
            continue  # an earlier version kept hashes only
        try:
            digest = sha256(provenance[name])
        except (KeyError, TypeError, AttributeError) as error:
            yield f"its {name} is not whole ({error!r:.80})"
            continue
        if digest != provenance.get(f"{name}_sha256"):
            yield f"its {name} is another than {name}_sha256 says ({digest[:12]}, not {provenance.get(f'{name}_sha256')!s:.12})"


def _of_numbers(result: Result) -> Iterator[str]:
    """Interval, seeds, folds, groups and confusion as the predictions give them, within single precision."""
    units, pairs = units_in(result), tested(result)
    made = intervals.estimate(pairs, result.metric, units, result.over_folds)
    low, high = intervals.interval(made, result.metric)
    yield from _apart("ci_low", result.ci_low, low)
    yield from _apart("ci_high", result.ci_high, high)
    if result.n_units != units.n or result.interval_over != units.over:
        yield f"its interval is over {result.n_units} {result.interval_over}, but its clips have {units.n} {units.over}"
    if result.seeds and len(made.by_training) % len(result.seeds) == 0:
        by_seed = made.by_training.reshape(len(result.seeds), -1).mean(axis=1).tolist()
        for number, value in enumerate(by_seed):
            yield from _apart(f"seed_scores[{number}]", (*result.seed_scores, np.nan)[number], value)
    for fold, pair in zip(result.folds, pairs, strict=True):
        value = intervals.mean_score([pair], result.metric, result.over_folds)
        yield from _apart(f"the score of fold {fold.name}", fold.score, value)
    if result.group_scores:
        measure = group_measure(result.metric, result.confusion is not None)
        by_group = group_scores(pairs, result.test_groups, measure)
        if result.group_scores.keys() != by_group.keys():
            yield "group_scores has other groups than its clips"
        for name in result.group_scores.keys() & by_group.keys():
            yield from _apart(f"group_scores[{name!r}]", result.group_scores[name], by_group[name])
    if result.confusion is not None and result.confusion != metrics.confusion(pairs):
        yield "confusion has other counts than its predictions"


def _apart(what: str, stated: float, value: float) -> Iterator[str]:
    if np.isnan(stated) != np.isnan(value) or abs(stated - value) > ROUNDING * max(1.0, abs(value)):
        yield f"{what} is {stated:.4g}, but {value:.4g} by its predictions"


def _without_name(error: EvaluationError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")
