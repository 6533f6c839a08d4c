"""How a transformer is computed: in which precision, and by which engine. Each choice is an encoder class of its own."""

from collections.abc import Mapping
from typing import Any

import torch

from hear_ssl.encoders.bfloat16 import Bfloat16Encoder
from hear_ssl.encoders.precision import refuse_bfloat16
from hear_ssl.encoders.transformer import TransformerEncoder

OPTIONS = {
    "precision": "float32 (default) or bfloat16: products with 8 significant bits, faster where a processor or GPU has them",
    "engine": "torch (default) or openvino (needs the extra openvino): faster on a CPU, another order of rounding",
}
PRECISIONS, ENGINES = ("float32", "bfloat16"), ("torch", "openvino")


def taken_choices(options: dict[str, Any]) -> dict[str, str]:
    """The two choices, taken out of the options and checked before any weights are read.

    Raises:
        ValueError: An unknown value, an engine that is not installed, or bfloat16 where nothing gains from it.
    """
    chosen = {}
    for name, known in (("precision", PRECISIONS), ("engine", ENGINES)):
        chosen[name] = options.pop(name, known[0])
        if chosen[name] not in known:
            raise ValueError(f"option {name}={chosen[name]!r}: known values are {' and '.join(map(repr, known))}")
    if chosen["engine"] == "openvino":
        from hear_ssl.encoders import openvino_engine

        openvino_engine.refuse_absent()
    if chosen["precision"] == "bfloat16" and (chosen["engine"] == "openvino" or not torch.cuda.is_available()):
        refuse_bfloat16(torch.device("cpu"))
    return chosen


def build_encoder(network: Any, normalize: bool, sample_rate: int, chosen: Mapping[str, str]) -> TransformerEncoder:
    """The encoder around a bare network of `transformers`, as `taken_choices` says; sample rate in Hz.

    Raises:
        ValueError: The engine cannot compute this family.
    """
    if chosen["engine"] == "openvino":
        from hear_ssl.encoders.openvino_engine import OpenvinoEncoder

        return OpenvinoEncoder(network, normalize, sample_rate, chosen["precision"])
    kind = Bfloat16Encoder if chosen["precision"] == "bfloat16" else TransformerEncoder
    return kind(network, normalize, sample_rate)
