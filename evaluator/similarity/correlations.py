"""How similar two representations of the same clips are: representational similarity analysis, and linear CKA beside it.

A representation (a module's embeddings, an acoustic descriptor, a label) gives the dissimilarity of every two clips. Two
representations are similar if they rank the pairs of clips similarly. Dissimilarities of n clips are (n_pairs,), n_pairs =
n (n - 1) / 2, in the order of `scipy.spatial.distance.pdist`: (0, 1), (0, 2), ..., (1, 2), ...

Memory: at most two blocks of ranked dissimilarities and their spectra, `BLOCK_BYTES` each, are held at once, and the
embeddings of one representation. Every representation is ranked once where those that are compared fit into one block (16
of 2,000 clips), else once for each pair of blocks.

Source: Kriegeskorte, Mur and Bandettini 2008, https://doi.org/10.3389/neuro.06.004.2008; the steps are those of Ogg 2025.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK_BYTES = 256 << 20
FDR_LEVEL = 0.05  # of the false discovery rate (Ogg 2025)
MIN_PERMUTATIONS = 999  # so that no p is below 0.001
_ROUNDING = 1e-5  # of a correlation from float32; correlations by chance this near count as just as high
_MAX_PAIRS = 1 << 20  # that are summed at once

LazyArray = Callable[
    [], np.ndarray
]  # called, it computes dissimilarities (n_pairs,), or reads embeddings (n_clips, width)


@dataclass(frozen=True)
class Correlations:
    """Correlations of some representations (rows) with others (columns); each field has shape (n_rows, n_columns), float64.

    r: Spearman's correlation of the pairs' dissimilarities; NaN where one of the two has the same dissimilarity for every pair.
    p: Chance that clips in random order give as high an r, from the Mantel test; one-sided, never below
        one over one more than the permutations that were made.
    """

    r: np.ndarray
    p: np.ndarray


def cosine_distances(rows: np.ndarray) -> np.ndarray:
    """One minus the cosine between every two embeddings, (n_pairs,), 0 to 2, float64.

    Args:
        rows: Embeddings (n_clips, width), none of them all zeros.
    """
    unit = rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return _pairwise(len(rows), lambda start, stop: 1 - unit[start:stop] @ unit[start:].T)


def absolute_differences(values: np.ndarray) -> np.ndarray:
    """Absolute difference of every two values (n_clips,): dissimilarities (n_pairs,)."""
    return _pairwise(len(values), lambda start, stop: np.abs(values[start:stop, None] - values[None, start:]))


def label_distances(labels: np.ndarray) -> np.ndarray:
    """Share of the labels of every two clips that only one of them has, (n_pairs,): 0 the same, 1 none in common.

    With one label a clip that is 0 for the same and 1 for another one; with several it is the Jaccard distance.

    Args:
        labels: 0 or 1, (n_clips, n_labels). Two clips without any are at distance 0.
    """
    indicators = labels.astype(np.float32)
    sizes = indicators.sum(axis=1)

    def block(start: int, stop: int) -> np.ndarray:
        common = indicators[start:stop] @ indicators[start:].T
        either = sizes[start:stop, None] + sizes[None, start:] - common
        return 1 - np.divide(common, either, out=np.ones_like(common), where=either > 0)

    return _pairwise(len(labels), block)


def _pairwise(n_clips: int, block: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """Dissimilarities (n_pairs,) from a function of the clips start..stop that gives theirs to all clips from `start` on."""
    out = np.empty(n_clips * (n_clips - 1) // 2)
    size, filled = max(1, _MAX_PAIRS // max(1, n_clips)), 0
    for start in range(0, n_clips, size):
        stop = min(start + size, n_clips)
        for row, values in enumerate(block(start, stop)):
            n_others = n_clips - start - row - 1
            out[filled : filled + n_others] = values[row + 1 :]
            filled += n_others
    return out


def normalised_ranks(dissimilarities: np.ndarray) -> np.ndarray:
    """Ranks of the pairs, ties sharing theirs, with mean 0 and norm 1: (n_pairs,), float32.

    The scalar product of two such is Spearman's correlation. All NaN where every pair has the same dissimilarity.
    """
    order = np.argsort(dissimilarities)
    ascending = dissimilarities[order]
    ends = np.flatnonzero(np.append(ascending[1:] != ascending[:-1], True)) + 1  # of each run of ties
    lengths = np.diff(ends, prepend=0)
    ranks = np.repeat(ends - (lengths + len(order)) / 2, lengths)  # their mean is 0
    norm = np.sqrt(np.square(ranks).sum())
    out = np.empty(len(order), np.float32)
    out[order] = ranks / norm if norm else np.nan
    return out


def correlate(
    rows: Sequence[LazyArray],
    columns: Sequence[LazyArray],
    n_clips: int,
    seed: int = 0,
    min_permutations: int = MIN_PERMUTATIONS,
) -> Correlations:
    """Spearman's correlation between every row and every column, (n_rows, n_columns), and whether it may be chance.

    Args:
        rows, columns: Each gives dissimilarities (n_pairs,) of the same clips.
        n_clips: How many these are, at least `sample.MIN_CLIPS`.
        seed: Of the permutations.
        min_permutations: Of the Mantel test; as many or more are made.
    """
    r, p = np.full((2, len(rows), len(columns)), np.nan)
    pairs = n_clips * (n_clips - 1) // 2
    size = max(1, BLOCK_BYTES // (4 * pairs + 8 * (n_clips // 2) * (n_clips // 2 + 1)))  # ranks, and spectrum
    for row_block in _slices(len(rows), size):
        row_ranks = _stacked_ranks(rows[row_block], pairs)
        row_spectra = diagonal_spectra(row_ranks, np.random.default_rng((seed, 0)).permutation(n_clips))
        for column_block in _slices(len(columns), size):
            same = columns is rows and row_block == column_block
            column_ranks = row_ranks if same else _stacked_ranks(columns[column_block], pairs)
            block = row_block, column_block
            r[block] = _products(row_ranks, column_ranks)
            p[block] = _mantel_p(row_spectra, column_ranks, r[block], n_clips, seed, min_permutations)
    return Correlations(r, np.where(np.isnan(r), np.nan, p))


def _slices(n: int, size: int) -> Iterator[slice]:
    """Consecutive parts of `size` of n things."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _stacked_ranks(dissimilarities: Sequence[LazyArray], n_pairs: int) -> np.ndarray:
    """Normalised ranks of several representations, (n_representations, n_pairs), float32."""
    out = np.empty((len(dissimilarities), n_pairs), np.float32)
    for row, compute in enumerate(dissimilarities):
        out[row] = normalised_ranks(compute())
    return out


