"""AVES and BirdAVES: HuBERT networks trained on animal sounds, from their files in torchaudio's format.

Such a model is two files: `X.torchaudio.pt`, a state dictionary, and `X.torchaudio.model_config.json`, the arguments
of torchaudio's `wav2vec2_model`. Both describe the network that transformers calls Hubert under other names, so
torchaudio is not needed. Audio goes in raw.

Layers are numbered as in every module here: 0 is the input of the first transformer layer, after positional
convolution and layer norm. (Studies that used torchaudio had no such layer and took the feature projection, before
both, as their layer 0.)

Source: https://github.com/earthspecies/aves; argument and tensor names as in torchaudio 2.11.
"""

import http.client
import os
import shutil
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from hear_ssl.encoders import engines, fairseq_file, weights
from hear_ssl.encoders.api import Model
from hear_ssl.encoders.families import FAMILIES
from hear_ssl.encoders.hub import todays_name
from hear_ssl.encoders.network_config import build
from hear_ssl.encoders.options import check_options
from hear_ssl.encoders.transformer import OPTIONS, wants_normalization

# Where the files are published: https://github.com/earthspecies/aves, README.
PUBLISHED_AT = "https://storage.googleapis.com/esp-public-files"

SAMPLE_RATE = 16000
# What torchaudio takes for extractor_conv_layer_config = None: (channels, kernel, stride) of each convolution.
DEFAULT_CONVOLUTIONS = [(512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2]
EXTRACTOR_MODES = {"group_norm": "group", "layer_norm": "layer"}
# torchaudio's arguments under the names of transformers' HubertConfig.
SAME_VALUES = {
    "extractor_conv_bias": "conv_bias",
    "encoder_embed_dim": "hidden_size",
    "encoder_pos_conv_kernel": "num_conv_pos_embeddings",
    "encoder_pos_conv_groups": "num_conv_pos_embedding_groups",
    "encoder_num_layers": "num_hidden_layers",
    "encoder_num_heads": "num_attention_heads",
    "encoder_ff_interm_features": "intermediate_size",
    "encoder_layer_norm_first": "do_stable_layer_norm",
}
# Arguments that act in training only.
TRAINING_ONLY = {
    "encoder_projection_dropout",
    "encoder_attention_dropout",
    "encoder_ff_interm_dropout",
    "encoder_dropout",
    "encoder_layer_drop",
}
# Tensor names: torchaudio's beginning -> transformers'.
RENAMED = {
    "encoder.feature_projection.": "feature_projection.",
    "encoder.transformer.": "encoder.",
}


def _hubert_settings(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Arguments of transformers' HubertConfig for the network that torchaudio's `wav2vec2_model(**config)` builds.

    Args:
        config: What the JSON file holds.
        path: That file, for messages.

    Raises:
        ValueError: An unknown or missing key, an unknown mode, or an output head.
    """
    required = {"extractor_mode", "extractor_conv_layer_config", *SAME_VALUES}
    known = required | TRAINING_ONLY | {"aux_num_out"}
    missing, unknown = sorted(required - set(config)), sorted(set(config) - known)
    if missing or unknown:
        problems = [f"{key} is missing" for key in missing] + [f"{key} is unknown" for key in unknown]
        raise ValueError(
            f"{path}: {'; '.join(problems)}; arguments of torchaudio's wav2vec2_model are wanted: "
            f"{', '.join(sorted(known))}"
        )
    mode = config["extractor_mode"]
    if mode not in EXTRACTOR_MODES:
        raise ValueError(f"{path}: extractor_mode {mode!r} is unknown; known: {', '.join(EXTRACTOR_MODES)}")
    if config.get("aux_num_out") is not None:
        raise ValueError(f"{path}: aux_num_out is {config['aux_num_out']!r}; a network without output head is wanted")
    convolutions = config["extractor_conv_layer_config"] or DEFAULT_CONVOLUTIONS
    if not isinstance(convolutions, list) or not all(
        isinstance(one, (list, tuple)) and len(one) == 3 for one in convolutions
    ):
        raise ValueError(f"{path}: extractor_conv_layer_config must be a list of [channels, kernel, stride]")
    channels, kernels, strides = (list(column) for column in zip(*convolutions, strict=True))
    return {
        **{theirs: config[ours] for ours, theirs in SAME_VALUES.items()},
        "feat_extract_norm": EXTRACTOR_MODES[mode],
        "conv_dim": channels,
        "conv_kernel": kernels,
        "conv_stride": strides,
        # Without masking, which is for training, the network has no tensor for it.
        "mask_time_prob": 0.0,
    }


def _renamed(name: str) -> str:
    """The name in transformers of a tensor of torchaudio's network.

    >>> _renamed("encoder.transformer.layers.0.attention.k_proj.weight")
    'encoder.layers.0.attention.k_proj.weight'
    """
    for theirs, ours in RENAMED.items():
        if name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
            break
    return todays_name(name)


def _config_beside(path: Path) -> Path:
    """The JSON file that belongs to a weight file: `X.model_config.json` for `X.pt`, else the only `X*config*.json`.

    Raises:
        FileNotFoundError: None, or several.
    """
    usual = path.with_name(f"{path.stem}.model_config.json")
    if usual.is_file():
        return usual
    candidates = sorted(path.parent.glob(f"{escape(path.stem)}*config*.json"))
    if len(candidates) == 1:
        return candidates[0]
    came = f"several could be it: {', '.join(file.name for file in candidates)}" if candidates else "there is none"
    raise FileNotFoundError(f"{path}: the file {usual.name}, which describes the network, must lie beside it; {came}")


def _refuse_other_formats(path: Path) -> None:
    """Refuse the other two formats in which AVES is published, by what is in the file or, of ONNX, by its name.

    Raises:
        ValueError: It is one of them; the sentence names the file that would do.
    """
    wanted = (
        f"the one in torchaudio's format is wanted, whose name ends in .torchaudio.pt, with its .torchaudio.model_config.json (see "
        f"{PUBLISHED_AT}/ported_aves/ and /birdaves/)"
    )
    if path.suffix.lower() == ".onnx":
        raise ValueError(f"{path}: this is the ONNX export of the model, which gives its last layer only; {wanted}")
    if fairseq_file.is_training_file(path):
        raise ValueError(
            f"{path}: this is the fairseq file of the model; {wanted}; or convert this one, `hear-ssl convert {path.name} --out FOLDER`, and "
            "take hf:FOLDER"
        )


def _load_network(path: Path) -> Any:
    """The bare Hubert network of `transformers` with the weights at `path`, described by the JSON file beside it.

    Raises:
        FileNotFoundError: One of the two files is missing.
        ValueError: They are damaged, do not fit each other, or are in the other format in which AVES is published.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weight file")
    _refuse_other_formats(path)
    config_path = _config_beside(path)
    config = weights.read_json(config_path)
    settings = _hubert_settings(config, config_path)
    names = {theirs: ours for ours, theirs in SAME_VALUES.items()}
    names |= dict.fromkeys(("conv_dim", "conv_kernel", "conv_stride"), "extractor_conv_layer_config")
    network = build(FAMILIES["hubert"], settings, str(config_path), names)
    state = {_renamed(name): tensor for name, tensor in weights.read_state(path).items()}
    weights.load_strictly(network, state, path)
    return network


@dataclass(frozen=True)
class AvesCheckpoint:
    """A published AVES model, and how to load it, or a file like it, as a HEAR module; 16 kHz, a frame every 20 ms.

    Attributes:
        stem: Where it is published, below `PUBLISHED_AT` and without the two endings.
        licence: Of the weights.
        citation: Paper that describes it.
        trained_on: Datasets of the evaluator whose sounds it was trained on, and which; becomes `model.trained_on`, whatever
            weights are given.
    """

    stem: str
    licence: str = ""
    citation: str = ""
    trained_on: Mapping[str, str] = field(default_factory=dict)

    def load_model(self, model_file_path: str = "", **options: Any) -> Model:
        """The model, frozen and in evaluation mode.

        Args:
            model_file_path: A weight file in torchaudio's format, its JSON file beside it; "" for this checkpoint,
                downloaded once into $HEAR_SSL_CACHE or else torch's own cache.
            **options: See `hear_ssl.encoders.options.OPTIONS` and `hear_ssl.encoders.engines.OPTIONS`; and `normalize` = "auto"
                (not), True or False.

        Raises:
            ValueError: An unknown option or value, or files that are damaged or do not fit each other.
            FileNotFoundError: No such file, or it cannot be downloaded.
        """
        check_options(options, {**OPTIONS, **engines.OPTIONS})
        normalize = wants_normalization(options.pop("normalize", "auto"))
        chosen = engines.taken_choices(options)
        path = Path(model_file_path) if model_file_path else self.downloaded()
        encoder = engines.build_encoder(_load_network(path), bool(normalize), SAMPLE_RATE, chosen)
        model = Model(encoder, **options)
        model.trained_on = dict(self.trained_on)
        beside = _config_beside(path)
        usual = path.with_name(f"{path.stem}.model_config.json")
        model.read_from = [os.path.abspath(each) for each in (path, usual, *([] if beside == usual else [path.parent]))]
        return model

    def downloaded(self) -> Path:
        """The weight file in the user's cache, fetched with its JSON file if it is not there.

        Raises:
            FileNotFoundError: They cannot be had.
        """
        folder = Path(os.environ.get("HEAR_SSL_CACHE") or Path(torch.hub.get_dir()) / "hear_ssl")
        urls = [f"{PUBLISHED_AT}/{self.stem}.torchaudio{ending}" for ending in (".model_config.json", ".pt")]
        targets = [folder / Path(url).name for url in urls]
        for url, target in zip(urls, targets, strict=True):
            if not target.is_file():
                try:
                    _fetch(url, target)
                except (OSError, http.client.HTTPException) as error:
                    raise FileNotFoundError(
                        f"{url} cannot be downloaded ({weights.first_line(error)}). Fetch {' and '.join(urls)} "
                        f"elsewhere and put both into {folder}, or give the path of the .pt file as "
                        "model_file_path"
                    ) from error
        return targets[-1]


def _fetch(url: str, target: Path) -> None:
    """Download a file; it appears at `target` whole or not at all.

    Raises:
        OSError, http.client.HTTPException: Not there, unreachable, or broken off.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, open(part, "wb") as file:  # noqa: S310 (our own URL)
            n_bytes = int(answer.headers.get("Content-Length") or 0)
            quiet = not sys.stderr.isatty()
            with tqdm.wrapattr(answer, "read", total=n_bytes, desc=target.name, disable=quiet) as stream:
                shutil.copyfileobj(stream, file, 1 << 20)
        if n_bytes and part.stat().st_size != n_bytes:
            raise OSError(f"broken off after {part.stat().st_size} of {n_bytes} bytes")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
