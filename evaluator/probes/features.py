"""Which embeddings of a store probes read: the scene embedding, or one, each, or several of a module's layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.embedding.matrix import InMemory, Matrix, SideBySide
from evaluator.embedding.store import IN_MEMORY, Store
from evaluator.errors import UsageError
from evaluator.probes.protocol import LAYERS, is_layers, layer_numbers


@dataclass(frozen=True)
class Candidate:
    """Features that a probe can be fitted to: a name, and the numbers of the matrices that they are made of.

    Each matrix is (n_clips, width).

    name: `layer 3`, `mean of layers`, `weighted layers`; "" for the module's only ones.
    features: One number; several where a probe learns how to weight them.
    layer: The layer's number from 0; None for other features.
    """

    name: str
    features: tuple[int, ...] = (0,)
    layer: int | None = None


def parse(layers: str) -> str:
    """Which layers are asked for, checked.

    Args:
        layers: `scene` (the module's scene embedding), `all` (each by itself), `last`, `mean` (of all layers),
            `weighted` (their sum with learned softmax weights), a layer's number from 0, or several such as `1,6,12` or `0-4`
            (each by itself, as with `all`).

    Returns:
        The same; of several numbers the shortest way to write them, equal for equal layers.

    Raises:
        UsageError: None of these.
    """
    layers = layers.replace(" ", "")
    if numbers := layer_numbers(layers):
        return _written(numbers)
    if is_layers(layers):
        return layers
    raise UsageError(
        f"--layers {layers}: give {', '.join(LAYERS)}, or numbers, such as --layers 6, --layers 1,6,12 or --layers 0-4"
    )


def _written(numbers: Sequence[int]) -> str:
    """Numbers in order as text, three and more that follow each other as `0-4`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
    return ",".join(parts)


def refuse_plain(layers: str, described: dict[str, Any], name: str) -> None:
    """Refuse a user's choice of layers to a module that shows only one.

    Raises:
        UsageError: It knows the plain HEAR API only, has a single layer, or has no such layer.
    """
    if max(layer_numbers(layers), default=0) >= described["n_layers"] > 1:
        raise UsageError(f"--layers {layers}: {name} has layers 0 to {described['n_layers'] - 1}")
    if layers not in ("scene", "last") and described["n_layers"] < 2:
        why = "has a single layer" if described["extension"] else "knows the plain HEAR API, which shows no layers"
        raise UsageError(f"--layers {layers}: {name} {why}; leave --layers out to probe its embeddings")


def read(
    store: Store, keys: Sequence[str], layers: str, pooling: str, memory: int = IN_MEMORY
) -> tuple[list[Matrix], list[Candidate]]:
    """The matrices (n_clips, width) of some clips, and what probes can be fitted to.

    Layers that take more than `memory` bytes together are read from disk when they are used.

    Args:
        store: Where the clips' embeddings are.
        keys: The clips.
        layers: See `parse`.
        pooling: `mean`, or `mean+std`: beside the mean over time the standard deviation; not used for `scene`.
        memory: Bytes that all layers together may take; their mean is always held.

    Raises:
        UsageError: There is no such layer.
    """
    if layers == "scene":
        return [store.matrix(keys, "scene")], [Candidate("")]
    views = ["layers_mean", "layers_std"] if pooling == "mean+std" else ["layers_mean"]
    every = _layers_of(store, keys, views, memory)
    last = len(every) - 1
    if last == 0 and layers in ("all", "last", "weighted"):
        return every, [Candidate("")]
    if layers == "mean":
        return [InMemory(_averaged(every))], [Candidate("mean of layers")]
    if layers == "weighted":
        return every, [Candidate("weighted layers", tuple(range(len(every))))]
    if layers == "all":
        return every, [Candidate(f"layer {number}", (number,), number) for number in range(len(every))]
    numbers = [last] if layers == "last" else layer_numbers(layers)
    if numbers[-1] > last:
        raise UsageError(f"--layers {layers}: the module has layers 0 to {last}")
    candidates = [Candidate(f"layer {number}", (place,), number) for place, number in enumerate(numbers)]
    return [every[number] for number in numbers], candidates


def _layers_of(store: Store, keys: Sequence[str], views: Sequence[str], memory: int) -> list[Matrix]:
    """Each layer's features (n_clips, width), the views beside each other; in memory if all of them fit."""
    first = store.read_layers(keys[:1], views[0])
    n_layers, _, width = first.shape
    if 4 * n_layers * len(keys) * width * len(views) <= memory:
        both = np.concatenate([store.read_layers(keys, view) for view in views], axis=2)
        return [InMemory(layer) for layer in both]
    return [SideBySide([store.matrix(keys, view, layer, memory=0) for view in views]) for layer in range(n_layers)]


def _averaged(layers: Sequence[Matrix]) -> np.ndarray:
    """The mean of matrices of equal shape, (n_rows, width), float32."""
    rows = np.arange(layers[0].shape[0])
    total = np.zeros(layers[0].shape, np.float64)
    for layer in layers:
        total += layer.take(rows)
    return (total / len(layers)).astype(np.float32)
