"""The settings of a linear or shallow network: shape, training, selection, and the grid to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class NetworkSettings:
    """A linear layer or a shallow network, trained by gradient (`evaluator/probes/training.py`).

    It maps features (n_rows, width) to logits (n_rows, n_classes).

    hidden: Widths of its hidden layers; none for a linear layer.
    norm: `none`, `layer` or `batch`, after each hidden Linear and before dropout and ReLU.
    dropout: Share of hidden units that is dropped, 0 to 1.
    initialisation: `pytorch` (torch.nn.Linear's), `xavier_uniform` or `xavier_normal` (biases as PyTorch's).
    optimiser, learning_rate, weight_decay, epochs, batch_size: Of the training; `adam` or `adamw`.
    shuffle: Whether each epoch draws an order; else HEAR's one shuffled order of files serves all epochs.
    class_weights: In the loss: `none`, or `inverse_frequency` (n / (classes * n of the class), of the training clips).
    schedule: Of the rate: `constant`; `warmup` (linear up, then linear down to 0); `cosine` (linear up, then down
        to 0 as half a cosine); or `plateau` (times plateau_factor
        whenever the validation loss was not lowered more than plateau_patience checks in a row).
    warmup_share: Share of all steps over which the rate rises from 0, of both.
    extra_step_per_epoch: Whether the warm-up schedule advances once more after each epoch.
    check_every: Epochs from one look at validation to the next.
    monitor: What counts there: `valid_loss` or `valid_score` (the task's metric).
    patience: Looks without anything better after which training stops; 0 for never.
    weights: `last` epoch's, or the `best` by what is monitored.
    precision: Of what goes through the network: `float32`, or `bfloat16`, in which weights, losses and Adam stay float32.
    grid: Points to choose from by what is monitored, each some of these fields; earlier ones win ties.
    grid_by: Whether `each_fold` chooses its point, or the `first_fold` for all.
    """

    optimiser: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    schedule: str
    weights: str
    monitor: str
    hidden: tuple[int, ...] = ()
    norm: str = "none"
    dropout: float = 0.0
    initialisation: str = "pytorch"
    shuffle: bool = True
    class_weights: str = "none"
    warmup_share: float = 0.0
    extra_step_per_epoch: bool = False
    plateau_factor: float = 0.1
    plateau_patience: int = 0
    check_every: int = 1
    patience: int = 0
    precision: str = "float32"
    grid: tuple[Mapping[str, Any], ...] = ()
    grid_by: str = "each_fold"

    def points(self) -> list["NetworkSettings"]:
        """The settings of every point of the grid; only these if there is none."""
        return [replace(self, grid=(), **point) for point in self.grid] or [self]
