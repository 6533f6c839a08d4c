"""Files of a pre-training: the state to go on from, the list of its audio, the curve, and the encoder that comes out.

Each appears whole: written aside in the same folder, then put in place. One run at a time holds the folder.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.byol_a import ByolANetwork
from hear_ssl.encoders.logmel import FFT_LENGTH
from hear_ssl.pretraining.corpus import Corpus
from hear_ssl.pretraining.recipe import PretrainingRecipe

STATE = "state.pt"
CURVE = "progress.jsonl"
LISTING = "files.jsonl"
RESULTS = (CHECKPOINT, STATISTICS, SAFETENSORS) = ("checkpoint.pth", "stats.csv", "byol_a.safetensors")
LOCK = ".lock"
# What is written aside, in this folder only; the number is that of the process.
ASIDE = re.compile(rf"\.({'|'.join(map(re.escape, (STATE, CURVE, LISTING, LOCK, *RESULTS)))})\.\d+\.part")
# Names in a sentence about many files.
MAX_NAMES = 3


def _aside_of(path: Path) -> Path:
    """Where this process writes a file before it appears at `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a file that appears at `path` only when it is complete and on the disk.

    Raises:
        OSError: It cannot be written, a full disk for example; what was at `path` stays as it was.
    """
    aside = _aside_of(path)
    try:
        with aside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except (OSError, RuntimeError) as error:  # torch.save makes the system's error a RuntimeError
        kept = "the file of before is kept whole" if path.is_file() else "nothing of it is left behind"
        free = shutil.disk_usage(path.parent).free / 1e6
        raise OSError(
            f"{path}: cannot be written ({_reason(error)}; {free:.0f} MB are free there); {kept}. Make room; "
            "the same command then goes on from the last saved state, if there is one"
        ) from error
    finally:
        aside.unlink(missing_ok=True)


def _reason(error: BaseException) -> str:
    """What the system said, without a path that the sentence names anyway."""
    for one in (error, error.__context__):
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return weights.first_line(error)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have the folder of a run for this process alone; made if it is not there, cleared of what killed runs left.

    The system lets go of the lock when the process ends, however it ends.

    Raises:
        ValueError: It cannot be written, or another run holds it.
    """
    from filelock import FileLock, Timeout

    lock, probe = FileLock(folder / LOCK), _aside_of(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink(missing_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise ValueError(f"--out {folder}: another run is at work there; wait for it, or give another --out") from None
    except (OSError, NotImplementedError) as error:
        raise ValueError(
            f"--out {folder}: cannot be written or locked ({_reason(error)}); give a folder where files can be made"
        ) from error
    try:
        for path in folder.iterdir():
            if ASIDE.fullmatch(path.name):
                path.unlink(missing_ok=True)  # whoever wrote it held the lock, and is gone
        yield
    finally:
        lock.release()


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Keep the state, and the curve as lines of JSON that a person can watch.

    Raises:
        OSError: One of them cannot be written; see `write_whole`.
    """
    write_whole(folder / STATE, lambda file: torch.save(dict(state), file))
    write_lines(folder / CURVE, state["curve"])


def write_lines(path: Path, rows: Sequence[Any]) -> None:
    """A line of JSON for each of the rows, (n_rows,)."""
    write_whole(path, lambda file: file.writelines(json.dumps(row).encode() + b"\n" for row in rows))


def write_listing(folder: Path, corpus: Corpus) -> None:
    """Note the files of a run, their bytes, samples and sample rates, so that `load` can tell later what has changed."""
    write_lines(folder / LISTING, [[name, *sizes] for name, sizes in corpus.files.items()])


def _changes(folder: Path, corpus: Corpus) -> str:
    """In words: which files are there now and were not when the run began, the other way round, or are others now."""
    try:
        lines = (folder / LISTING).read_text(encoding="utf-8").splitlines()
        before = {name: tuple(sizes) for name, *sizes in map(json.loads, lines)}
    except (OSError, ValueError, TypeError):
        return f"{LISTING}, which would tell the difference, is not there or not readable"
    both = before.keys() & corpus.files.keys()
    groups = {
        "added": corpus.files.keys() - before.keys(),
        "removed": before.keys() - corpus.files.keys(),
        "of another size or length": {name for name in both if before[name] != corpus.files[name]},
    }
    return "; ".join(f"{len(names)} {what} ({_first_names(names)})" for what, names in groups.items() if names)


def _first_names(names: Collection[str]) -> str:
    """The first few names, without the number of their source.

    >>> _first_names(["0/b.wav", "0/a.wav"])
    'a.wav, b.wav'
    """
    shown = ", ".join(name.partition("/")[2] for name in sorted(names)[:MAX_NAMES])
    return shown + (", ..." if len(names) > MAX_NAMES else "")


def load(folder: Path, settings: Mapping[str, Any], corpus: Corpus) -> dict[str, Any] | None:
    """The state in a folder, or None if there is none.

    Args:
        folder: Where `save` put it.
        settings: What the run must have in common with the one that wrote it.
        corpus: The audio of this run; it must be that of the other one.

    Raises:
        ValueError: It cannot be read, or belongs to a run with other settings or other files.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs, data = dict(state["settings"]), state["data"]
    except (*weights.UNREADABLE, TypeError) as error:
        raise ValueError(
            f"{path}: not a readable state ({weights.first_line(error)}); delete it to begin anew"
        ) from error
    for name in sorted({*settings, *theirs}):
        if settings.get(name) != theirs.get(name):
            raise ValueError(
                f"{path}: it was begun with {name}={theirs.get(name)}, and {name}={settings.get(name)} is asked for "
                "now; give the same settings to go on, or another --out to begin anew"
            )
    if data != corpus.fingerprint():
        raise ValueError(
            f"{path}: the audio is not the one it was begun with: {_changes(folder, corpus)}. "
            "Put the files back as they were to go on, or give another --out to begin anew"
        )
    return state


def settings_of(recipe: PretrainingRecipe, amp: bool, n_ranks: int) -> dict[str, Any]:
    """What a run that goes on must have in common with the one that began (it may well be longer)."""
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(recipe).items()}
    del settings["epochs"]
    return {**settings, "amp": amp, "processes": n_ranks}


def export(
    folder: Path,
    network: ByolANetwork,
    statistics: tuple[float, float],
    recipe: PretrainingRecipe,
    heard: Sequence[str] = (),
) -> None:
    """Write the encoder: `checkpoint.pth` and `stats.csv` in the original layout, and both in `byol_a.safetensors`.

    Args:
        folder: Of the run.
        network: Trained.
        statistics: Mean and standard deviation of the log-mel spectrogram, over all bands and frames.
        recipe: Of the training; its mel scale is kept with the weights.
        heard: Hashes of the sounds that it was trained on (`heard.digests`), (n_sounds,); kept with the weights.
    """
    from safetensors.torch import save as as_bytes

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    mean, std = statistics
    metadata = {"mean": repr(mean), "std": repr(std), "mel": recipe.mel, "stft_window": str(FFT_LENGTH)}
    metadata["heard"] = " ".join(heard)
    write_whole(folder / CHECKPOINT, lambda file: torch.save(tensors, file))
    write_whole(folder / STATISTICS, lambda file: file.write(f"mean,std\r\n{mean!r},{std!r}\r\n".encode()))
    write_whole(folder / SAFETENSORS, lambda file: file.write(as_bytes(tensors, metadata)))
