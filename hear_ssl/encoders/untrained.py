"""The untrained copy of a HEAR module: the same code, sizes and input processing, every weight drawn anew.

Weights are drawn as the network's own authors draw them before training: by each part's `reset_parameters`, then, for
networks of `transformers`, by their `_init_weights`. Batch norms forget what they saw (mean 0, variance 1). A parameter
that neither reaches, such as one under weight norm, is drawn from the normal distribution with the mean and standard
deviation of the trained tensor, so that its scale, and nothing else of the training, is kept.

Buffers stay, for windows and filters are no weights; so do, where a network has some parameters that ask for gradients,
those that do not, for these are what its authors froze (the spectrogram of PANNs, for example).
"""

import inspect
import sys
from collections.abc import Sequence
from typing import Any

import torch

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.ensemble import Ensemble
from hear_ssl.encoders.member import Member
from hear_ssl.encoders.source import source_hash

OPTIONS = {
    "untrained_seed": "which of the possible draws, a whole number from 0 (default 0)",
    "untrained_weights": "weights that the module is loaded with before they are drawn anew",
}


class _Original(Member):
    """The trained module whose weights are drawn anew; arguments and errors as of a `Member`."""

    role = "module"
    remedy = ""


class UntrainedPlainModule(torch.nn.Module):
    """The untrained copy of a plain HEAR module (not ours), called through that module's own functions.

    Attributes:
        sample_rate: Of the audio it takes, in Hz; as the original's.
        timestamp_embedding_size, scene_embedding_size: The original's.
        takes_clips, n_layers: Whether the original has `get_clip_embeddings`, else it knows batches of equally long clips only; and the
            layers that this shows.
    """

    def __init__(self, member: Member):
        super().__init__()
        self.member = member
        self.sample_rate = member.sample_rate
        self.timestamp_embedding_size, self.scene_embedding_size = member.width, member.scene_width
        self.takes_clips = callable(getattr(member.module, "get_clip_embeddings", None))
        self.n_layers = getattr(member.model, "n_layers", 0) if self.takes_clips else 0

    def embedding_identity(self) -> dict[str, Any]:
        """What its embeddings depend on beside audio and torch's weights, in words of JSON, of whatever (n_layers, width)."""
        return {
            "code": source_hash(type(self).__module__),
            "untrained": self.member.identity(),
            "scene_from": None,
            "foreign": True,
        }

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    def timestamps(self, audio: torch.Tensor) -> Any:
        """What the module's own function gives of (n_sounds, n_samples)."""
        return self.member.module.get_timestamp_embeddings(audio, self.member.model)

    def clips(self, clips: Sequence[torch.Tensor], layers: bool) -> dict[str, Any]:
        """What the module's own function gives of clips (n_samples,), with layers if it shows some; equally long ones share a call else."""
        if self.takes_clips:
            return dict(self.member.module.get_clip_embeddings(list(clips), self.member.model))
        scene = self.member.module.get_scene_embeddings
        if len({len(clip) for clip in clips}) == 1:
            return {"scene": scene(torch.stack(list(clips)), self.member.model)}
        return {"scene": torch.cat([scene(clip[None], self.member.model) for clip in clips])}


def load_model(model_file_path: str = "", **options: Any) -> Model | Ensemble | UntrainedPlainModule:
    """The untrained copy of a module, frozen and in evaluation mode; sample rate in Hz and sizes are the module's.

    Args:
        model_file_path: The module: importable, the path of a .py file, hf:ORG/MODEL or ensemble:MODULE+MODULE.
        **options: See `OPTIONS`; all others go to the module's own `load_model`.

    Raises:
        ValueError: No module, a wrong option, a module without torch weights, or what the module refuses.
    """
    seed, path = options.pop("untrained_seed", 0), options.pop("untrained_weights", "")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"option untrained_seed={seed!r}: {OPTIONS['untrained_seed']}")
    original = _load_original(str(model_file_path), str(path), options)
    model: Any = original.model
    if not isinstance(model, torch.nn.Module):
        raise ValueError(
            f"{original.name} has no untrained copy: its model is {type(model).__name__}, no torch network"
        )
    if not redraw(model, seed):
        raise ValueError(f"{original.name} has no untrained copy: it holds no torch weights that were ever trained")
    untrained = model if isinstance(model, (Model, Ensemble)) else UntrainedPlainModule(original)
    untrained.trained_on, untrained.heard = {}, ()
    untrained.requires_grad_(False).eval()
    return untrained


def _load_original(name: str, path: str, options: dict[str, Any]) -> _Original:
    """The trained module, loaded.

    Raises:
        ValueError: There is no such module, or it refuses its weights or options.
    """
    if not name:
        raise ValueError("untrained needs the name of a module as model_file_path, such as hear_ssl.byol_a_mini")
    if name.startswith("ensemble:"):
        if path:
            raise ValueError(f"{name} names its members already; leave out untrained_weights={path!r}")
        return _Original("hear_ssl.ensemble", name.removeprefix("ensemble:"), options)
    return _Original(name, path, options)


@torch.no_grad()
def redraw(network: torch.nn.Module, seed: int) -> int:
    """Draw every weight anew, in place and the same for the same seed; the generators of the process stay as they are.

    Args:
        network: Each of its tensors keeps its shape and dtype.
        seed: From 0; the draws depend on it, on the network and on nothing else.

    Returns:
        How many tensors changed.
    """
    before = {name: tensor.clone() for name, tensor in state_tensors(network).items()}
    parameters = dict(network.named_parameters())
    trainable = {name for name, tensor in parameters.items() if tensor.requires_grad}
    frozen = set(parameters) - trainable if trainable else set()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in network.modules():
            _reset(part)
        _initialise_transformers(network)
        for name, tensor in parameters.items():
            if name in frozen:
                tensor.copy_(before[name])
            elif torch.equal(tensor, before[name]) and tensor.numel() > 1:
                _redraw_at_its_scale(tensor)
    return sum(not torch.equal(tensor, before[name]) for name, tensor in state_tensors(network).items())


def state_tensors(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a network's state, by name and of any shape, without what else it remembers."""
    return {name: value for name, value in network.state_dict().items() if isinstance(value, torch.Tensor)}


def _reset(part: torch.nn.Module) -> None:
    """What a part of a network does to begin anew by itself, if it can."""
    for name in ("reset_parameters", "_reset_parameters"):  # the latter: torch's attention
        function = getattr(part, name, None)
        if callable(function) and not inspect.signature(function).parameters:
            function()


def _initialise_transformers(network: torch.nn.Module) -> None:
    """Let the networks of `transformers` inside draw their weights, those too that came from a checkpoint.

    transformers 5 marks what it loaded, and its initialisers pass over what is marked.
    """
    library = sys.modules.get("transformers")
    for pretrained in network.modules() if library else ():
        if isinstance(pretrained, library.PreTrainedModel):  # type: ignore[union-attr]
            for marked in (*pretrained.modules(), *pretrained.parameters(), *pretrained.buffers()):
                vars(marked).pop("_is_hf_initialized", None)
            for part in pretrained.modules():
                pretrained._init_weights(part)


def _redraw_at_its_scale(tensor: torch.Tensor) -> None:
    """Fill a tensor with normal numbers of its own mean and standard deviation; a constant one stays as it is."""
    std, mean = torch.std_mean(tensor.float())
    if std > 0:
        tensor.normal_(mean.item(), std.item())
