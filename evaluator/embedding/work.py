"""A module on some clips of a task: decoded ahead in threads, batched, embedded, and every shard kept as soon as it is whole."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from evaluator.audio.decode import AudioError, FileFacts, Heard, listen, unchanged
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import plan, proofs
from evaluator.embedding.ahead import DECODING_THREADS, start_ahead, timed
from evaluator.embedding.claims import Claim
from evaluator.embedding.extraction import Extraction, seconds_of
from evaluator.embedding.plain import PlainModule, out_of_memory
from evaluator.embedding.spec import Module, ModuleFault, WorkerEnded
from evaluator.embedding.store import StoredClip
from evaluator.embedding.views import Row
from evaluator.errors import EvaluationError
from evaluator.files import Stamp

KEPT_SECONDS = 60.0  # of a clip that is asked for again more than once
# Frames a second by which the size of a shard is planned before any is made: every 10 ms, finer than most modules.
PLANNED_FRAME_RATE = 100


class Shelf(Protocol):
    """Where finished clips go: a `Store`, or what holds them for a moment."""

    part: str

    def write(self, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray]) -> Path | None:
        """Take a shard, views (n_clips, ...) or (n_frames, ...) as `Store.write` does; its file is given back, if it has one."""


class Work:
    """A module on some of the clips, (n_samples,) each at its rate; what it makes of a shard's goes to a shelf."""

    def __init__(self, module: Module, recordings: Recordings, store: Shelf, done: Extraction):
        self.module, self.recordings, self.store, self.done = module, recordings, store, done
        self.clips = recordings.clips
        described = module.describe()
        self.sample_rate: int = described["sample_rate"]
        self.sizes = {name: described[f"{name}_embedding_size"] for name in ("scene", "timestamp")}
        self.n_layers = max(1, described["n_layers"])
        self.limits = plan.ON_CPU if described["device"] == "cpu" else plan.ON_GPU
        self.heard: dict[int, np.ndarray] = {}  # the few clips that were asked for again
        extended = described["extension"] and not store.part
        self.plain = None if extended else PlainModule(module, store.part or "scene")

    def run(self, claims: Iterable[Claim | None], advance: Callable[[int], object]) -> None:
        """Embed the clips of each shard and store it before the next begins."""
        held: list[Claim] = []
        collected: list[tuple[StoredClip, Row]] = []
        with ThreadPoolExecutor(DECODING_THREADS) as threads, contextlib.closing(self.batches(claims, held)) as batches:
            try:
                for (batch, is_last), audio in self.decode(batches, threads):
                    collected += self.embed(batch, audio)
                    if is_last:
                        path = keep(self.store, collected)
                        if path is not None and self.plain is not None:
                            proofs.note_down(path, list(self.plain.remarks.items()))
                        held.pop(0).release(whole=True)
                        collected = []
                    advance(len(batch))
            finally:
                for claim in held:
                    claim.release()
        if self.plain is not None:
            self.done.remarks += self.plain.remarks.items()

    def batches(self, claims: Iterable[Claim | None], held: list[Claim]) -> Generator[tuple[list[int], bool] | None]:
        """The batches of each claimed shard, and whether each is its shard's last; claims go to `held` as they are taken.

        None where one has to wait for others.
        """
        for claim in claims:
            if claim is None:
                yield None
                continue
            held.append(claim)
            last = len(claim.batches)
            yield from ((batch, number == last) for number, batch in enumerate(claim.batches, start=1))

    def bytes_of(self, number: int) -> float:
        """About as many bytes as a clip takes in the store."""
        return self.bytes_for(1, seconds_of(self.recordings, number))

    def bytes_for(self, n_clips: int, seconds: float) -> float:
        """About as many bytes as some clips take in the store that have so many seconds together."""
        part, frame = self.store.part, 4 * self.sizes["timestamp"]
        if part == "frames":
            return PLANNED_FRAME_RATE * seconds * frame
        if part == "layers":
            return n_clips * 2 * frame
        return n_clips * (4 * self.sizes["scene"] + (0 if self.plain else 2 * frame * self.n_layers))

    def decode(
        self, batches: Iterable[tuple[list[int], bool] | None], threads: ThreadPoolExecutor
    ) -> Iterator[tuple[tuple[list[int], bool], list[Heard | AudioError]]]:
        """Each batch with its audio, (n_samples,) each clip, decoded a few batches ahead of whoever asks."""

        def start(item: tuple[list[int], bool]) -> list[Future[tuple[Heard | AudioError, float]]]:
            return [threads.submit(timed, self.read, number) for number in item[0]]

        def size(item: tuple[list[int], bool]) -> float:
            return 4 * self.sample_rate * sum(seconds_of(self.recordings, number) for number in item[0])

        for item, futures in start_ahead(batches, start, size):
            started = time.perf_counter()
            answers = [future.result() for future in futures]
            futures.clear()  # they hold on to the audio, and so do answers
            audio = [heard for heard, _ in answers]
            self.done.read_processor += sum(processor for _, processor in answers)
            answers.clear()
            self.done.seconds["read"] += time.perf_counter() - started
            yield item, audio
            audio.clear()  # before the next is decoded

    def read(self, number: int) -> Heard | AudioError:
        """A clip's samples (n_samples,) at the module's rate with their levels, or why they cannot be had."""
        decoded, key = self.recordings.decoded, self.done.keys.get(number)
        if decoded is None or key is None:
            return self.read_file(number)
        return decoded.heard(key, self.sample_rate, partial(self.read_file, number))

    def read_file(self, number: int) -> Heard | AudioError:
        """As `read`, from the file, which must be what it was when its content was hashed."""
        clip, facts = self.clips[number], self.recordings.facts[self.clips[number].path]
        path = self.recordings.manifest.root / clip.path
        try:
            before = Stamp.of(path)
            content = facts.sha256 if isinstance(facts, FileFacts) else ""
            heard = listen(path, clip, self.recordings.rule, self.sample_rate, content)
            at_rest = Stamp.of(path) == before
        except AudioError as error:
            return error
        except OSError as error:
            return AudioError(f"{path}: cannot be read ({error.strerror or error})")
        # What was hashed and what was decoded must be the same, or one recording would be stored under another's name.
        if not at_rest or (isinstance(facts, FileFacts) and not unchanged(path, facts)):
            return AudioError(f"{path}: the file was changed while it was read; run again when it is at rest")
        return heard

    def embed(self, batch: Sequence[int], audio: Sequence[Heard | AudioError]) -> list[tuple[StoredClip, Row]]:
        """Embeddings of a batch, each clip's views by name; clips without audio go to `failed`."""
        for number, heard in zip(batch, audio, strict=True):
            if isinstance(heard, AudioError):
                self.forget(number, str(heard))
        good = [(n, heard) for n, heard in zip(batch, audio, strict=True) if isinstance(heard, Heard)]
        if not good:
            return []
        started = time.perf_counter()
        embedded = self.embed_all(good)
        self.done.seconds["embed"] += time.perf_counter() - started
        self.done.n_embedded += len(embedded)
        there = {clip.key for clip, _ in embedded}
        lengths = [len(heard.samples) for number, heard in good if self.done.keys.get(number) in there]
        self.done.embedded_seconds += sum(lengths) / self.sample_rate
        return embedded

    def embed_all(self, clips: Sequence[tuple[int, Heard]]) -> list[tuple[StoredClip, Row]]:
        """As `embed`, for clips that could be read, by number; those that the module refuses go to `failed` by name.

        Where memory does not suffice, halves are tried, and halves of them, down to the clip that is too long.

        Raises:
            EvaluationError: It refuses all of the very first batch, so that going on would be vain.
            WorkerEnded: It is gone.
        """
        try:
            rows, padded = self.ask([heard.samples for _, heard in clips])
        except WorkerEnded:
            raise
        except EvaluationError as error:
            if len(clips) > 1:
                cramped = out_of_memory(error)  # then the other clips may be shorter, so that going on is not vain
                size = -(-len(clips) // 2) if cramped else 1
                parts = [clips[first : first + size] for first in range(0, len(clips), size)]
                embedded = [row for part in parts for row in self.embed_all(part)]
                if embedded or self.done.n_embedded or cramped:
                    return embedded
                raise
            why = error.sentence if isinstance(error, ModuleFault) else str(error)
            self.forget(clips[0][0], f"{self.clips[clips[0][0]].name}: {why}", error)
            return []
        stored = [
            StoredClip(
                self.done.keys[number],
                silent=not heard.samples.any(),
                padded_to=padded_to,
                n_frames=len(row.get("frames", ())),
                odd=heard.levels.odd,
                unheard=round(heard.unheard, 3),
            )
            for (number, heard), row, padded_to in zip(clips, rows, padded, strict=True)
        ]
        return list(zip(stored, rows, strict=True))

    def again(self, numbers: Sequence[int]) -> list[Row]:
        """See `guard.AsksAgain`."""
        samples: list[np.ndarray] = []
        for number in numbers:
            audio = self.heard.get(number)
            if audio is None:
                read = self.read(number)
                if isinstance(read, AudioError):
                    raise read
                audio = read.samples
            if len(audio) <= KEPT_SECONDS * self.sample_rate:
                self.heard[number] = audio
            samples.append(audio)
        return self.ask(samples)[0]

    def ask(self, clips: list[np.ndarray]) -> tuple[list[Row], list[float]]:
        """Views of each clip, and the seconds to which each had to be padded; clips are (n_samples,) each.

        Several that do not fit into memory are asked for in halves.
        """
        if self.plain is not None:
            return self.plain.rows(clips)
        views: dict[str, np.ndarray] = {}
        try:
            views = self.module.clips(clips)
        except ModuleFault as error:
            if len(clips) == 1 or not out_of_memory(error):
                raise
        if not views:  # outside the handler, where the error no longer holds on to anything
            middle = len(clips) // 2
            (rows, padded), (more, others) = self.ask(clips[:middle]), self.ask(clips[middle:])
            return rows + more, padded + others
        return [{view: rows[n] for view, rows in views.items()} for n in range(len(clips))], [0.0] * len(clips)

    def forget(self, number: int, why: str, error: EvaluationError | None = None) -> None:
        """Note that a clip, and every other clip with the very same audio, cannot be embedded."""
        key = self.done.keys[number]
        for other in [n for n, its_key in self.done.keys.items() if its_key == key]:
            del self.done.keys[other]
            self.done.failed[other] = why
            if error is not None:
                self.done.refused[other] = error.log if isinstance(error, ModuleFault) else ""


def keep(store: Shelf, collected: Sequence[tuple[StoredClip, Row]]) -> Path | None:
    """Write a shard into its file, given back, in the order of the clips' keys so that equal work gives equal bytes; frames (n_frames, width) are joined."""
    ordered = sorted(collected, key=lambda item: item[0].key)
    if ordered:
        join = np.concatenate if store.part == "frames" else np.stack
        views = {view: join([rows[view] for _, rows in ordered]) for view in ordered[0][1]}
        return store.write([clip for clip, _ in ordered], views)
    return None
