"""The published probes as plain torch loops, one probe at a time, to be read line by line beside the papers.

Every function takes a `Problem` and gives a `Told`. Nothing here is fast, and nothing here is imported by the
evaluator: it is what the evaluator's trainer is compared with.

Chance is drawn by these rules, so that another program can draw the same numbers:

- `g = torch.Generator().manual_seed(seed)`, on the CPU, draws first, for each Linear from input to output, its weight
  (n_out, n_in) and then its bias (n_out,). Both are uniform within 1 / sqrt(n_in), PyTorch's default; a Xavier weight
  comes from `torch.nn.init.xavier_uniform_` or `xavier_normal_` with gain 1 for the first Linear and sqrt(2) after a
  ReLU. Then, at the start of each epoch that is shuffled, g draws the order `train[torch.randperm(len(train))]`.
- `d = torch.Generator().manual_seed(seed)` draws the dropout masks, for each training step and each hidden layer from
  input to output: 16 random bits a value, four values from each 64-bit draw. A value is kept where its bits, read as
  a signed number, are at least -32768 + round(p * 65536), and is then divided by 1 - p.
- `np.random.default_rng((seed, draw))` draws few shots: a permutation of the training rows of each class that has any,
  class after class, of which the first n are taken.
- A last training batch of one row joins the batch before it, where there is BatchNorm: that cannot normalise one row.
- Validation and test read all rows at once, in evaluation mode. Nothing is validated before the first update.
- The check that exhausts patience is the last one. A better score or loss is strictly better than the best so far.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]  # of logits and targets
Score = Callable[[np.ndarray, np.ndarray], float]  # of targets and probabilities


@dataclass(frozen=True)
class Problem:
    """What one probe learns from.

    features: (n_rows, width), float32 (or float64, where torch's default type is that).
    targets: (n_rows, n_classes), 0 or 1, of the same type.
    train, valid, test: Rows, int64, in the order in which they are read.
    seed: Of g and d.
    labels: "single" (softmax and cross-entropy) or "multi" (sigmoid and binary cross-entropy).
    """

    features: np.ndarray
    targets: np.ndarray
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    seed: int
    labels: str = "single"


@dataclass
class Told:
    """What one probe said.

    test, valid: Probabilities of these rows, (n_rows, n_classes).
    chosen_epoch: Epoch whose weights said it, counted from 1.
    n_epochs: Epochs run.
    rates: Learning rate of every update.
    valid_losses, valid_scores: At every check.
    """

    test: np.ndarray
    valid: np.ndarray
    chosen_epoch: int
    n_epochs: int
    rates: list[float] = field(default_factory=list)
    valid_losses: list[float] = field(default_factory=list)
    valid_scores: list[float] = field(default_factory=list)


# ---- ARCH: protocols.md, sections 3.4-3.6


def arch(problem: Problem, profile: str, epochs: int = 200) -> Told:
    """One linear layer by AdamW. Published: the last epoch, and one more step of the schedule an epoch."""
    x, y, g = tensors(problem)
    network = default_linear(x.shape[1], y.shape[1], g)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    n_steps = epochs * math.ceil(len(problem.train) / 32)
    n_rising = int(0.1 * n_steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: k / n_rising if k < n_rising else max(0.0, (n_steps - k) / (n_steps - n_rising))
    )
    loss_of = nn.CrossEntropyLoss() if problem.labels == "single" else sigmoid_then_loss
    rates, losses, best, best_loss, chosen = [], [], None, math.inf, 0
    for epoch in range(1, epochs + 1):
        for rows in shuffled(problem.train, g).split(32):
            rates.append(optimiser.param_groups[0]["lr"])
            update(network, optimiser, loss_of, x[rows], y[rows])
            schedule.step()
        if profile == "published":
            schedule.step()
        losses.append(loss_of(evaluated(network, x[problem.valid]), y[problem.valid]).item())
        if profile == "published" or losses[-1] < best_loss:
            best, best_loss, chosen = copied(network), losses[-1], epoch
    network.load_state_dict(best)
    return told(problem, network, chosen, epochs, rates, losses, [])


def sigmoid_then_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy on probabilities, as the code has it."""
    return nn.functional.binary_cross_entropy(logits.sigmoid(), targets)


# ---- Sarkar & Magimai-Doss: sections 4.4, 4.7-4.9


def standardised(features: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Each dimension less the training rows' mean, by their sample standard deviation (n - 1)."""
    mean = features[train].mean(axis=0, dtype=np.float64)
    std = features[train].std(axis=0, ddof=1, dtype=np.float64)
    return ((features - mean) / (std + 1e-10)).astype(features.dtype)


def uar(targets: np.ndarray, probabilities: np.ndarray, profile: str) -> float:
    """Mean recall over the classes. Published: one without rows counts as recall 0. Clean: over those with rows."""
    true, said = targets.argmax(axis=1), probabilities.argmax(axis=1)
    classes = range(targets.shape[1])
    recalls = [np.mean(said[true == c] == c) for c in classes if np.any(true == c)]
    return float(sum(recalls) / (len(classes) if profile == "published" else len(recalls)))


def sarkar(problem: Problem, profile: str, epochs: int = 30, stop_patience: int = 10) -> Told:
    """A network of 128, 64 and 32 units. Published: the last epoch's weights. Clean: those of the best valid UAR."""
    problem = replace(problem, features=standardised(problem.features, problem.train))
    x, y, g = tensors(problem)
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise([x.shape[1], 128, 64, 32]):
        layers += [default_linear(n_in, n_out, g), nn.LayerNorm(n_out), nn.ReLU()]
    network = nn.Sequential(*layers, default_linear(32, y.shape[1], g))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode="min", factor=0.1, patience=10)
    loss_of = nn.CrossEntropyLoss()
    rates, losses, scores, best, best_score, chosen, n_bad = [], [], [], None, -math.inf, 0, 0
    for epoch in range(1, epochs + 1):
        for rows in shuffled(problem.train, g).split(16):
            rates.append(optimiser.param_groups[0]["lr"])
            update(network, optimiser, loss_of, x[rows], y[rows])
        logits = evaluated(network, x[problem.valid])
        losses.append(loss_of(logits, y[problem.valid]).item())
        scores.append(uar(problem.targets[problem.valid], logits.numpy(), profile))
        plateau.step(losses[-1])
        better = scores[-1] > best_score
        n_bad = 0 if better else n_bad + 1
        if better or profile == "published":
            best, chosen = copied(network), epoch
        best_score = max(best_score, scores[-1])
        if n_bad >= stop_patience:
            break
    network.load_state_dict(best)
    return told(problem, network, chosen, epoch, rates, losses, scores)


# ---- Ogg: section 5.4, from the paper alone


def inverse_frequency(targets: np.ndarray) -> np.ndarray:
    """Weight of each class, n / (n_classes_with_rows * n_rows_of_the_class); our choice, the paper gives none.

    A class without rows gets 0.
    """
    counts = targets.sum(axis=0)
    with np.errstate(divide="ignore"):
        return np.where(counts > 0, len(targets) / ((counts > 0).sum() * counts), 0).astype(targets.dtype)


def ogg(problem: Problem, epochs: int = 50) -> Told:
    """One linear layer by Adam on weighted cross-entropy; the epoch of the lowest validation loss, equally weighted.

    Factor 0.1 and batches of 64 are our choice, too.
    """
    x, y, g = tensors(problem)
    network = default_linear(x.shape[1], y.shape[1], g)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode="min", factor=0.1, patience=5)
    loss_of = nn.CrossEntropyLoss(weight=torch.from_numpy(inverse_frequency(problem.targets[problem.train])))
    rates, losses, best, best_loss, chosen = [], [], None, math.inf, 0
    for epoch in range(1, epochs + 1):
        for rows in shuffled(problem.train, g).split(64):
            rates.append(optimiser.param_groups[0]["lr"])
            # Class indices: with targets as rows of probabilities PyTorch divides by n rows, not by their weights.
            update(network, optimiser, loss_of, x[rows], y[rows].argmax(dim=1))
        losses.append(loss_of(evaluated(network, x[problem.valid]), y[problem.valid].argmax(dim=1)).item())
        plateau.step(losses[-1])
        if losses[-1] < best_loss:
            best, best_loss, chosen = copied(network), losses[-1], epoch
    network.load_state_dict(best)
    return told(problem, network, chosen, epochs, rates, losses, [])


