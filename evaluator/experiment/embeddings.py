"""Embeddings of a user's recordings: held in memory, or written into a file as they come."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding.embed import Progress
from evaluator.errors import EvaluationError
from evaluator.experiment import first_look
from evaluator.experiment.embed_files import Account, EmbedRequest, embed_blocks
from evaluator.experiment.usable import LISTED_FAILURES, rounded_up
from evaluator.results import table
from evaluator.vectors.destination import Destination
from evaluator.vectors.folder import FolderWriter
from evaluator.vectors.rows import COLUMNS, LAYER, TEXTS, Rows, vector_names
from evaluator.words import counted


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of recordings, of clips or of windows: a row each.

    Attributes:
        module: Its name.
        paths: The recording of each row: files and folders as they were given, others as their table or task has them, (n_rows,).
        start, end: Of each row, in seconds of its recording, (n_rows,).
        labels, groups: Of each row, "" for none; several labels with `;` between them.
        vectors: (n_rows, width), float32; (n_rows, n_layers, width) for `layers="all"` of a module that has several.
        frames, times: Of each row the timestamp embeddings (n_frames, width) and their centres in ms of the recording (n_frames,);
            empty unless they were asked for.
        failed: What could not be embedded, with the reason.
        provenance: What the vectors depend on beside the recordings.
        notes: What a reader should know, sentences.
    """

    module: str
    paths: list[str]
    start: np.ndarray = field(repr=False)
    end: np.ndarray = field(repr=False)
    labels: list[str] = field(repr=False)
    groups: list[str] = field(repr=False)
    vectors: np.ndarray = field(repr=False)
    frames: list[np.ndarray] = field(repr=False)
    times: list[np.ndarray] = field(repr=False)
    failed: dict[str, str]
    provenance: dict[str, Any] = field(repr=False)
    notes: list[str] = field(repr=False)

    def to_frame(self) -> Any:
        """A pandas DataFrame as `hear-eval embed` writes it: path, start, end, label, group, then the vector as columns v0, v1, ...

        Of several layers there is a row for each, with its number in the column `layer`.

        Raises:
            UsageError: pandas is not installed.
        """
        pandas = table.pandas()
        n_layers = self.vectors.shape[1] if self.vectors.ndim == 3 else 1
        values = (self.paths, self.start, self.end, self.labels, self.groups)
        known = {name: np.repeat(np.asarray(each), n_layers) for name, each in zip(COLUMNS, values, strict=True)}
        if self.vectors.ndim == 3:
            known[LAYER] = np.tile(np.arange(n_layers, dtype=np.int32), len(self.paths))
        width = self.vectors.shape[-1]
        frame = pandas.DataFrame(self.vectors.reshape(-1, width), columns=vector_names(width))
        return pandas.concat([pandas.DataFrame(known), frame], axis=1)

    def _repr_html_(self) -> str:
        """What a notebook shows: the first ten rows, and the first values of their vectors."""
        rows = [
            {"path": path, **{f"v{n}": float(value) for n, value in enumerate(vector.ravel()[:5])}, "...": ""}
            for path, vector in zip(self.paths[:10], self.vectors, strict=False)
        ]
        return f"<p>{len(self.paths)} rows, vectors {self.vectors.shape}, {self.module}</p>{table.as_html(rows)}"


@dataclass(frozen=True)
class WrittenEmbeddings:
    """What was written into a file or folder.

    Attributes:
        path: The file or folder.
        n_rows: Clips or windows that are in it; with frames there are `n_frames` of these.
        n_given, n_given_failed: Recordings, or clips of a table or task, that were given, and of how many something failed.
        failed: What could not be embedded, with the reason; at most the first thousand.
        n_failed: How many clips or windows that is.
        provenance: What is said in the file.
        notes: What a reader should know, sentences.
    """

    path: Path
    n_rows: int
    n_frames: int
    n_given: int
    n_given_failed: int
    failed: dict[str, str]
    n_failed: int
    provenance: dict[str, Any] = field(repr=False)
    notes: list[str] = field(repr=False)


