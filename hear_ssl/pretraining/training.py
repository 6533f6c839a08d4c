"""The training loop: on a CPU, a GPU, or several GPUs under torchrun; goes on from where it was.

All random draws (windows, augmentations, dropout) depend on seed, step and process alone, so there is no generator
whose state could be lost: a run that was killed goes on from its last state to the same numbers (on a GPU: as far as
its sums are the same each time).
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from hear_ssl.encoders.logmel import N_BANDS, LogMel, mirrored
from hear_ssl.pretraining import augment, byol, heard, state
from hear_ssl.pretraining.corpus import Corpus, ResumableBatchSampler, Windows, batches, collate
from hear_ssl.pretraining.machine import Machine, summed
from hear_ssl.pretraining.probe import ProgressProbe
from hear_ssl.pretraining.recipe import N_FRAMES, PretrainingRecipe

log = logging.getLogger(__name__)

# Windows in which the fixed statistics are collected at a time.
STATISTICS_BATCH = 64
# What a seed sequence is for.
WEIGHTS, STEP = 0, 1
# An epoch that is never reached: windows for the statistics are drawn as its own.
BEFORE = 1 << 31


def _seed_from(*parts: int) -> int:
    """A seed made of several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


class Pretraining:
    """One pre-training.

    Args:
        corpus: Its audio.
        recipe: How it is trained.
        machine: Where it runs.
        folder: For state, curve and results.
        on_row: Called with each row of the curve.
        probe: Labelled sounds by which the encoder is scored now and then; changes nothing in the training.

    Raises:
        ValueError: The recipe does not fit the corpus or the machine, or the folder holds the state of another run, of
            one that went astray, or of one that is longer.
    """

    def __init__(
        self,
        corpus: Corpus,
        recipe: PretrainingRecipe,
        machine: Machine,
        folder: Path,
        on_row: Callable[[dict[str, Any]], None],
        probe: ProgressProbe | None = None,
    ):
        self.corpus, self.recipe, self.machine, self.folder, self.on_row = corpus, recipe, machine, folder, on_row
        self.probe = probe
        self.settings = state.settings_of(recipe, machine.amp, machine.n_ranks)
        torch.manual_seed(_seed_from(recipe.seed, WEIGHTS))
        self.front_end = LogMel(recipe.mel).to(machine.device)
        self.online = byol.Online(recipe).to(machine.device)
        # 1.1 to 1.4 times as fast on a CPU (bench/pretraining_speed.py).
        self.online.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target = byol.frozen_copy(self.online.branch)
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=recipe.learning_rate)
        self.memory = augment.Memory(recipe.memory, N_BANDS, N_FRAMES, machine.device)
        self.statistics = augment.Statistics()
        self.step = 0
        self.sums = [0.0, 0.0]  # loss and broken windows of the epoch so far
        self.curve: list[dict[str, Any]] = []
        self.restore(state.load(folder, self.settings, corpus))
        self.saved_step = self.step
        self.order = ResumableBatchSampler(len(corpus.items), recipe, self.step, machine.rank, machine.n_ranks)
        self.check_length()
        self.model = self.online if machine.n_ranks == 1 else torch.nn.parallel.DistributedDataParallel(self.online)

    def restore(self, saved: Mapping[str, Any] | None) -> None:
        """Go on from a saved state."""
        if saved is None:
            return
        for name in ("online", "target", "optimizer"):
            getattr(self, name).load_state_dict(saved[name])
        memory = saved["memories"][self.machine.rank]
        self.memory.windows.copy_(memory)
        self.memory.filled, self.memory.following = saved["memory_filled"], saved["memory_following"]
        self.statistics.sums = saved["statistics"]
        self.step, self.sums, self.curve = saved["step"], saved["sums"], saved["curve"]

        if not self.is_sound():
            raise ValueError(
                f"{self.folder / state.STATE}: its weights are not finite, that run went astray; begin anew in another "
                "--out, with a lower --learning-rate or without --amp"
            )

    def check_length(self) -> None:
        """Refuse to end before the step that was reached."""
        if self.step > self.order.n_steps:
            begun = -(-self.step // self.order.steps_per_epoch)
            raise ValueError(
                f"--epochs {self.recipe.epochs}: {self.folder / state.STATE} is in epoch {begun} already; "
                f"ask for at least {begun}, or give another --out"
            )
        if self.step == self.order.n_steps and not self.machine.rank:
            log.warning("all %d epochs are done; the weights are written again", self.recipe.epochs)

    def is_sound(self) -> bool:
        """Whether all weights, of both networks, and the optimiser's averages are finite."""
        slots = [tensor for slot in self.optimizer.state.values() for tensor in slot.values()]
        tensors = [*self.online.state_dict().values(), *self.target.state_dict().values(), *slots]
        return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)

    def astray(self, what: str) -> RuntimeError:
        """The error for numbers that are not finite after the step that was just done."""
        kept = f"{self.folder / state.STATE} keeps step {self.saved_step}; begin anew in another --out"
        return RuntimeError(
            f"epoch {1 + (self.step - 1) // self.order.steps_per_epoch}, step {self.step}: {what}, the training went "
            f"astray; {kept if self.saved_step else 'no state was saved yet; begin anew'}, with a --learning-rate "
            f"lower than {self.recipe.learning_rate:g}{' or without --amp' if self.machine.amp else ''}"
        )

    def save(self) -> None:
        """Keep everything that the next step depends on; the first process writes.

        Raises:
            RuntimeError: There are weights that are not finite; the last state stays.
            OSError: It cannot be written; the last state stays.
        """
        if not self.is_sound():
            raise self.astray("some weights are not finite")
        memories = [self.memory.windows]
        if self.machine.n_ranks > 1:
            memories = [torch.empty_like(self.memory.windows) for _ in range(self.machine.n_ranks)]
            dist.all_gather(memories, self.memory.windows)
        self.saved_step = self.step
        if self.machine.rank:
            return
        saved = {name: getattr(self, name).state_dict() for name in ("online", "target", "optimizer")}
        saved |= {"memories": memories, "memory_filled": self.memory.filled}
        saved |= {"memory_following": self.memory.following, "statistics": self.statistics.sums}
        saved |= {"step": self.step, "sums": self.sums, "curve": self.curve, "settings": self.settings}
        state.save(self.folder, saved | {"data": self.corpus.fingerprint()})

    def train(self) -> None:
        """All steps that are left; then the encoder is written.

        Raises:
            RuntimeError: The loss or a weight is not finite any more, or no file can be read any more.
            OSError: State, curve or result cannot be written.
        """
        if not self.step and not self.machine.rank:
            state.write_listing(self.folder, self.corpus)
        if not self.recipe.norm_epochs and not self.statistics.sums[0]:
            self.fix_statistics()
        loader = torch.utils.data.DataLoader(
            Windows(self.corpus.items, self.recipe),
            batch_sampler=self.order,
            collate_fn=collate,
            num_workers=self.machine.workers,
            pin_memory=self.machine.device.type == "cuda",
        )
        began = time.monotonic()
        for audio, n_failed in batches(loader):
            epoch, position = divmod(self.step, self.order.steps_per_epoch)
            loss, embeddings = self.learn(audio.to(self.machine.device, non_blocking=True), epoch)
            self.sums = [self.sums[0] + loss, self.sums[1] + n_failed]
            self.step += 1
            if not math.isfinite(loss):
                raise self.astray(f"the loss is {loss}")
            if position == self.order.steps_per_epoch - 1:
                self.end_epoch(epoch, embeddings, time.monotonic() - began)
                began = time.monotonic()
            if self.step % self.machine.save_every == 0:
                self.save()
        self.save()
        if not self.machine.rank:
            sounds = heard.digests(item.path for item in self.corpus.items)
            state.export(self.folder, self.online.branch.network, self.statistics.mean_std(), self.recipe, sounds)

    def learn(self, audio: torch.Tensor, epoch: int) -> tuple[float, torch.Tensor]:
        """One step; loss and embeddings (batch, width) of this process."""
        seed = _seed_from(self.recipe.seed, STEP, self.step, self.machine.rank)
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout draws from the global generators
        with torch.no_grad():
            x = self.front_end(mirrored(audio))
            if epoch < self.recipe.norm_epochs:
                self.statistics.add(summed(self.statistics.of(x), self.machine))
            mean, std = self.statistics.mean_std()
            x = (x - mean) / std
            views = torch.cat([augment.view(x, self.memory, self.recipe, generator) for _ in range(2)])
            self.memory.push(x)
            both = list(augment.normalise_batch(views).chunk(2))
        with torch.autocast(self.machine.device.type, torch.bfloat16, enabled=self.machine.amp):
            embeddings, predictions = self.model(both)
            with torch.no_grad():
                targets = [self.target(one)[1] for one in both]
        loss = byol.loss(predictions, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        byol.update_target(self.target, self.online.branch, self.recipe.decay)
        return float(loss.detach()), embeddings

    def end_epoch(self, epoch: int, embeddings: torch.Tensor, seconds: float) -> None:
        """Add a row to the curve: numbers of all processes, signs of collapse in the last batch of the first."""
        loss, broken = summed(torch.tensor(self.sums, dtype=torch.float64), self.machine).tolist()
        std, rank = byol.std_and_rank(embeddings)
        row = {
            "epoch": epoch + 1,
            "step": self.step,
            "loss": loss / self.order.steps_per_epoch / self.machine.n_ranks,
            "embedding_std": std,
            "effective_rank": rank,
            "broken_windows": int(broken),
            "seconds": round(seconds, 2),
        }
        if self.probe is not None and not self.machine.rank and self.probe.is_due(epoch + 1, self.recipe.epochs):
            network, statistics = self.online.branch.network, self.statistics.mean_std()
            try:
                row["probe_accuracy"] = self.probe.accuracy(network, statistics, self.recipe.mel)
            except ValueError as error:  # files that went away since the start are no reason to stop training
                log.warning("%s; epoch %d has no probe accuracy", error, epoch + 1)
        self.curve.append(row)
        self.sums = [0.0, 0.0]
        if not self.machine.rank:
            self.on_row(row)

    def fix_statistics(self) -> None:
        """Mean and standard deviation of windows drawn at random before the first epoch; every process the same."""
        windows = Windows(self.corpus.items, self.recipe)
        generator = np.random.default_rng([self.recipe.seed, self.recipe.n_statistics])
        items = generator.integers(len(windows.items), size=self.recipe.n_statistics).tolist()
        keys = [(BEFORE + turn, item) for turn, item in enumerate(items)]
        parts = [keys[first : first + STATISTICS_BATCH] for first in range(0, len(keys), STATISTICS_BATCH)]
        loader = torch.utils.data.DataLoader(
            windows, batch_sampler=parts, collate_fn=collate, num_workers=self.machine.workers
        )
        with torch.no_grad():
            for audio, _ in batches(loader):
                self.statistics.add(self.statistics.of(self.front_end(mirrored(audio.to(self.machine.device)))))
