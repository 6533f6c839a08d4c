"""wav2vec 2.0, HuBERT, WavLM and data2vec computed on a CPU by OpenVINO, from the network of `transformers`.

torch computes the first convolution and its norm, whose statistics are those of a whole clip, in float32; the graph does the rest.
It has no mask: windows with equally many frames share a pass, others run by themselves. Its shapes are dynamic, so that it is
compiled once. Before it is used, it has to give what torch gives.

Source: https://docs.openvino.ai (2026)
"""

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.time_major import TimeMajorEncoder, TimeMajorLayer
from hear_ssl.encoders.transformer import ClipStats

HINTS = {"float32": "f32", "bfloat16": "bf16"}
# How far the graph may be from torch on noise, as a share of the RMS: rounding, and nothing that a wrong graph would give.
PROOF = {"float32": 1e-3, "bfloat16": 0.1}
PROVED_FRAMES = (5, 200)  # a graph in which a length has been frozen gives no second one


def refuse_absent() -> None:
    """Refuse the engine where it is not installed.

    Raises:
        ValueError: It is not.
    """
    if find_spec("openvino") is None:
        raise ValueError(
            "option engine='openvino': openvino is not installed; pip install 'hear-ssl[openvino]', or leave it out"
        )


class OpenvinoEncoder(TimeMajorEncoder):
    """A `TransformerEncoder` that OpenVINO computes; its tensors are those of the float32 network. Sample rate in Hz.

    Args:
        precision: "float32" or "bfloat16".
    """

    engine = "openvino"

    def __init__(self, network: torch.nn.Module, normalize: bool, sample_rate: int = 16000, precision: str = "float32"):
        super().__init__(network, normalize, sample_rate)
        self.precision = precision
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
            ValueError: The model is not on the CPU, or OpenVINO cannot compute this family.
        """
        if audio.device.type != "cpu":
            raise ValueError(
                f"option engine='openvino' computes on the CPU, and the model is on {audio.device}: use device cpu"
            )
        mean = torch.stack([stats.mean for stats in clip_stats]).unsqueeze(1)
        scale = torch.stack([stats.scale for stats in clip_stats]).unsqueeze(1)
        x = self.first_in_time(self.first_layer_now(), (audio - mean) * scale, n_samples, clip_stats)
        n_frames = [framing.n_frames(n) for n in n_samples]
        if len(set(n_frames)) == 1:
            for number, frames in enumerate(self.rest(x[:, : self.frames_before(n_frames[0])])):
                on_layer(number, frames.clone())
            return
        layers = [torch.zeros(len(audio), max(n_frames), self.width) for _ in range(self.n_layers)]
        for n in sorted(set(n_frames)):
            rows = [row for row, own in enumerate(n_frames) if own == n]
            for layer, frames in zip(layers, self.rest(x[rows, : self.frames_before(n)]), strict=True):
                layer[rows, :n] = frames
        for number, layer in enumerate(layers):
            on_layer(number, layer)

    def first_layer_now(self) -> Any:
        """The first layer as `first_in_time` takes it."""
        layer = self.network.feature_extractor.conv_layers[0]
        return layer if self.group_norm else TimeMajorLayer(layer, torch.float32)

    def frames_before(self, n_frames: int) -> int:
        """How many frames of the first convolution so many frames of the last one see."""
        for kernel, stride in reversed(self.strides[1:]):
            n_frames = (n_frames - 1) * stride + kernel
        return n_frames

    def rest(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Every layer, (batch, n_frames, width), from the output of the first convolution, (batch, frames before, channels)."""
        tensors = [*self.network.parameters(), *self.network.buffers()]
        state = [(tensor.data_ptr(), tensor._version) for tensor in tensors]
        if self._made[0] != state:
            self._made = state, self.proved(self.compiled())
        return _answer(self._made[1], x)

    def compiled(self) -> Any:
        """The graph after the first convolution, compiled for any batch and length.

        Raises:
            ValueError: OpenVINO cannot convert this family.
        """
        import openvino

        channels = self.network.config.conv_dim[0]
        example = torch.zeros(2, self.frames_before(PROVED_FRAMES[1]), channels)
        try:
            with torch.no_grad(), weights.quiet_transformers(), warnings.catch_warnings():
                # Tracing tells of every comparison in Python; `proved` sees whether one froze a length.
                warnings.simplefilter("ignore", torch.jit.TracerWarning)
                graph = openvino.convert_model(
                    _Rest(self), example_input=example, input=[openvino.PartialShape([-1, -1, channels])]
                )
            hints = {
                "INFERENCE_PRECISION_HINT": HINTS[self.precision],
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,
            }
            return openvino.Core().compile_model(graph, "CPU", hints).create_infer_request()
        except Exception as error:  # it raises a dozen kinds of its own
            raise self.unfit(str(error).strip().splitlines()[-1][:200]) from error

    def proved(self, request: Any) -> Any:
        """The compiled graph, after it gave what torch gives for noise of two lengths.

        Raises:
            ValueError: It does not.
        """
        generator, rest = torch.Generator().manual_seed(0), _Rest(self)
        for n_frames in PROVED_FRAMES:
            size = (2, self.frames_before(n_frames), self.network.config.conv_dim[0])
            x = torch.randn(size, generator=generator)
            for number, (ours, wanted) in enumerate(zip(_answer(request, x), rest(x), strict=True)):
                apart = float((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())
                if not apart <= PROOF[self.precision]:
                    raise self.unfit(f"layer {number} is {100 * apart:.2g} % of the RMS from torch's")
        return request

    def unfit(self, why: str) -> ValueError:
        """The error of a family that cannot be computed."""
        family = getattr(self.network.config, "model_type", type(self.network).__name__)
        return ValueError(
            f"option engine='openvino' cannot compute this {family} network ({why}); leave the option out, and torch does"
        )


class _Rest(torch.nn.Module):
    """All of a network after its first convolution, (batch, frames before, channels): its layers, (batch, n_frames, width) each."""

    def __init__(self, encoder: TimeMajorEncoder):
        super().__init__()
        self.network, self.encoder = encoder.network, (encoder,)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The layers, the encoder's input first."""
        x = x.transpose(1, 2)
        for layer in self.network.feature_extractor.conv_layers[1:]:
            x = layer(x)
        projected = self.network.feature_projection(x.transpose(1, 2))
        hidden = projected[0] if isinstance(projected, tuple) else projected
        layers: list[torch.Tensor] = []
        self.encoder[0].transform(hidden, None, lambda number, frames: layers.append(frames))
        return tuple(layers)


def _answer(request: Any, x: torch.Tensor) -> Iterator[torch.Tensor]:
    """What the graph gives, a layer at a time, in memory that the next call uses again."""
    answers = request.infer([np.ascontiguousarray(x.numpy())], share_inputs=True, share_outputs=True)
    return (torch.from_numpy(answers[number]) for number in range(len(answers)))
