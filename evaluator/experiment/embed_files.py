"""Embeddings of a user's own files, through the same store as those of tasks."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS, ClipRule
from evaluator.datasets import dataset
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES
from evaluator.datasets.recordings import Recordings
from evaluator.datasets.task import Task
from evaluator.embedding.embed import Progress
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.identity import identity
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment.experiment import Experiment, embed
from evaluator.experiment.setup import Setup
from evaluator.files import write_whole
from evaluator.probes import features, protocol
from evaluator.results import table


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of files.

    Attributes:
        module: Its name.
        files: The files that could be embedded, as they were given.
        vectors: (n_files, width), float32; (n_files, n_layers, width) for `layers="all"`.
        frames, times: Of each file the timestamp embeddings (n_frames, width) and their centres in ms (n_frames,); empty
            unless they were asked for.
        failed: Files that could not be embedded, with the reason.
        provenance: What the vectors depend on beside the files.
    """

    module: str
    files: list[str]
    vectors: np.ndarray = field(repr=False)
    frames: list[np.ndarray] = field(repr=False)
    times: list[np.ndarray] = field(repr=False)
    failed: dict[str, str]
    provenance: dict[str, Any] = field(repr=False)

    def to_frame(self) -> Any:
        """A row for each file, as a pandas DataFrame: path, then the vector as columns v0, v1, ...

        Raises:
            UsageError: pandas is not installed, or there is a vector for each layer.
        """
        if self.vectors.ndim != 2:
            raise UsageError(
                f"vectors have shape {self.vectors.shape}: a table holds one layer; give layers=6, or take .vectors"
            )
        pandas = table.pandas()
        frame = pandas.DataFrame(self.vectors, columns=[f"v{n}" for n in range(self.vectors.shape[1])])
        frame.insert(0, "path", self.files)
        return frame

    def _repr_html_(self) -> str:
        """What a notebook shows: the first ten files, and the first values of their vectors."""
        rows = [
            {"path": path, **{f"v{n}": float(value) for n, value in enumerate(vector.ravel()[:5])}, "...": ""}
            for path, vector in zip(self.files[:10], self.vectors, strict=False)
        ]
        return f"<p>{len(self.files)} files, vectors {self.vectors.shape}, {self.module}</p>{table.as_html(rows)}"


def audio_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and the audio files at any depth of the folders, each once, folders sorted by path.

    Raises:
        UsageError: A path is not there, or a folder holds no audio.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                path for path in path.rglob("*") if path.is_file() and path.suffix.lower() in AUDIO_SUFFIXES
            )
            if not inside:
                raise UsageError(f"{path}: holds no audio file in one of {' '.join(AUDIO_SUFFIXES)}")
            files += inside
        else:
            files.append(path)  # one that is not there is told among the failed
    if not files:
        raise UsageError(f"{', '.join(map(str, paths)) or 'nothing'}: give one audio file or folder at least")
    return list(dict.fromkeys(files))


