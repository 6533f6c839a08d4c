"""Probes of one shape trained side by side: one forward pass, one backward pass and one update for all of them.

Learning rates, schedules, orders of the training clips and early stopping are each probe's own; a probe that has stopped
leaves the stack.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from evaluator.embedding.matrix import Matrix, is_constant
from evaluator.probes.batches import batch_cuts, on_device, padded, standardised, standardised_ahead
from evaluator.probes.networks import Networks, first_weights
from evaluator.probes.optimiser import Adam
from evaluator.probes.schedules import FACTORS
from evaluator.probes.stacked_probe import StackedProbe
from evaluator.scoring import metrics
from evaluator.scoring.targets import Targets

LEAST_DEVIATION = 1e-37  # whose reciprocal float32 holds
READ_VALUES = 16_000_000  # most values of features that validation reads at once (64 MB)


class Stack:
    """Probes whose networks and numbers of updates agree.

    Args:
        probes: They; those that read the same matrices lie beside each other.
        matrices: (n_rows, width) each.
        moments: For each probe mean and deviation (width,) of its training features; None to take them as they are.
        targets: What the probes must say.
        device: Where they are trained.
    """

    def __init__(
        self,
        probes: Sequence[StackedProbe],
        matrices: Sequence[Matrix],
        moments: Sequence[tuple[np.ndarray, np.ndarray]] | None,
        targets: Targets,
        device: str,
    ):
        import torch

        self.probes, self.device, self.targets = probes, device, targets
        self.settings = probes[0].settings
        self.matrices = {number: on_device(matrices[number], device) for one in probes for number in one.features}
        self.values = torch.from_numpy(np.asarray(targets.values, np.float32)).to(device)
        self.classes = self.values.argmax(dim=1)
        width, n_classes = matrices[probes[0].features[0]].shape[1], targets.values.shape[1]
        firsts = [first_weights(one.settings, width, n_classes, len(one.features), one.order) for one in probes]
        self.networks = Networks.start(firsts, self.settings, device)
        self.best = self.networks.only(torch.arange(len(probes)))
        self.alive = list(range(len(probes)))
        self.dropped = [torch.Generator(device).manual_seed(one.seed) for one in probes]
        self.class_weights = torch.stack([self.weights_of(one) for one in probes]).to(device)
        self.moments: list[Any] | None = None
        self.ahead: tuple[Any, Any] | None = None
        if moments is not None:
            means, deviations = (np.stack(each) for each in zip(*moments, strict=True))
            # Sarkar & Magimai-Doss add 1e-10 to deviations, which float32 does not see in features of the usual size.
            scales = np.where(is_constant(means, deviations), 0, 1 / np.maximum(deviations, LEAST_DEVIATION))
            self.moments = [
                torch.from_numpy(each.astype(np.float32)).unsqueeze(-2).to(device) for each in (means, scales)
            ]
            if len(probes[0].features) == 1:
                keys = [(one.features[0], one.train.tobytes()) for one in probes]
                self.ahead = standardised_ahead(keys, self.matrices, self.moments)
        self.living_moments = self.moments

    def weights_of(self, probe: StackedProbe) -> Any:
        """What each class counts in a probe's loss, (n_classes,): n / (classes that occur * n of the class), or 1."""
        import torch

        if probe.settings.class_weights == "none":
            return torch.ones(self.targets.values.shape[1])
        sizes = torch.from_numpy(np.asarray(self.targets.values[probe.train].sum(axis=0), np.float32))
        return torch.where(sizes > 0, sizes.sum() / ((sizes > 0).sum() * sizes.clamp(min=1)), 0.0)

    def fit(self, progress: Callable[[int], object]) -> None:
        """Run all epochs, and leave the weights that the protocol tests in `best`."""
        optimiser = Adam(self.networks, self.settings)
        for epoch in range(1, self.settings.epochs + 1):
            self.run_epoch(epoch, optimiser)
            progress(len(self.alive))
            if epoch % self.settings.check_every == 0 or epoch == self.settings.epochs < self.settings.check_every:
                stopped = self.check(epoch)
                progress(len(stopped) * (self.settings.epochs - epoch))
                if stopped:
                    self.leave(stopped, epoch, optimiser)
            if not self.alive:
                break
        self.settle()

    def run_epoch(self, epoch: int, optimiser: Adam) -> None:
        """Train every probe on all its training rows once."""
        import torch

        settings = self.settings
        rows, counts = padded([self.order_of(self.probes[number]) for number in self.alive])
        cuts = batch_cuts(rows.shape[1], settings.batch_size, settings.norm == "batch" and bool(settings.hidden))
        dropped = [self.dropped[number] for number in self.alive]
        for batch, (first, last) in enumerate(pairwise(cuts)):
            step = (epoch - 1) * (len(cuts) - 1 + settings.extra_step_per_epoch) + batch
            n_steps = settings.epochs * (len(cuts) - 1)
            follow = FACTORS.get(settings.schedule)
            factor = follow(step, n_steps, settings.warmup_share) if follow else 1.0
            rates = [self.probes[n].settings.learning_rate * self.probes[n].plateau.scale * factor for n in self.alive]
            some = rows[:, first:last]
            logits = self.networks.logits(self.read(some), dropped)
            losses, weights = self.losses(logits, some.to(self.device))
            weights = weights * counts[:, first:last].to(self.device)
            total: torch.Tensor = ((losses * weights).sum(dim=1) / weights.sum(dim=1)).sum()
            total.backward()
            optimiser.step(rates)

    def order_of(self, probe: StackedProbe) -> Any:
        """The probe's training rows in the order of its next epoch, (n_train,)."""
        import torch

        train = torch.from_numpy(probe.train)
        return train[torch.randperm(len(train), generator=probe.order)] if probe.settings.shuffle else train

    def read(self, rows: Any) -> Any:
        """Features of each living probe's own rows (n_alive, n_rows), as `Networks.logits` takes them."""
        import torch

        if self.ahead is not None:
            features, firsts = self.ahead
            picked = (rows + firsts[self.alive]).flatten().to(features.device)
            return features.index_select(0, picked).view(*rows.shape, -1)
        parts = []
        first = 0
        for numbers, run in groupby(self.probes[number].features for number in self.alive):
            own = rows[first : first + len(list(run))]
            first += len(own)
            same = len(own) == 1 or bool((own == own[:1]).all())
            picked = own[:1] if same else own
            read = [self.take(number, picked) for number in numbers]
            x = read[0] if len(read) == 1 else torch.stack(read, dim=1)
            parts.append(x.expand(len(own), *x.shape[1:]) if same else x)
        x = parts[0] if len(parts) == 1 else torch.cat(parts)
        return x if self.living_moments is None else standardised(x, *self.living_moments)

    def take(self, number: int, rows: Any) -> Any:
        """Rows (n, n_rows) of a feature matrix, (n, n_rows, width), on the device."""
        import torch

        matrix = self.matrices[number]
        if isinstance(matrix, torch.Tensor):
            return matrix.index_select(0, rows.flatten().to(matrix.device)).view(*rows.shape, -1)
        read = torch.from_numpy(matrix.take(rows.flatten().numpy()))
        return read.view(*rows.shape, -1).to(self.device)

    def losses(self, logits: Any, rows: Any) -> tuple[Any, Any]:
        """Loss of each probe on each of its own rows, (n_alive, n_rows), and what each counts."""
        import torch
        from torch.nn import functional

        if self.targets.labels == "single":
            classes = self.classes[rows]
            losses = functional.cross_entropy(logits.flatten(0, 1), classes.flatten(), reduction="none")
            return losses.view(rows.shape), self.class_weights.gather(1, classes)
        values = self.values[rows]
        return functional.binary_cross_entropy_with_logits(logits, values, reduction="none").mean(dim=2), torch.ones(
            rows.shape, device=self.device
        )

    def check(self, epoch: int) -> list[int]:
        """Validate; keep what is best so far, lower rates, and tell whose patience is at its end."""
        settings = self.settings
        if settings.weights == "last" and not settings.patience and settings.schedule != "plateau":
            return []
        losses, scores = self.validate()
        stopped, better = [], []
        for row, number in enumerate(self.alive):
            probe, loss = self.probes[number], losses[row]
            probe.valid_losses.append(loss)
            if settings.schedule == "plateau":
                probe.plateau.see(loss)
            now = -loss
            if settings.monitor == "valid_score":
                probe.valid_scores.append(scores[row])
                now = metrics.signed(self.targets.metric, scores[row])
            if now > probe.best:  # never of NaN
                probe.best, probe.n_stale = now, 0
                better.append((row, number))
                probe.chosen_epoch = epoch
            else:
                probe.n_stale += 1
            if settings.patience and probe.n_stale >= settings.patience:
                stopped.append(number)
        if settings.weights == "best":
            self.keep(better)
        return stopped

    def keep(self, which: Sequence[tuple[int, int]]) -> None:
        """Copy the present weights of probes, given as (row among the living, number), to `best`."""
        import torch

        if which:
            rows_alive, numbers = torch.tensor(which, device=self.device).T
            self.best.put(numbers, self.networks, rows_alive)

    def leave(self, stopped: Sequence[int], epoch: int, optimiser: Adam) -> None:
        """Go on without the probes of these numbers, whose last epoch this was."""
        import torch

        rows_alive = [row for row, number in enumerate(self.alive) if number not in stopped]
        for number in stopped:
            self.probes[number].stopped = epoch
        if self.settings.weights == "last":
            self.keep([(row, number) for row, number in enumerate(self.alive) if number in stopped])
        self.alive = [self.alive[row] for row in rows_alive]
        which = torch.tensor(rows_alive, device=self.device, dtype=torch.int64)
        self.networks = self.networks.only(which)
        self.class_weights = self.class_weights[which]
        if self.living_moments is not None:
            self.living_moments = [moment[which] for moment in self.living_moments]
        optimiser.only(which, self.networks)

    def settle(self) -> None:
        """Where the last weights are tested, keep those of the probes that ran to the end."""
        if self.settings.weights == "last":
            self.keep(list(enumerate(self.alive)))
            for probe in self.probes:
                probe.chosen_epoch = probe.stopped or self.settings.epochs

    def validate(self) -> tuple[list[float], list[float]]:
        """Loss of each living probe over its validation rows, and its score where that is monitored."""
        import torch

        rows, counts = padded([torch.from_numpy(self.probes[number].valid) for number in self.alive])
        total = torch.zeros(2, len(self.alive), device=self.device, dtype=torch.float64)
        parts = []
        with torch.no_grad():
            for some, count in zip(self.blocks(rows), self.blocks(counts), strict=True):
                logits = self.networks.logits(self.read(some))
                losses, weights = self.losses(logits, some.to(self.device))
                weights = weights * count.to(self.device)
                total += torch.stack([(losses * weights).sum(dim=1), weights.sum(dim=1)])
                if self.settings.monitor == "valid_score":
                    parts.append(self.targets.probabilities(logits).cpu())
        losses = (total[0] / total[1]).tolist()
        if self.settings.monitor != "valid_score":
            return losses, []
        probabilities = torch.cat(parts, dim=1).numpy()
        return losses, [
            self.targets.score(self.probes[n].valid, probabilities[row, : len(self.probes[n].valid)])[0]
            for row, n in enumerate(self.alive)
        ]

    def shares(self, number: int) -> tuple[float, ...]:
        """How much of each feature matrix a probe with its best weights takes, sum 1; empty if it reads only one."""
        mix = self.best.weights.get("mix")
        return () if mix is None else tuple(mix[number].detach().softmax(dim=0).tolist())

    def blocks(self, rows: Any) -> Iterator[Any]:
        """Rows (n_alive, n_rows) in blocks whose features, and what hidden layers make of them, are not too large."""
        width = max(self.networks.weights["0.weight"].shape[1] * len(self.probes[0].features), *self.settings.hidden, 1)
        return iter(rows.split(max(1, READ_VALUES // (width * len(self.alive))), dim=1))

    def probabilities(self, number: int, rows: np.ndarray) -> np.ndarray:
        """What a probe says of rows with its best weights, (n_rows, n_classes), float32."""
        import torch

        self.alive, self.networks = [number], self.best.only(torch.tensor([number], device=self.device))
        self.living_moments = None if self.moments is None else [moment[number : number + 1] for moment in self.moments]
        with torch.no_grad():
            parts = [
                self.targets.probabilities(self.networks.logits(self.read(some)))[0].cpu()
                for some in self.blocks(torch.from_numpy(rows)[None])
            ]
        return torch.cat(parts).numpy()
