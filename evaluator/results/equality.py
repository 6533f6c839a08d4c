"""Whether two results are equal: the same question, the same answer, whatever machine and moment they are of."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from evaluator.results import on_disk, sharing
from evaluator.results.result import Result

_SHOWN = 60  # characters of a value
_CAUSES = (  # in `provenance`: why answers differ, in the order in which a reader should look
    ("task_sha256", "task"),
    ("protocol_sha256", "protocol"),
    ("manifest_sha256", "list of clips (manifest)"),
    ("audio_sha256", "audio"),
)


def same(one: Result, other: Result) -> bool:
    """Whether two results are equal in everything but `environment`, `seconds` and the folders that sentences name.

    Predictions (n_times, n_clips, n_classes) are compared bit for bit, in single precision, as files hold them.
    """
    return not differences(one, other)


def differences(one: Result, other: Result) -> list[str]:
    """What differs between two results, the causes first, then the score, then the rest; empty if they are equal.

    Predictions are (n_times, n_clips, n_classes) for each fold.
    """
    plain = [_compared(each) for each in (one, other)]
    lines = list(_causes(one, other))
    if plain[0].get("score") != plain[1].get("score"):
        lines.append(f"score: {one.score:.6g} became {other.score:.6g} ({one.metric})")
    lines += _of_predictions(on_disk.as_arrays(one), on_disk.as_arrays(other))
    told = {"score", *(f"provenance.{name}" for name, _ in _CAUSES), "provenance.module.weights_sha256"}
    told |= {"provenance.module.code"}
    leaves = [dict(_leaves(each, "")) for each in plain]
    for place in sorted(leaves[0].keys() | leaves[1].keys()):
        before, after = (each.get(place, "nothing") for each in leaves)
        if before != after and place not in told:
            lines.append(f"{place}: {str(before)[:_SHOWN]} became {str(after)[:_SHOWN]}")
    return lines


def versions_between(one: Result, other: Result) -> list[str]:
    """Which versions, devices and states of the code two results differ in, (n_differences,): possible causes where they are not equal."""
    before, after = ({**dict(_leaves(_of_machine(each), ""))} for each in (one, other))
    return [
        f"{name}: {before.get(name, 'none')} became {after.get(name, 'none')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _of_machine(result: Result) -> dict[str, Any]:
    names = ("packages", "python", "platform", "commit", "probe_device", "processor", "threads", "module")
    return {name: result.environment[name] for name in names if name in result.environment}


def _compared(result: Result) -> dict[str, Any]:
    """What is compared, as JSON holds it; folders do not count, wherever they are named."""
    plain = on_disk.as_json(sharing.without_paths(result))
    return {name: value for name, value in plain.items() if name not in on_disk.OUTSIDE}


def _causes(one: Result, other: Result) -> Iterator[str]:
    for name, words in _CAUSES:
        if one.provenance.get(name) != other.provenance.get(name):
            yield f"{words}: another one ({_short(one.provenance.get(name))} became {_short(other.provenance.get(name))})"
    modules = [each.provenance.get("module") or {} for each in (one, other)]
    for name, words in (("weights_sha256", "the module's weights"), ("code", "the module's code")):
        before, after = (each.get(name) for each in modules)
        if before != after:
            yield f"{words}: others ({_short(before)} became {_short(after)})"


def _short(digest: Any) -> str:
    return str(digest).removeprefix("sha256 ")[:12] if digest else "none"


def _of_predictions(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> Iterator[str]:
    """A sentence for each fold's array that differs; of probabilities, at how many clips and by how much at most."""
    for name in [*one, *(each for each in other if each not in one)]:
        if name not in one or name not in other:
            yield f"predictions: {name} is in one result only"
            continue
        before, after = one[name], other[name]
        if before.dtype.kind == after.dtype.kind and np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
            continue
        if not name.startswith("probabilities") or before.shape != after.shape:
            yield f"predictions: {name} differs"
            continue
        apart = np.abs(before - after).max(axis=(0, *range(2, before.ndim)))  # (n_clips,)
        differing = np.flatnonzero(~(apart == 0))
        number = name.removeprefix("probabilities_")
        first = one[f"clips_{number}"][differing[0]]
        yield (
            f"predictions: fold {one['folds'][int(number)]}: {len(differing)} of {len(apart)} clips differ, by at most "
            f"{np.nanmax(apart):.3g}, {first} for one"
        )


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Everything that JSON holds, each with its place, such as `folds.0.score`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None or not value:
        yield place, value
        return
    for key, item in items:
        yield from _leaves(item, f"{place}.{key}".lstrip("."))
