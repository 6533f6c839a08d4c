"""Windows of audio from files on disk, drawn at random but the same for the same seed; nothing is kept in memory.

A file gives one window for every `piece_seconds` of it (at least one) and epoch, each from its own part of the file.
Only that part is decoded. Files that cannot be read are left out and counted, never in silence.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from hear_ssl.encoders.logmel import SAMPLE_RATE
from hear_ssl.pretraining.recipe import UNIT, Recipe

# What libsndfile reads.
SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf"}
# Read around a window, so that resampling has something to lean on, in seconds.
SPARE_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """Where one window of each epoch comes from: part `part` of `n_parts` of a file that is `seconds` long."""

    path: Path
    seconds: float
    part: int
    n_parts: int


@dataclass
class Corpus:
    """What was found.

    Attributes:
        items: One for each window of an epoch, ordered by path.
        broken: Files that are no audio, and why.
        seconds: Of all files that can be read.
    """

    items: list[Item] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)
    seconds: float = 0.0


def audio_files(places: Sequence[Path]) -> Iterator[Path]:
    """The files given, and all audio files in the folders given, sorted.

    Raises:
        FileNotFoundError: One of the places is not there.
    """
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)
        elif place.is_file():
            yield place
        else:
            raise FileNotFoundError(f"{place}: no such file or folder")


def find(places: Sequence[Path], piece_seconds: float) -> Corpus:
    """Look through files and folders.

    Raises:
        FileNotFoundError: One of the places is not there.
        ValueError: No readable audio in any of them.
    """
    corpus = Corpus()
    for path in audio_files(places):
        try:
            info = soundfile.info(path)
            if not info.frames:
                raise ValueError("no samples")
        except (OSError, RuntimeError, ValueError) as error:
            corpus.broken[path] = str(error)
            log.warning("%s: left out, not readable (%s)", path, error)
            continue
        seconds = info.frames / info.samplerate
        n_parts = max(1, round(seconds / piece_seconds))
        corpus.items += [Item(path, seconds, part, n_parts) for part in range(n_parts)]
        corpus.seconds += seconds
    if not corpus.items:
        listing = ", ".join(map(str, places))
        raise ValueError(f"{listing}: no audio that can be read ({len(corpus.broken)} broken files)")
    return corpus


def read_window(item: Item, place: float, pad: str) -> np.ndarray:
    """A window (UNIT,), float32, mono, 16 kHz, from the item's part of its file.

    Args:
        item: Where from.
        place: From 0 to 1: where in the part.
        pad: Zeros go to "both" sides of a file that is too short, or to its "end".

    Raises:
        OSError, RuntimeError, ValueError: The file cannot be decoded there, or holds NaN.
    """
    wanted = UNIT / SAMPLE_RATE
    start = max(0.0, item.seconds - wanted) * (item.part + place) / item.n_parts
    with soundfile.SoundFile(item.path) as file:
        rate = file.samplerate
        first = max(0, int((start - SPARE_SECONDS) * rate))
        file.seek(first)
        audio = file.read(int((wanted + 2 * SPARE_SECONDS) * rate), dtype="float32", always_2d=True).mean(axis=1)
    if not len(audio) or not np.isfinite(audio).all():
        raise ValueError("no samples there" if not len(audio) else "NaN or infinite samples")
    audio = soxr.resample(audio, rate, SAMPLE_RATE)
    skip = min(round((start - first / rate) * SAMPLE_RATE), max(0, len(audio) - UNIT))
    audio = audio[skip : skip + UNIT]
    missing = UNIT - len(audio)
    before = missing // 2 if pad == "both" else 0
    return np.pad(audio, (before, missing - before)).astype(np.float32)


class Windows(torch.utils.data.Dataset):
    """Windows by (epoch, number): (audio (UNIT,), names of files that failed)."""

    def __init__(self, items: Sequence[Item], recipe: Recipe):
        self.items, self.recipe = items, recipe

    def __getitem__(self, key: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
        epoch, number = key
        failed: list[str] = []
        # A file that fails gives its place to the next one, so that every batch is full.
        for turn in range(len(self.items)):
            which = (number + turn) % len(self.items)
            place = np.random.default_rng([self.recipe.seed, epoch, number, turn]).random()
            try:
                return read_window(self.items[which], place, self.recipe.pad), failed
            except (OSError, RuntimeError, ValueError):
                failed.append(str(self.items[which].path))
        raise RuntimeError(f"none of {len(self.items)} windows can be read; the first file is {self.items[0].path}")


def together(batch: list[tuple[np.ndarray, list[str]]]) -> tuple[torch.Tensor, list[str]]:
    """A batch of windows, (batch, UNIT), and all names of files that failed."""
    return torch.from_numpy(np.stack([audio for audio, _ in batch])), [name for _, names in batch for name in names]


class Order(torch.utils.data.Sampler):
    """Which windows each step takes: every epoch all of them in a new order, without what does not fill a batch.

    Args:
        n_items: Windows of an epoch.
        recipe: For batch, epochs and seed.
        first_step: Where to begin.
        rank, n_ranks: This process takes every `n_ranks`-th window of a batch.

    Raises:
        ValueError: The batch is larger than an epoch, or cannot be shared out.
    """

    def __init__(self, n_items: int, recipe: Recipe, first_step: int = 0, rank: int = 0, n_ranks: int = 1):
        if recipe.batch > n_items:
            raise ValueError(f"batch={recipe.batch}: there are only {n_items} windows an epoch; take a smaller batch")
        if recipe.batch % n_ranks or recipe.batch // n_ranks < 2:
            raise ValueError(f"batch={recipe.batch}: {n_ranks} processes cannot share it in parts of 2 or more windows")
        self.n_items, self.recipe, self.first_step, self.rank, self.n_ranks = n_items, recipe, first_step, rank, n_ranks
        self.steps_per_epoch = n_items // recipe.batch
        self.n_steps = self.steps_per_epoch * recipe.epochs

    def __len__(self) -> int:
        return max(0, self.n_steps - self.first_step)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in range(self.first_step, self.n_steps):
            epoch, place = divmod(step, self.steps_per_epoch)
            if place == 0 or step == self.first_step:
                order = np.random.default_rng([self.recipe.seed, epoch]).permutation(self.n_items)
            batch = order[place * self.recipe.batch : (place + 1) * self.recipe.batch]
            yield [(epoch, int(number)) for number in batch[self.rank :: self.n_ranks]]
