"""Misbehaving modules of torch: a buffer used again, running statistics, active dropout, weights beside a plain class."""

import os

import torch

BUFFER = torch.zeros(64, 16)
WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "border_weights.pt")


class Model(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = 16
    timestamp_embedding_size = 16

    def __init__(self, ill):
        super().__init__()
        self.ill = ill
        generator = None if ill == "drawn_anew" else torch.Generator().manual_seed(3)
        self.kernel = torch.nn.Parameter(torch.randn(16, 1, 400, generator=generator) / 20, requires_grad=False)
        self.norm = torch.nn.BatchNorm1d(16, affine=False)

    def frames(self, audio):
        audio = torch.nn.functional.pad(audio, (0, max(0, 400 - audio.shape[1])))
        frames = torch.conv1d(audio[:, None], self.kernel, stride=400).abs()
        if self.ill == "running_statistics":
            frames = torch.nn.functional.batch_norm(
                frames, self.norm.running_mean, self.norm.running_var, training=True
            )
        if self.ill == "active_dropout":
            frames = torch.nn.functional.dropout(frames, 0.5, training=True)
        return frames.transpose(1, 2)


class Plain:
    """A network that no state_dict shows."""

    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 16

    def __init__(self):
        self.net = Model("none")
        if os.path.isfile(WEIGHTS):
            self.net.load_state_dict(torch.load(WEIGHTS, weights_only=True))
        self.ill, self.frames = "plain", self.net.frames


def load_model(model_file_path="", ill="none"):
    return Plain() if ill == "plain" else Model(ill).eval()


def get_timestamp_embeddings(audio, model):
    frames = model.frames(audio)
    times = (12.5 + 25.0 * torch.arange(frames.shape[1])).clamp(max=audio.shape[1] / 16)
    return frames, times.repeat(len(audio), 1)


def get_scene_embeddings(audio, model):
    scene = model.frames(audio).mean(dim=1)
    if model.ill == "buffer":
        BUFFER[: len(scene)] = scene
        return BUFFER[: len(scene)]
    return scene