# ---- HEAR: sections 2.5-2.8


@dataclass(frozen=True)
class Point:
    """One point of the grid of section 2.6, and what all its points share."""

    hidden_layers: int
    learning_rate: float
    initialisation: str
    hidden_dim: int = 1024
    dropout: float = 0.1
    batch_size: int = 1024
    epochs: int = 500
    check_every: int = 3
    patience: int = 20


def grid_points(n: int = 8) -> list[Point]:
    """The points of section 2.6 in the order in which they are tried, the first n of 16."""
    grid = {
        "hidden_layers": (1, 2),
        "initialisation": ("uniform", "normal"),
        "learning_rate": (3.2e-3, 1e-3, 3.2e-4, 1e-4),
    }
    keys = ("hidden_layers", "initialisation", "learning_rate")  # alphabetical in the code: its last is called lr
    points = [dict(zip(keys, values, strict=True)) for values in itertools.product(*(grid[key] for key in keys))]
    random.Random(42).shuffle(points)
    return [Point(**point) for point in points[:n]]


class Dropout(nn.Module):
    """Dropout whose masks are drawn as the top of this file says."""

    def __init__(self, p: float, d: torch.Generator):
        super().__init__()
        self.p, self.d = p, d

    def forward(self, x: Tensor) -> Tensor:
        """x (n_rows, width), dropped in training mode only."""
        if not self.training:
            return x
        return x * kept(x.shape[0], x.shape[1], self.p, self.d) / (1 - self.p)