def embed_files(
    spec: ModuleSpec,
    files: Sequence[Path],
    layers: str,
    frames: bool,
    cache: Path,
    allow_failed: float,
    progress: Progress,
    rehash: bool = False,
    rule: ClipRule = AS_IT_IS,
) -> Embeddings:
    """Embed whole files with one module.

    Args:
        spec: The module.
        files: Audio files of any length and sample rate.
        layers: `scene`, `all`, `last`, `mean` or a layer's number.
        frames: Whether timestamp embeddings are wanted as well.
        cache: Folder of all stores.
        allow_failed: Share of the files, 0 to 1, that may be unreadable.
        progress: Shows how many files are done.
        rehash: Whether to read every file anew, whatever is remembered of it.
        rule: Which channel is heard, and how slowly; times of frames are the files' own nevertheless.

    Raises:
        UsageError: The module or its layers are not there.
        EvaluationError: More files cannot be embedded, or the module fails.
    """
    chosen = features.parse(layers)
    if chosen == "weighted":
        raise UsageError(f"layers={layers!r}: nothing is trained here; take scene, all, last, mean or a number")
    setup = set_up(files, cache, rehash, rule)
    with open_any(spec) as module:
        features.refuse_plain(chosen, module.describe(), spec.name)
        experiment = Experiment(spec, setup, chosen, "scene" if chosen == "scene" else "layers")
        embedded = embed(experiment, module, cache, progress, allow_failed)
        good, failed = sorted(embedded.extraction.keys), dict(embedded.extraction.failed)
        timed: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        if frames and module.describe()["timestamp_embedding_size"]:
            by_frame = embed(Experiment(spec, setup, "scene", "frames"), module, cache, progress, allow_failed)
            good = [number for number in good if number in by_frame.extraction.keys]
            matrix, times, rows = by_frame.store.read_frames([by_frame.extraction.keys[number] for number in good])
            slower = [setup.recordings.slower(setup.recordings.clips[number]) for number in good]
            in_files = [each / factor for each, factor in zip(times, slower, strict=True)]
            timed = ([matrix.take(np.arange(each.start, each.stop)) for each in rows], in_files)
            failed |= by_frame.extraction.failed
        keys = [embedded.extraction.keys[number] for number in good]
        matrices, _ = features.read(embedded.store, keys, chosen, "mean")
        every = [matrix.take(np.arange(len(keys))) for matrix in matrices]
        described = module.describe()
    return Embeddings(
        module=spec.name,
        files=[str(files[number]) for number in good],
        vectors=every[0] if len(every) == 1 else np.stack(every, axis=1),
        frames=timed[0],
        times=timed[1],
        failed={str(files[number]): why for number, why in sorted(failed.items())},
        provenance={
            **identity(spec, described),
            "layers": chosen,
            "channel": rule.channel,
            "expand": rule.expand,
            "store": embedded.store.key,
        },
    )


def set_up(files: Sequence[Path], cache: Path, rehash: bool, rule: ClipRule) -> Setup:
    """Files as a task without labels, each a whole clip (n_samples,); arguments are those of `embed_files`."""
    absolute = [os.path.abspath(file) for file in files]
    root = Path(os.path.commonpath([os.path.dirname(path) for path in absolute]))
    names = [Path(path).relative_to(root).as_posix() for path in absolute]
    facts = decode.file_facts(root, names, cache, rehash)
    clips = Manifest(root, tuple(Clip(name, ()) for name in names), ())
    task = Task(
        name="files",
        dataset=dataset.own("files", root, ()),
        split={},
        clip_seconds=None,
        labels="multi",
        metric="map",
        protocol="logistic",
        source="the user's own files",
    )
    return Setup(task, protocol.load(task.protocol), Recordings(task.name, clips, rule, facts), ())


def check_npz(out: Path) -> None:
    """Refuse, before the work, a file that cannot be written.

    It is to hold vectors (n_files, width) and frames (n_frames, width).

    Raises:
        UsageError: It has another ending than .npz, or its folder is missing.
    """
    if out.suffix != ".npz":
        raise UsageError(f"--out {out}: the name has to end in .npz")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}")


def write_npz(embeddings: Embeddings, out: Path) -> None:
    """Write embeddings into one `.npz`, whole.

    It holds `files` (n,), `scene` (n, width) and, for file number i counted from 0, `frames_i` (n_frames, width) float32 and
    `timestamps_i` (n_frames,) in ms; and `failed` (n_failed,), the files that are not among them.
    """
    arrays: dict[str, np.ndarray] = {"files": np.array(embeddings.files), "scene": embeddings.vectors}
    arrays["failed"] = np.array(list(embeddings.failed), dtype=np.str_)
    for number, (frames, times) in enumerate(zip(embeddings.frames, embeddings.times, strict=True)):
        arrays[f"frames_{number}"], arrays[f"timestamps_{number}"] = frames, times
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    write_whole(out, packed.getvalue())
