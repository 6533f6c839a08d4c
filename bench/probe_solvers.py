"""Closed probes against scikit-learn: seconds of processor time in one run, and how far each is from the optimum.

`logistic` over the grid of its protocol and C = 100, on random embeddings with the spectrum of real ones: against scikit-learn as one
would call it (float32, L-BFGS, its own tolerance; a fit a label where there are several), and against its `newton-cg` run to the end
on the same features. `knn` over its numbers on validation, and one of them on test: against a fit and a search for each number.

    python bench/probe_solvers.py [--only wide narrow labels neighbours]
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from evaluator.embedding.matrix import InMemory
from evaluator.probes import protocol
from evaluator.probes.jobs import FitRequest, ProbeJob
from evaluator.probes.kinds.neighbours import Neighbours
from evaluator.probes.logistic_regression import fit_path
from evaluator.scoring.targets import Targets

CS = [0.0001, 0.001, 0.01, 0.1, 1, 10, 100]
SIZES = {"wide": (240, 2048, 10), "narrow": (2000, 256, 20), "labels": (800, 128, 12)}


def clips(n: int, width: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised features (n, width), float32, and targets (n, n_classes)."""
    random = np.random.default_rng(0)
    class_of = random.integers(n_classes, size=n)
    inner = 0.5 * random.normal(size=(n_classes, 60))[class_of] + random.normal(size=(n, 60))
    x = inner @ (random.normal(size=(60, width)) * np.exp(-np.arange(60) / 10)[:, None]) + 0.3 * random.normal(
        size=(n, width)
    )
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32), np.eye(n_classes)[class_of]


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Of all processors together, and what came of the work."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def theirs(x: np.ndarray, targets: np.ndarray, several: bool, **settings: Any) -> list[np.ndarray]:
    """Probabilities (n, n_columns) of scikit-learn's models for each C."""
    columns = [column.astype(int) for column in targets.T] if several else [targets.argmax(axis=1)]
    models = [LogisticRegression(max_iter=1000, **settings) for _ in columns]
    out = []
    for C in CS:
        told = [
            model.set_params(C=C).fit(x, each).predict_proba(x) for model, each in zip(models, columns, strict=True)
        ]
        out.append(np.stack([each[:, 1] for each in told], axis=1) if several else told[0])
    return out


def regression_rows(name: str) -> list[str]:
    """A line for each way: seconds, their ratio to ours, and the largest difference of a probability from the optimum."""
    x, targets = clips(*SIZES[name])
    several = name == "labels"
    seconds, models = processor_seconds(lambda: fit_path(x, targets, "multi" if several else "single", CS, 200))
    ours = [model.probabilities(x) for model in models]
    exact, best = processor_seconds(
        lambda: theirs(x.astype(np.float64), targets, several, solver="newton-cg", tol=1e-9, warm_start=True)
    )
    usual, early = processor_seconds(lambda: theirs(x, targets, several))
    ways = [("ours", seconds, ours), ("newton-cg, tol 1e-9", exact, best), ("as called by default", usual, early)]
    assert all(model.arrived for model in models)
    return [
        f"{name:11}{way:22}{spent:9.2f}{spent / seconds:7.1f}  "
        + " ".join(f"{np.abs(p - q).max():7.0e}" for p, q in zip(told, best, strict=True))
        for way, spent, told in ways
    ]


def neighbour_rows() -> list[str]:
    """The same of neighbours, 10,000 clips of which 6,000 train."""
    x, targets = clips(10_000, 768, 20)
    train, valid, test = np.split(np.arange(10_000), [6000, 8000])
    probe = protocol.load("knn").probe
    assert isinstance(probe, Neighbours)
    request = FitRequest([ProbeJob((0,), train, valid, test, 0)], [InMemory(x)], Targets(targets, "single", "accuracy"))
    seconds, _ = processor_seconds(lambda: probe.fit(request))

    def one_by_one() -> None:
        wide = x.astype(np.float64)
        for number in probe.n_neighbors:
            model = KNeighborsRegressor(number, metric="cosine", algorithm="brute").fit(wide[train], targets[train])
            model.predict(wide[valid])
        model.predict(wide[test])

    slow, _ = processor_seconds(one_by_one)
    return [
        f"neighbours {'ours':22}{seconds:9.2f}{1:7.1f}",
        f"neighbours {'a search a number':22}{slow:9.2f}{slow / seconds:7.1f}",
    ]


def main() -> None:
    """Parse the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[*SIZES, "neighbours"], choices=[*SIZES, "neighbours"])
    warnings.simplefilter("ignore")  # of fits that scikit-learn knows to be unfinished
    print(
        f"{'set':11}{'way':22}{'CPU s':>9}{'ratio':>7}  largest difference of a probability from newton-cg, at C = {CS}"
    )
    for name in parser.parse_args().only:
        for row in neighbour_rows() if name == "neighbours" else regression_rows(name):
            print(row, flush=True)


if __name__ == "__main__":
    main()
