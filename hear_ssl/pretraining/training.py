"""The training loop: on a CPU, a GPU, or several GPUs under torchrun; goes on from where it was.

Whatever is drawn (windows, augmentations, dropout) depends on seed, step and process alone, so there is no generator
whose state could be lost: a run that was killed goes on from its last state to the same numbers (on a GPU: as far as
its sums are the same each time).
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from hear_ssl.encoders.logmel import N_BANDS, LogMel, mirrored
from hear_ssl.pretraining import augment, byol, state
from hear_ssl.pretraining.corpus import Corpus, Order, Windows, together
from hear_ssl.pretraining.probe import Probe
from hear_ssl.pretraining.recipe import N_FRAMES, Recipe

log = logging.getLogger(__name__)

# Windows in which the fixed statistics are collected at a time.
STATISTICS_BATCH = 64
# Numbers of the seed sequences: what is drawn for.
WEIGHTS, STEP = 0, 1
# An epoch that is never reached: windows for the statistics are drawn as its own.
BEFORE = 1 << 31


@dataclass(frozen=True)
class Machine:
    """Where a run happens.

    Attributes:
        device: Of this process.
        amp: Compute in bfloat16 where that is safe.
        workers: Processes that decode audio, for each process that trains.
        save_every: Steps from one saved state to the next.
        rank, n_ranks: This process and all of them.
    """

    device: torch.device
    amp: bool = False
    workers: int = 0
    save_every: int = 100
    rank: int = 0
    n_ranks: int = 1


def number(*parts: int) -> int:
    """A seed made of several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def join(device: str, **options: Any) -> Machine:
    """The machine, processes of `torchrun` connected with each other.

    Args:
        device: "cpu", "cuda", or "" for a GPU if there is one.
        options: See `Machine`.

    Raises:
        ValueError: No such device, or one without bfloat16.
    """
    n_ranks, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise ValueError(
            f"device {name!r}: cpu is here{', and cuda' if torch.cuda.is_available() else ', cuda is not'}"
        )
    if name == "cuda" and options.get("amp") and not torch.cuda.is_bf16_supported():
        raise ValueError("amp: this GPU does not compute in bfloat16; leave it out")
    place = torch.device(name, int(os.environ.get("LOCAL_RANK", 0))) if name == "cuda" else torch.device(name)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if n_ranks > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    return Machine(place, rank=rank, n_ranks=n_ranks, **options)


def leave(machine: Machine) -> None:
    """Part from the other processes, if there are any."""
    if machine.n_ranks > 1:
        dist.destroy_process_group()


def summed(x: torch.Tensor, machine: Machine) -> torch.Tensor:
    """The sum over all processes."""
    if machine.n_ranks > 1:
        x = x.to(machine.device)
        dist.all_reduce(x)
    return x