def _products(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Scalar products of rows (n_rows, n_pairs) and columns (n_columns, n_pairs), summed in float64."""
    total = np.zeros((len(rows), len(columns)))
    for part in _slices(rows.shape[1], max(1, _MAX_PAIRS // 8)):
        total += rows[:, part].astype(np.float64) @ columns[:, part].astype(np.float64).T
    return total


def _mantel_p(
    row_spectra: np.ndarray, columns: np.ndarray, r: np.ndarray, n_clips: int, seed: int, min_permutations: int
) -> np.ndarray:
    """p of the Mantel test for every row and column, (n_rows, n_columns).

    The clips of the columns are put in random order, and then all turned by one place, two, ... (n_clips - 1): n_clips
    permutations, each of which is any permutation with equal chance. Their correlations are a circular convolution
    along each diagonal of the matrices of dissimilarities, which a Fourier transform gives all at once. As the rows'
    order is random too, neighbouring turns have no more to do with each other than other permutations. With few
    clips several random orders are taken, until there are permutations enough.

    Args:
        row_spectra: The rows' `diagonal_spectra`, in random order.
        columns: Ranks, (n_columns, n_pairs).
        r: Correlations, (n_rows, n_columns).
        n_clips, seed, min_permutations: See `correlate`.

    Source of the test: Mantel 1967, https://cancerres.aacrjournals.org/content/27/2_Part_1/209; of p from drawn
    permutations: Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585.
    """
    from scipy.fft import irfft

    random = np.random.default_rng((seed, 1))
    n_orders = -(-min_permutations // n_clips)
    n_as_high = np.zeros(r.shape)
    for _ in range(n_orders):
        column_spectra = diagonal_spectra(columns, random.permutation(n_clips))
        crossed = np.matmul(row_spectra.conj(), column_spectra.transpose(0, 2, 1))  # (n_frequencies, n_rows, n_columns)
        by_chance = irfft(crossed, n_clips, axis=0)  # (n_clips, n_rows, n_columns)
        n_as_high += (by_chance >= r - _ROUNDING).sum(axis=0)
    return (1 + n_as_high) / (1 + n_orders * n_clips)


def diagonal_spectra(ranks: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Fourier transforms of the wrapped diagonals of matrices of dissimilarities, their clips put in an order.

    Args:
        ranks: (n_representations, n_pairs), float32.
        order: Of the clips, (n_clips,).

    Returns:
        (n_clips // 2 + 1 frequencies, n_representations, n_clips // 2 diagonals), complex64. The diagonal k holds the pairs
        (i, i + k modulo n_clips); with an even number of clips, the last one holds each of its pairs twice, and is
        weighted accordingly.
    """
    from scipy.fft import rfft
    from scipy.spatial.distance import squareform

    n, n_diagonals = len(order), len(order) // 2
    weights = np.ones(n_diagonals, np.float32)
    if n % 2 == 0:
        weights[-1] = np.sqrt(0.5)  # on both sides of a product
    out = np.empty((n // 2 + 1, len(ranks), n_diagonals), np.complex64)
    for row, row_ranks in enumerate(ranks):
        square = squareform(row_ranks, checks=False)[np.ix_(order, order)]
        wrapped = np.concatenate([square, square], axis=1).ravel()[1:]
        step = wrapped.itemsize
        diagonals = np.lib.stride_tricks.as_strided(wrapped, (n, n_diagonals), ((2 * n + 1) * step, step))
        out[:, row] = rfft(diagonals * weights, axis=0)
    return out


def fdr_corrected(p: np.ndarray) -> np.ndarray:
    """p values corrected for the false discovery rate, of the same shape; NaN stays NaN and does not count.

    Source: Benjamini and Hochberg 1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    from scipy.stats import false_discovery_control

    corrected = np.full(p.shape, np.nan)
    defined = ~np.isnan(p)
    if defined.any():
        corrected[defined] = false_discovery_control(p[defined])
    return corrected


def significant(r: np.ndarray, p_corrected: np.ndarray) -> np.ndarray:
    """Which correlations are significant: above 0, and unlikely to be chance; bool of the same shape; the rule of Ogg 2025."""
    return (r > 0) & (p_corrected < FDR_LEVEL)


def linear_cka(embeddings: Sequence[LazyArray], n_clips: int) -> np.ndarray:
    """Linear centred kernel alignment between every two representations, (n_representations, n_representations), 0 to 1.

    With more dimensions than clips even unrelated embeddings score high; compare only over the same clips, many of
    them. NaN where all clips have the same embedding.

    Args:
        embeddings: Each gives embeddings (n_clips, width) of the same clips; widths may differ.
        n_clips: How many these are.

    Source: Kornblith et al. 2019, https://arxiv.org/abs/1905.00414, equation (1) with linear kernels.
    """
    n = len(embeddings)
    total = np.zeros((n, n))
    for part in _slices(n_clips, max(1, BLOCK_BYTES // (4 * n_clips * max(1, n)))):
        block = np.empty((n, (part.stop - part.start) * n_clips), np.float32)
        for row, read in enumerate(embeddings):
            block[row] = _gram_rows(read(), part).ravel()
        total += _products(block, block)
    norms = np.sqrt(np.diag(total))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / np.outer(norms, norms))


def _gram_rows(embeddings: np.ndarray, part: slice) -> np.ndarray:
    """Some rows of the centred Gram matrix of embeddings (n_clips, width), in units that fit float32."""
    centred = embeddings - embeddings.mean(axis=0, dtype=np.float64)
    largest = np.abs(centred).max(initial=0.0)
    scaled = (centred / largest if largest else centred).astype(np.float32)
    return np.asarray(scaled[part] @ scaled.T)
