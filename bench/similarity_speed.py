"""How long a representational similarity analysis takes, and how much memory: layers with each other and with descriptors.

Random embeddings of the size of HuBERT base's 13 layers (768 wide), random descriptors. Printed are seconds of each part,
the peak of the process' memory, and what the plain way would take by its time for one pair: SciPy's `spearmanr` for each
two, and as many permutations of the clips, one by one.

    OMP_NUM_THREADS=1 python bench/similarity_speed.py [--layers 13] [--clips 2000] [--width 768] [--descriptors 41]
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

from evaluator.similarity import correlations


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that `work` takes, and those that a processor spends on it."""
    started = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started[0], time.process_time() - started[1]


def one_permutation(ranks: np.ndarray, square: np.ndarray, upper: tuple[np.ndarray, np.ndarray]) -> float:
    """A correlation after the clips of one side were permuted, the plain way."""
    order = np.random.default_rng(0).permutation(len(square))
    return float(ranks @ square[order][:, order][upper])


def main() -> None:
    """Parse the arguments, run each part, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("layers", 13), ("clips", 2000), ("width", 768), ("descriptors", 41)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    random = np.random.default_rng(0)
    layers = [random.normal(size=(asked.clips, asked.width)).astype(np.float32) for _ in range(asked.layers)]
    values = [random.normal(size=asked.clips) for _ in range(asked.descriptors)]
    ways = [lambda layer=layer: correlations.cosine(layer) for layer in layers]
    others = [lambda value=value: correlations.differences(value) for value in values]
    parts = {
        "layers with layers": (
            lambda: correlations.alike(ways, ways, asked.clips),
            asked.layers * (asked.layers - 1) // 2,
        ),
        "layers with descriptors": (
            lambda: correlations.alike(ways, others, asked.clips),
            asked.layers * asked.descriptors,
        ),
        "linear CKA": (
            lambda: correlations.linear_cka([lambda layer=layer: layer for layer in layers], asked.clips),
            0,
        ),
    }
    one, other = correlations.cosine(layers[0]), correlations.differences(values[0])
    plain = timed(lambda: spearmanr(one, other))[1]
    ranks, square = correlations.ranked(one), squareform(correlations.ranked(other))
    upper = np.triu_indices(asked.clips, 1)
    shuffled = timed(lambda: one_permutation(ranks, square, upper))[1]
    print(f"{asked.layers} layers, {asked.clips} clips, {asked.descriptors} descriptors")
    print(f"{'part':26}{'s':>8}{'CPU s':>8}{'spearmanr CPU s':>17}{'permuted one by one CPU s':>27}")
    for name, (work, n_pairs) in parts.items():
        n_permutations = max(asked.clips, correlations.PERMUTATIONS)
        wall, cpu = timed(work)
        alone = f"{n_pairs * plain:17.0f}{n_pairs * n_permutations * shuffled:27.0f}" if n_pairs else ""
        print(f"{name:26}{wall:8.1f}{cpu:8.1f}{alone}", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
