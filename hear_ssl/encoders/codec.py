"""Neural codecs: the latents that their encoders make of the waveform, before these are quantised. One layer.

Frame i is given the middle of the samples from hop * i to hop * (i + 1); a frame counts if that lies inside the clip.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.nn.utils import parametrize

from hear_ssl.encoders.bounds import Rules
from hear_ssl.encoders.family import Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming


class CodecEncoder(FeatureEncoder):
    """An encoder around the encoder of a codec of `transformers`.

    Args:
        hop: Samples from one frame to the next.
        pads: Whether the library fills a clip up with zeros to a multiple of it.
    """

    def __init__(self, loaded: Loaded, rules: Rules, hop: int, pads: bool):
        config = loaded.network.config
        super().__init__(loaded, rules, config.sampling_rate)
        for module in self.network.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        self.width, self.hop, self.pads = config.hidden_size, hop, pads
        self.timestamp_framing = self.scene_framing = LibraryFraming(
            hop // 2, hop, self.sample_rate, first_centre=hop / 2, reach=hop - hop // 2
        )
        self.margin_seconds = MARGIN_SECONDS

    def layers(self, audio: torch.Tensor, stats: Sequence[Any], framing: Framing) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        n_samples = audio.shape[1]
        if self.pads:
            audio = pad_to(audio, -(-n_samples // self.hop) * self.hop)
        yield self.network(audio[:, None]).transpose(1, 2)[:, : framing.n_frames(n_samples)]


def check_rate(loaded: Loaded) -> None:
    """Refuse a processor file of another sample rate than the network's, in Hz.

    Raises:
        ValueError: They disagree.
    """
    loaded.hold_processor("sampling_rate", loaded.network.config.sampling_rate, "sampling_rate")
