"""Weights of BYOL-A and BYOL-S on disk: the original `checkpoint.pth` with its `stats.csv`, and our safetensors."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.byol_a import BLOCKS, CHANNELS, MEL, ByolAEncoder, ByolAModel, ByolANetwork
from hear_ssl.encoders.byol_a_statistics import FROM_DATA, parse_statistics, statistics_beside, statistics_of
from hear_ssl.encoders.logmel import FFT_LENGTH, N_BANDS, SAMPLE_RATE, LogMel
from hear_ssl.encoders.options import check_options

OPTIONS = {
    "pooling": "max+mean (as published), mean or mean+std: how frames become a scene embedding",
    "timestamps": "windows (1 s every 50 ms, the default) or frames (the network's own, 80 or 40 ms apart)",
    "stft_window": "samples under the window of the spectrogram: 1024 (BYOL-A), 400 (BYOL-S); else what the weights say",
    "stats": "MEAN,STD of the log-mel spectrogram, or data (hear-eval run: of the task's training clips); else what lies beside the weights",
    "mel": "htk or slaney: scale of the mel bands; else what the weights say, or htk for version 1, slaney for 2",
}


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


def _weight_file(path: Path) -> Path:
    """The weight file at a path: itself, or `checkpoint.pth` of a folder.

    Raises:
        FileNotFoundError: The folder has none; the sentence names what lies there instead.
    """
    if not path.is_dir() or (path / "checkpoint.pth").is_file():
        return path / "checkpoint.pth" if path.is_dir() else path
    others = sorted(each.name for each in path.glob("*.pth")) + sorted(each.name for each in path.glob("*.safetensors"))
    way = f"give one of its files: {', '.join(others[:3])}" if others else "give the weight file itself"
    raise FileNotFoundError(f"{path / 'checkpoint.pth'}: no such weight file; {way}")


@dataclass(frozen=True)
class _Files:
    """What the files of a checkpoint hold: the tensors, of any shape, by name, and what our own files say beside them."""

    path: Path
    state: Mapping[str, torch.Tensor]
    metadata: Mapping[str, str]

    def front_end(self, network: ByolANetwork, options: dict[str, Any]) -> LogMel:
        """The spectrogram that the network takes; its own options are taken out of `options`."""
        mel = options.pop("mel", self.metadata.get("mel", MEL[network.version]))
        return LogMel(mel, options.pop("stft_window", int(self.metadata.get("stft_window", FFT_LENGTH))))

    def statistics(self, version: int) -> tuple[float, float]:
        """Mean and standard deviation that lie in the file or beside it.

        Raises:
            FileNotFoundError, ValueError: They do not.
        """
        if self.path.suffix != ".safetensors":
            return statistics_beside(self.path, version)
        try:
            return float(self.metadata["mean"]), float(self.metadata["std"])
        except (KeyError, ValueError):
            raise ValueError(
                f"{self.path}: its metadata has no numbers mean and std; it was not written by hear-ssl; give the option stats=MEAN,STD"
            ) from None


def _read(path: Path) -> _Files:
    path = _weight_file(path)
    state = _without_prefix(weights.read_state(path))
    return _Files(path, state, _read_metadata(path) if path.suffix == ".safetensors" else {})


def _load_encoder(path: Path, options: dict[str, Any]) -> ByolAEncoder:
    """The encoder at `path`; takes its own options out of `options`.

    Args:
        path: A `.pth` file, with `stats.csv` beside it unless the option `stats` is there; a folder of both, or a safetensors file
            of ours.

    Raises:
        FileNotFoundError: One of the files is missing.
        ValueError: They are damaged, or not BYOL-A's.
    """
    files = _read(path)
    network = _network_for(files.state, files.path)
    given = options.pop("stats", None)
    statistics = files.statistics(network.version) if given is None else parse_statistics(given)
    weights.load_strictly(network, files.state, files.path)
    front_end = files.front_end(network, options)
    return ByolAEncoder(network, *statistics, front_end, options.pop("timestamps", "windows"))


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
        path = self._path(model_file_path)
        model = ByolAModel(_load_encoder(path, options), **options)
        model.trained_on = dict(self.trained_on)
        model.heard = _heard(path)
        file = _weight_file(path)
        model.read_from = [os.path.abspath(each) for each in (path, file, file.with_name("stats.csv"))]
        return model

    def _path(self, model_file_path: str) -> Path:
        if not model_file_path and not self.packaged:
            way = f"the folder with checkpoint.pth and stats.csv; download {self.archive} and unpack it"
            raise FileNotFoundError(f"this model needs a model_file_path: {self.how_to_get or way}")
        return Path(model_file_path) if model_file_path else Path(__file__).parents[1] / "weights" / self.packaged

    def options_from_clips(
        self, model_file_path: str, options: Mapping[str, Any], clips: Callable[[int], Iterable[Any]]
    ) -> dict[str, Any]:
        """What options that depend on a task's training clips come to: `stats=data` becomes [mean, std]; else nothing.

        Args:
            model_file_path, options: As `load_model` is called with.
            clips: From a sample rate in Hz to the training clips, (n_samples,) float32 each.

        Raises:
            ValueError, FileNotFoundError: As of `load_model`, or no clip.
        """
        if options.get("stats") != FROM_DATA:
            return {}
        check_options(options, OPTIONS)
        files = _read(self._path(model_file_path))
        front_end = files.front_end(_network_for(files.state, files.path), dict(options))
        return {"stats": list(statistics_of(clips(SAMPLE_RATE), front_end))}
