"""A learned query over the frames of a clip, and a linear layer on what it gathers; trained clip by clip in batches of bounded size."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from evaluator.embedding.matrix import Matrix
from evaluator.probes.schedules import cosine_factor

_QUERY_STD = 0.02


class AttentivePooling(torch.nn.Module):
    """Frames of clips -> logits: softmax attention of one learned query, layer norm, dropout, one linear layer.

    Args:
        width: Of a frame.
        n_classes: Of the logits.
        heads: Into which key, value and query are cut; of the wanted number the largest that divides the width.
        dropout: Share of what is gathered that is dropped in training, 0 to 1.
    """

    def __init__(self, width: int, n_classes: int, heads: int, dropout: float):
        super().__init__()
        self.heads = math.gcd(heads, width)
        self.query = torch.nn.Parameter(torch.randn(width) * _QUERY_STD)
        self.key = torch.nn.Linear(width, width, bias=False)
        self.value = torch.nn.Linear(width, width, bias=False)
        self.norm, self.dropout = torch.nn.LayerNorm(width), torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(width, n_classes)

    def forward(self, frames: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """Logits (n_clips, n_classes).

        Args:
            frames: (n_clips, n_frames, width), zeros behind a clip's last.
            inside: True for the frames of a clip, (n_clips, n_frames).
        """
        n, t, width = frames.shape
        parts = (n, t, self.heads, width // self.heads)
        query = self.query.view(self.heads, -1)
        weights = torch.einsum("nthd,hd->nht", self.key(frames).view(parts), query) / math.sqrt(parts[3])
        weights = weights.masked_fill(~inside[:, None], -torch.inf).softmax(dim=2)
        gathered = torch.einsum("nht,nthd->nhd", weights, self.value(frames).view(parts)).flatten(1)
        logits: torch.Tensor = self.head(self.dropout(self.norm(gathered)))
        return logits


@dataclass(frozen=True)
class FramesOf:
    """The frames of clips, as rows of a matrix.

    matrix: (n_frames of all clips, width).
    slices: Which rows are each clip's.
    max_frames: Of a clip that are looked at; of a longer one so many, evenly spaced.
    """

    matrix: Matrix
    slices: Sequence[slice]
    max_frames: int

    def of(self, clips: np.ndarray, device: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames (n_clips, n_frames, width) of some clips (n_clips,), padded with zeros, and which of them are inside, (n_clips, n_frames)."""
        rows = [self._rows(self.slices[clip]) for clip in clips.tolist()]
        lengths = [len(each) for each in rows]
        inside = np.arange(max(lengths)) < np.array(lengths)[:, None]
        frames = np.zeros((*inside.shape, self.matrix.shape[1]), np.float32)
        frames[inside] = self.matrix.take(np.concatenate(rows))
        return torch.from_numpy(frames).to(device), torch.from_numpy(inside).to(device)

    def _rows(self, own: slice) -> np.ndarray:
        n = own.stop - own.start
        if n <= self.max_frames:
            return np.arange(own.start, own.stop)
        return own.start + np.arange(self.max_frames) * n // self.max_frames


@dataclass(frozen=True)
class AttentionTraining:
    """How an `AttentivePooling` is trained; rates rise linearly over the first epochs and fall as half a cosine.

    heads, dropout: See `AttentivePooling`.
    learning_rate, weight_decay: Of AdamW.
    batch_size, epochs, warmup_epochs: Clips a batch, passes through the training clips, and those over which the rate rises.
    clip_gradients: Length to which longer gradients are cut.
    """

    heads: int
    dropout: float
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    warmup_epochs: int
    clip_gradients: float

    def epochs_of(
        self, frames: FramesOf, train: np.ndarray, targets: torch.Tensor, labels: str, seed: int
    ) -> Iterator[tuple[int, Callable[[np.ndarray], np.ndarray]]]:
        """Train, and after each epoch give its number, from 1, and the network as a function from clips (n,) to logits (n, n_classes).

        Args:
            frames: Of all clips.
            train: Clips that train, (n_train,).
            targets: 1 where a clip has a label, (n_clips, n_classes), on the device that trains.
            labels: `single` (cross-entropy) or `multi` (binary cross-entropy).
            seed: Of initial weights, orders and dropout.
        """
        device = str(targets.device)
        with torch.random.fork_rng(devices=[] if device == "cpu" else None):
            torch.manual_seed(seed)
            network = AttentivePooling(frames.matrix.shape[1], targets.shape[1], self.heads, self.dropout).to(device)
            state = torch.get_rng_state()
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        n_batches = -(-len(train) // self.batch_size)
        order, loss_of = np.random.default_rng(seed), torch.nn.functional.binary_cross_entropy_with_logits
        for epoch in range(1, self.epochs + 1):
            network.train()
            with torch.random.fork_rng(devices=[] if device == "cpu" else None):
                torch.set_rng_state(state)
                for batch, clips in enumerate(np.array_split(order.permutation(train), n_batches)):
                    step = (epoch - 1) * n_batches + batch + 1
                    share = self.warmup_epochs / self.epochs
                    factor = cosine_factor(step, self.epochs * n_batches + 1, share)
                    for group in optimiser.param_groups:
                        group["lr"] = self.learning_rate * factor
                    logits, true = network(*frames.of(clips, device)), targets[torch.from_numpy(clips)]
                    loss = (
                        torch.nn.functional.cross_entropy(logits, true) if labels == "single" else loss_of(logits, true)
                    )
                    optimiser.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), self.clip_gradients)
                    optimiser.step()
                state = torch.get_rng_state()
            network.eval()
            yield epoch, lambda clips: self._logits(network, frames, clips, device)

    @torch.no_grad()
    def _logits(self, network: AttentivePooling, frames: FramesOf, clips: np.ndarray, device: str) -> np.ndarray:
        parts = [clips[first : first + self.batch_size] for first in range(0, len(clips), self.batch_size)]
        found = [network(*frames.of(each, device)).cpu().numpy() for each in parts]
        return np.concatenate(found) if found else np.zeros((0, network.head.out_features), np.float32)
