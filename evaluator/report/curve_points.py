"""What the points of a result's curve are of: a layer or other features, and a number of shots with a classifier."""

import re
from collections import Counter
from dataclasses import dataclass

from evaluator.results.result import CurvePoint, Result

_SHOTS = re.compile(r"(?:(.+), )?([1-9]\d{0,5}) shots?, (\w+)", re.DOTALL)  # as `judging/few_shot.name` says them
_LAYER = re.compile(r"layer (\d{1,4})")


@dataclass(frozen=True)
class Setting:
    """One of several things that were judged.

    features: `layer 3`, or what else it is called; "" for the module's only ones.
    n_shots: Training clips of each class; None where all were taken.
    classifier: That saw the shots, `centroid` or `logistic`; "" without shots.
    """

    features: str
    n_shots: int | None = None
    classifier: str = ""

    @property
    def layer(self) -> int | None:
        """The layer's number; None for other features."""
        found = _LAYER.fullmatch(self.features)
        return int(found[1]) if found else None


def setting(name: str) -> Setting:
    """The setting that a point of a curve names."""
    found = _SHOTS.fullmatch(name)
    return Setting(found[1] or "", int(found[2]), found[3]) if found else Setting(name)


def chosen(result: Result) -> Counter[str]:
    """Names of the points that the score is of, and how many folds chose each; where all were told the same, all folds."""
    found: Counter[str] = Counter()
    for fold in result.folds:
        names = [point.name for point in result.curve if point.name == result.chosen] or [
            point.name
            for point in result.curve
            if fold.chosen == point.name or fold.chosen.startswith(f"{point.name}, ")
        ]
        found.update(names[:1])
    return found


def headline(result: Result) -> Setting:
    """What the score is of; of several layers that folds chose, the most usual."""
    usual = chosen(result).most_common(1)
    return setting(usual[0][0] if usual else result.chosen)


def by_features(result: Result) -> list[tuple[Setting, CurvePoint]]:
    """The points that differ in nothing but their features (layers), with the headline's shots; none if there is one only."""
    top = headline(result)
    points = [(setting(point.name), point) for point in result.curve]
    found = [
        (each, point) for each, point in points if (each.n_shots, each.classifier) == (top.n_shots, top.classifier)
    ]
    return found if len(found) > 1 else []


def by_shots(result: Result) -> dict[str, list[tuple[int, CurvePoint]]]:
    """For each classifier its number of shots, rising, and points, of the headline's features; empty without shots."""
    top = headline(result)
    found: dict[str, list[tuple[int, CurvePoint]]] = {}
    for point in result.curve:
        each = setting(point.name)
        if each.n_shots is not None and each.features == top.features:
            found.setdefault(each.classifier, []).append((each.n_shots, point))
    found = {name: sorted(points, key=lambda pair: pair[0]) for name, points in found.items()}
    return found if any(len(points) > 1 for points in found.values()) else {}
