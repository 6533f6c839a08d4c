"""wav2vec 2.0, HuBERT, WavLM and data2vec with matrix products in bfloat16: the network of `transformers`, its products exchanged.

Weights and inputs of every product are rounded to bfloat16 (8 significant bits) and summed in float32. The residual stream, norms,
softmax, the first convolution with its statistics, and pooling stay in float32, so that rounding does not pile up from layer to
layer. Frames come out as float32.
"""

import copy
from typing import Any

import torch
from torch.nn import functional

from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.precision import refuse_bfloat16
from hear_ssl.encoders.time_major import TimeMajorEncoder, TimeMajorLayer
from hear_ssl.encoders.transformer import ClipStats, TransformerEncoder

CONVOLUTION_DRIFT = 0.01  # of the RMS: bfloat16 rounds a number to 0.2 % of it, and a wrong convolution is off by 100 %


class Bfloat16Encoder(TransformerEncoder):
    """A `TransformerEncoder` whose products run in bfloat16.

    Its tensors, and so their hash, are those of the float32 network; the rounded copies are made from them when they are first
    needed, and take half as much memory again. Sample rate in Hz.
    """

    precision = "bfloat16"

    def __init__(self, network: torch.nn.Module, normalize: bool, sample_rate: int = 16000):
        super().__init__(network, normalize, sample_rate)
        # In a tuple, where torch does not look for more tensors of this one's state.
        self._made: tuple[Any, Any] = (None, None)

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipStats],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`.

        Raises:
            ValueError: This processor would gain nothing.
        """
        refuse_bfloat16(audio.device)
        self.rounded().forward(audio, n_samples, framing, clip_stats, on_layer)

    def rounded(self) -> TransformerEncoder:
        """The encoder that runs, made anew after weights were changed or moved: not where `.data` was written, of which torch tells nobody."""
        tensors = [*self.network.parameters(), *self.network.buffers()]
        state = [(tensor.data_ptr(), tensor._version) for tensor in tensors]
        if self._made[0] != state:
            self._made = state, _RoundedEncoder(_rounded(self.network), self.normalize, self.sample_rate)
        running: TransformerEncoder = self._made[1]
        return running


class _RoundedEncoder(TimeMajorEncoder):
    """An encoder around a network whose products were exchanged."""

    def features(self, audio: torch.Tensor, n_samples: list[int], clip_stats: list[ClipStats]) -> torch.Tensor:
        """Output of the convolutions, (batch, channels, n_frames), float32; padding reaches no real frame."""
        first, *others = self.network.feature_extractor.conv_layers
        x = self.first_in_time(first, audio, n_samples, clip_stats)
        for layer in others:
            x = layer(x)
        return x.float().transpose(1, 2)


class _Linear(torch.nn.Module):
    """A linear layer of bfloat16 weights; it takes any floats and gives `gives`."""

    def __init__(self, linear: torch.nn.Linear, gives: torch.dtype = torch.bfloat16):
        super().__init__()
        self.weight = linear.weight.bfloat16()
        self.bias = None if linear.bias is None else linear.bias.bfloat16()
        self.gives = gives

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.bfloat16(), self.weight, self.bias).to(self.gives)


class _PositionalConvolution(torch.nn.Module):
    """A positional convolution of bfloat16 weights, (batch, width, n_frames), float32 on both sides.

    Some libraries of convolutions are wrong in bfloat16 for some shapes (oneDNN of torch 2.13 with AMX: a kernel of 128 over fewer than 16
    channels a group). So it is tried once; where it is not the float32 convolution of the same rounded numbers, that one is taken.
    """

    def __init__(self, convolution: torch.nn.Conv1d):
        super().__init__()
        self.weight = convolution.weight.bfloat16()
        self.bias = None if convolution.bias is None else convolution.bias.bfloat16()
        self.padding, self.groups = convolution.padding, convolution.groups
        if not self.is_right():
            self.weight = self.weight.float()
            self.bias = None if self.bias is None else self.bias.float()

    @torch.no_grad()
    def is_right(self) -> bool:
        """Whether it gives a few frames of noise what float32 gives, within the rounding of its output."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(1, self.weight.shape[1] * self.groups, 8, generator=generator).to(self.weight)
        given, wanted = (self.of(x.to(kind), self.weight.to(kind)).float() for kind in (x.dtype, torch.float32))
        return bool((given - wanted).square().sum() <= CONVOLUTION_DRIFT**2 * wanted.square().sum())

    def of(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The convolution in the type of `x` and `weight`, (batch, width, n_frames)."""
        bias = None if self.bias is None else self.bias.to(weight.dtype)
        return functional.conv1d(x, weight, bias, padding=self.padding, groups=self.groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.of(x.bfloat16().to(self.weight.dtype), self.weight).float()


class _WavlmAttention(torch.nn.Module):
    """WavLM's attention around linear layers that are rounded: the library gives their bare weights to a function of torch."""

    def __init__(self, attention: Any):
        super().__init__()
        self.attention, self.n_heads = attention, attention.num_heads
        self.q, self.k, self.v, self.out = (getattr(attention, f"{name}_proj") for name in ("q", "k", "v", "out"))

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_bias: torch.Tensor | None = None,
        **unused: Any,
    ) -> tuple[torch.Tensor, None, torch.Tensor]:
        batch, n_frames, width = hidden_states.shape
        if position_bias is None:
            position_bias = self.attention.compute_bias(n_frames, n_frames)  # (heads, n_frames, n_frames)
        heads = hidden_states.view(batch, n_frames, self.n_heads, -1).transpose(1, 2)
        gates = self.attention.gru_rel_pos_linear(heads).unflatten(-1, (2, 4)).sum(-1)
        reset, update = torch.sigmoid(gates).chunk(2, dim=-1)  # (batch, heads, n_frames, 1) each
        bias = (reset * (update * self.attention.gru_rel_pos_const - 1.0) + 2.0) * position_bias
        if attention_mask is not None:
            bias = bias.masked_fill(~attention_mask[:, None, None], -torch.inf)
        q, k, v = (
            product(hidden_states).view(batch, n_frames, self.n_heads, -1).transpose(1, 2)
            for product in (self.q, self.k, self.v)
        )
        heads = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.out(heads.transpose(1, 2).reshape(batch, n_frames, width)), None, position_bias


def _rounded(network: Any) -> Any:
    """A copy of a network that shares its tensors, but for those of its products."""
    rounded = copy.deepcopy(network, {id(tensor): tensor for tensor in [*network.parameters(), *network.buffers()]})
    # On a CPU, attention in float32 is as fast, more exact, and keeps a clip closer to itself in a batch.
    of_attention = torch.float32 if rounded.device.type == "cpu" else torch.bfloat16
    layers = rounded.feature_extractor.conv_layers
    for number, layer in enumerate(layers):
        if number:
            layers[number] = TimeMajorLayer(layer, torch.bfloat16)
        elif not isinstance(getattr(layer, "layer_norm", None), torch.nn.GroupNorm):
            layers[number] = TimeMajorLayer(layer, torch.float32)
    projection = rounded.feature_projection
    projection.projection = _Linear(projection.projection, torch.float32)
    position = rounded.encoder.pos_conv_embed
    for part in getattr(position, "layers", None) or [position]:
        part.conv = _PositionalConvolution(part.conv)
    for layer in rounded.encoder.layers:
        for name, product in list(layer.attention.named_children()):
            if name.endswith("_proj"):
                setattr(layer.attention, name, _Linear(product, of_attention))
        if hasattr(layer.attention, "gru_rel_pos_linear"):
            layer.attention = _WavlmAttention(layer.attention)
        for name in ("intermediate_dense", "output_dense"):
            setattr(layer.feed_forward, name, _Linear(getattr(layer.feed_forward, name)))
    return rounded.eval()
