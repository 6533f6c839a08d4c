"""The speech encoder of SeamlessM4T, both versions: w2v-BERT's front end and layers, without the adapter that follows them.

Layers are the conformer's, at 50 frames per second, the last of them after its final layer norm. What follows in the library (a
feed-forward part, an adapter that makes one frame of eight, a norm) prepares them for the text decoder, and is left out.

Source: Seamless Communication et al. 2023, https://arxiv.org/abs/2308.11596 and https://arxiv.org/abs/2312.05187
"""

import importlib
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch

from hear_ssl.encoders.bounds import Real, Rules, Switch, Whole, Word, activations, not_dividing
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.stacked_bands import PROCESSOR, STACK, StackedBandsEncoder, refuse_other_bands

BEHIND_THE_LAYERS = ("intermediate_ffn", "adapter", "inner_layer_norm")


class SeamlessEncoder(StackedBandsEncoder):
    """An encoder around the library's speech encoder; 16 kHz."""

    def __init__(self, loaded: Loaded, rules: Rules):
        # The num_hidden_layers of its config are the decoder's.
        super().__init__(loaded, rules, loaded.network.config.speech_encoder_layers + 1)
        for part in BEHIND_THE_LAYERS:
            setattr(self.network, part, None)

    def run_network(self, stacked: torch.Tensor, mask: torch.Tensor | None, on_layer: OnLayer) -> None:
        """See `StackedBandsEncoder.run_network`."""

        def before(number: int, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            on_layer(number, inputs[0])

        encoder = self.network.encoder
        with ExitStack() as hooks:
            for number, layer in enumerate(encoder.layers):
                hooks.callback(layer.register_forward_pre_hook(partial(before, number)).remove)
            last = encoder(self.network.feature_projection(stacked), attention_mask=mask)
        on_layer(self.n_layers - 1, last)


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, a vector is two frames of mel bands, and the convolutions of the layers have a middle."""
    found = not_dividing(settings, "speech_encoder_attention_heads", "hidden_size")
    size, kernel = settings["feature_projection_input_dim"], settings["conv_depthwise_kernel_size"]
    found += [f"feature_projection_input_dim is {size}, no even number"] if size % STACK else []
    return found + ([f"conv_depthwise_kernel_size is {kernel}, no odd number"] if kernel % 2 == 0 else [])


RULES: Rules = {
    "hidden_size": Whole(max=16_384),
    "speech_encoder_layers": Whole(max=512),
    "speech_encoder_attention_heads": Whole(max=512),
    "speech_encoder_intermediate_size": Whole(max=65_536),
    "speech_encoder_hidden_act": Word(words=activations),
    "feature_projection_input_dim": Whole(max=1_024),
    "layer_norm_eps": Real(),
    "initializer_range": Real(),
    "conv_depthwise_kernel_size": Whole(max=1_023),
    "add_adapter": Switch(),
    "adaptor_kernel_size": Whole(max=1_024),
    "adaptor_stride": Whole(max=1_024),
    "num_adapter_layers": Whole(max=64),
}


def seamless_family(model_type: str, classes: str, rules: Rules) -> Family:
    """The family of a version, with a frame every 20 ms of audio at 16 kHz.

    Args:
        model_type, classes: See `Family`.
        rules: Beside those that both have.
    """
    own = {**RULES, **rules}

    def build(loaded: Loaded) -> SeamlessEncoder:
        refuse_other_bands(loaded)
        return SeamlessEncoder(loaded, own)

    def bare(library: Any, config: Any) -> Any:
        module = importlib.import_module(f"transformers.models.{model_type}.modeling_{model_type}")
        return getattr(module, f"{classes}SpeechEncoder")(config)

    return Family(
        model_type,
        classes,
        ("speech_encoder.",),
        own,
        build,
        misfits=misfits,
        refused={"add_adapter": ""},  # it is left out here
        heads=frozenset({"shared", "text_encoder", "text_decoder", "lm_head", "t2u_model", "vocoder"}),
        processor=PROCESSOR,
        n_layers="speech_encoder_layers",
        network=bare,
    )
