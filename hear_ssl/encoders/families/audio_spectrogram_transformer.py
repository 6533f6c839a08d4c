"""Audio Spectrogram Transformer (AST): patches of a log-mel spectrogram of 10.24 s, as a rule trained with AudioSet's labels.

A frame is the mean over frequency of one column of patches, 160 ms wide and 100 ms from the next. A shorter clip is padded to the
network's length with mel frames of 0 before they are normalised, as in training; only columns inside the clip make a scene.

Source: Gong et al. 2021, https://arxiv.org/abs/2104.01778
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from hear_ssl.encoders.bounds import Only, Real, Switch, Whole, Word, activations, not_dividing
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import CONTEXT_OPTION, FeatureEncoder, context_of, pad_to, states
from hear_ssl.encoders.filterbanks import KALDI_HOP, KALDI_WINDOW, KaldiFilterBank
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
N_SPECIAL = 2  # tokens before those of the patches: class and distillation
AUDIOSET_MEAN, AUDIOSET_STD = (
    -4.2677393,
    4.5689974,
)  # of log-mel frames of AudioSet, where the processor file says neither
OPTIONS = {
    **CONTEXT_OPTION,
    "mean": "mean of the log-mel frames that the network was trained on, where no processor file says it",
    "std": "their standard deviation",
}


class AstEncoder(FeatureEncoder):
    """An encoder around an `ASTModel`.

    Args:
        mean, std: What log-mel frames are normalised by, as (x - mean) / (2 std); None for not at all.
        context: See `OPTIONS`.
    """

    def __init__(self, loaded: Loaded, statistics: tuple[float, float] | None, context: str):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, config.num_hidden_layers + 1
        self.bank = KaldiFilterBank(config.num_mel_bins, SAMPLE_RATE, "hann")
        self.statistics, self.context = statistics, context
        self.decides.update(statistics=repr(statistics), context=context)
        self.n_bands = 1 + (config.num_mel_bins - config.patch_size) // config.frequency_stride
        self.n_columns = 1 + (config.max_length - config.patch_size) // config.time_stride
        field = KALDI_WINDOW + (config.patch_size - 1) * KALDI_HOP
        hop = config.time_stride * KALDI_HOP
        longest = KALDI_WINDOW + (config.max_length - 1) * KALDI_HOP
        # Scenes are of columns that lie inside the clip; for timestamp embeddings a column's middle may be enough.
        self.scene_framing, self.timestamp_framing = (
            LibraryFraming(
                needed,
                hop,
                SAMPLE_RATE,
                first_centre=field / 2,
                reach=min(hop - 1, longest - needed - (self.n_columns - 1) * hop),
            )
            for needed in (field, field // 2)
        )
        self.see_at_most(self.n_columns)

    def features(self, audio: torch.Tensor, n_frames: int) -> torch.Tensor:
        """Normalised log-mel frames (batch, n, bands), with as many as the network takes or, in the context "clip", as its columns need."""
        config = self.network.config
        mel = self.bank(pad_to(audio, KALDI_WINDOW))[:, : config.max_length]
        needed = config.patch_size + (n_frames - 1) * config.time_stride
        n = config.max_length if self.context == "padded" else needed
        mel = torch.nn.functional.pad(mel, (0, 0, 0, max(0, n - mel.shape[1])))
        return mel if self.statistics is None else (mel - self.statistics[0]) / (2 * self.statistics[1])

    def layers(self, audio: torch.Tensor, stats: Sequence[Any], framing: Framing) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        n_frames = framing.n_frames(audio.shape[1])
        features = self.features(audio, n_frames)
        config, positions = self.network.config, self.network.embeddings.position_embeddings
        n = 1 + (features.shape[1] - config.patch_size) // config.time_stride
        grid = positions[:, N_SPECIAL:].unflatten(1, (self.n_bands, self.n_columns))[:, :, :n].flatten(1, 2)
        cropped = {"embeddings.position_embeddings": torch.cat([positions[:, :N_SPECIAL], grid], dim=1)}
        out = torch.func.functional_call(self.network, cropped, (features,), {"output_hidden_states": True})
        for tokens in states(out):
            yield tokens[:, N_SPECIAL:].unflatten(1, (self.n_bands, n)).mean(1)[:, :n_frames]


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and there is room for a patch, whose sides are in mel bands and frames."""
    found = not_dividing(settings, "num_attention_heads", "hidden_size")
    for key in ("num_mel_bins", "max_length"):
        if settings[key] < settings["patch_size"]:
            found.append(f"{key} is {settings[key]}, less than patch_size, {settings['patch_size']}")
    return found


def build(loaded: Loaded) -> AstEncoder:
    """The encoder around a network; `mean` and `std` among its options are over all bands and frames of log-mel spectrograms.

    Raises:
        ValueError: The processor makes other features than the network takes, or nothing says how they are normalised.
    """
    said, config = loaded.processor, loaded.network.config
    for key in ("num_mel_bins", "max_length"):
        loaded.hold_processor(key, getattr(config, key), key)
    given = {key: loaded.options[key] for key in ("mean", "std") if key in loaded.options}
    for key, value in given.items():
        if problem := STATISTICS[key].problem(value):
            raise ValueError(f"option {key} {problem}")
    if said is None and len(given) < 2:
        raise ValueError(
            f"{loaded.where}: no processor file beside the weights says by which mean and standard deviation log-mel frames are "
            f"normalised; give the options mean= and std= ({AUDIOSET_MEAN} and {AUDIOSET_STD} for networks trained with AudioSet's)"
        )
    known = {"mean": AUDIOSET_MEAN, "std": AUDIOSET_STD, **(said or {}), **given}
    normalizes = known.get("do_normalize", True) or given
    return AstEncoder(loaded, (known["mean"], known["std"]) if normalizes else None, context_of(loaded.options))


def rename(name: str) -> str:
    """Names of transformers before 5.10 and of every published file, as they are today."""
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name


RENAMED = {
    "encoder.layer.": "layers.",
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
}
STATISTICS = {"mean": Real(min=-1e4, max=1e4), "std": Real(min=1e-6, max=1e4)}
RULES = {
    "hidden_size": Whole(max=16_384),
    "num_hidden_layers": Whole(max=512),
    "num_attention_heads": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "hidden_act": Word(words=activations),
    "layer_norm_eps": Real(),
    "initializer_range": Real(),
    "qkv_bias": Switch(),
    "patch_size": Whole(max=1_024),
    "frequency_stride": Whole(max=1_024),
    "time_stride": Whole(max=1_024),
    "max_length": Whole(max=100_000),
    "num_mel_bins": Whole(max=1_024),
}
FAMILY = Family(
    "audio-spectrogram-transformer",
    "AST",
    ("audio_spectrogram_transformer.",),
    RULES,
    build,
    misfits=misfits,
    heads=frozenset({"classifier"}),
    processor={
        "num_mel_bins": Whole(max=1_024),
        "max_length": Whole(max=100_000),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "do_normalize": Switch(),
        "feature_size": Only(value=1),
        **STATISTICS,
    },
    options=OPTIONS,
    layers=r"(?:encoder\.layer|layers)\.(\d+)\.",
    rename=rename,
)
