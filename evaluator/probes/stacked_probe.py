"""One probe of a stack."""

from dataclasses import dataclass, field

import numpy as np

from evaluator.probes.network_settings import NetworkSettings
from evaluator.probes.schedules import Plateau


@dataclass
class StackedProbe:
    """One probe of a stack, and how its training goes.

    Rows are (n_rows,), in order.

    Attributes:
        features: Numbers of the feature matrices that it reads; several are mixed.
        train, valid: Rows of them, in order.
        seed: Of its initial weights, orders and dropout.
        settings: Its settings, one point of a grid.
        chosen_epoch: Epoch, counted from 1, whose weights are kept; 0 while none was any good.
        valid_losses, valid_scores: At each check on validation.
        stopped: Epoch after which early stopping ended it; 0 while it goes on.
    """

    features: tuple[int, ...]
    train: np.ndarray
    valid: np.ndarray
    seed: int
    settings: NetworkSettings
    chosen_epoch: int = 0
    valid_losses: list[float] = field(default_factory=list)
    valid_scores: list[float] = field(default_factory=list)
    stopped: int = 0
    best: float = -float("inf")
    n_stale: int = 0  # checks since the best

    def __post_init__(self) -> None:
        import torch

        self.order = torch.Generator().manual_seed(self.seed)
        self.plateau = Plateau(self.settings.plateau_factor, self.settings.plateau_patience)
