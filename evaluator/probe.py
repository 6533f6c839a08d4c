"""Small classifiers on frozen embeddings, many trained side by side.

Probes whose shapes and numbers of steps agree are one stack: their weights lie in tensors with a leading axis, and
one batched matrix product trains them all. (Equal steps mean one learning rate for the whole stack and so PyTorch's
fused AdamW; one of our own with a rate for each probe took twice its time in a stack of 65.) A probe's numbers do not
depend on its stack: initial weights and batch order come from its own seed, drawn on the CPU, and no term of the loss
joins two probes.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from evaluator import metrics
from evaluator.errors import EvaluationError, UsageError
from evaluator.protocol import Linear

# Most values of weights in one stack; with gradient, Adam's two moments and the kept copy 20 bytes each.
STACK_VALUES = 50_000_000
# Most values of features that validation reads at once (64 MB).
READ_VALUES = 16_000_000
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
        chosen_epoch: Epoch, counted from 1, whose weights said it; 0 for judges without epochs.
        valid_score: The task's metric on the validation clips; None without any, or if none has a label.
        valid_losses: Validation loss after each epoch; empty if validation chooses nothing.
        chosen: What was chosen, in words, where it was no epoch.
    """

    test: np.ndarray
    valid: np.ndarray
    chosen_epoch: int
    valid_score: float | None
    valid_losses: tuple[float, ...]
    chosen: str = ""


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
    judge: Linear,
    device: str = "auto",
    progress: Callable[[int], object] = lambda n: None,
) -> list[ProbeOutcome]:
    """Train every probe as the protocol says.

    Args:
        jobs: The probes.
        features: Matrices (n_clips, width), float32; may be memory-mapped, and stay so where probes train on the CPU.
        targets: (n_clips, n_classes), 0 or 1, float32.
        labels: "single" (softmax and cross-entropy) or "multi" (sigmoid and binary cross-entropy).
        metric: The task's metric, for `valid_score`.
        judge: Training settings.
        device: "auto", "cpu", "cuda", ...
        progress: Called with the number of epochs done since the last call, each probe's counted; `len(jobs)` times
            `judge.epochs` in all.

    Raises:
        UsageError: There is no such device.
        EvaluationError: A probe has no training clips, or no validation clips where these choose its weights, or its
            training diverges.
    """
    for number, job in enumerate(jobs):
        if not len(job.train) or (judge.weights == "best_valid" and not len(job.valid)):
            part = "train" if not len(job.train) else "valid"
            raise EvaluationError(f"probe {number}: its {part} part has 0 clips; a linear probe needs some there")
    stacks = defaultdict(list)
    for number, job in enumerate(jobs):
        n_batches = -(-len(job.train) // judge.batch_size)
        stacks[features[job.features].shape[1], n_batches].append(number)
    outcomes: dict[int, ProbeOutcome] = {}
    for (width, _), numbers in stacks.items():
        at_once = max(1, STACK_VALUES // ((width + 1) * targets.shape[1]))
        numbers.sort(key=lambda number: jobs[number].features)  # a stack reads each matrix once a batch
        for first in range(0, len(numbers), at_once):
            some = numbers[first : first + at_once]
            stack = Stack([jobs[number] for number in some], features, targets, labels, pick_device(device))
            with threads_for(stack):
                stack.fit(judge, progress)
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
    """The device that "auto" means here: a GPU if there is one, else the CPU.

    Raises:
        UsageError: There is no such device.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {device!r} cannot be used here ({error}); known are auto, cpu and cuda") from error
    return device


def as_tensor(matrix: np.ndarray, device: str) -> Any:
    """The matrix as a float32 tensor, on the CPU without a copy: memory-mapped stays memory-mapped."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")  # nor do we write
        return torch.from_numpy(np.asarray(matrix, dtype=np.float32)).to(device)


class Stack:
    """Linear probes with equally many training batches, trained as one; their jobs are in the order of `features`.

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
        runs = [(number, len(list(run))) for number, run in groupby(job.features for job in jobs)]
        self.matrices = [as_tensor(features[number], device) for number, _ in runs]
        self.n_readers = [n for _, n in runs]  # probes on each matrix
        self.targets = as_tensor(targets, device)
        self.classes = self.targets.argmax(dim=1)
        self.random = [torch.Generator().manual_seed(job.seed) for job in jobs]
        width, n_classes = self.matrices[0].shape[1], targets.shape[1]
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

    def fit(self, judge: Linear, progress: Callable[[int], object]) -> None:
        """Run all epochs, and leave the weights that the protocol tests in `best`."""
        import torch

        size = judge.batch_size
        n_batches = -(-len(self.jobs[0].train) // size)
        optimiser = torch.optim.AdamW(
            [self.weight, self.bias], lr=judge.learning_rate, weight_decay=judge.weight_decay, fused=True
        )
        lowest = torch.full((len(self.jobs),), torch.inf)
        for epoch in range(judge.epochs):
            rows, counts = padded([self.epoch_order(number) for number in range(len(self.jobs))], self.device)
            for batch in range(n_batches):
                step = epoch * (n_batches + judge.extra_step_per_epoch) + batch
                factor = learning_rate_factor(step, judge.epochs * n_batches, judge.warmup_share)
                optimiser.param_groups[0]["lr"] = judge.learning_rate * factor
                part = slice(batch * size, (batch + 1) * size)
                optimiser.zero_grad()
                mean_counted(self.losses_of(rows[:, part]), counts[:, part]).sum().backward()
                optimiser.step()
            if judge.weights == "best_valid":
                loss = self.validation_loss()
                better = loss < lowest
                lowest = torch.where(better, loss, lowest)
                self.keep(better, epoch + 1)
                for losses, value in zip(self.losses, loss.tolist(), strict=True):
                    losses.append(value)
            progress(len(self.jobs))
        if judge.weights == "last":
            self.keep(torch.ones(len(self.jobs), dtype=torch.bool), judge.epochs)
        if 0 in self.chosen:
            raise EvaluationError(
                f"the validation loss of {self.chosen.count(0)} probes was NaN or infinite after each of "
                f"{judge.epochs} epochs: the embeddings hold NaN, infinite or huge values"
            )

    def epoch_order(self, number: int) -> Any:
        """The training rows of a probe in the next epoch's order, (n_train,)."""
        import torch

        train = self.jobs[number].train
        return torch.from_numpy(train)[torch.randperm(len(train), generator=self.random[number])]

    def rows_of(self, rows: Any) -> Any:
        """Features of each probe's own rows (n_probes, n_rows), as (n_probes, n_rows, width)."""
        import torch

        parts = zip(self.matrices, rows.split(self.n_readers), strict=True)
        read = [matrix.index_select(0, some.flatten()) for matrix, some in parts]
        return (read[0] if len(read) == 1 else torch.cat(read)).view(*rows.shape, -1)

    def losses_of(self, rows: Any) -> Any:
        """Loss of each probe on each of its own rows, (n_probes, n_rows)."""
        import torch
        from torch.nn import functional

        logits = torch.baddbmm(self.bias, self.rows_of(rows), self.weight)  # (n_probes, n_rows, n_classes)
        flat = rows.flatten()
        if self.labels == "single":
            losses = functional.cross_entropy(logits.flatten(0, 1), self.classes[flat], reduction="none")
        else:
            losses = functional.binary_cross_entropy_with_logits(
                logits.flatten(0, 1), self.targets.index_select(0, flat), reduction="none"
            ).mean(dim=1)
        return losses.view(rows.shape)

    def validation_loss(self) -> Any:
        """Mean loss of each probe over its validation clips, (n_probes,), on the CPU."""
        import torch

        rows, counts = padded([torch.from_numpy(job.valid) for job in self.jobs], self.device)
        at_once = max(1, READ_VALUES // (self.weight.shape[1] * len(self.jobs)))
        with torch.no_grad():
            losses = torch.cat([self.losses_of(some) for some in rows.split(at_once, dim=1)], dim=1)
            return mean_counted(losses, counts).cpu()

    def keep(self, better: Any, epoch: int) -> None:
        """Copy the present weights of those probes that are `better`, (n_probes,) Boolean."""
        which = better.nonzero().squeeze(1).to(self.device)
        for kept, present in zip(self.best, (self.weight, self.bias), strict=True):
            kept[which] = present.detach()[which]
        self.chosen = [epoch if new else old for new, old in zip(better.tolist(), self.chosen, strict=True)]

    def outcomes(self, metric: str) -> list[ProbeOutcome]:
        """What each probe says with its best weights."""
        import torch

        found = []
        matrix_of = [matrix for matrix, n in zip(self.matrices, self.n_readers, strict=True) for _ in range(n)]
        for number, job in enumerate(self.jobs):
            weight, bias = (tensor[number] for tensor in self.best)
            said = []
            for part in (job.test, job.valid):
                logits = matrix_of[number].index_select(0, torch.from_numpy(part).to(self.device)) @ weight + bias
                probabilities = torch.softmax(logits, -1) if self.labels == "single" else torch.sigmoid(logits)
                said.append(probabilities.cpu().numpy())
            outcome = ProbeOutcome(said[0], said[1], self.chosen[number], None, tuple(self.losses[number]))
            true = self.targets[torch.from_numpy(job.valid).to(self.device)].cpu().numpy()
            if true.any():
                outcome = replace(outcome, valid_score=metrics.score(metric, true, said[1]))
            found.append(outcome)
        return found


def padded(rows: Sequence[Any], device: str) -> tuple[Any, Any]:
    """Lists of rows as one tensor (n_lists, n_longest), filled up with row 0, and 1 where a row counts, else 0."""
    from torch.nn.utils.rnn import pad_sequence

    filled = pad_sequence(list(rows), batch_first=True)
    counts = pad_sequence([row.new_ones(len(row)) for row in rows], batch_first=True)
    return filled.to(device), counts.float().to(device)


def mean_counted(losses: Any, counts: Any) -> Any:
    """Mean of each probe's losses over the rows that count, (n_probes,)."""
    return (losses * counts).sum(dim=1) / counts.sum(dim=1)
