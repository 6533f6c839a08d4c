"""What the layers of a transformer call while it runs: they pass their output on, and padding stays zero."""

from functools import partial
from typing import Any

import torch

from hear_ssl.encoders.encoder import OnLayer


class LayerHooks:
    """What a network's layers call: they pass their output on while somebody listens, and padding stays zero.

    They stay in the network for good, since `torch.compile` cannot follow a forward that adds some.

    Attributes:
        on_layer: As in `Encoder.forward`; None between two forwards.
        mask: (batch, n_frames), True for real frames; None if all are real.
    """

    on_layer: OnLayer | None = None
    mask: torch.Tensor | None = None

    def __init__(self, encoder: Any):
        encoder.layers[0].register_forward_pre_hook(self.before_first)
        for number, layer in enumerate(encoder.layers[:-1], start=1):
            layer.register_forward_hook(partial(self.after, number))
        # Each positional convolution must find zeros where a clip alone has its edge: data2vec stacks several, and
        # a batch norm before it (mHuBERT) has made something else of them.
        position = encoder.pos_conv_embed
        for layer in getattr(position, "layers", None) or [position.conv]:
            layer.register_forward_pre_hook(self.clear)

    def before_first(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        """Pass on what the first layer is given."""
        if self.on_layer is not None:
            self.on_layer(0, inputs[0])

    def after(self, number: int, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        """Pass on what a layer gives."""
        if self.on_layer is not None:
            self.on_layer(number, output[0] if isinstance(output, tuple) else output)

    def clear(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """What a positional convolution is given, (batch, width, n_frames), with zeros where there is padding."""
        return inputs if self.mask is None else (inputs[0] * self.mask.unsqueeze(1),)
