"""Encoders of `transformers` that look at a spectrogram: what they have in common."""

import math
from collections.abc import Mapping
from typing import Any

import torch

from hear_ssl.encoders.bounds import Rules
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.equal_lengths import EqualLengthsEncoder
from hear_ssl.encoders.family import Loaded

CONTEXTS = ("padded", "clip")
CONTEXT_OPTION = {
    "context": "padded (default: a clip shorter than the network's input is padded as in training, and only its own frames are "
    "pooled) or clip (the network sees the clip's own frames only, at the first of its positions)"
}
# Frames near a window's end lack context: so much of a long recording overlaps on either side, where windows are long enough.
MARGIN_SECONDS = 2.5
# Of networks that see every clip at their full length, however short it is: bounds the memory.
ROWS_AT_ONCE = 16


class FeatureEncoder(EqualLengthsEncoder):
    """An encoder around a bare network of `transformers` and a front end of ours; sample rate in Hz.

    Args:
        loaded: The network and what is said of it.
        rules: Keys of its config that decide its frames.

    Attributes:
        longest_seconds: What the network sees at once.
        one_window: Whether it sees stretches of that length and no others: shorter ones are filled up.
        revision: Commit on the hub that the weights are from; "" for those of a folder.
    """

    longest_seconds = math.inf
    one_window = False
    revision = ""

    def __init__(self, loaded: Loaded, rules: Rules, sample_rate: int):
        super().__init__()
        self.network = loaded.network
        self.sample_rate = sample_rate
        config = self.network.config
        self.decides = {key: repr(getattr(config, key, None)) for key in sorted(rules)}
        self.decides.update({f"processor {key}": repr(value) for key, value in (loaded.processor or {}).items()})

    def get_extra_state(self) -> dict[str, Any]:
        """See `Encoder`."""
        return {"sample_rate": self.sample_rate, **self.decides}

    def see_at_most(self, n_frames: int) -> None:
        """Set how long windows are and overlap, for a network that takes so many frames."""
        self.longest_seconds = self.scene_framing.seconds(n_frames)  # type: ignore[attr-defined]
        self.margin_seconds = max(0.0, min(MARGIN_SECONDS, (self.longest_seconds - 1) / 8))
        self.rows_at_once = ROWS_AT_ONCE


def context_of(options: Mapping[str, Any]) -> str:
    """The option `context`: whether a clip shorter than the network's input is padded to it, or gives its own frames only.

    Raises:
        ValueError: No known value.
    """
    context = options.get("context", CONTEXTS[0])
    if context not in CONTEXTS:
        raise ValueError(f"option context={context!r}: known values are {' and '.join(map(repr, CONTEXTS))}")
    return str(context)


def pad_to(audio: torch.Tensor, n_samples: int) -> torch.Tensor:
    """Audio (batch, n) with zeros at its end up to so many samples, where it has fewer."""
    return torch.nn.functional.pad(audio, (0, max(0, n_samples - audio.shape[1])))


def states(out: Any) -> list[torch.Tensor]:
    """Hidden states of the library's output, the last of them after the final norm, (batch, n_frames, width) each."""
    return [*out.hidden_states[:-1], out.last_hidden_state]


def pass_on(out: Any, on_layer: OnLayer) -> None:
    """Pass `states` of the library's output, (batch, n_frames, width) each, to `on_layer`."""
    for number, frames in enumerate(states(out)):
        on_layer(number, frames)
