"""What a user may choose about a run beside module, task and protocol."""

from dataclasses import dataclass
from pathlib import Path

from evaluator.embedding.embed import Progress, Workers, no_progress


@dataclass(frozen=True)
class RunOptions:
    """What a user may choose about a run, beside module, task and protocol.

    Attributes:
        data: Where the dataset lies; None for data that is made or knows its place.
        cache: Folder for embeddings and made data.
        device: Where probes train: "auto", "cpu", "cuda", ...
        seed: Of the probes' initial weights and batch order.
        n_seeds: How often probes are trained: with this seed, and the next ones.
        layers: Which layers are evaluated (`features.parse`); "" for those that the protocol says.
        allow_failed: Share of clips that may be unreadable, 0 to 1, before scoring is refused.
        progress: Shows how far a stage is: called with a title and a total number of steps.
        rehash: Whether to read every file anew, whatever is remembered of it.
        workers: Other processes that embed at the same time; None for nobody.
    """

    data: Path | None
    cache: Path
    device: str = "auto"
    seed: int = 0
    n_seeds: int = 1
    layers: str = ""
    allow_failed: float = 0.0
    progress: Progress = no_progress
    rehash: bool = False
    workers: Workers | None = None

    @property
    def seeds(self) -> list[int]:
        """The seeds that probes are trained with, (n_seeds,), from `seed` on."""
        return list(range(self.seed, self.seed + self.n_seeds))
