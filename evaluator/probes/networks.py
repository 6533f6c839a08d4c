"""Small networks of one shape, computed as one: their weights lie in tensors with a leading axis.

A network is any number of hidden layers, each Linear, norm, dropout, ReLU, and a last Linear. With several feature
matrices it first takes their sum, weighted by a softmax of learned numbers (Yang et al. 2021, SUPERB,
https://arxiv.org/abs/2105.01051). No network's numbers depend on which others lie beside it: initial weights and dropout
come from its own seed, and no operation joins two.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from evaluator.probes.network_settings import NetworkSettings

_NORM_EPSILON = 1e-5  # PyTorch's, of layer and batch norm
_MOMENTUM = 0.1  # PyTorch's, of the running statistics of batch norm
_BITS = 16  # random bits that decide whether a unit is dropped


def n_values(settings: NetworkSettings, width: int, n_classes: int) -> int:
    """Number of weights of one network.

    Each layer has a weight (n_in, n_out) and a bias (1, n_out).
    """
    widths = [width, *settings.hidden, n_classes]
    return sum((a + 1) * b for a, b in pairwise(widths))


def first_weights(
    settings: NetworkSettings, width: int, n_classes: int, n_matrices: int, random: Any
) -> dict[str, Any]:
    """Initial weights of one network by name, drawn from its own generator layer by layer, weight before bias.

    Args:
        settings: Shape and initialisation.
        width: Of its input.
        n_classes: Of its output.
        n_matrices: Feature matrices that it mixes; 1 for none.
        random: A torch.Generator on the CPU.
    """
    import torch

    made: dict[str, Any] = {"mix": torch.zeros(n_matrices)} if n_matrices > 1 else {}
    widths = [width, *settings.hidden, n_classes]
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        weight, bound = torch.empty(n_out, n_in), n_in**-0.5
        gain = 2**0.5 if layer else 1.0  # of Xavier, after a ReLU or not
        if settings.initialisation == "xavier_uniform":
            torch.nn.init.xavier_uniform_(weight, gain, generator=random)
        elif settings.initialisation == "xavier_normal":
            torch.nn.init.xavier_normal_(weight, gain, generator=random)
        else:  # torch.nn.Linear's
            weight.uniform_(-bound, bound, generator=random)
        made[f"{layer}.weight"] = weight.T
        made[f"{layer}.bias"] = torch.empty(1, n_out).uniform_(-bound, bound, generator=random)
        if settings.norm != "none" and layer < len(settings.hidden):
            made[f"{layer}.gain"] = torch.ones(1, n_out)
            made[f"{layer}.shift"] = torch.zeros(1, n_out)
    return made


class Networks:
    """Networks of one shape.

    Attributes:
        weights: By name, each (n_networks, ...); what is trained.
        running: Running mean and variance of each batch norm by name, (n_networks, 1, width).
    """

    def __init__(self, weights: Mapping[str, Any], running: Mapping[str, Any], settings: NetworkSettings):
        self.weights, self.running, self.settings = dict(weights), dict(running), settings

    @classmethod
    def start(cls, firsts: Sequence[Mapping[str, Any]], settings: NetworkSettings, device: str) -> "Networks":
        """Networks from the first weights of each."""
        import torch

        weights = {name: torch.stack([first[name] for first in firsts]).contiguous().to(device) for name in firsts[0]}
        running = {}
        for layer in range(len(settings.hidden) if settings.norm == "batch" else 0):
            running[f"{layer}.mean"] = torch.zeros_like(weights[f"{layer}.shift"])
            running[f"{layer}.variance"] = torch.ones_like(weights[f"{layer}.gain"])
        return cls({name: tensor.requires_grad_() for name, tensor in weights.items()}, running, settings)

    def only(self, which: Any) -> "Networks":
        """Copies of some of them.

        Args:
            which: Their numbers, (n,), a tensor of int64.
        """
        return Networks(
            {name: tensor.detach()[which].requires_grad_() for name, tensor in self.weights.items()},
            {name: tensor[which] for name, tensor in self.running.items()},
            self.settings,
        )

    def put(self, where: Any, others: "Networks", which: Any) -> None:
        """Copy the networks `which` of `others` to the places `where`; both (n,) of int64."""
        for ours, theirs in ((self.weights, others.weights), (self.running, others.running)):
            for name, tensor in theirs.items():
                ours[name].detach()[where] = tensor.detach()[which]

    def logits(self, x: Any, dropped: Sequence[Any] | None = None) -> Any:
        """Outputs (n_networks, n_rows, n_classes) for rows of features.

        Args:
            x: (n_networks, n_rows, width), or (n_networks, n_matrices, n_rows, width) where matrices are mixed.
            dropped: A generator for each network while they are trained (dropout, statistics of the batch); None to
                apply what they learned.
        """
        import torch

        if self.settings.precision == "float32":
            return self.outputs(x, dropped)
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.outputs(x, dropped).float()  # for losses and probabilities

    def outputs(self, x: Any, dropped: Sequence[Any] | None) -> Any:
        """See `logits`; in the precision that PyTorch is told."""
        import torch

        if "mix" in self.weights:
            x = torch.einsum("pm,pmrw->prw", self.weights["mix"].softmax(dim=1), x)
        for layer in range(len(self.settings.hidden)):
            bias = self.weights[f"{layer}.bias"]
            if self.settings.norm == "batch":
                # Batch norm takes it out again, so its gradient is 0; what rounding leaves of it, Adam would blow up.
                bias = bias.detach()
            x = torch.baddbmm(bias, x, self.weights[f"{layer}.weight"])
            x = self.normed(layer, x, dropped is not None)
            if dropped is not None and self.settings.dropout:
                x = x * _kept(x, self.settings.dropout, dropped)
            x = torch.relu(x)
        last = len(self.settings.hidden)
        return torch.baddbmm(self.weights[f"{last}.bias"], x, self.weights[f"{last}.weight"])

    def normed(self, layer: int, x: Any, training: bool) -> Any:
        """The layer's norm of x (n_networks, n_rows, width), of the same shape."""
        import torch
        from torch.nn import functional

        if self.settings.norm == "none":
            return x
        gain, shift = self.weights[f"{layer}.gain"], self.weights[f"{layer}.shift"]
        if self.settings.norm == "layer":
            return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:], eps=_NORM_EPSILON), gain)
        mean, variance = self.running[f"{layer}.mean"], self.running[f"{layer}.variance"]
        # A network's own call: PyTorch's kernel takes one batch, and reads it fewer times than the formula would.
        parts = zip(x.unbind(), *(tensor.squeeze(1).unbind() for tensor in (mean, variance, gain, shift)), strict=True)
        return torch.stack(
            [
                functional.batch_norm(own, m, v, g, s, training=training, momentum=_MOMENTUM, eps=_NORM_EPSILON)
                for own, m, v, g, s in parts
            ]
        )


def _kept(x: Any, share: float, random: Sequence[Any]) -> Any:
    """What dropout multiplies x (n_networks, n_rows, width) with: 0, or 1 / (1 - share).

    Four units share one draw of 64 bits, so the share is exact to 16 bits.

    Args:
        x: For its shape.
        share: That is dropped, 0 to 1.
        random: A generator for each network, on the device of x.
    """
    import torch

    n = x[0].numel()
    draws = [torch.empty(-(-n // 4), dtype=torch.int64, device=x.device) for _ in random]
    for draw, each in zip(draws, random, strict=True):
        draw.random_(-(2**63), None, generator=each)  # all 64 bits; without bounds the top one is always 0
    bits = torch.stack([draw.view(torch.int16)[:n] for draw in draws]).view(x.shape)
    # In bfloat16 the factor would be off by up to 0.4 %, for every unit alike.
    factors = torch.promote_types(x.dtype, torch.float32)
    return (bits >= round(share * 2**_BITS) - 2 ** (_BITS - 1)).to(factors).mul_(1 / (1 - share))
