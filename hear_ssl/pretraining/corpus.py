"""Windows of audio from files on disk, drawn at random but the same for the same seed; nothing is kept in memory.

A file gives one window for every `piece_seconds` of it (at least one) and epoch, each from its own part of the file.
Only that part is decoded. Files that cannot be read are left out and counted, never in silence.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from hear_ssl.encoders.logmel import SAMPLE_RATE
from hear_ssl.pretraining.recipe import UNIT, PretrainingRecipe

# What libsndfile reads.
SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf"}
# Named in a sentence.
MAX_SUFFIXES = 8
# Read around a window, so that resampling has something to lean on, in seconds.
SPARE_SECONDS = 0.05
# Beyond this a power spectrogram of 32-bit floats overflows to infinity; audio that is meant so lies within 1, or 2^31.
LOUDEST = 1e12

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FilePart:
    """Where one window of each epoch comes from: part `part` of `n_parts` of a file that is `seconds` long."""

    path: Path
    seconds: float
    part: int
    n_parts: int


@dataclass
class Corpus:
    """The audio that a pre-training reads.

    Attributes:
        items: One for each window of an epoch, ordered by path.
        broken: Files that are no audio, and why.
        seconds: Of all files that can be read.
        files: Size in bytes, samples and sample rate of each that can be read, by the number of the source it comes from
            and its path in there.
        notes: Sentences on what was passed over.
    """

    items: list[FilePart] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)
    seconds: float = 0.0
    files: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fingerprint(self) -> str:
        """A SHA-256 of `files`: the same, also if the sources were moved, until one comes, goes or changes size."""
        return hashlib.sha256(json.dumps(list(self.files.items())).encode()).hexdigest()


def _audio_files(sources: Sequence[Path], notes: list[str]) -> Iterator[tuple[str, Path]]:
    """Audio files among the sources and in the folders among them, sorted, each once: (name as in `Corpus.files`, path).

    Notes on files that were met again, or that are not read, are added to `notes` at the end.

    Raises:
        FileNotFoundError: One of the sources is not there.
    """
    seen: set[Path] = set()
    again: list[Path] = []
    others: Counter[str] = Counter()
    for number, source in enumerate(sources):
        if not source.exists():
            raise FileNotFoundError(f"{source}: no such file or folder")
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            real = path.resolve()
            if path != source and path.suffix.lower() not in SUFFIXES:
                others[path.suffix.lower() or "no suffix"] += path.is_file() and not path.name.startswith(".")
            elif real in seen:
                again.append(path)
            elif not path.is_dir():
                seen.add(real)
                yield f"{number}/{path.relative_to(source) if path != source else path.name}", path
    if again:
        notes.append(f"met more than once, counted once: {again[0]}{f' and {len(again) - 1} more' * (len(again) > 1)}")
    if +others:
        listing = ", ".join(f"{suffix} ({n})" for suffix, n in (+others).most_common(MAX_SUFFIXES))
        notes.append(f"files passed over, by suffix: {listing}; read are {', '.join(sorted(SUFFIXES))}")


def find(sources: Sequence[Path], piece_seconds: float) -> Corpus:
    """Look through files and folders; a file gives a window for every `piece_seconds` seconds of it, at least one.

    Raises:
        FileNotFoundError: One of the sources is not there.
        ValueError: No readable audio in any of them.
    """
    corpus = Corpus()
    for name, path in _audio_files(sources, corpus.notes):
        try:
            info = soundfile.info(path)
            if not info.frames:
                raise ValueError("no samples")
            corpus.files[name] = (path.stat().st_size, info.frames, info.samplerate)
        except (OSError, RuntimeError, ValueError) as error:
            corpus.broken[path] = str(error)
            log.warning("%s: left out, not readable (%s)", path, error)
            continue
        seconds = info.frames / info.samplerate
        n_parts = max(1, round(seconds / piece_seconds))
        corpus.items += [FilePart(path, seconds, part, n_parts) for part in range(n_parts)]
        corpus.seconds += seconds
    if not corpus.items:
        listing = ", ".join(map(str, sources))
        sentence = f"{listing}: no audio that can be read ({len(corpus.broken)} broken files)"
        raise ValueError("; ".join([sentence, *corpus.notes]))
    return corpus


def read_window(item: FilePart, position: float, pad: str) -> np.ndarray:
    """A window (UNIT,), float32, mono, 16 kHz, from the item's part of its file.

    Args:
        item: Where from.
        position: From 0 to 1: where in the part.
        pad: Zeros go to "both" sides of a file that is too short, or to its "end".

    Raises:
        OSError, RuntimeError, ValueError: The file cannot be decoded there, or holds NaN.
    """
    seconds = UNIT / SAMPLE_RATE
    start = max(0.0, item.seconds - seconds) * (item.part + position) / item.n_parts
    with soundfile.SoundFile(item.path) as file:
        rate = file.samplerate
        first = max(0, int((start - SPARE_SECONDS) * rate))
        file.seek(first)
        channels = file.read(int((seconds + 2 * SPARE_SECONDS) * rate), dtype="float32", always_2d=True).T
    # numpy's mean over so few neighbours takes a quarter of the time to read stereo; this is the same number.
    audio = reduce(np.add, channels) / len(channels)
    audio = soxr.resample(check_samples(audio), rate, SAMPLE_RATE)
    skip = min(round((start - first / rate) * SAMPLE_RATE), max(0, len(audio) - UNIT))
    audio = audio[skip : skip + UNIT]
    missing = UNIT - len(audio)
    before = missing // 2 if pad == "both" else 0
    return np.pad(audio, (before, missing - before)).astype(np.float32)


def check_samples(audio: np.ndarray) -> np.ndarray:
    """The samples (n_samples,) as they are.

    Raises:
        ValueError: There are none, or NaN, infinite or absurdly large ones.
    """
    if not len(audio):
        raise ValueError("no samples there")
    if not (np.abs(audio) <= LOUDEST).all():
        raise ValueError(f"NaN or infinite samples, or some beyond {LOUDEST:g}")
    return audio


class Windows(torch.utils.data.Dataset):
    """Windows by (epoch, number): audio of shape (UNIT,), 0.95 s at 16 kHz, and the names of files that failed.

    The audio is None if no file at all can be read: an error of a decoding process would come as its traceback.
    """

    def __init__(self, items: Sequence[FilePart], recipe: PretrainingRecipe):
        self.items, self.recipe = items, recipe

    def __getitem__(self, key: tuple[int, int]) -> tuple[np.ndarray | None, list[str]]:
        epoch, number = key
        failed: list[str] = []
        # The next file stands in for one that fails, so that every batch is full.
        for turn in range(len(self.items)):
            which = (number + turn) % len(self.items)
            position = np.random.default_rng([self.recipe.seed, epoch, number, turn]).random()
            try:
                return read_window(self.items[which], position, self.recipe.pad), failed
            except (OSError, RuntimeError, ValueError):
                failed.append(str(self.items[which].path))
        return None, failed


def collate(batch: list[tuple[np.ndarray | None, list[str]]]) -> tuple[torch.Tensor | None, list[str]]:
    """A batch of windows, (batch, UNIT), or None if one is missing, and all names of files that failed."""
    failed = [name for _, names in batch for name in names]
    windows = [audio for audio, _ in batch if audio is not None]
    return torch.from_numpy(np.stack(windows)) if len(windows) == len(batch) else None, failed


def batches(loader: Iterable[tuple[torch.Tensor | None, list[str]]]) -> Iterator[tuple[torch.Tensor, int]]:
    """Windows (batch, UNIT), and how many files failed on the way, whose names are logged.

    Raises:
        RuntimeError: None of the files can be read any more.
    """
    for audio, failed in loader:
        if audio is None:
            raise RuntimeError(f"no file can be read any more, {failed[0]} and all others: is their disk still there?")
        for name in failed:
            log.warning("%s: a window of it cannot be read; the next file took its place", name)
        yield audio, len(failed)


class ResumableBatchSampler(torch.utils.data.Sampler):
    """Which windows each step takes, from any step on: every epoch all of them in a new order, but for an unfull batch.

    Each step yields (n_windows,) pairs of epoch and window.

    Args:
        n_items: Windows of an epoch.
        recipe: For batch, epochs and seed.
        first_step: Where to begin.
        rank, n_ranks: This process takes every `n_ranks`-th window of a batch.

    Raises:
        ValueError: The batch is larger than an epoch, or cannot be shared out.
    """

    def __init__(self, n_items: int, recipe: PretrainingRecipe, first_step: int = 0, rank: int = 0, n_ranks: int = 1):
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
            epoch, position = divmod(step, self.steps_per_epoch)
            if position == 0 or step == self.first_step:
                order = np.random.default_rng([self.recipe.seed, epoch]).permutation(self.n_items)
            batch = order[position * self.recipe.batch : (position + 1) * self.recipe.batch]
            yield [(epoch, int(number)) for number in batch[self.rank :: self.n_ranks]]
