"""Points of a result's curve: which of them its score is of, and which differ from that in features or in shots only.

A point is named by its index in `Result.curve`, from 0.
"""

from collections import Counter

from evaluator.results.result import CurvePoint, Result


def scored_points(result: Result) -> Counter[int]:
    """Indices in the curve, (n_points,), of what the score is of, and of how many folds each is."""
    return Counter(fold.point for fold in result.folds)


def primary_point(result: Result) -> CurvePoint:
    """Of the points of the curve, (n_points,), the one that the score is of; where folds chose several, the most usual one."""
    ((index, _),) = scored_points(result).most_common(1)
    return result.curve[index]


def points_by_features(result: Result) -> list[int]:
    """Indices of the points that differ in nothing but their features (layers), (n_points,); none if there is only one.

    Where probes saw a few shots, those with the shots and classifier of the primary point.
    """
    primary = primary_point(result)
    indices = [
        index
        for index, point in enumerate(result.curve)
        if (point.n_shots, point.head) == (primary.n_shots, primary.head)
    ]
    return indices if len(indices) > 1 else []


def points_by_shots(result: Result) -> dict[str, list[int]]:
    """For each classifier the indices of its points, in order of shots, (n_shots,); empty if none has several.

    Of the primary point's features.
    """
    features = primary_point(result).features
    curves: dict[str, list[int]] = {}
    shots = {index: point.n_shots for index, point in enumerate(result.curve) if point.n_shots is not None}
    for index in sorted(shots, key=lambda each: shots[each]):
        if result.curve[index].features == features:
            curves.setdefault(result.curve[index].head, []).append(index)
    return curves if any(len(indices) > 1 for indices in curves.values()) else {}
