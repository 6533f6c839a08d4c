"""How a transformer is computed: each choice is an encoder class of its own."""

from collections.abc import Mapping
from typing import Any

import torch

from hear_ssl.encoders.bfloat16 import Bfloat16Encoder
from hear_ssl.encoders.precision import refuse_bfloat16
from hear_ssl.encoders.transformer import TransformerEncoder

OPTIONS = {
    "precision": "float32 (default) or bfloat16: products with 8 significant bits, faster where a processor or GPU has them",
}
PRECISIONS = ("float32", "bfloat16")


def taken_choices(options: dict[str, Any]) -> dict[str, str]:
    """The choices, taken out of the options and checked before any weights are read.

    Raises:
        ValueError: An unknown value, or bfloat16 where nothing gains from it.
    """
    precision = options.pop("precision", PRECISIONS[0])
    if precision not in PRECISIONS:
        raise ValueError(f"option precision={precision!r}: known values are {' and '.join(map(repr, PRECISIONS))}")
    if precision == "bfloat16" and not torch.cuda.is_available():
        refuse_bfloat16(torch.device("cpu"))
    return {"precision": precision}


def build_encoder(network: Any, normalize: bool, sample_rate: int, chosen: Mapping[str, str]) -> TransformerEncoder:
    """The encoder around a bare network of `transformers`, as `taken_choices` says; sample rate in Hz."""
    kind = Bfloat16Encoder if chosen["precision"] == "bfloat16" else TransformerEncoder
    return kind(network, normalize, sample_rate)
