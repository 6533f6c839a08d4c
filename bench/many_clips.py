"""What a clip costs beside its model: python bench/many_clips.py [--clips 25000 50000 100000] [--folder DIR].

N short clips are windows of 0.2 s of four recordings of an hour, in a table of ten classes; the module is one of a few operations, in this
process. Printed for each N: processor seconds of a first run's stages (list, read, embed beside the module, fit), milliseconds a clip
beside the module, seconds of extracting again what is there, peak memory and files in the cache. Goals: 0.5 ms a clip, growth
that is linear, 100 files.
"""

import argparse
import resource
import tempfile
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from evaluator.embedding.embed import no_progress
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.spec import ModuleSpec
from evaluator.experiment import own_tasks
from evaluator.experiment.experiment import embed, prepare
from evaluator.experiment.setup import set_up
from evaluator.probes import protocol

RATE, HOUR = 16000, 3600
WINDOW = 0.2  # s


class Free(torch.nn.Module):
    """A model that costs next to nothing, and says how much it was."""

    sample_rate, scene_embedding_size, timestamp_embedding_size = RATE, 8, 8

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0


def module() -> Any:
    """A HEAR module around `Free`: mean magnitude of eight parts of the clip."""
    model = Free()

    def get_scene_embeddings(audio: torch.Tensor, model: Free) -> torch.Tensor:
        began = time.process_time()
        n = audio.shape[1] // 8
        scenes = audio[:, : 8 * n].reshape(len(audio), 8, n).abs().mean(dim=2)
        model.seconds += time.process_time() - began
        return scenes

    def get_timestamp_embeddings(audio: torch.Tensor, model: Free) -> tuple[torch.Tensor, torch.Tensor]:
        scenes = get_scene_embeddings(audio, model)
        return scenes[:, None], torch.full((len(audio), 1), 500 * audio.shape[1] / RATE)

    made = types.ModuleType("free")
    made.load_model = lambda path="": model
    made.get_scene_embeddings, made.get_timestamp_embeddings = get_scene_embeddings, get_timestamp_embeddings
    return made


def make(folder: Path, n_clips: int) -> Path:
    """A table of clips in `folder`, and the recordings that they are of where they are not there yet."""
    for number in range(4):
        path = folder / f"hour{number}.wav"
        if not path.is_file():
            soundfile.write(path, 0.1 * np.random.default_rng(number).standard_normal(HOUR * RATE), RATE)
    step = (HOUR - 1) / -(-n_clips // 4)
    rows = ["path,start,end,label,split"]
    for number in range(n_clips):
        start = step * (number // 4)
        split = "test" if number % 5 == 0 else "train"
        rows.append(f"hour{number % 4}.wav,{start:.4f},{start + WINDOW:.4f},class{number // 7 % 10},{split}")
    table = folder / f"clips{n_clips}.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def measure(table: Path, n_clips: int) -> None:
    """Embed the clips into an empty cache, and once more; print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        cache, free = Path(folder), module()
        spec = ModuleSpec("free", instance=free)
        began = time.process_time()
        setup = set_up(own_tasks.of_path(table), protocol.load("knn"), None, cache)
        listed = time.process_time() - began
        with open_any(spec) as opened:
            experiment = prepare(spec, opened, setup)
            took = []
            for _ in range(2):
                began = time.process_time()
                embed(experiment, opened, cache, no_progress)
                took.append(time.process_time() - began)
        inside = free.load_model().seconds
        n_files = sum(path.is_file() for path in cache.rglob("*"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        beside = 1000 * (listed + took[0] - inside) / n_clips
        print(
            f"{n_clips:>7} clips: list {listed:.1f} s, embed {took[0] - inside:.1f} s beside {inside:.1f} s in the module, together "
            f"{beside:.2f} ms a clip; again {took[1]:.1f} s; {n_files} files, {peak:.0f} MiB at the peak"
        )


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the clips are kept (default: nowhere)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.folder or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for n_clips in options.clips:
            measure(make(place, n_clips), n_clips)


if __name__ == "__main__":
    main()
