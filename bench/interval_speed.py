"""How long intervals and comparisons take, without a single draw.

    python bench/interval_speed.py

Exit code 1 if one takes longer than its limit.
"""

import sys
from collections.abc import Callable

import numpy as np
from fastest import best

from evaluator.scoring import differences, intervals
from evaluator.scoring.units import units_of

LIMITS = {  # seconds of an interval, and of a comparison
    ("accuracy", 20_000, 50): (1.0, 5.0),
    ("uar", 20_000, 50): (1.0, 5.0),
    ("uar", 20_000, 500): (2.0, 5.0),
    ("map", 2_000, 50): (1.0, 5.0),
    ("map", 10_000, 200): (5.0, 10.0),
    ("aucroc", 10_000, 200): (5.0, 10.0),
}


def experiment(metric: str, n_clips: int, n_classes: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Work that makes an interval, and that compares two modules, over 500 groups."""
    random = np.random.default_rng(0)
    if metric in ("accuracy", "uar"):
        targets = np.eye(n_classes, dtype=np.float32)[random.integers(n_classes, size=n_clips)]
    else:
        targets = (random.random((n_clips, n_classes)) < 0.02).astype(np.float32)
    answers = [(random.random((1, *targets.shape)) + 0.3 * targets).astype(np.float32) for _ in range(2)]
    groups = [[f"group {n}" for n in random.integers(500, size=n_clips)]]
    clips = [[f"{n}.wav" for n in range(n_clips)]]

    def estimate(each: np.ndarray) -> intervals.Estimate:
        return intervals.estimate([(targets, each)], metric, units_of(groups, clips), intervals.POOLED)

    def compare() -> object:
        return differences.between(*map(estimate, answers))

    return lambda: intervals.interval(estimate(answers[0]), metric), compare


def main() -> int:
    """Print the table; 1 if a limit is passed."""
    too_slow = 0
    print("score     clips    classes  interval  comparison  (seconds)")
    for (metric, n_clips, n_classes), limits in LIMITS.items():
        seconds = [best(work) for work in experiment(metric, n_clips, n_classes)]
        slow = any(took > limit for took, limit in zip(seconds, limits, strict=True))
        too_slow += slow
        print(
            f"{metric:9} {n_clips:6,} {n_classes:8}  {seconds[0]:8.2f}  {seconds[1]:10.2f}{'  TOO SLOW' if slow else ''}"
        )
    return bool(too_slow)


if __name__ == "__main__":
    sys.exit(main())
