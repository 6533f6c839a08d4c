"""A HEAR module that hears nothing: what it says of a clip is noise, drawn anew for each clip from a seed made of its samples.

It has our extension with several layers, each of them noise of its own.
"""

import zlib

import torch

SIZE = 8
HOP = 800  # samples at 16 kHz: a frame every 50 ms


class Noise(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = SIZE
    timestamp_embedding_size = SIZE

    def __init__(self, seed, n_layers):
        super().__init__()
        self.seed, self.n_layers = seed, n_layers

    def draw(self, clip, *shape):
        seed = zlib.crc32(clip.contiguous().numpy().tobytes(), self.seed)  # torch takes no more than 32 bits of it
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def load_model(model_file_path="", seed=0, n_layers=4):
    return Noise(seed, n_layers).eval()


def get_timestamp_embeddings(audio, model):
    n_frames = max(1, audio.shape[1] // HOP)
    times = (torch.arange(n_frames) * HOP + HOP / 2) * 1000 / model.sample_rate
    return torch.stack([model.draw(clip, n_frames, SIZE) for clip in audio]), times.repeat(len(audio), 1)


def get_scene_embeddings(audio, model):
    return torch.stack([model.draw(clip, SIZE) for clip in audio])


def get_clip_embeddings(clips, model):
    shape = (model.n_layers, SIZE)
    layers = torch.stack([model.draw(clip, 2, *shape) for clip in clips])
    return {
        "scene": torch.stack([model.draw(clip, SIZE) for clip in clips]),
        "layers_mean": layers[:, 0],
        "layers_std": layers[:, 1].abs(),
    }
