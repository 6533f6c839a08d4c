"""The networks of `transformers` that run here, and what may be said of one: an allow-list, and bounds on every number.

A config.json comes with weights from anywhere. Of its keys only those that decide the network's form are passed on, each
after a look at its type and size; keys that lead to code or to another network are refused by name. A network is built
without memory (on torch's `meta` device), so that its tensors' shapes can be compared with those of the weights first.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.frames import convolution_framing


class Family(NamedTuple):
    """A kind of network in `transformers`.

    Attributes:
        name: Beginning of the names of its classes.
        prefix: What the names of its tensors begin with where a head lies beside it.
        attention: The implementation of attention that it runs with here; WavLM has only one.
    """

    name: str
    prefix: str
    attention: str


# By the model_type of config.json.
FAMILIES = {
    "wav2vec2": Family("Wav2Vec2", "wav2vec2.", "sdpa"),
    "hubert": Family("Hubert", "hubert.", "sdpa"),
    "wavlm": Family("WavLM", "wavlm.", "eager"),
    "data2vec-audio": Family("Data2VecAudio", "data2vec_audio.", "sdpa"),
}

# The largest values taken, an order of magnitude above the largest network published (XLS-R 2B: 1920 wide, 48 layers).
WHOLE = {
    "hidden_size": 16_384,
    "num_hidden_layers": 512,
    "num_attention_heads": 512,
    "intermediate_size": 65_536,
    "num_conv_pos_embeddings": 4_096,
    "num_conv_pos_embedding_groups": 16_384,
    "conv_pos_kernel_size": 4_096,
    "num_buckets": 65_536,
    "max_bucket_distance": 1_000_000,
    "adapter_attn_dim": 4_096,
}
LISTS = {"conv_dim": 16_384, "conv_kernel": 65_536, "conv_stride": 65_536}
MAX_CONVOLUTIONS = 32
MAX_RECEPTIVE_FIELD = 1_000_000  # samples; 400 in all published ones
# The range of the initialiser is for untrained copies; whether there is a vector for masked frames, for both its chances.
REAL = ("layer_norm_eps", "initializer_range", "mask_time_prob", "mask_feature_prob")
SWITCHES = ("conv_bias", "do_stable_layer_norm", "feat_proj_layer_norm", "conv_pos_batch_norm")
ACTIVATIONS = ("hidden_act", "feat_extract_activation")
NORMS = ("group", "layer")

# Keys that change what the numbers mean, or whose code they are: never passed on, never passed over.
REFUSED = {
    "auto_map": "it names program code of its own, and none is run from a checkpoint",
    "quantization_config": "its weights are packed, and plain ones are wanted",
    "add_adapter": "it puts convolutions behind the encoder, which no embedding here includes",
}
ATTENTION = ("_attn_implementation", "attn_implementation", "_attn_implementation_internal")
# What the library itself has; any other word is looked for on the hub, as code.
OWN_ATTENTION = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")


def model_type(config: Mapping[str, Any], where: str, families: tuple[str, ...]) -> str:
    """The model_type that a config.json says.

    Args:
        config: What is in it.
        where: Its path, for messages.
        families: Those that are taken; keys of `FAMILIES`.

    Raises:
        ValueError: Another one.
    """
    value = config.get("model_type")
    if isinstance(value, str) and value in families:
        return value
    if len(families) > 1 or value not in FAMILIES:
        raise ValueError(f"{where}: model type {value!r} is not one of {', '.join(families)}")
    raise ValueError(
        f"{where}: model type {value!r} is not {families[0]!r}, which this module is; hear_ssl.hf (hf:FOLDER) runs any of "
        f"{', '.join(FAMILIES)}"
    )


def network_settings(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Those keys of a config.json that decide the network's form, checked; all others stay behind.

    Args:
        config: What is in it.
        where: Its path, for messages.

    Raises:
        ValueError: A key that leads to code or to another network, or a value out of bounds.
    """
    for key, why in REFUSED.items():
        if config.get(key):
            raise ValueError(f"{where}: the key {key} is set: {why}")
    for key in ATTENTION:
        value = config.get(key)
        if value is not None and value not in OWN_ATTENTION:
            raise ValueError(
                f"{where}: {key} is {str(value)[:100]!r}, which names code to be fetched; remove the key: how attention is "
                "computed is not the checkpoint's affair"
            )
    allowed = (*WHOLE, *LISTS, *REAL, *SWITCHES, *ACTIVATIONS, "feat_extract_norm")
    return {key: config[key] for key in allowed if key in config}


