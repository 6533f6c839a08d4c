"""Embeddings of a user's recordings, clips or windows, block by block through the same store as those of tasks."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding import ensemble
from evaluator.embedding.embed import Progress, Workers
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.identity import identity
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.blocks import Block, Cut, blocks_of
from evaluator.experiment.sources import Hearing, Source
from evaluator.probes import features
from evaluator.probes.protocol import layer_numbers
from evaluator.results import environment
from evaluator.vectors.destination import ASKED, PLACES, WHERE
from evaluator.vectors.rows import Rows

TAKEN_BYTES = 16 << 20  # of vectors that are held at once on their way from the store
LISTED_FAILURES = 1000  # in the provenance
SEVERAL = ";"  # between the labels of one clip
FORMAT = 1  # of the tables that are made of embeddings


@dataclass(frozen=True)
class EmbedRequest:
    """What is to be embedded, and how.

    Attributes:
        spec: The module.
        places: What the user gave, as text.
        sources: The clips there.
        hearing: Which channel is heard, and how slowly.
        layers: `scene`, `all`, `last`, `mean` or a layer's number.
        cut: Whether clips are cut into windows, in seconds.
        cache: Folder of all stores.
        rehash: Whether to read every file anew, whatever is remembered of it.
        workers: Other processes that embed at the same time; None for nobody.
        paths: Of those places that are files or folders, absolute.
    """

    spec: ModuleSpec
    places: Sequence[str]
    sources: Sequence[Source]
    hearing: Hearing
    layers: str
    cut: Cut
    cache: Path
    rehash: bool = False
    workers: Workers | None = None
    paths: Sequence[Path] = ()

    @property
    def clip_view(self) -> str:
        """Which embeddings of clips the layers take."""
        return "scene" if self.layers == "scene" else "layers"

    def asked(self, frames: bool, out: Path | None = None) -> dict[str, Any]:
        """The request as JSON holds it: what has to be equal for a table, (n_rows, width), to be made in the place of another.

        Args:
            frames: Whether frames are wanted.
            out: Of the table: files and folders are told as they lie beside it, since the same words mean others in another working
                folder; None where there is none.
        """
        spec = self.spec
        return {
            "module": spec.name,
            "weights": spec.weights,
            "options": dict(spec.options),
            "store": spec.kept_as,
            PLACES: list(self.places),
            **({} if out is None else {WHERE: [_beside(path, out) for path in self.paths]}),
            "layers": self.layers,
            "frames": frames,
            "window": self.cut.window,
            "hop": self.cut.hop,
            "channel": self.hearing.channel,
            "expand": self.hearing.expand,
        }


def _beside(path: Path, out: Path) -> str:
    """A path relative to the folder of a table, as long as both lie on one drive."""
    try:
        return Path(os.path.relpath(path, out.absolute().parent)).as_posix()
    except ValueError:
        return path.as_posix()


def checked_layers(layers: str) -> str:
    """Which layers are meant, without (n_layers,) of them being known yet.

    Raises:
        UsageError: None, several by their numbers, or such as have to be learned.
    """
    chosen = features.parse(layers)
    if len(layer_numbers(chosen)) > 1:
        raise UsageError(f"--layers {layers}: give one layer, or all, whose table has the layer's number in each row")
    if chosen == "weighted":
        raise UsageError(f"--layers {layers}: nothing is trained here; take scene, all, last, mean or one number")
    return chosen


@dataclass
class Account:
    """What became of everything that was to be embedded.

    Attributes:
        n_rows, n_frames: That there are.
        n_sources: Recordings, or clips of a table or task, that were given.
        failed: Why clips or recordings could not be embedded, by name; at most `LISTED_FAILURES`.
        n_failed, n_sources_failed: Clips that could not be embedded, and what was given of which one could not.
        silent, first_silent: Clips whose samples are all 0, and the name of the first.
        remarks: What is to be known of how the module had to be run, a sentence each.
        described: What the module says of itself.
        stores: Of each kind of views that was asked for.
    """

    n_rows: int = 0
    n_frames: int = 0
    n_sources: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    n_failed: int = 0
    n_sources_failed: int = 0
    silent: int = 0
    first_silent: str = ""
    remarks: dict[str, None] = field(default_factory=dict)
    described: Mapping[str, Any] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=dict)
    audio: Any = field(default_factory=hashlib.sha256, repr=False)
    last: set[tuple[str, int]] = field(
        default_factory=set, repr=False
    )  # of what was given, what failed in the last block

    @property
    def share_failed(self) -> float:
        """Of what was given, 0 to 1."""
        return self.n_sources_failed / max(1, self.n_sources)

    def take(
        self, block: Block, failed: Mapping[int, str], keys: Mapping[int, str], done: Sequence[Extraction]
    ) -> None:
        """Count a block, of (n_clips,) clips."""
        of_failed = {(block.source.name, block.origins[number]) for number in failed}
        self.n_sources_failed += len(of_failed - self.last)
        self.last = of_failed
        self.n_failed += len(failed)
        self.n_rows += len(keys)
        for number, why in sorted(failed.items()):
            if len(self.failed) < LISTED_FAILURES:
                self.failed[self.name_of(block, number)] = why
        for number in sorted(keys):
            self.audio.update(f"{keys[number]}\n".encode())
        silent = sorted(set(done[0].silent) & set(keys))
        if silent and not self.silent:
            self.first_silent = self.name_of(block, silent[0])
        self.silent += len(silent)
        for each in done:
            self.remarks |= dict.fromkeys(text for _, text in each.remarks)

    @staticmethod
    def name_of(block: Block, number: int) -> str:
        """What the output calls a clip of a block, (n_clips,)."""
        clip = block.recordings.clips[number]
        return clip.name.replace(clip.path, block.shown(number), 1)

    def provenance(self, request: EmbedRequest, frames: bool, out: Path | None = None) -> dict[str, Any]:
        """What the vectors, (n_rows, width), depend on, and what is missing among them; equal work gives equal values."""
        described, view = self.described, "frames" if frames else request.clip_view
        return {
            "format": FORMAT,
            "made_by": "hear-eval embed",
            ASKED: request.asked(frames, out),
            "identity": identity(request.spec, described, view),
            "scene_from": (described["identity"] or {}).get("scene_from"),
            "store": self.stores[view],
            "sample_rate": described["sample_rate"],
            "trained_on": dict(described["trained_on"]),
            "heard": list(described["heard"]),
            "licence": described.get("licence", ""),
            "audio_sha256": self.audio.hexdigest(),
            "n_rows": self.n_rows,
            **({"n_frames": self.n_frames} if frames else {}),
            "n_failed": self.n_failed,
            "failed": self.failed,
            "versions": environment.versions(),
            "commit": environment.commit(),
        }


@dataclass(frozen=True)
class EmbeddedBlock:
    """The embeddings of a block: where they are.

    Attributes:
        block: The clips.
        good: Numbers of those that could be embedded, in order.
        keys: Their keys in the stores.
        layers: Which layers (`features.parse`), pooled over time as `pooling` says.
        stores: By the kind of views.
    """

    block: Block
    good: Sequence[int]
    keys: Sequence[str]
    layers: str
    pooling: str
    stores: Mapping[str, Store]

    def facts(self, first: int, after: int) -> dict[str, Any]:
        """Path, start and end in seconds, label and group of some of the good clips, (n_clips,) each."""
        numbers = self.good[first:after]
        spans = np.array([self.block.span(number) for number in numbers], np.float64).reshape(-1, 2)
        clips = [self.block.recordings.clips[number] for number in numbers]
        return {
            "path": [self.block.shown(number) for number in numbers],
            "start": spans[:, 0],
            "end": spans[:, 1],
            "label": [SEVERAL.join(clip.labels) for clip in clips],
            "group": [clip.group for clip in clips],
        }

    def rows(self) -> Iterator[Rows]:
        """A row for each good clip, or for each of its layers where there are several, some at a time."""
        view = "scene" if self.layers == "scene" else "layers"
        matrices, candidates = features.read(self.stores[view], self.keys, self.layers, self.pooling, memory=0)
        layered = len(matrices) > 1
        size = max(1, TAKEN_BYTES // (4 * sum(matrix.shape[1] for matrix in matrices)))
        for first in range(0, len(self.good), size):
            after = min(first + size, len(self.good))
            taken = np.stack([matrix.take(np.arange(first, after)) for matrix in matrices], axis=1)
            facts = self.facts(first, after)
            layer = None
            if layered:  # (n_clips, n_layers): the layers of a clip follow each other
                facts = {name: np.repeat(values, len(matrices)) for name, values in facts.items()}
                facts |= {name: facts[name].tolist() for name in ("path", "label", "group")}
                layer = np.tile(np.arange(len(candidates), dtype=np.int32), after - first)
            yield Rows(**facts, layer=layer, vectors=taken.reshape(-1, taken.shape[2]), extra={})

    def frames(self) -> Iterator[tuple[Rows, int, Iterator[np.ndarray], np.ndarray]]:
        """Of each good clip its row, the number of its frames, these in pieces (n, width), and their centres (n_frames,) in seconds.

        Centres count from the start of the recording, at its own pace.
        """
        matrix, times, rows = self.stores["frames"].read_frames(self.keys, memory=0)
        size = max(1, TAKEN_BYTES // (4 * max(1, matrix.shape[1])))
        for place, (number, when, own) in enumerate(zip(self.good, times, rows, strict=True)):
            facts = self.facts(place, place + 1)
            slower = self.block.recordings.slower(self.block.recordings.clips[number])
            row = Rows(**facts, layer=None, vectors=np.empty((1, 0), np.float32), extra={})
            firsts = range(own.start, own.stop, size)
            pieces = (matrix.take(np.arange(first, min(first + size, own.stop))) for first in firsts)
            yield row, len(when), pieces, facts["start"][0] + when / 1000 / slower


def embed_blocks(
    request: EmbedRequest, views: Sequence[str], account: Account, progress: Progress
) -> Iterator[EmbeddedBlock]:
    """Embed block by block, and give each once it is in the store; a block without a usable clip is counted only.

    Args:
        request: What is embedded.
        views: "scene", "layers", "frames": which are wanted; those of the first, (n_clips, ...), have to be there.
        account: Counts what became of it.
        progress: Shows how far each block is.

    Raises:
        UsageError: The module or its layers are not there, or it gives no frames that are asked for.
        EvaluationError: The module fails, or nothing at all can be embedded.
    """
    with open_any(request.spec) as module:
        account.described = described = module.describe()
        features.refuse_plain(request.layers, described, request.spec.name)
        own = (described["identity"] or {}).get("scene_from") or {}
        wanted = [view for view in views if view != "frames" or described["timestamp_embedding_size"]]
        if not wanted:
            raise UsageError(f"{request.spec.name}: gives no timestamp embeddings; leave --frames out")
        for block in blocks_of(request.sources, request.cut, request.cache, request.rehash):
            done = {view: _embed(request, module, view, block, progress) for view in wanted}
            failed = {number: why for _, each in done.values() for number, why in each.failed.items()}
            keys = {number: key for number, key in done[wanted[0]][1].keys.items() if number not in failed}
            account.take(block, failed, keys, [each for _, each in done.values()])
            stores = {view: store for view, (store, _) in done.items()}
            account.stores |= {view: store.key for view, store in stores.items()}
            if keys:
                good = sorted(keys)
                pooling = own.get("pooling", "mean")
                yield EmbeddedBlock(block, good, [keys[n] for n in good], request.layers, pooling, stores)
    if not account.n_rows:
        first = next(iter(account.failed.values()), "nothing was given")
        raise EvaluationError(f"none of the {account.n_failed} clips can be embedded: {first}")


def _embed(
    request: EmbedRequest, module: Module, view: str, block: Block, progress: Progress
) -> tuple[Store, Extraction]:
    return ensemble.embed(request.spec, module, view, block.recordings, request.cache, progress, request.workers)
