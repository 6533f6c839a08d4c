"""Learning rates over the course of a training, as pure functions of what happened so far."""

import math
from dataclasses import dataclass

# A loss counts as lower only if it is so by this share: the default of torch.optim.lr_scheduler.ReduceLROnPlateau.
_THRESHOLD = 1e-4


def warmup_factor(step: int, n_steps: int, share: float) -> float:
    """Linear rise from 0 over the first share of the steps, then linear fall to 0; what the rate is multiplied with.

    Args:
        step: Of the schedule, from 0.
        n_steps: That the schedule is made for; later steps give 0.
        share: Share of them that rises, 0 to 1.
    """
    rising = int(share * n_steps)
    if step < rising:
        return step / rising
    return max(0.0, (n_steps - step) / max(1, n_steps - rising))


def cosine_factor(step: int, n_steps: int, share: float) -> float:
    """Linear rise over the first share of the steps, then half a period of a cosine down to 0; what the rate is multiplied with.

    Arguments, in steps, as those of `warmup_factor`.
    """
    rising = int(share * n_steps)
    if step < rising:
        return step / rising
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, n_steps - rising))))


FACTORS = {"warmup": warmup_factor, "cosine": cosine_factor}  # by their names in protocols


@dataclass
class Plateau:
    """Multiplies the rate with `factor` whenever the loss was not lowered more than `patience` times in a row.

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau in mode min, with its defaults (relative threshold, no
    cool-down), but for its least step of 1e-8.
    """

    factor: float
    patience: int
    scale: float = 1.0  # what the rate is multiplied with now
    lowest: float = float("inf")
    n_bad: int = 0

    def see(self, loss: float) -> None:
        """Take in the loss of one more epoch."""
        if loss < self.lowest * (1 - _THRESHOLD):
            self.lowest, self.n_bad = loss, 0
        else:
            self.n_bad += 1
        if self.n_bad > self.patience:
            self.scale, self.n_bad = self.scale * self.factor, 0
