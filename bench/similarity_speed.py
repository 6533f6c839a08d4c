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
    options = parser.parse_args()
    random = np.random.default_rng(0)
    layers = [random.normal(size=(options.clips, options.width)).astype(np.float32) for _ in range(options.layers)]
    values = [random.normal(size=options.clips) for _ in range(options.descriptors)]
    representations = [lambda layer=layer: correlations.cosine_distances(layer) for layer in layers]
    others = [lambda value=value: correlations.absolute_differences(value) for value in values]
    parts = {
        "layers with layers": (
            lambda: correlations.correlate(representations, representations, options.clips),
            options.layers * (options.layers - 1) // 2,
        ),
        "layers with descriptors": (
            lambda: correlations.correlate(representations, others, options.clips),
            options.layers * options.descriptors,
        ),
        "linear CKA": (
            lambda: correlations.linear_cka([lambda layer=layer: layer for layer in layers], options.clips),
            0,
        ),
    }
    one, other = correlations.cosine_distances(layers[0]), correlations.absolute_differences(values[0])
    plain = timed(lambda: spearmanr(one, other))[1]
    ranks, square = correlations.normalised_ranks(one), squareform(correlations.normalised_ranks(other))
    upper = np.triu_indices(options.clips, 1)
    shuffled = timed(lambda: one_permutation(ranks, square, upper))[1]
    print(f"{options.layers} layers, {options.clips} clips, {options.descriptors} descriptors")
    print(f"{'part':26}{'s':>8}{'CPU s':>8}{'spearmanr CPU s':>17}{'permuted one by one CPU s':>27}")
    for name, (work, n_pairs) in parts.items():
        n_permutations = max(options.clips, correlations.MIN_PERMUTATIONS)
        wall, cpu = timed(work)
        alone = f"{n_pairs * plain:17.0f}{n_pairs * n_permutations * shuffled:27.0f}" if n_pairs else ""
        print(f"{name:26}{wall:8.1f}{cpu:8.1f}{alone}", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
