"""Adam for networks that lie side by side, each with a learning rate of its own."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from evaluator.probes.network_settings import NetworkSettings
from evaluator.probes.networks import Networks

_BETAS = (0.9, 0.999)  # PyTorch's defaults, and so is epsilon
_EPSILON = 1e-8


class Adam:
    """Adam, or with decoupled decay AdamW, by PyTorch's fused kernels.

    Weights have shape (n_networks, n_in, n_out).

    Networks with equal rates are updated together, each run of neighbours as one tensor.

    Args:
        networks: Whose weights are trained.
        settings: Which of the two, and the decay.
    """

    def __init__(self, networks: Networks, settings: NetworkSettings):
        import torch

        self.settings, self.networks = settings, networks
        self.moments = [{name: torch.zeros_like(tensor) for name, tensor in networks.weights.items()} for _ in range(2)]
        self.n_steps = 0

    def only(self, which: Any, networks: Networks) -> None:
        """Go on with some of the networks: their numbers (n,), and they."""
        self.networks = networks
        self.moments = [{name: tensor[which] for name, tensor in moment.items()} for moment in self.moments]

    def step(self, rates: Sequence[float]) -> None:
        """Update each network with its rate, and forget the gradients."""
        runs: dict[float, list[slice]] = {}
        for rate, run in groupby(enumerate(rates), key=lambda item: item[1]):
            numbers = [number for number, _ in run]
            runs.setdefault(rate, []).append(slice(numbers[0], numbers[-1] + 1))
        for rate, slices in runs.items():
            self.update(rate, slices)
        self.n_steps += 1
        for weight in self.networks.weights.values():
            weight.grad = None

    def update(self, rate: float, slices: Sequence[slice]) -> None:
        """One step with one rate for some runs of networks."""
        import torch
        from torch.optim.adam import adam
        from torch.optim.adamw import adamw

        first, second = self.moments
        trained = [(name, weight) for name, weight in self.networks.weights.items() if weight.grad is not None]
        with torch.no_grad():
            (adamw if self.settings.optimiser == "adamw" else adam)(
                params=[weight[some] for _, weight in trained for some in slices],
                grads=[weight.grad[some] for _, weight in trained for some in slices],
                exp_avgs=[first[name][some] for name, _ in trained for some in slices],
                exp_avg_sqs=[second[name][some] for name, _ in trained for some in slices],
                max_exp_avg_sqs=[],
                state_steps=[
                    torch.tensor(float(self.n_steps), device=weight.device) for _, weight in trained for _ in slices
                ],
                fused=True,
                foreach=False,
                amsgrad=False,
                beta1=_BETAS[0],
                beta2=_BETAS[1],
                lr=rate,
                weight_decay=self.settings.weight_decay,
                eps=_EPSILON,
                maximize=False,
            )