def build(family: str, settings: Mapping[str, Any], where: str, names: Mapping[str, str] | None = None) -> Any:
    """A network without weights on torch's `meta` device, which takes no memory; in evaluation mode.

    Args:
        family: Key of `FAMILIES`.
        settings: What `network_settings` gave; what is left out is the library's default, what this family does not
            know stays out.
        where: File that they come from, for messages.
        names: What that file calls a setting, where it is something else.

    Raises:
        ValueError: A value of the wrong type or out of bounds; the message names field and value.
    """
    kind = FAMILIES[family]
    with weights.quiet_transformers() as transformers:
        make_config = getattr(transformers, f"{kind.name}Config")
        default = make_config().to_dict()
        known = {key: value for key, value in settings.items() if key in default}
        # What is left out is checked too: the library's defaults may not go with what is there.
        for problem in _problems(default | known, set(transformers.activations.ACT2FN)):
            field, _, rest = problem.partition(" ")
            raise ValueError(f"{where}: {(names or {}).get(field, field)} {rest}")
        config = make_config(**known, attn_implementation=kind.attention)
        # The library draws a random vector even so; the caller's random numbers are not to depend on it.
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return getattr(transformers, f"{kind.name}Model")(config).eval()


def _problems(settings: Mapping[str, Any], activations: set[str]) -> list[str]:
    """What is wrong with settings, the field first; nothing is computed from a value before it is known to be small."""
    found = []
    for field, most in WHOLE.items():
        absent = field not in settings or (field == "adapter_attn_dim" and settings[field] is None)
        if not absent and not _is_whole(settings[field], most):
            found.append(f"{field} is {_shown(settings[field])}; a whole number from 1 to {most} is wanted")
    for field, most in LISTS.items():
        value = settings[field]
        if not (isinstance(value, (list, tuple)) and 0 < len(value) <= MAX_CONVOLUTIONS):
            found.append(f"{field} is {_shown(value)}; a list of 1 to {MAX_CONVOLUTIONS} numbers is wanted")
        elif not all(_is_whole(item, most) for item in value):
            found.append(f"{field} is {_shown(value)}; whole numbers from 1 to {most} are wanted")
    for field in REAL:
        value = settings.get(field, 0)
        if isinstance(value, bool) or not (isinstance(value, (int, float)) and 0 <= value <= 1):
            found.append(f"{field} is {_shown(value)}; a number from 0 to 1 is wanted")
    found += [
        f"{field} is {_shown(settings[field])}; true or false is wanted"
        for field in SWITCHES
        if not isinstance(settings.get(field, False), bool)
    ]
    for field, words in ((ACTIVATIONS[0], activations), (ACTIVATIONS[1], activations), ("feat_extract_norm", {*NORMS})):
        value = settings.get(field, "layer" if field == "feat_extract_norm" else None)
        if not (isinstance(value, str) and value in words):
            found.append(f"{field} is {_shown(value)}; known are {', '.join(sorted(words))}")
    return found or _misfits(settings)


def _misfits(settings: Mapping[str, Any]) -> list[str]:
    """Settings that are right by themselves and do not go together, the field first."""
    width, found = settings["hidden_size"], []
    for field in ("num_attention_heads", "num_conv_pos_embedding_groups"):
        if width % settings[field]:
            found.append(f"{field} is {settings[field]}, which does not divide hidden_size, {width}")
    lengths = {field: len(settings[field]) for field in LISTS}
    if len(set(lengths.values())) > 1:
        found.append(f"conv_dim has {lengths['conv_dim']} numbers, conv_kernel {lengths['conv_kernel']}, conv_stride "
                     f"{lengths['conv_stride']}; one for each convolution is wanted")  # fmt: skip
        return found
    framing = convolution_framing(tuple(settings["conv_kernel"]), tuple(settings["conv_stride"]), 16000)
    if framing.receptive_field > MAX_RECEPTIVE_FIELD:
        found.append(f"conv_kernel and conv_stride make a frame of {framing.receptive_field} samples; at most "
                     f"{MAX_RECEPTIVE_FIELD} are taken")  # fmt: skip
    return found


def _is_whole(value: Any, most: int) -> bool:
    """Whether it is a whole number from 1 to `most`, and no Boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _shown(value: Any) -> str:
    """A value as it is shown in a sentence, at most 80 characters of it.

    >>> _shown("gelu"), _shown(10**9)
    ("'gelu'", '1000000000')
    """
    try:
        return repr(value)[:80]
    except ValueError:  # a whole number of more than 4300 digits
        return "a number of thousands of digits"
