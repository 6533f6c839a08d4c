"""How often intervals hold what they promise, and how often equal modules are called different: a seeded simulation.

Each setting makes many small experiments whose truth is known: test clips in groups, two modules that are equally good, and their
answers. Printed are, with the simulation's own error, the share of 95 % intervals that hold the truth (92 % at least, and 98 % at
most, with two errors), the share of comparisons with p below 0.05 (6 % at most, and two errors), and the mean width. Folds may be
covered more often than 98 %: the correction for folds that share training clips is too much where probes hardly depend on them.

    python bench/coverage.py [--repetitions 600] [--only WORD] [--seed 0]

Exit code 1 if a setting misses.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit

from evaluator.scoring import differences, intervals
from evaluator.scoring.intervals import MEAN, POOLED
from evaluator.scoring.metrics import METRICS
from evaluator.scoring.units import units_of

N_CLASSES, N_LABELS = 5, 6
MIN_COVERED, MAX_COVERED, MAX_ALARMS = 0.92, 0.98, 0.06
TRUTH_GROUPS = 4000  # of 50 clips: the population that a truth is taken from

Answers = tuple[np.ndarray, list[np.ndarray]]
"""Targets (n_clips, n_classes), and for each of two modules the probabilities (n_times, n_clips, n_classes)."""
Make = Callable[[np.random.Generator, np.ndarray], Answers]
"""Answers for clips whose groups are given, (n_clips,), 0 to n_groups - 1."""


@dataclass(frozen=True)
class Setting:
    """One kind of experiment.

    name: What it is, in a few words.
    metric: Of its score.
    sizes: Clips of each group, (n_groups,).
    make: Makes answers.
    n_folds: The groups are dealt to so many folds.
    over_folds: How they make one score.
    named: Whether the data names the groups; else each clip is a unit.
    fewest, most: Lowest and highest coverage that pass: a limit of the method that is known is no fault.
    """

    name: str
    metric: str
    sizes: np.ndarray
    make: Make
    n_folds: int = 1
    over_folds: str = POOLED
    named: bool = True
    fewest: float = MIN_COVERED
    most: float = MAX_COVERED


def same(n_groups: int, n_clips: int = 20) -> np.ndarray:
    """Groups of one size, (n_groups,)."""
    return np.full(n_groups, n_clips)


def one_large(n_groups: int, n_clips: int = 20) -> np.ndarray:
    """One group has half of the clips, (n_groups,)."""
    return np.array([n_clips * (n_groups - 1), *[n_clips] * (n_groups - 1)])


def effects(random: np.random.Generator, groups: np.ndarray, sigma: float) -> np.ndarray:
    """How much easier each clip's group is for each module, half of it for both alike, (2, n_clips)."""
    n_groups = groups.max() + 1
    shared, own = random.normal(size=n_groups), random.normal(size=(2, n_groups))
    return np.asarray(sigma * (np.sqrt(0.5) * shared + np.sqrt(0.5) * own)[:, groups])


def offsets_of(n_classes: int) -> np.ndarray:
    """How much easier each class is, in logits, (n_classes,): the second half is as hard as the first."""
    offsets = np.linspace(-0.7, 0.7, n_classes)
    return np.concatenate([offsets[::2], offsets[1::2]])


def classes(
    random: np.random.Generator,
    groups: np.ndarray,
    sigma: float = 1.0,
    level: float = 0.9,
    per_group: int = N_CLASSES,
    rare: int = 0,
    times: int = 1,
    luck: float = 0.0,
) -> Answers:
    """Clips of one class each, right with a chance that depends on class and group.

    Args:
        random, groups: As in `Make`.
        sigma: Standard deviation of the group effect, in logits.
        level: Of the chance, in logits.
        per_group: How many classes a group's clips are of.
        rare: So many more classes have one clip each; the rest have 30 each then, and groups are single clips.
        times, luck: Trainings, and the standard deviation of their effect in logits (as a whole, and on each group).
    """
    n_classes = N_CLASSES + (5 if rare else 0)
    if rare:
        of_class = np.concatenate(
            [np.repeat(np.arange(N_CLASSES), 30), np.repeat(np.arange(N_CLASSES, n_classes), rare)]
        )
    elif per_group < N_CLASSES:
        of_class = (groups + random.integers(per_group, size=len(groups))) % N_CLASSES
    else:
        of_class = random.integers(N_CLASSES, size=len(groups))
    offsets = offsets_of(n_classes)[of_class]
    chance = level + offsets + effects(random, groups, sigma)  # (2, n_clips)
    drawn = (
        luck * random.normal(size=(2, times, 1)) + luck * random.normal(size=(2, times, groups.max() + 1))[..., groups]
    )
    hard = random.random(len(groups)) if sigma else random.random((2, 1, len(groups)))
    right = expit(chance[:, None] + drawn) > np.where(
        random.random((2, times, len(groups))) < 0.5, hard, random.random((2, times, len(groups)))
    )
    wrong = (of_class + random.integers(1, n_classes, size=(2, times, len(groups)))) % n_classes
    return np.eye(n_classes)[of_class], list(np.eye(n_classes)[np.where(right, of_class, wrong)])