def kept(n_rows: int, width: int, p: float, d: torch.Generator) -> Tensor:
    """Which values dropout keeps, (n_rows, width), Boolean."""
    draws = torch.empty(math.ceil(n_rows * width / 4), dtype=torch.int64)
    draws.random_(-(2**63), None, generator=d)  # all 64 bits; without bounds the top bit is always 0
    bits = draws.view(torch.int16)[: n_rows * width].view(n_rows, width)
    return bits >= -32768 + round(p * 65536)


def hear_network(n_in: int, n_out: int, point: Point, g: torch.Generator, d: torch.Generator) -> nn.Sequential:
    """Blocks of Linear, BatchNorm, Dropout and ReLU, then a Linear."""
    layers: list[nn.Module] = []
    gain = 1.0
    for _ in range(point.hidden_layers):
        layers += [xavier_linear(n_in, point.hidden_dim, gain, point.initialisation, g)]
        layers += [nn.BatchNorm1d(point.hidden_dim), Dropout(point.dropout, d), nn.ReLU()]
        n_in, gain = point.hidden_dim, math.sqrt(2)
    return nn.Sequential(*layers, xavier_linear(n_in, n_out, gain, point.initialisation, g))


def accuracy(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of rows whose largest probability is at their label (`top1_acc` of section 2.10)."""
    return float(np.mean(targets.argmax(axis=1) == probabilities.argmax(axis=1)))


def hear_point(problem: Problem, point: Point, profile: str, by: str = "score", score_of: Score = accuracy) -> Told:
    """One point on one split. `by`: "score" (the higher the better) or "loss" chooses. Clean: batches are shuffled."""
    x, y, g = tensors(problem)
    d = torch.Generator().manual_seed(problem.seed)
    network = hear_network(x.shape[1], y.shape[1], point, g, d)
    optimiser = torch.optim.Adam(network.parameters(), lr=point.learning_rate)
    loss_of = nn.CrossEntropyLoss() if problem.labels == "single" else nn.BCEWithLogitsLoss()
    rates, losses, scores, best, best_value, chosen, n_bad = [], [], [], None, -math.inf, 0, 0
    for epoch in range(1, point.epochs + 1):
        order = torch.from_numpy(problem.train) if profile == "published" else shuffled(problem.train, g)
        for rows in batches(order, point.batch_size, alone=point.hidden_layers == 0):
            rates.append(optimiser.param_groups[0]["lr"])
            update(network, optimiser, loss_of, x[rows], y[rows])
        if epoch % point.check_every:
            continue
        logits = evaluated(network, x[problem.valid])
        losses.append(loss_of(logits, y[problem.valid]).item())
        scores.append(score_of(problem.targets[problem.valid], probabilities_of(logits, problem.labels)))
        value = scores[-1] if by == "score" else -losses[-1]
        if value > best_value:
            best, best_value, chosen, n_bad = copied(network), value, epoch, 0
        else:
            n_bad += 1
        if n_bad >= point.patience:
            break
    network.load_state_dict(best)
    return told(problem, network, chosen, epoch, rates, losses, scores)


def hear(
    problems: Sequence[Problem], points: Sequence[Point], profile: str, by: str = "score", score_of: Score = accuracy
) -> tuple[Point, list[Told]]:
    """All points on the first split; the best, the earlier of equals, trained again on each other split."""
    tried = [hear_point(problems[0], point, profile, by, score_of) for point in points]
    values = [max(one.valid_scores) if by == "score" else -min(one.valid_losses) for one in tried]
    best = values.index(max(values))
    others = [hear_point(problem, points[best], profile, by, score_of) for problem in problems[1:]]
    return points[best], [tried[best], *others]


def rotated(folds: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Train, valid and test rows of each split: test is fold i, valid the next one, around; train all others in order."""
    for i in range(len(folds)):
        j = (i + 1) % len(folds)
        yield np.concatenate([fold for k, fold in enumerate(folds) if k not in (i, j)]), folds[j], folds[i]


# ---- Few clips a class: no paper; by the nearest centroid


def support(problem: Problem, n_shots: int, draw: int = 0) -> list[np.ndarray]:
    """The training rows drawn for each class: n_shots, or all that it has."""
    r = np.random.default_rng((problem.seed, draw))
    of_class = problem.targets[problem.train].argmax(axis=1)
    classes = range(problem.targets.shape[1])
    return [r.permutation(problem.train[of_class == c])[:n_shots] for c in classes if np.any(of_class == c)]


def fewshot(problem: Problem, n_shots: int, rows: np.ndarray, draw: int = 0) -> np.ndarray:
    """Probabilities of `rows`, (n_rows, n_classes): softmax of cosine / 0.1 to the class means; 0 for a class without."""
    directions = problem.features / np.linalg.norm(problem.features, axis=1, keepdims=True)
    heights = np.zeros((len(rows), problem.targets.shape[1]))
    for drawn in support(problem, n_shots, draw):
        centroid = directions[drawn].mean(axis=0)
        c = problem.targets[drawn[0]].argmax()
        heights[:, c] = np.exp(directions[rows] @ centroid / np.linalg.norm(centroid) / 0.1)
    return heights / heights.sum(axis=1, keepdims=True)


# ---- What they share


def tensors(problem: Problem) -> tuple[Tensor, Tensor, torch.Generator]:
    """Features, targets and g."""
    g = torch.Generator().manual_seed(problem.seed)
    return torch.from_numpy(problem.features), torch.from_numpy(problem.targets), g


def default_linear(n_in: int, n_out: int, g: torch.Generator) -> nn.Linear:
    """A Linear as PyTorch starts it, drawn by g."""
    linear, bound = nn.Linear(n_in, n_out), n_in**-0.5
    with torch.no_grad():
        linear.weight.uniform_(-bound, bound, generator=g)
        linear.bias.uniform_(-bound, bound, generator=g)
    return linear


def xavier_linear(n_in: int, n_out: int, gain: float, initialisation: str, g: torch.Generator) -> nn.Linear:
    """A Linear with Xavier's weights, "uniform" or "normal", and PyTorch's bias, drawn by g."""
    linear, bound = nn.Linear(n_in, n_out), n_in**-0.5
    draw = nn.init.xavier_uniform_ if initialisation == "uniform" else nn.init.xavier_normal_
    draw(linear.weight, gain, generator=g)
    with torch.no_grad():
        linear.bias.uniform_(-bound, bound, generator=g)
    return linear


def shuffled(train: np.ndarray, g: torch.Generator) -> Tensor:
    """The training rows in the next epoch's order."""
    return torch.from_numpy(train)[torch.randperm(len(train), generator=g)]


def batches(order: Tensor, size: int, alone: bool) -> list[Tensor]:
    """Consecutive rows, the last batch what is left; unless it may stand alone, one row joins the batch before."""
    cut = list(order.split(size))
    if not alone and len(cut) > 1 and len(cut[-1]) == 1:
        cut[-2:] = [torch.cat(cut[-2:])]
    return cut


def update(network: nn.Module, optimiser: torch.optim.Optimizer, loss_of: Loss, x: Tensor, y: Tensor) -> None:
    """One step of training."""
    network.train()
    optimiser.zero_grad()
    loss_of(network(x), y).backward()
    optimiser.step()


def evaluated(network: nn.Module, x: Tensor) -> Tensor:
    """Logits in evaluation mode."""
    network.eval()
    with torch.no_grad():
        return network(x)


def probabilities_of(logits: Tensor, labels: str) -> np.ndarray:
    """Softmax or sigmoid."""
    return (logits.softmax(dim=1) if labels == "single" else logits.sigmoid()).numpy()


def copied(network: nn.Module) -> dict[str, Tensor]:
    """The present weights and running statistics, a copy and not a reference."""
    return {name: value.clone() for name, value in network.state_dict().items()}


def told(
    problem: Problem, network: nn.Module, chosen: int, n_epochs: int, rates: list[float], *checks: list[float]
) -> Told:
    """What the network says of test and valid rows, and how it came there; checks are losses, then scores."""
    x = torch.from_numpy(problem.features)
    test, valid = (
        probabilities_of(evaluated(network, x[rows]), problem.labels) for rows in (problem.test, problem.valid)
    )
    return Told(test, valid, chosen, n_epochs, rates, *checks)
