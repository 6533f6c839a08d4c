"""Bootstrap your own latent: one network learns to predict what its own slow average gives for another view.

Source: Grill et al. 2020, https://arxiv.org/abs/2006.07733; sizes as in recipe.py.
"""

import copy

import torch

from hear_ssl.encoders.byol_a import ByolANetwork, max_plus_mean
from hear_ssl.pretraining.recipe import PretrainingRecipe


def _perceptron(n_in: int, hidden: int, n_out: int) -> torch.nn.Sequential:
    """Projector or predictor, (batch, n_in) -> (batch, n_out)."""
    return torch.nn.Sequential(
        torch.nn.Linear(n_in, hidden), torch.nn.BatchNorm1d(hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, n_out)
    )


class Branch(torch.nn.Module):
    """Network and projector; normalised spectrograms (batch, n_bands, n_frames) -> embedding and projection."""

    def __init__(self, recipe: PretrainingRecipe):
        super().__init__()
        self.network = ByolANetwork(recipe.version, recipe.width)
        self.projector = _perceptron(self.network.width, recipe.hidden, recipe.projection)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, width) and (batch, projection)."""
        embedding = max_plus_mean(self.network(x).float())
        return embedding, self.projector(embedding)


class Online(torch.nn.Module):
    """The branch that learns, and its predictor."""

    def __init__(self, recipe: PretrainingRecipe):
        super().__init__()
        self.branch = Branch(recipe)
        self.predictor = _perceptron(recipe.projection, recipe.hidden, recipe.projection)

    def forward(self, views: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Embeddings of the first view (batch, width), without gradients, and the predictions from each view."""
        embedded = [self.branch(one) for one in views]
        return embedded[0][0].detach(), [self.predictor(projection) for _, projection in embedded]


def frozen_copy(branch: Branch) -> Branch:
    """A copy that gets no gradients: the target, as it is at the start; same shapes, (batch, n_bands, n_frames) in."""
    return copy.deepcopy(branch).requires_grad_(False)


@torch.no_grad()
def update_target(target: Branch, online: Branch, decay: float) -> None:
    """Move the target's weights a little towards the online branch: decay * target + (1 - decay) * online.

    Args:
        target, online: Branches of one shape; the target changes in place.
        decay: From 0 to 1, the share of the target that stays.
    """
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.lerp_(new.to(old.dtype), 1 - decay)


def loss(predictions: list[torch.Tensor], targets: list[torch.Tensor]) -> torch.Tensor:
    """2 - 2 cosine of each prediction and the target of the other view, both orders summed, averaged over the batch.

    Args:
        predictions, targets: Of the first and the second view, (batch, projection) each.

    Returns:
        A number from 0 (the same direction) to 8.
    """
    cosines = [
        torch.nn.functional.cosine_similarity(prediction.float(), target.float(), dim=-1)
        for prediction, target in zip(predictions, reversed(targets), strict=True)
    ]
    return sum((2 - 2 * cosine).mean() for cosine in cosines)  # type: ignore[return-value]


def std_and_rank(embeddings: torch.Tensor) -> tuple[float, float]:
    """Two signs of collapse.

    Args:
        embeddings: (batch, width).

    Returns:
        The standard deviation over the batch of each number of the embeddings at unit length, averaged and times the root of
        the width: 0 if all are the same, near 1 if they point everywhere. And the effective rank of the centred
        embeddings: 1 if they lie on a line, at most batch - 1 or the width. (0, 0) if all are the same.

    Source: Chen & He 2021, https://arxiv.org/abs/2011.10566 (standard deviation); Roy & Vetterli 2007, The effective rank
    (exponential of the entropy of the singular values as shares of their sum).
    """
    x = embeddings.double()
    std = torch.nn.functional.normalize(x, dim=1).std(dim=0).mean() * x.shape[1] ** 0.5
    values = torch.linalg.svdvals(x - x.mean(dim=0))
    if values.sum() <= 1e-9 * max(1.0, float(x.abs().max())):
        return float(std), 0.0
    shares = values / values.sum()
    return float(std), float(torch.exp(torch.special.entr(shares).sum()))