def labels(
    random: np.random.Generator, groups: np.ndarray, sigma: float = 0.5, positives: float = 0.1, signal: float = 1.3
) -> Answers:
    """Clips with several labels each, which cluster in groups; scores of both modules share half of their noise."""
    n_groups = groups.max() + 1
    share = random.beta(10 * positives, 10 * (1 - positives), size=(n_groups, N_LABELS))
    targets = (random.random((len(groups), N_LABELS)) < share[groups]).astype(float)
    noise = [random.normal(size=targets.shape) for _ in range(3)]
    shifts = np.stack([effects(random, groups, sigma) for _ in range(N_LABELS)], axis=-1)  # (2, n_clips, n_labels)
    values = [signal * targets + shifts[m] + np.sqrt(0.5) * (noise[m] + noise[2]) for m in range(2)]
    return targets, [expit(each)[None] for each in values]


def files(random: np.random.Generator, groups: np.ndarray, sigma: float = 1.0) -> Answers:
    """Recordings with about 8 events; how many are found depends on the group."""
    n_events = random.poisson(8, size=len(groups))
    chance = expit(0.7 + effects(random, groups, sigma))
    matched = random.binomial(n_events, chance)  # (2, n_files)
    found = matched + random.poisson(4 * (1 - chance))
    return n_events[:, None].astype(float), list(np.stack([found, matched], axis=-1)[:, None].astype(float))


def ridge(random: np.random.Generator, n_groups: int, n_folds: int, shift: float) -> Answers:
    """Answers of real probes: ridge regression on features with group shifts, each fold's groups left out of the training."""
    width, n_clips = 10, 20
    groups = np.repeat(np.arange(n_groups), n_clips)
    of_class = random.integers(3, size=len(groups))
    centres = np.eye(3, width) * 1.2
    targets = np.eye(3)[of_class]
    answers = []
    moved = random.normal(size=(n_groups, width)) * shift
    turned = random.normal(size=(n_groups, 3, width)) * shift
    for _ in range(2):
        own = random.normal(size=(n_groups, width)) * shift
        features = centres[of_class] + (moved + own)[groups] / np.sqrt(2) + turned[groups, of_class]
        features = features + random.normal(size=features.shape)
        probabilities = np.empty_like(targets)
        for fold in range(n_folds):
            test = groups % n_folds == fold
            x, mean = features[~test], features[~test].mean(axis=0)
            inner = (x - mean).T @ (x - mean) + 5 * np.eye(width)
            weights = np.linalg.solve(inner, (x - mean).T @ targets[~test])
            probabilities[test] = (features[test] - mean) @ weights
        answers.append(probabilities[None])
    return targets, answers


def by_ridge(n_groups: int, n_folds: int, shift: float, random: np.random.Generator, groups: np.ndarray) -> Answers:
    """`ridge` as a `Make`: where a population is asked for, the mean of many experiments stands for it (`truth`)."""
    return ridge(random, n_groups, n_folds, shift)


def of_ridge(name: str, n_groups: int, n_folds: int, shift: float) -> Setting:
    """A setting whose answers come from probes that share training clips."""
    make = partial(by_ridge, n_groups, n_folds, shift)
    return Setting(f"ridge probes, {name}", "accuracy", same(n_groups), make, n_folds)


SETTINGS = [
    *(Setting("1 split", "accuracy", same(n), classes) for n in (4, 6, 12, 50)),
    *(Setting("1 split", "uar", same(n), classes) for n in (6, 12)),
    Setting("1 split", "macro_f1", same(6), classes),
    Setting("1 split, no group effect", "accuracy", same(12), partial(classes, sigma=0.0)),
    *(Setting("one group a fold", "accuracy", same(n, 30), classes, n) for n in (6, 8)),
    Setting("one group a fold, strong groups", "accuracy", same(6, 30), partial(classes, sigma=1.5), 6),
    *(Setting("5 folds", "uar", same(n), classes, 5) for n in (9, 45)),
    Setting("one group has half of the clips", "accuracy", one_large(12), classes),
    Setting("a group has 2 of 5 classes", "uar", same(10), partial(classes, per_group=2)),
    Setting("a group has 1 class (identity)", "uar", same(10), partial(classes, per_group=1)),
    Setting("near the ceiling", "accuracy", same(6), partial(classes, level=4.2), most=1.0),
    Setting("clips, no groups", "accuracy", same(100, 1), partial(classes, sigma=0.0), named=False),
    Setting("5 classes of 1 clip", "uar", same(155, 1), partial(classes, sigma=0.0, rare=1), named=False, fewest=0.90),
    Setting("5 classes of 4 clips", "uar", same(170, 1), partial(classes, sigma=0.0, rare=4), named=False),
    *(Setting("1 split", "map", same(n), labels) for n in (6, 12, 30)),
    Setting("one group a fold, pooled", "map", same(8, 30), labels, 8),
    Setting("5 folds, pooled", "map", same(30), labels, 5),
    Setting("5 folds, mean of folds", "map", same(30), labels, 5, MEAN),
    Setting("one group a fold, mean of folds", "map", same(8, 30), labels, 8, MEAN),
    Setting("rare labels (3 %)", "map", same(30), partial(labels, positives=0.03), fewest=0.90),
    *(Setting("1 split", "aucroc", same(n), labels) for n in (6, 12)),
    Setting("1 split", "d_prime", same(12), labels),
    *(Setting("files in groups", "event_onset_200ms_fms", same(n, 5), files) for n in (6, 12)),
    Setting("files, no groups", "event_onset_200ms_fms", same(100, 1), partial(files, sigma=0.5), named=False),
    Setting("3 trainings", "accuracy", same(12), partial(classes, times=3, luck=0.3)),
    Setting("5 trainings, one group a fold", "accuracy", same(12), partial(classes, times=5, luck=0.3), 12),
    of_ridge("depend much on groups", 6, 6, 0.5),
    of_ridge("depend much on groups", 12, 5, 0.5),
    of_ridge("depend little on groups", 12, 12, 0.15),
]


