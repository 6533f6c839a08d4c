"""wav2vec 2.0 and HuBERT as fairseq's authors publish them, made into a folder in the hub's format.

The networks are the same and their tensors have other names. What is written is the encoder alone: heads of pre-training and of
transcription stay behind. Names and shapes are proved by loading the folder before it appears.

Source: fairseq (facebookresearch/fairseq), its files of wav2vec 2.0 and HuBERT, pre-trained and fine-tuned for transcription.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import fairseq_file, fairseq_network, hub
from hear_ssl.encoders.bounds import shown
from hear_ssl.encoders.fairseq_file import TrainingFile

# Where a network that was fine-tuned has the encoder.
ENCODER_PREFIXES = ("w2v_encoder.w2v_model.", "encoder.w2v_model.")
OTHER_NETWORKS = ("data2vec", "wavlm", "unispeech", "multires", "av_hubert")


@dataclass(frozen=True)
class Converted:
    """What came of a conversion.

    Attributes:
        folder: With config.json, model.safetensors and preprocessor_config.json.
        model_type: `wav2vec2` or `hubert`.
        n_tensors: Of the encoder.
        left_out: Names of the heads' tensors, sorted.
        normalize: Whether each clip's samples are set to mean 0 and variance 1.
    """

    folder: Path
    model_type: str
    n_tensors: int
    left_out: tuple[str, ...]
    normalize: bool


def convert(path: Path, out: Path, normalize: bool | None = None) -> Converted:
    """Write the encoder of a fairseq file as a folder in the hub's format; the folder appears whole or not at all.

    Args:
        path: The `.pt` file.
        out: The folder, which must not be there yet.
        normalize: Whether each clip's samples are set to mean 0 and variance 1, where the file does not say it.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Damaged, not of these networks, or the folder is there already.
        OSError: The folder cannot be written.
    """
    if out.exists():
        raise ValueError(f"{out}: is there already; give another folder, or remove it")
    file = fairseq_file.read(path)
    settings, prefix = _of_encoder(file, path)
    model_type = _model_type(file, settings, path)
    config = {"model_type": model_type, **fairseq_network.config(settings, path)}
    state, left_out = fairseq_network.renamed(file.tensors, prefix, path)
    normalized = _normalize(file, normalize, path)
    processor = {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "padding_value": 0.0,
        "do_normalize": normalized,
        "sampling_rate": _sample_rate(file, path),
    }
    aside = out.with_name(f".{out.name}.{os.getpid()}.part")
    aside.mkdir(parents=True)
    try:
        _write(aside, config, processor, state, path)
        hub.load_transformer(hub.Files(str(aside)), (model_type,))
        os.replace(aside, out)
    except ValueError as error:
        raise ValueError(str(error).replace(str(aside), str(path))) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Converted(out, model_type, len(state), tuple(left_out), normalized)


def _write(
    folder: Path, config: Mapping[str, Any], processor: Mapping[str, Any], state: Mapping[str, torch.Tensor], path: Path
) -> None:
    """The three files, with what they were made from."""
    from safetensors.torch import save_file

    for name, content in (("config.json", config), ("preprocessor_config.json", processor)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    metadata = {"format": "pt", "converted_from": path.name, "converted_from_sha256": digest}
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in state.items()}, folder / "model.safetensors", metadata
    )


def _of_encoder(file: TrainingFile, path: Path) -> tuple[Mapping[str, Any], str]:
    """The encoder's settings and what its tensors' names begin with: those inside, where the file is of a network that was fine-tuned."""
    prefix = next((each for each in ENCODER_PREFIXES if any(name.startswith(each) for name in file.tensors)), "")
    inner = file.settings.get("w2v_args")
    if not prefix:
        return file.settings, ""
    if not isinstance(inner, dict):
        raise ValueError(
            f"{path}: was fine-tuned and does not say (w2v_args) what the encoder was before; take the pre-trained file of its authors, or "
            "one that bears these settings"
        )
    model = inner.get("model")
    return model if isinstance(model, dict) else inner, prefix


def _model_type(file: TrainingFile, settings: Mapping[str, Any], path: Path) -> str:
    """`wav2vec2` or `hubert`, by the word that the settings have for the network."""
    word = str(settings.get("_name") or settings.get("arch") or "")
    if word.startswith("hubert"):
        return "hubert"
    if word.startswith(("wav2vec2", "wav2vec_")) and not any(each in word for each in OTHER_NETWORKS):
        return "wav2vec2"
    raise ValueError(
        f"{path}: is of a network called {shown(word)}; wav2vec2 and hubert are converted. Of others take the checkpoint on the hub "
        "(data2vec: facebook/data2vec-audio-base, WavLM: microsoft/wavlm-base) as hf:ORG/MODEL"
    )


def _normalize(file: TrainingFile, given: bool | None, path: Path) -> bool:
    """Whether audio is normalised, as the task says, or else the user.

    Raises:
        ValueError: Neither does, or they disagree.
    """
    said = file.task.get("normalize")
    if isinstance(said, bool) and given is not None and said is not given:
        raise ValueError(f"{path}: says that audio is {'' if said else 'not '}normalised; leave --normalize out")
    if isinstance(said, bool):
        return said
    if given is None:
        raise ValueError(
            f"{path}: does not say whether audio is normalised (task.normalize); give --normalize true or --normalize false, as its authors "
            "trained it"
        )
    return given


def _sample_rate(file: TrainingFile, path: Path) -> int:
    """Of the audio, in Hz: 16 kHz unless the task says otherwise."""
    rate = file.task.get("sample_rate") or 16_000
    if type(rate) is not int:
        raise ValueError(f"{path}: the task's sample_rate is {shown(rate)}; a whole number of Hz is wanted")
    return rate
