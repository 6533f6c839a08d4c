"""Which layers of a network make up an embedding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class LayerChoice:
    """Which layers make up an embedding.

    Attributes:
        layers: Their indices, 0 being the encoder's input.
        mean: Average them; else concatenate them.
    """

    layers: tuple[int, ...]
    mean: bool = False

    @classmethod
    def parse(cls, layer: Any, n_layers: int) -> "LayerChoice":
        """Read the `layer` option of a network with `n_layers` layers (indices 0 to n_layers - 1).

        >>> LayerChoice.parse("0,12", n_layers=13).layers
        (0, 12)

        Raises:
            ValueError: Not a layer of this network.
        """
        if layer == "last":
            return cls((n_layers - 1,))
        if layer == "mean":
            return cls(tuple(range(n_layers)), mean=True)
        parts = layer.split(",") if isinstance(layer, str) else layer
        parts = parts if isinstance(parts, (list, tuple)) else [parts]
        try:
            indices = tuple(int(str(index)) for index in parts)
        except ValueError:
            indices = ()
        if not indices or not all(0 <= index < n_layers for index in indices):
            raise ValueError(
                f"option layer={layer!r}: this network takes 'last', 'mean', an index from 0 to {n_layers - 1}, "
                "or a list of such indices"
            )
        return cls(indices)

    def width(self, layer_width: int) -> int:
        """Size of a frame made of these layers, each `layer_width` wide."""
        return layer_width if self.mean else layer_width * len(self.layers)

    def frames(self, by_layer: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """One frame sequence (batch, n_frames, width) out of the layers' (batch, n_frames, layer_width)."""
        chosen = [by_layer[index] for index in self.layers]
        return torch.stack(chosen).mean(dim=0) if self.mean else torch.cat(chosen, dim=-1)
