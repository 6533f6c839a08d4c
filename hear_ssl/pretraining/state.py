"""Files of a pre-training: the state to go on from, the curve, and the encoder that comes out.

Each appears whole: written aside in the same folder, then put in place.
"""

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.byol_a import Network
from hear_ssl.encoders.logmel import FFT_LENGTH
from hear_ssl.pretraining.recipe import Recipe

STATE = "state.pt"
CURVE = "progress.jsonl"


def whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file that appears at `path` only when it is complete and on the disk."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(aside)
        with open(aside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Keep the state, and the curve as lines of JSON that a person can watch."""
    whole(folder / STATE, lambda aside: torch.save(dict(state), aside))
    lines = "".join(json.dumps(row) + "\n" for row in state["curve"])
    whole(folder / CURVE, lambda aside: aside.write_text(lines, encoding="utf-8"))


def load(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state in a folder, or None if there is none.

    Args:
        folder: Where `save` put it.
        settings: What the run must have in common with the one that wrote it.

    Raises:
        ValueError: It cannot be read, or belongs to a run with other settings.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs = dict(state["settings"])
    except (*weights.UNREADABLE, TypeError) as error:
        raise ValueError(
            f"{path}: not a readable state ({weights.first_line(error)}); delete it to begin anew"
        ) from error
    for name in sorted({*settings, *theirs}):
        if settings.get(name) != theirs.get(name):
            raise ValueError(
                f"{path}: it was begun with {name}={theirs.get(name)}, and {name}={settings.get(name)} is asked for now; "
                "give the same settings to go on, or another --out to begin anew"
            )
    return state


def settings_of(recipe: Recipe, amp: bool, n_ranks: int, n_items: int) -> dict[str, Any]:
    """What a run that goes on must have in common with the one that began (it may well be longer)."""
    facts = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(recipe).items()}
    del facts["epochs"]
    return {**facts, "amp": amp, "processes": n_ranks, "windows_per_epoch": n_items}


def export(folder: Path, network: Network, statistics: tuple[float, float], recipe: Recipe) -> None:
    """Write the encoder: `checkpoint.pth` and `stats.csv` in the original layout, and both in `byol_a.safetensors`."""
    from safetensors.torch import save as as_bytes

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    mean, std = statistics
    metadata = {"mean": repr(mean), "std": repr(std), "mel": recipe.mel, "stft_window": str(FFT_LENGTH)}
    whole(folder / "checkpoint.pth", lambda aside: torch.save(tensors, aside))
    whole(folder / "stats.csv", lambda aside: write_statistics(aside, [mean, std]))
    whole(folder / "byol_a.safetensors", lambda aside: aside.write_bytes(as_bytes(tensors, metadata)))


def write_statistics(path: Path, mean_std: Sequence[float]) -> None:
    """A table of one row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["mean", "std"], mean_std])
