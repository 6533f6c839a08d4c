"""Small classifiers on frozen embeddings, many trained side by side.

Probes whose shapes and numbers of steps agree are one stack: their weights lie in tensors with a leading axis, and
one batched matrix product trains them all. A probe's numbers do not depend on its stack: initial weights and batch
order come from its own seed, drawn on the CPU, and no term of the loss joins two probes.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluator import metrics
from evaluator.errors import EvaluationError
from evaluator.protocol import Protocol

# Most values of weights in one stack (with gradient and Adam's two moments 16 bytes each).
STACK_VALUES = 50_000_000
# Up to here a training step on a CPU takes about a millisecond, too little to share among threads.
SMALL_STACK_VALUES = 1_000_000


@dataclass(frozen=True)
class ProbeJob:
    """One probe to train.

    Attributes:
        features: Which of the feature matrices it reads.
        train, valid, test: Rows of that matrix.
        seed: Of its initial weights and batch order.
    """

    features: int
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    seed: int


@dataclass(frozen=True)
class ProbeOutcome:
    """What a trained probe says.

    Attributes:
        test, valid: Probabilities of its test and validation clips, (n_clips, n_classes), float32.
        chosen_epoch: Epoch, counted from 1, whose weights said it.
        valid_score: The task's metric on the validation clips; None without any.
        valid_losses: Validation loss after each epoch; empty if validation chooses nothing.
    """

    test: np.ndarray
    valid: np.ndarray
    chosen_epoch: int
    valid_score: float | None
    valid_losses: tuple[float, ...]


def learning_rate_factor(step: int, n_steps: int, warmup_share: float) -> float:
    """Linear rise from 0 over the first share of the steps, then linear fall to 0.

    Args:
        step: Of the schedule, from 0.
        n_steps: That the schedule is made for; later steps give 0.
        warmup_share: Share of them that rises, 0 to 1.
    """
    rising = int(warmup_share * n_steps)
    if step < rising:
        return step / rising
    return max(0.0, (n_steps - step) / max(1, n_steps - rising))


def train(
    jobs: Sequence[ProbeJob],
    features: Sequence[np.ndarray],
    targets: np.ndarray,
    labels: str,
    metric: str,
    protocol: Protocol,
    device: str = "auto",
) -> list[ProbeOutcome]:
    """Train every probe as the protocol says.

    Args:
        jobs: The probes.
        features: Matrices (n_clips, width), float32.
        targets: (n_clips, n_classes), 0 or 1, float32.
        labels: "single" (softmax and cross-entropy) or "multi" (sigmoid and binary cross-entropy).
        metric: The task's metric, for `valid_score`.
        protocol: Training settings.
        device: "auto", "cpu", "cuda", ...

    Raises:
        EvaluationError: A probe has no training clips, or no validation clips where these choose its weights.
    """
    for number, job in enumerate(jobs):
        if not len(job.train) or (protocol.weights == "best_valid" and not len(job.valid)):
            part = "train" if not len(job.train) else "valid"
            raise EvaluationError(f"probe {number}: its {part} part has 0 clips; {protocol.name} needs some there")
    stacks = defaultdict(list)
    for number, job in enumerate(jobs):
        n_batches = -(-len(job.train) // protocol.batch_size)
        stacks[features[job.features].shape[1], n_batches].append(number)
    outcomes: dict[int, ProbeOutcome] = {}
    for (width, _), numbers in stacks.items():
        at_once = max(1, STACK_VALUES // ((width + 1) * targets.shape[1]))
        for first in range(0, len(numbers), at_once):
            some = numbers[first : first + at_once]
            stack = Stack([jobs[number] for number in some], features, targets, labels, pick_device(device))
            with threads_for(stack):
                stack.fit(protocol)
            outcomes.update(zip(some, stack.outcomes(metric), strict=True))
    return [outcomes[number] for number in range(len(jobs))]


@contextmanager
def threads_for(stack: "Stack") -> Iterator[None]:
    """One thread for small stacks: several would wait for each other longer than they work, above all on a busy CPU."""
    import torch

    before = torch.get_num_threads()
    if stack.weight.numel() < SMALL_STACK_VALUES:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pick_device(device: str) -> str:
    """The device that "auto" means here: a GPU if there is one, else the CPU."""
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


class Stack:
    """Linear probes with equally many training batches, trained as one.

    Weights are (n_probes, width, n_classes), biases (n_probes, 1, n_classes).
    """

    def __init__(
        self,
        jobs: Sequence[ProbeJob],
        features: Sequence[np.ndarray],
        targets: np.ndarray,
        labels: str,
        device: str,
    ):
        import torch

        self.jobs, self.labels, self.device = jobs, labels, device
        used = sorted({job.features for job in jobs})
        self.matrices = torch.stack([torch.from_numpy(np.asarray(features[n])) for n in used]).to(device)
        self.matrix_of = torch.tensor([used.index(job.features) for job in jobs], device=device).unsqueeze(1)
        self.targets = torch.from_numpy(targets).to(device)
        self.random = [torch.Generator().manual_seed(job.seed) for job in jobs]
        width, n_classes = self.matrices.shape[2], targets.shape[1]
        bound = width**-0.5  # torch.nn.Linear's initial weights and biases: uniform within 1 / sqrt(width)
        starts = [
            (
                torch.empty(n_classes, width).uniform_(-bound, bound, generator=random).T,
                torch.empty(1, n_classes).uniform_(-bound, bound, generator=random),
            )
            for random in self.random
        ]
        self.weight = torch.stack([weight for weight, _ in starts]).to(device).requires_grad_()
        self.bias = torch.stack([bias for _, bias in starts]).to(device).requires_grad_()
        self.best = (self.weight.detach().clone(), self.bias.detach().clone())
        self.chosen = [0] * len(jobs)
        self.losses: list[list[float]] = [[] for _ in jobs]

    def fit(self, protocol: Protocol) -> None:
        """Run all epochs, and leave the weights that the protocol tests in `best`."""
        import torch

        size = protocol.batch_size
        n_batches = -(-len(self.jobs[0].train) // size)
        optimiser = torch.optim.AdamW(
            [self.weight, self.bias], lr=protocol.learning_rate, weight_decay=protocol.weight_decay
        )
        lowest = torch.full((len(self.jobs),), torch.inf)
        for epoch in range(protocol.epochs):
            rows, counts = self.epoch_rows(n_batches * size)
            for batch in range(n_batches):
                step = epoch * (n_batches + protocol.extra_step_per_epoch) + batch
                factor = learning_rate_factor(step, protocol.epochs * n_batches, protocol.warmup_share)
                optimiser.param_groups[0]["lr"] = protocol.learning_rate * factor
                part = slice(batch * size, (batch + 1) * size)
                optimiser.zero_grad()
                self.loss(rows[:, part], counts[:, part]).sum().backward()
                optimiser.step()
            if protocol.weights == "best_valid":
                loss = self.validation_loss()
                better = loss < lowest
                lowest = torch.where(better, loss, lowest)
                self.keep(better, epoch + 1)
                for losses, value in zip(self.losses, loss.tolist(), strict=True):
                    losses.append(value)
        if protocol.weights == "last":
            self.keep(torch.ones(len(self.jobs), dtype=torch.bool), protocol.epochs)

    def epoch_rows(self, n: int) -> tuple[Any, Any]:
        """Each probe's training rows in this epoch's order, (n_probes, n), and 1 where they count.

        Those of a shorter training part are filled up with row 0, which counts 0.
        """
        import torch

        rows = torch.zeros(len(self.jobs), n, dtype=torch.long)
        counts = torch.zeros(len(self.jobs), n)
        for row, count, job, random in zip(rows, counts, self.jobs, self.random, strict=True):
            order = torch.randperm(len(job.train), generator=random)
            row[: len(order)] = torch.from_numpy(job.train)[order]
            count[: len(order)] = 1
        return rows.to(self.device), counts.to(self.device)

    def logits(self, rows: Any, weights: tuple[Any, Any]) -> Any:
        """Outputs of every probe for its own rows (n_probes, n_rows), as (n_probes, n_rows, n_classes)."""
        import torch

        return torch.baddbmm(weights[1], self.matrices[self.matrix_of, rows], weights[0])

    def loss(self, rows: Any, counts: Any) -> Any:
        """Mean loss of each probe over the rows that count, (n_probes,)."""
        import torch

        logits, targets = self.logits(rows, (self.weight, self.bias)), self.targets[rows]
        if self.labels == "single":
            losses = -(torch.log_softmax(logits, dim=-1) * targets).sum(dim=-1)
        else:
            losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)
        return (losses * counts).sum(dim=1) / counts.sum(dim=1)

    def validation_loss(self) -> Any:
        """Mean loss of each probe over its validation clips, (n_probes,), on the CPU."""
        import torch

        longest = max(len(job.valid) for job in self.jobs)
        rows = torch.zeros(len(self.jobs), longest, dtype=torch.long)
        counts = torch.zeros(len(self.jobs), longest)
        for row, count, job in zip(rows, counts, self.jobs, strict=True):
            row[: len(job.valid)] = torch.from_numpy(job.valid)
            count[: len(job.valid)] = 1
        with torch.no_grad():
            return self.loss(rows.to(self.device), counts.to(self.device)).cpu()

    def keep(self, better: Any, epoch: int) -> None:
        """Copy the present weights of those probes that are `better`, (n_probes,) Boolean."""
        import torch

        chosen = better.to(self.device)[:, None, None]
        present = (self.weight.detach(), self.bias.detach())
        self.best = (torch.where(chosen, present[0], self.best[0]), torch.where(chosen, present[1], self.best[1]))
        self.chosen = [epoch if new else old for new, old in zip(better.tolist(), self.chosen, strict=True)]

    def outcomes(self, metric: str) -> list[ProbeOutcome]:
        """What each probe says with its best weights."""
        import torch

        found = []
        for number, job in enumerate(self.jobs):
            weight, bias = (tensor[number] for tensor in self.best)
            said = []
            for part in (job.test, job.valid):
                rows = self.matrices[self.matrix_of[number, 0], torch.from_numpy(part).to(self.device)]
                logits = rows @ weight + bias
                probabilities = torch.softmax(logits, -1) if self.labels == "single" else torch.sigmoid(logits)
                said.append(probabilities.cpu().numpy())
            outcome = ProbeOutcome(said[0], said[1], self.chosen[number], None, tuple(self.losses[number]))
            if len(job.valid):
                true = self.targets[torch.from_numpy(job.valid).to(self.device)].cpu().numpy()
                outcome = replace(outcome, valid_score=metrics.score(metric, true, said[1]))
            found.append(outcome)
        return found