class Run:
    """One pre-training.

    Args:
        corpus: What it hears.
        recipe: How.
        machine: Where.
        folder: For state, curve and results.
        tell: Called with each row of the curve.
        probe: Labelled sounds by which the encoder is judged now and then; changes nothing in the training.

    Raises:
        ValueError: The recipe does not fit the corpus or the machine, or the folder holds the state of another run.
    """

    def __init__(
        self,
        corpus: Corpus,
        recipe: Recipe,
        machine: Machine,
        folder: Path,
        tell: Callable[[dict[str, Any]], None],
        probe: Probe | None = None,
    ):
        self.corpus, self.recipe, self.machine, self.folder, self.tell = corpus, recipe, machine, folder, tell
        self.probe = probe
        self.settings = state.settings_of(recipe, machine.amp, machine.n_ranks, len(corpus.items))
        torch.manual_seed(number(recipe.seed, WEIGHTS))
        self.front_end = LogMel(recipe.mel).to(machine.device)
        self.online = byol.Online(recipe).to(machine.device)
        # Twice as fast on a CPU.
        self.online.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target = byol.twin(self.online.branch)
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=recipe.learning_rate)
        self.memory = augment.Memory(recipe.memory, N_BANDS, N_FRAMES, machine.device)
        self.statistics = augment.Statistics()
        self.step = 0
        self.sums = [0.0, 0.0]  # loss and broken windows of the epoch so far
        self.curve: list[dict[str, Any]] = []
        self.restore(state.load(folder, self.settings))
        self.order = Order(len(corpus.items), recipe, self.step, machine.rank, machine.n_ranks)
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

    def save(self) -> None:
        """Keep everything that the next step depends on; the first process writes."""
        memories = [self.memory.windows]
        if self.machine.n_ranks > 1:
            memories = [torch.empty_like(self.memory.windows) for _ in range(self.machine.n_ranks)]
            dist.all_gather(memories, self.memory.windows)
        if self.machine.rank:
            return
        saved = {name: getattr(self, name).state_dict() for name in ("online", "target", "optimizer")}
        saved |= {"memories": memories, "memory_filled": self.memory.filled}
        saved |= {"memory_following": self.memory.following, "statistics": self.statistics.sums}
        saved |= {"step": self.step, "sums": self.sums, "curve": self.curve, "settings": self.settings}
        state.save(self.folder, saved)

    def train(self) -> None:
        """All steps that are left; then the encoder is written."""
        if not self.recipe.norm_epochs and not self.statistics.sums[0]:
            self.fix_statistics()
        loader = torch.utils.data.DataLoader(
            Windows(self.corpus.items, self.recipe),
            batch_sampler=self.order,
            collate_fn=together,
            num_workers=self.machine.workers,
            pin_memory=self.machine.device.type == "cuda",
        )
        began = time.monotonic()
        for audio, failed in loader:
            epoch, place = divmod(self.step, self.order.steps_per_epoch)
            loss, embeddings = self.learn(audio.to(self.machine.device, non_blocking=True), epoch)
            self.sums = [self.sums[0] + loss, self.sums[1] + len(failed)]
            for name in failed:
                log.warning("%s: a window of it cannot be read; the next file took its place", name)
            self.step += 1
            if place == self.order.steps_per_epoch - 1:
                self.end_epoch(epoch, embeddings, time.monotonic() - began)
                began = time.monotonic()
            if self.step % self.machine.save_every == 0:
                self.save()
        self.save()
        if not self.machine.rank:
            state.export(self.folder, self.online.branch.network, self.statistics.mean_std(), self.recipe)

    def learn(self, audio: torch.Tensor, epoch: int) -> tuple[float, torch.Tensor]:
        """One step; loss and embeddings (batch, width) of this process."""
        seed = number(self.recipe.seed, STEP, self.step, self.machine.rank)
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
        byol.follow(self.target, self.online.branch, self.recipe.decay)
        return float(loss.detach()), embeddings

    def end_epoch(self, epoch: int, embeddings: torch.Tensor, seconds: float) -> None:
        """Add a row to the curve: numbers of all processes, signs of collapse in the last batch of the first."""
        loss, broken = summed(torch.tensor(self.sums, dtype=torch.float64), self.machine).tolist()
        deviation, rank = byol.spread(embeddings)
        row = {
            "epoch": epoch + 1,
            "step": self.step,
            "loss": loss / self.order.steps_per_epoch / self.machine.n_ranks,
            "embedding_std": deviation,
            "effective_rank": rank,
            "broken_windows": int(broken),
            "seconds": round(seconds, 2),
        }
        if self.probe is not None and not self.machine.rank and self.probe.is_due(epoch + 1, self.recipe.epochs):
            network, statistics = self.online.branch.network, self.statistics.mean_std()
            row["probe_accuracy"] = self.probe.accuracy(network, statistics, self.recipe.mel)
        self.curve.append(row)
        self.sums = [0.0, 0.0]
        if not self.machine.rank:
            self.tell(row)

    def fix_statistics(self) -> None:
        """Mean and deviation of windows drawn at random before the first epoch; every process the same."""
        windows = Windows(self.corpus.items, self.recipe)
        drawn = np.random.default_rng([self.recipe.seed, self.recipe.n_statistics])
        numbers = drawn.integers(len(windows.items), size=self.recipe.n_statistics).tolist()
        keys = [(BEFORE + turn, item) for turn, item in enumerate(numbers)]
        batches = [keys[first : first + STATISTICS_BATCH] for first in range(0, len(keys), STATISTICS_BATCH)]
        loader = torch.utils.data.DataLoader(
            windows, batch_sampler=batches, collate_fn=together, num_workers=self.machine.workers
        )
        with torch.no_grad():
            for audio, _ in loader:
                self.statistics.add(self.statistics.of(self.front_end(mirrored(audio.to(self.machine.device)))))
