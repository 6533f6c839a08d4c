"""What wav2vec 2.0 and its kin have in common: convolutions over the waveform, then a transformer."""

from collections.abc import Callable, Mapping
from typing import Any

from hear_ssl.encoders import engines
from hear_ssl.encoders.bounds import Real, Rules, Switch, Whole, Wholes, Word, activations, not_dividing
from hear_ssl.encoders.encoder import Encoder
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.frames import convolution_framing
from hear_ssl.encoders.transformer import OPTIONS as NORMALIZE

MAX_RECEPTIVE_FIELD = 1_000_000  # samples; 400 in all published ones
RATES = (1_000, 1_000_000)  # Hz; outside of them no audio is meant
DEFAULT_RATE = 16000  # Hz, of a processor that does not say
CONVOLUTIONS = ("conv_dim", "conv_kernel", "conv_stride")

# The largest values taken, an order of magnitude above the largest network published (XLS-R 2B: 1920 wide, 48 layers).
RULES: Rules = {
    "hidden_size": Whole(max=16_384),
    "num_hidden_layers": Whole(max=512),
    "num_attention_heads": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "num_conv_pos_embeddings": Whole(max=4_096),
    "num_conv_pos_embedding_groups": Whole(max=16_384),
    "conv_pos_kernel_size": Whole(max=4_096),
    "num_buckets": Whole(max=65_536),
    "max_bucket_distance": Whole(max=1_000_000),
    "adapter_attn_dim": Whole(max=4_096, optional=True),
    "conv_dim": Wholes(max=16_384),
    "conv_kernel": Wholes(max=65_536),
    "conv_stride": Wholes(max=65_536),
    # The range of the initialiser is for untrained copies; whether there is a vector for masked frames, for both its chances.
    **{key: Real() for key in ("layer_norm_eps", "initializer_range", "mask_time_prob", "mask_feature_prob")},
    **{key: Switch() for key in ("conv_bias", "do_stable_layer_norm", "feat_proj_layer_norm", "conv_pos_batch_norm")},
    "hidden_act": Word(words=activations),
    "feat_extract_activation": Word(words=activations),
    "feat_extract_norm": Word(words=lambda: frozenset({"group", "layer"})),
}
PROCESSOR: Rules = {
    "do_normalize": Switch(),
    "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
}
# What a processor that says nothing does, as Wav2Vec2FeatureExtractor of transformers.
DEFAULT_NORMALIZE = True

# Parts beside the encoder that pre-training, transcription or classification leave in a checkpoint, by the first word of
# their names: heads of transformers' classes for these families, and what fairseq's HuBERT has.
HEADS = frozenset(
    {
        "lm_head",
        "classifier",
        "projector",
        "layer_weights",
        "tdnn",
        "objective",
        "quantizer",
        "project_hid",
        "project_q",
        "final_proj",
        "label_embs_concat",
        "masked_spec_embed",
    }
)


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Settings that are right by themselves and do not go together, the key first.

    Args:
        settings: Those of the convolutions are (n_convolutions,) each; what a frame sees of the audio is bounded, in samples.
    """
    parts = ("num_attention_heads", "num_conv_pos_embedding_groups")
    found = [sentence for part in parts for sentence in not_dividing(settings, part, "hidden_size")]
    lengths = {field: len(settings[field]) for field in CONVOLUTIONS}
    if len(set(lengths.values())) > 1:
        found.append(f"conv_dim has {lengths['conv_dim']} numbers, conv_kernel {lengths['conv_kernel']}, conv_stride "
                     f"{lengths['conv_stride']}; one for each convolution is wanted")  # fmt: skip
        return found
    framing = convolution_framing(tuple(settings["conv_kernel"]), tuple(settings["conv_stride"]), DEFAULT_RATE)
    if framing.receptive_field > MAX_RECEPTIVE_FIELD:
        found.append(f"conv_kernel and conv_stride make a frame of {framing.receptive_field} samples; at most "
                     f"{MAX_RECEPTIVE_FIELD} are taken")  # fmt: skip
    return found


def normalization_and_rate(loaded: Loaded) -> tuple[bool, int]:
    """Whether audio is normalised, and the sample rate in Hz, as option, processor file and module say.

    Raises:
        ValueError: None of them says whether it is.
    """
    said, normalize = loaded.processor, loaded.normalize
    if normalize is None and said is not None:
        normalize = said.get("do_normalize", DEFAULT_NORMALIZE)
    if normalize is None:
        raise ValueError(
            f"{loaded.where}: neither preprocessor_config.json nor processor_config.json beside the weights says whether "
            "audio is normalised; give the option normalize=true or normalize=false"
        )
    return normalize, (said or {}).get("sampling_rate", DEFAULT_RATE)


def build(loaded: Loaded) -> Encoder:
    """The encoder around a network, in the precision and by the engine that were chosen.

    Its sample rate is that of the processor file, in Hz, or 16 kHz.
    """
    return engines.build_encoder(loaded.network, *normalization_and_rate(loaded), loaded.chosen)


def wave_family(
    model_type: str,
    classes: str,
    attention: str = "sdpa",
    rules: Rules | None = None,
    build: Callable[[Loaded], Encoder] = build,
    **different: Any,
) -> Family:
    """A family of this kind.

    Args:
        model_type, classes, attention, build: See `Family`; the prefix of its tensors is the model_type with underscores.
        rules: Beside those that all have.
        different: Other fields of `Family`.
    """
    usual = {"misfits": misfits, "heads": HEADS, "processor": PROCESSOR, "options": {**NORMALIZE, **engines.OPTIONS}}
    prefixes = (model_type.replace("-", "_") + ".",)
    return Family(
        model_type, classes, prefixes, {**RULES, **(rules or {})}, build, attention=attention, **{**usual, **different}
    )
