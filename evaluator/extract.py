"""Clips to stored embeddings: decode ahead in threads, batch, embed, and keep every finished shard.

What cannot be read never stops the others: it is collected and returned, and whoever asked decides. A clip that is
in the store already is neither decoded nor embedded.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from evaluator.audio import AudioError, ClipRule, FileFacts, clip_key, clip_seconds, read_clip
from evaluator.errors import EvaluationError
from evaluator.manifest import Manifest
from evaluator.module import ForeignScenes, Module, WorkerEnded
from evaluator.store import Store, StoredClip, shard_plan

DECODING_THREADS = 2
BATCHES_AHEAD = 2
# Most audio that is decoded for one batch, seconds, and most clips in it. A longer clip is a batch of its own.
BATCH_SECONDS = 160.0
BATCH_CLIPS = 64

Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass
class Extraction:
    """What became of the clips of a task.

    Attributes:
        keys: Store key of each clip that could be embedded, by its number in the manifest.
        failed: Why the others could not, by number.
        silent: Numbers of clips whose samples are all 0.
        padded: Numbers of clips that the module took only after zero-padding.
        notes: Sentences about how the module had to be run.
        n_embedded: Clips embedded now; the others came from the store.
        seconds: Time spent waiting for audio ("read") and in the module ("embed").
    """

    keys: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    silent: list[int] = field(default_factory=list)
    padded: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_embedded: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"read": 0.0, "embed": 0.0})


def extract(
    module: Module,
    manifest: Manifest,
    rule: ClipRule,
    facts: Mapping[str, FileFacts | AudioError],
    store: Store,
    advance: Callable[[int], object] = lambda n_clips: None,
) -> Extraction:
    """Embed every clip of a manifest that the store does not hold yet.

    Args:
        module: An open HEAR module.
        manifest: The clips.
        rule: How long clips are cut or padded.
        facts: Header and content hash of each recording (`audio.file_facts`).
        store: Where the embeddings of this module are kept.
        advance: Called with the number of clips that were dealt with, for a progress bar.
    """
    done = Extraction()
    order = sorted(range(len(manifest.clips)), key=lambda n: (manifest.clips[n].path, manifest.clips[n].start or 0.0))
    for number in order:
        known = facts[manifest.clips[number].path]
        try:
            if isinstance(known, AudioError):
                raise known
            done.keys[number] = clip_key(known, manifest.clips[number], rule)
        except AudioError as error:
            done.failed[number] = str(error)
    shards = [
        [number for number in numbers if number in done.keys and done.keys[number] not in store]
        for numbers in shard_plan(order)
    ]
    Work(module, manifest, rule, facts, store, done).run([shard for shard in shards if shard], advance)
    for number, key in sorted(done.keys.items()):
        if store.clips[key].silent:
            done.silent.append(number)
        if store.clips[key].padded_to:
            done.padded.append(number)
    return done


class Work:
    """One pass over the clips that are missing in a store."""

    def __init__(
        self,
        module: Module,
        manifest: Manifest,
        rule: ClipRule,
        facts: Mapping[str, FileFacts | AudioError],
        store: Store,
        done: Extraction,
    ):
        self.module, self.manifest, self.rule = module, manifest, rule
        self.facts, self.store, self.done = facts, store, done
        described = module.describe()
        self.sample_rate: int = described["sample_rate"]
        self.foreign = None if described["extension"] else ForeignScenes(module)

    def run(self, shards: Sequence[Sequence[int]], advance: Callable[[int], object]) -> None:
        """Embed the clips of each shard and store it before the next begins."""
        batches = [(shard, batch) for shard, numbers in enumerate(shards) for batch in self.plan(numbers)]
        last = {shard: place for place, (shard, _) in enumerate(batches)}
        advance(len(self.manifest.clips) - sum(len(batch) for _, batch in batches))
        collected: list[tuple[StoredClip, dict[str, np.ndarray]]] = []
        with ThreadPoolExecutor(DECODING_THREADS) as threads:
            decoded = self.decode([batch for _, batch in batches], threads)
            for place, (shard, batch) in enumerate(batches):
                started = time.perf_counter()
                audio = next(decoded)
                self.done.seconds["read"] += time.perf_counter() - started
                collected += self.embed(batch, audio)
                if place == last[shard]:
                    self.keep(collected)
                    collected = []
                advance(len(batch))
        if self.foreign is not None:
            self.done.notes += self.foreign.notes

    def plan(self, numbers: Sequence[int]) -> list[list[int]]:
        """Cut a shard's clips in batches of similar length; of clips with the same audio only one is taken."""
        once = {self.done.keys[number]: number for number in reversed(numbers)}
        lengths = {number: self.seconds_of(number) for number in once.values()}
        batches: list[list[int]] = []
        for number in sorted(lengths, key=lambda n: (lengths[n], n)):
            room = batches and (len(batches[-1]) + 1) * lengths[number] <= BATCH_SECONDS
            if room and len(batches[-1]) < BATCH_CLIPS:
                batches[-1].append(number)
            else:
                batches.append([number])
        return batches

    def seconds_of(self, number: int) -> float:
        """Length of a clip after the clip rule, in seconds."""
        clip = self.manifest.clips[number]
        known = self.facts[clip.path]
        return clip_seconds(known, clip, self.rule) if isinstance(known, FileFacts) else 0.0

    def decode(
        self, batches: Sequence[Sequence[int]], threads: ThreadPoolExecutor
    ) -> Iterator[list[np.ndarray | AudioError]]:
        """The audio of each batch in turn, a few batches ahead of whoever asks."""

        def one(number: int) -> np.ndarray | AudioError:
            clip = self.manifest.clips[number]
            try:
                return read_clip(self.manifest.root / clip.path, clip, self.rule, self.sample_rate)
            except AudioError as error:
                return error

        for futures in ahead(batches, lambda batch: [threads.submit(one, number) for number in batch]):
            yield [future.result() for future in futures]

    def embed(
        self, batch: Sequence[int], audio: Sequence[np.ndarray | AudioError]
    ) -> list[tuple[StoredClip, dict[str, np.ndarray]]]:
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

    def embed_all(self, clips: Sequence[tuple[int, np.ndarray]]) -> list[tuple[StoredClip, dict[str, np.ndarray]]]:
        """As `embed`, for clips (number, samples); those that the module refuses go to `failed` by name.

        Raises:
            EvaluationError: It refuses all of the very first batch, so that going on would be vain.
            WorkerEnded: It is gone.
        """
        try:
            views, padded = self.ask([samples for _, samples in clips])
        except WorkerEnded:
            raise
        except EvaluationError as error:
            if len(clips) > 1:
                embedded = [row for clip in clips for row in self.embed_all([clip])]
                if embedded or self.done.n_embedded:
                    return embedded
                raise
            self.forget(clips[0][0], f"{self.manifest.clips[clips[0][0]].name}: {error}")
            return []
        return [
            (
                StoredClip(self.done.keys[number], silent=not samples.any(), padded_to=padded[row]),
                {view: rows[row] for view, rows in views.items()},
            )
            for row, (number, samples) in enumerate(clips)
        ]

    def ask(self, clips: list[np.ndarray]) -> tuple[dict[str, np.ndarray], list[float]]:
        """Views by name (n_clips, ...) of clips (n_samples,), and the seconds to which each had to be padded."""
        if self.foreign is None:
            return self.module.clips(clips), [0.0] * len(clips)
        scenes, padded = self.foreign.embed(clips)
        return {"scene": scenes}, padded

    def forget(self, number: int, why: str) -> None:
        """Note that a clip, and every other clip with the very same audio, cannot be embedded."""
        key = self.done.keys[number]
        for other in [n for n, its_key in self.done.keys.items() if its_key == key]:
            del self.done.keys[other]
            self.done.failed[other] = why

    def keep(self, collected: Sequence[tuple[StoredClip, dict[str, np.ndarray]]]) -> None:
        """Write a shard, in the order of the clips' keys so that equal work gives equal bytes."""
        ordered = sorted(collected, key=lambda item: item[0].key)
        if ordered:
            views = {view: np.stack([rows[view] for _, rows in ordered]) for view in ordered[0][1]}
            self.store.write([clip for clip, _ in ordered], views)


def ahead(items: Sequence[Item], start: Callable[[Item], list[Future[Done]]]) -> Iterator[list[Future[Done]]]:
    """Start the work on each item a few items before it is asked for."""
    running: deque[list[Future[Done]]] = deque()
    for item in items:
        running.append(start(item))
        if len(running) > BATCHES_AHEAD:
            yield running.popleft()
    yield from running
