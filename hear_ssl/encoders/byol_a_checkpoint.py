"""Weights of BYOL-A and BYOL-S on disk: the original `checkpoint.pth` with its `stats.csv`, and our safetensors."""

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.byol_a import BLOCKS, CHANNELS, MEL, ByolAEncoder, ByolAModel, ByolANetwork
from hear_ssl.encoders.logmel import FFT_LENGTH, N_BANDS, LogMel
from hear_ssl.encoders.options import check_options

OPTIONS = {
    "pooling": "max+mean (as published), mean or mean+std: how frames become a scene embedding",
    "timestamps": "windows (1 s every 50 ms, the default) or frames (the network's own, 80 or 40 ms apart)",
    "stft_window": "samples under the window of the spectrogram: 1024 (BYOL-A), 400 (BYOL-S); else what the weights say",
    "mel": "htk or slaney: scale of the mel bands; else what the weights say, or htk for version 1, slaney for 2",
}


def read_statistics(path: Path) -> tuple[float, float]:
    """Mean and standard deviation of a log-mel spectrogram, over all bands and frames, from a `stats.csv`.

    Taken are columns called mean and std, of the first row as the published script does, or rows of these names; else, where
    the file holds just two numbers, these in this order.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Neither.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; it holds the mean and std of the spectrogram that the weights need"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    tables = [dict(zip(rows[0], rows[1], strict=False))] if len(rows) > 1 else []
    tables += [dict(zip(*table[:2], strict=False)) for table in [_transposed(rows)] if len(table) == 2]
    named = [(table.get("mean", ""), table.get("std", "")) for table in tables]
    for candidate in (*named, tuple(cell for row in rows for cell in row)):
        try:
            mean, std = map(float, candidate)
        except ValueError:
            continue
        return mean, std
    raise ValueError(f"{path}: a column mean and a column std are wanted, with one number each")


def _transposed(rows: list[list[str]]) -> list[list[str]]:
    """Rows as columns.

    >>> _transposed([["mean", "-5.5"], ["std", "4.25"]])
    [['mean', 'std'], ['-5.5', '4.25']]
    """
    return [list(column) for column in zip(*rows, strict=False)]


def _network_for(state: Mapping[str, torch.Tensor], path: Path) -> ByolANetwork:
    """An empty network of the version and width that the tensors' shapes tell.

    Raises:
        ValueError: They are not BYOL-A's.
    """
    first = state.get("fc.0.weight", torch.empty(0))
    blocks = {CHANNELS * (N_BANDS >> n): version for version, n in BLOCKS.items()}
    if first.dim() != 2 or first.shape[1] not in blocks:
        came = f"shape {tuple(first.shape)}" if "fc.0.weight" in state else f"tensors {', '.join(list(state)[:4])}"
        raise ValueError(
            f"{path}: these are not the weights of BYOL-A: fc.0.weight is wanted, (width, 512) in version 1 and "
            f"(width, 1024) in version 2; {came} came"
        )
    return ByolANetwork(blocks[first.shape[1]], width=first.shape[0])


def _without_prefix(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors under their own names, where a training's checkpoint has `model.features.0.weight` and the like."""
    starts = {name: [name.find(part) for part in (".features.", ".fc.") if part in name] for name in state}
    return {name[min(starts[name]) + 1 :] if starts[name] else name: tensor for name, tensor in state.items()}


def _read_metadata(path: Path) -> dict[str, str]:
    """The metadata that a safetensors file carries beside its tensors."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _heard(path: Path) -> tuple[str, ...]:
    """Hashes of the sounds that weights were trained on, as a file of ours says."""
    return tuple(_read_metadata(path).get("heard", "").split()) if path.suffix == ".safetensors" else ()


def _load_encoder(path: Path, options: dict[str, Any]) -> ByolAEncoder:
    """The encoder at `path`; takes its own options out of `options`.

    Args:
        path: `checkpoint.pth` with `stats.csv` beside it, a folder of both, or a safetensors file of ours.

    Raises:
        FileNotFoundError: One of the files is missing.
        ValueError: They are damaged, or not BYOL-A's.
    """
    path = path / "checkpoint.pth" if path.is_dir() else path
    state = _without_prefix(weights.read_state(path))
    if path.suffix == ".safetensors":
        metadata = _read_metadata(path)
        try:
            mean, std = float(metadata["mean"]), float(metadata["std"])
        except (KeyError, ValueError):
            raise ValueError(
                f"{path}: its metadata has no numbers mean and std; it was not written by hear-ssl"
            ) from None
    else:
        metadata, (mean, std) = {}, read_statistics(path.with_name("stats.csv"))
    network = _network_for(state, path)
    weights.load_strictly(network, state, path)
    mel = options.pop("mel", metadata.get("mel", MEL[network.version]))
    window = options.pop("stft_window", int(metadata.get("stft_window", FFT_LENGTH)))
    return ByolAEncoder(network, mean, std, LogMel(mel, window), options.pop("timestamps", "windows"))


@dataclass(frozen=True)
class ByolACheckpoint:
    """A BYOL-A model, and how to load it as a HEAR module; 16 kHz.

    Attributes:
        packaged: The safetensors file inside the package; "" if there is none.
        archive: Address of a zip file with checkpoint.pth and stats.csv, where that is how the weights are published.
        how_to_get: What to do where no path was given; "" to say where the archive is.
        licence: Of the weights.
        citation: Paper that describes it.
        trained_on: Datasets of the evaluator whose sounds it was trained on, and which; becomes `model.trained_on`.
    """

    packaged: str = ""
    archive: str = ""
    how_to_get: str = ""
    licence: str = ""
    citation: str = ""
    trained_on: Mapping[str, str] = field(default_factory=dict)

    def load_model(self, model_file_path: str = "", **options: Any) -> ByolAModel:
        """The model, frozen and in evaluation mode.

        Args:
            model_file_path: `checkpoint.pth` with `stats.csv` beside it, a folder of both, or what
                `hear-ssl pretrain byol-a` wrote; "" for the weights in the package, where there are some.
            **options: See `hear_ssl.encoders.options.OPTIONS` and `OPTIONS` here.

        Raises:
            ValueError: An unknown option or value, or weights that are damaged or not BYOL-A's.
            FileNotFoundError: No such file, or no path was given and there are no weights in the package.
        """
        check_options(options, OPTIONS)
        if not model_file_path and not self.packaged:
            way = f"the folder with checkpoint.pth and stats.csv; download {self.archive} and unpack it"
            raise FileNotFoundError(f"this model needs a model_file_path: {self.how_to_get or way}")
        path = Path(model_file_path) if model_file_path else Path(__file__).parents[1] / "weights" / self.packaged
        model = ByolAModel(_load_encoder(path, options), **options)
        model.trained_on = dict(self.trained_on)
        model.heard = _heard(path)
        file = path / "checkpoint.pth" if path.is_dir() else path
        model.read_from = [os.path.abspath(each) for each in (path, file, file.with_name("stats.csv"))]
        return model
