"""A well-behaved HEAR module: a random convolution, 8 numbers every 10 ms at 16 kHz."""

import torch


class Good(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = 8
    timestamp_embedding_size = 8

    def __init__(self, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = torch.nn.Parameter(torch.randn(8, 1, 160, generator=generator) / 13, requires_grad=False)

    def frames(self, audio):
        n_missing = max(0, 160 - audio.shape[1])
        padded = torch.nn.functional.pad(audio, (0, n_missing))
        return torch.conv1d(padded.unsqueeze(1), self.weight, stride=160).abs().transpose(1, 2)


def load_model(model_file_path="", seed=0):
    return Good(seed).eval()


def get_timestamp_embeddings(audio, model):
    frames = model.frames(audio)
    times = 5.0 + 10.0 * torch.arange(frames.shape[1])
    return frames, times.clamp(max=1000 * audio.shape[1] / 16000).repeat(len(audio), 1)


def get_scene_embeddings(audio, model):
    return model.frames(audio).mean(dim=1)
