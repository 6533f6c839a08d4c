"""Just the embeddings of some files, for people who want nothing else."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import read_clip
from evaluator.embedding.plain import Foreign
from evaluator.embedding.spec import Module
from evaluator.errors import EvaluationError, UsageError
from evaluator.files import write_whole


def embed_files(
    module: Module, files: Sequence[Path], out: Path, advance: Callable[[int], object] = lambda n: None
) -> Path:
    """Embed whole files, one after another, and write them into one `.npz`.

    The file holds `files` (n,), `scene` (n, scene size) and, for file number i counted from 0, `frames_i`
    (n_frames, timestamp size) float32 and `timestamps_i` (n_frames,) in ms.

    Args:
        module: An open HEAR module.
        files: Audio files of any length and sample rate.
        out: Where to write; its name ends in .npz.
        advance: Called with 1 after each file.

    Raises:
        UsageError: `out` has another ending, or its folder is missing.
        EvaluationError: A file cannot be read, or the module fails on it.
    """
    if out.suffix != ".npz":
        raise UsageError(f"--out {out}: the name has to end in .npz")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}")
    sample_rate = module.describe()["sample_rate"]
    foreign = Foreign(module, "scene")
    arrays: dict[str, np.ndarray] = {"files": np.array([str(path) for path in files])}
    scenes = []
    for number, path in enumerate(files):
        clip = read_clip(path, Clip(path=str(path), labels=()), ClipRule(), sample_rate)
        try:
            scenes.append(foreign.rows([clip])[0][0]["scene"])
            frames, times = module.timestamps(clip[None])
        except EvaluationError as error:
            raise EvaluationError(f"{path}: {error}") from error
        arrays[f"frames_{number}"], arrays[f"timestamps_{number}"] = frames[0], times[0]
        advance(1)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, scene=np.stack(scenes), **arrays)
    write_whole(out, packed.getvalue())
    return out