def experiment(setting: Setting, random: np.random.Generator) -> tuple[intervals.Estimate, intervals.Estimate]:
    """The scores of two equal modules in one experiment."""
    groups = np.repeat(np.arange(len(setting.sizes)), setting.sizes)
    targets, answers = setting.make(random, groups)
    parts = [np.flatnonzero(groups % setting.n_folds == fold) for fold in range(setting.n_folds)]
    names = [[f"group {groups[n]}" if setting.named else "" for n in part] for part in parts]
    units = units_of(names, [[f"{n}.wav" for n in part] for part in parts])
    one, other = (
        intervals.estimate(
            [(targets[part], each[:, part]) for part in parts], setting.metric, units, setting.over_folds
        )
        for each in answers
    )
    return one, other


def truth(setting: Setting, values: list[float], random: np.random.Generator) -> float:
    """What the intervals are about: the score of endless clips of new groups.

    For the mean of folds, and for probes that are trained anew, it is the expected score of such experiments, which the mean of
    the experiments' scores stands for.

    Args:
        setting: The kind of experiment.
        values: Scores of the experiments that were made, (n_experiments,).
        random: Makes a population.
    """
    if setting.over_folds == MEAN or setting.name.startswith("ridge"):
        return float(np.mean(values))
    if "rare" in getattr(setting.make, "keywords", {}):  # classes count alike, however many clips they have here
        return float(np.mean(expit(0.9 + offsets_of(N_CLASSES + 5))))
    targets, answers = setting.make(random, np.repeat(np.arange(TRUTH_GROUPS), 50))
    return float(np.mean([METRICS[setting.metric].value(targets, each[0]) for each in answers]))


def simulate(setting: Setting, n: int, seed: int) -> tuple[float, float, float]:
    """Coverage, false alarms, and mean width of the intervals of `n` experiments, the first two from 0 to 1."""
    random = np.random.default_rng(seed)
    pairs = [experiment(setting, random) for _ in range(n)]
    wanted = truth(setting, [each.value for pair in pairs for each in pair], random)
    ends = np.array([intervals.interval(one, setting.metric) for one, _ in pairs])
    found = [differences.between(*pair) for pair in pairs]
    covered = float(((ends[:, 0] <= wanted) & (wanted <= ends[:, 1])).mean())
    alarms = float(np.mean([each.p < differences.SURE for each in found]))  # NaN, with few units, is no alarm
    return covered, alarms, float(np.diff(ends, axis=1).mean())


def error_of(share: float, n: int) -> float:
    """Standard error of a share, 0 to 1, of `n` experiments."""
    return float(np.sqrt(max(share * (1 - share), 0.001) / n))


def main() -> int:
    """Print the table; 1 if a setting misses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=600)
    parser.add_argument("--only", default="", help="settings whose name or metric has this in it")
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    n, misses = parsed.repetitions, 0
    print(f"{'setting':42} {'score':22} units  covers         alarms         width   s")
    for number, setting in enumerate(SETTINGS):
        if parsed.only not in f"{setting.name} {setting.metric}":
            continue
        begin = time.perf_counter()
        covered, alarms, width = simulate(setting, n, parsed.seed + number)
        errors = [error_of(each, n) for each in (covered, alarms)]
        missed = covered < setting.fewest or alarms > MAX_ALARMS + 2 * error_of(MAX_ALARMS, n)
        missed = missed or (setting.n_folds == 1 and covered > setting.most + 2 * error_of(setting.most, n))
        misses += missed
        print(
            f"{setting.name:42} {setting.metric:22} {len(setting.sizes):5}  {covered:.3f} ±{errors[0]:.3f}   "
            f"{alarms:.3f} ±{errors[1]:.3f}   {width:.3f} {time.perf_counter() - begin:5.1f}{'  MISSED' if missed else ''}",
            flush=True,
        )
    print(f"{misses} of the settings miss" if misses else "every setting holds")
    return bool(misses)


if __name__ == "__main__":
    sys.exit(main())