def collect(request: EmbedRequest, frames: bool, allow_failed: float, progress: Progress) -> Embeddings:
    """Embed into memory, and what is asked for with frames, (n_frames, width) a clip, where the module gives some.

    Raises:
        UsageError: The module or its layers are not there.
        EvaluationError: Of a greater share of what was given than `allow_failed`, 0 to 1, something cannot be embedded, or the module
            fails.
    """
    _look(request).refuse(allow_failed)
    account = _account(request)
    rows: list[Rows] = []
    of_frames: list[np.ndarray] = []
    times: list[np.ndarray] = []
    views = [request.clip_view, *(["frames"] if frames else [])]
    for embedded in embed_blocks(request, views, account, progress):
        rows += embedded.rows()
        if "frames" in embedded.stores:
            for _, _, pieces, seconds in embedded.frames():
                of_frames.append(np.concatenate(list(pieces)))
                times.append(1000 * seconds)
    refuse_failures(account, allow_failed)
    joined = _joined(rows)
    return Embeddings(
        module=request.spec.name,
        **joined,
        frames=of_frames,
        times=times,
        failed=account.failed,
        provenance=account.provenance(request, False),
        notes=_notes(request, account),
    )


def write(
    request: EmbedRequest, out: Destination, frames: bool, allow_failed: float, progress: Progress
) -> WrittenEmbeddings:
    """Embed into a file or folder, which is there once it is whole; what failed is counted, and said in it.

    That a greater share than `allow_failed`, 0 to 1, cannot be read is said before the module is loaded, as far as it shows by then.

    Raises:
        UsageError: The module or its layers are not there, or it gives no frames, (n_frames, width) a clip, that are asked for.
        EvaluationError: The module fails, nothing can be embedded, or it cannot be written.
    """
    _look(request).warn(allow_failed)
    account = _account(request)
    writer = out.open()
    try:
        for block in embed_blocks(request, ["frames"] if frames else [request.clip_view], account, progress):
            if frames and isinstance(writer, FolderWriter):
                for row, n_frames, pieces, seconds in block.frames():
                    writer.add_frames(row, pieces, seconds)
                    account.n_frames += n_frames
            else:
                for rows in block.rows():
                    writer.add(rows)
        provenance = account.provenance(request, frames, out.path)
        writer.finish(provenance)
    finally:
        writer.discard()
    return WrittenEmbeddings(
        path=out.path,
        n_rows=account.n_rows,
        n_frames=account.n_frames,
        n_given=account.n_sources,
        n_given_failed=account.n_sources_failed,
        failed=account.failed,
        n_failed=account.n_failed,
        provenance=provenance,
        notes=_notes(request, account),
    )


def refuse_failures(account: Account, allowed: float) -> None:
    """Refuse a silently smaller set.

    Args:
        account: What became of the clips.
        allowed: Share of what was given, 0 to 1, of which something may fail.

    Raises:
        EvaluationError: It is more.
    """
    if account.share_failed > allowed:
        lines = [f"\n  {why}" for why in list(account.failed.values())[:LISTED_FAILURES]]
        rest = account.n_failed - len(lines)
        raise EvaluationError(
            f"{account.n_sources_failed} of {account.n_sources} recordings or clips cannot be embedded; the others are embedded and "
            f"kept. Mend them, or admit them with --allow-failed {rounded_up(account.share_failed)}:{''.join(lines)}"
            + (f"\n  and {rest} more" if rest > 0 else "")
        )


def _look(request: EmbedRequest) -> first_look.FirstLook:
    return first_look.look(request.sources, request.cut, request.cache, request.rehash)


def _account(request: EmbedRequest) -> Account:
    return Account(n_sources=sum(len(source.clips) for source in request.sources))


def _joined(parts: Sequence[Rows]) -> dict[str, Any]:
    """Rows as the fields of `Embeddings`; several layers of a clip, which follow each other, become (n_rows, n_layers, width)."""
    vectors = np.concatenate([each.vectors for each in parts])
    every = 1
    if parts[0].layer is not None:
        every = 1 + max(int(each.layer.max()) for each in parts if each.layer is not None)
        vectors = vectors.reshape(-1, every, vectors.shape[1])
    texts = {name: [text for each in parts for text in getattr(each, name)][::every] for name in TEXTS}
    numbers = {name: np.concatenate([getattr(each, name) for each in parts])[::every] for name in ("start", "end")}
    return {
        "paths": texts["path"],
        "labels": texts["label"],
        "groups": texts["group"],
        **numbers,
        "vectors": vectors,
    }


def _notes(request: EmbedRequest, account: Account) -> list[str]:
    """What a reader should know of the data and of how the module was run."""
    notes = [f"data: {text}" for source in request.sources for text in source.notes]
    if account.silent:
        first = f"{account.first_silent} for one" if account.silent > 1 else account.first_silent
        notes.append(f"{counted(account.silent, 'clips are silent')} (all samples 0), {first}")
    return [*notes, *account.remarks]
