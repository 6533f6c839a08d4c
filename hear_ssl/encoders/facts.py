"""What a module's file says of its network in numbers, so that a list of modules can be read without loading any.

Each file has `FACTS = Facts(...)`, written in literals: whoever lists them reads the file and runs nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What a module's network is, as far as it is known; None and "" for what is not.

    Attributes:
        width: Size of one frame of one layer.
        layers: Of the transformer, or 1 where a network, or an ensemble, shows its output only.
        parameters: How many numbers its weights hold, without parts of a checkpoint that no embedding needs.
        sample_rate: Of the audio it takes, in Hz.
        trained_on: What sounds, and how many hours of them.
        network: Settings of the network beside layers and width, as its library's config calls them, where these are not the
            library's own: from them the same network is built with random weights, to see how fast it is.
    """

    width: int | None = None
    layers: int | None = None
    parameters: int | None = None
    sample_rate: int | None = None
    trained_on: str = ""
    network: Mapping[str, Any] = field(default_factory=dict)
