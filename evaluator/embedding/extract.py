"""Clips to stored embeddings: decode ahead in threads, batch, embed, and keep every finished shard.

Three kinds of views may be asked for, and each is in one part of a store:

| views | what | part |
|---|---|---|
| scene | "scene" (size,) of a clip | "" |
| layers | "layers_mean", "layers_std" (n_layers, width) | "" if the module's extension gives them, else "layers" |
| frames | "frames" (n_frames, size), "times" (n_frames,) in ms | "frames" |

What cannot be read never stops the others: it is collected and returned, and whoever asked decides. A clip that is
in the store already is neither decoded nor embedded.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np

from evaluator.audio.decode import AudioError, read_clip
from evaluator.datasets.recordings import Recordings
from evaluator.embedding.extraction import Extraction, keyed, missing_shards, recall, seconds_of
from evaluator.embedding.plain import PlainModule, Row
from evaluator.embedding.spec import Module, ModuleFault, WorkerEnded
from evaluator.embedding.store import Store, StoredClip
from evaluator.errors import EvaluationError

DECODING_THREADS = 2
BATCHES_AHEAD = 2
# Most audio that is decoded for one batch, seconds, and most clips in it. A longer clip is a batch of its own.
BATCH_SECONDS = 160.0
BATCH_CLIPS = 64
# Frames a second by which the size of a shard is planned before any is made: every 10 ms, finer than most modules.
PLANNED_FRAME_RATE = 100
PARTS = {"scene": ("",), "layers": ("", "layers"), "frames": ("frames",)}

Item = TypeVar("Item")
Done = TypeVar("Done")


def extract(
    module: Module,
    recordings: Recordings,
    store: Store,
    advance: Callable[[int], object] = lambda n_clips: None,
    views: str = "scene",
) -> Extraction:
    """Embed every clip that the store does not hold yet.

    Args:
        module: An open HEAR module.
        recordings: The clips.
        store: Where the embeddings of this module are kept; its part is `part_of(views, module)`.
        advance: Called with the number of clips that were dealt with, for a progress bar.
        views: "scene", "layers" or "frames".

    Raises:
        EvaluationError: The module crashes, or refuses every clip.
        ValueError: The store is another part.
    """
    if store.part not in PARTS[views]:
        raise ValueError(f"views {views!r} are kept in part {' or '.join(map(repr, PARTS[views]))}, not {store.part!r}")
    done = keyed(recordings)
    work = Work(module, recordings, store, done)
    work.run(missing_shards(recordings, done.keys, store, work.bytes_of), advance)
    recall(done, store)
    return done


def part_of(views: str, module: Module) -> str:
    """The part of a store in which a kind of views of this module is kept.

    For layers, a module with our extension is asked for a second of noise, to see whether it gives them.

    Args:
        views: "scene", "layers" or "frames".
        module: An open HEAR module.
    """
    if views == "layers" and not _gives_layers(module):
        return "layers"
    return PARTS[views][0]


def _gives_layers(module: Module) -> bool:
    """Whether the module has our extension, and that gives mean and standard deviation of every layer."""
    described = module.describe()
    if not described["extension"]:
        return False
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, described["sample_rate"]).astype(np.float32)
    try:
        answer = module.clips([noise])
    except WorkerEnded:
        raise
    except EvaluationError:
        return False
    return all(view in answer and answer[view].ndim == 3 for view in ("layers_mean", "layers_std"))


class Shelf(Protocol):
    """Where finished clips go: a `Store`, or what holds them for a moment."""

    part: str

    def write(self, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray]) -> object:
        """Take a shard; see `Store.write`."""


class Work:
    """A module on some of the clips; what it makes of a shard's goes to a shelf."""

    def __init__(self, module: Module, recordings: Recordings, store: Shelf, done: Extraction):
        self.module, self.recordings, self.store, self.done = module, recordings, store, done
        self.clips = recordings.clips
        described = module.describe()
        self.sample_rate: int = described["sample_rate"]
        self.sizes = {name: described[f"{name}_embedding_size"] for name in ("scene", "timestamp")}
        self.n_layers = max(1, described["n_layers"])
        extended = described["extension"] and not store.part
        self.plain = None if extended else PlainModule(module, store.part or "scene")

    def run(self, shards: Sequence[Sequence[int]], advance: Callable[[int], object]) -> None:
        """Embed the clips of each shard and store it before the next begins."""
        batches = [(shard, batch) for shard, numbers in enumerate(shards) for batch in self.plan(numbers)]
        last = {shard: index for index, (shard, _) in enumerate(batches)}
        advance(len(self.clips) - sum(len(batch) for _, batch in batches))
        collected: list[tuple[StoredClip, Row]] = []
        with ThreadPoolExecutor(DECODING_THREADS) as threads:
            decoded = self.decode([batch for _, batch in batches], threads)
            for index, (shard, batch) in enumerate(batches):
                started = time.perf_counter()
                audio = next(decoded)
                self.done.seconds["read"] += time.perf_counter() - started
                collected += self.embed(batch, audio)
                if index == last[shard]:
                    keep(self.store, collected)
                    collected = []
                advance(len(batch))
        if self.plain is not None:
            self.done.notes += self.plain.notes

    def plan(self, numbers: Sequence[int]) -> list[list[int]]:
        """Cut a shard's clips in batches of similar length."""
        lengths = {number: seconds_of(self.recordings, number) for number in numbers}
        batches: list[list[int]] = []
        for number in sorted(lengths, key=lambda n: (lengths[n], n)):
            fits = batches and (len(batches[-1]) + 1) * lengths[number] <= BATCH_SECONDS
            if fits and len(batches[-1]) < BATCH_CLIPS:
                batches[-1].append(number)
            else:
                batches.append([number])
        return batches

    def bytes_of(self, number: int) -> float:
        """About as many bytes as a clip takes in the store."""
        part, frame = self.store.part, 4 * self.sizes["timestamp"]
        if part == "frames":
            return PLANNED_FRAME_RATE * seconds_of(self.recordings, number) * frame
        if part == "layers":
            return 2 * frame
        return 4 * self.sizes["scene"] + (0 if self.plain else 2 * frame * self.n_layers)

    def decode(
        self, batches: Sequence[Sequence[int]], threads: ThreadPoolExecutor
    ) -> Iterator[list[np.ndarray | AudioError]]:
        """The audio of each batch in turn, (n_samples,) each clip, a few batches ahead of whoever asks."""
        root = self.recordings.manifest.root

        def one(number: int) -> np.ndarray | AudioError:
            clip = self.clips[number]
            try:
                return read_clip(root / clip.path, clip, self.recordings.rule, self.sample_rate)
            except AudioError as error:
                return error

        for futures in _ahead(batches, lambda batch: [threads.submit(one, number) for number in batch]):
            yield [future.result() for future in futures]

    def embed(self, batch: Sequence[int], audio: Sequence[np.ndarray | AudioError]) -> list[tuple[StoredClip, Row]]:
        """Embeddings of a batch, each clip's views by name; clips without audio go to `failed`."""
        for number, samples in zip(batch, audio, strict=True):
            if isinstance(samples, AudioError):
                self.forget(number, str(samples))
        good = [(n, samples) for n, samples in zip(batch, audio, strict=True) if isinstance(samples, np.ndarray)]
        if not good:
            return []
        started = time.perf_counter()
        embedded = self.embed_all(good)
        self.done.seconds["embed"] += time.perf_counter() - started
        self.done.n_embedded += len(embedded)
        return embedded

    def embed_all(self, clips: Sequence[tuple[int, np.ndarray]]) -> list[tuple[StoredClip, Row]]:
        """As `embed`, for clips (number, samples); those that the module refuses go to `failed` by name.

        Raises:
            EvaluationError: It refuses all of the very first batch, so that going on would be vain.
            WorkerEnded: It is gone.
        """
        try:
            rows, padded = self.ask([samples for _, samples in clips])
        except WorkerEnded:
            raise
        except EvaluationError as error:
            if len(clips) > 1:
                embedded = [row for clip in clips for row in self.embed_all([clip])]
                if embedded or self.done.n_embedded:
                    return embedded
                raise
            why = error.sentence if isinstance(error, ModuleFault) else str(error)
            self.forget(clips[0][0], f"{self.clips[clips[0][0]].name}: {why}", error)
            return []
        stored = [
            StoredClip(self.done.keys[number], not samples.any(), padded_to, len(row.get("frames", ())))
            for (number, samples), row, padded_to in zip(clips, rows, padded, strict=True)
        ]
        return list(zip(stored, rows, strict=True))

    def ask(self, clips: list[np.ndarray]) -> tuple[list[Row], list[float]]:
        """Views of each clip, and the seconds to which each had to be padded; clips are (n_samples,) each."""
        if self.plain is not None:
            return self.plain.rows(clips)
        views = self.module.clips(clips)
        return [{view: rows[n] for view, rows in views.items()} for n in range(len(clips))], [0.0] * len(clips)

    def forget(self, number: int, why: str, error: EvaluationError | None = None) -> None:
        """Note that a clip, and every other clip with the very same audio, cannot be embedded."""
        key = self.done.keys[number]
        for other in [n for n, its_key in self.done.keys.items() if its_key == key]:
            del self.done.keys[other]
            self.done.failed[other] = why
            if error is not None:
                self.done.refused[other] = error.log if isinstance(error, ModuleFault) else ""


def keep(store: Shelf, collected: Sequence[tuple[StoredClip, Row]]) -> None:
    """Write a shard, in the order of the clips' keys so that equal work gives equal bytes; frames (n_frames, width) are joined."""
    ordered = sorted(collected, key=lambda item: item[0].key)
    if ordered:
        join = np.concatenate if store.part == "frames" else np.stack
        views = {view: join([rows[view] for _, rows in ordered]) for view in ordered[0][1]}
        store.write([clip for clip, _ in ordered], views)


def _ahead(items: Sequence[Item], start: Callable[[Item], list[Future[Done]]]) -> Iterator[list[Future[Done]]]:
    """Start the work on each item a few items before it is asked for."""
    running: deque[list[Future[Done]]] = deque()
    for item in items:
        running.append(start(item))
        if len(running) > BATCHES_AHEAD:
            yield running.popleft()
    yield from running
