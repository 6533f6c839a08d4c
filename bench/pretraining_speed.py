"""What a step of BYOL-A pre-training takes: its share of reading audio, and what `--amp` and channels_last gain.

Batches are windows of the audio given, read as the training reads them without extra processes (`--workers 0`). Each batch goes
through a training in float32 and with `--amp`, with weights in channels_last (as trained) and contiguous, in turn in one process; printed are
medians of processor time over the batches but the first.

    python bench/pretraining_speed.py FOLDER [--version 1 2] [--batch N] [--steps N]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hear_ssl.pretraining import corpus
from hear_ssl.pretraining.machine import Machine
from hear_ssl.pretraining.recipe import recipe
from hear_ssl.pretraining.training import Pretraining


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time, and what came of the work."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def rows(audio: corpus.Corpus, version: int, batch: int, n_steps: int) -> list[str]:
    """A line for each way to compute."""
    settings = recipe(version, batch=batch, epochs=1, memory=batch)
    trainings = {}
    for amp, layout in product((False, True), (torch.channels_last, torch.contiguous_format)):
        one = Pretraining(
            audio, settings, Machine(torch.device("cpu"), amp=amp), Path(tempfile.mkdtemp()), lambda row: None
        )
        for network in (one.online, one.target):
            network.to(memory_format=layout)
        one.statistics.sums = torch.tensor([1e4, 0.0, 1e5], dtype=torch.float64)  # of no consequence to the speed
        trainings[amp, layout] = one
    windows = corpus.Windows(audio.items, settings)
    reading, steps = [], {way: [] for way in trainings}
    for keys in islice(corpus.ResumableBatchSampler(len(audio.items), settings), n_steps):
        spent, (x, _) = seconds(lambda keys=keys: corpus.collate([windows[key] for key in keys]))
        reading.append(spent)
        for way, one in trainings.items():
            steps[way].append(seconds(lambda one=one, x=x: one.learn(x, 0))[0])
            one.step += 1
    read, first = np.median(reading[1:]), np.median(steps[False, torch.channels_last][1:])
    return [
        f"{version:7} {'amp' if amp else 'float32':8} {str(layout).removeprefix('torch.'):18}{read:8.3f} s"
        f"{step:8.2f} s{100 * read / (read + step):9.1f} %{first / step:8.2f}"
        for (amp, layout), step in ((way, np.median(spent[1:])) for way, spent in steps.items())
    ]


def main() -> None:
    """Parse the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of audio, with a batch of windows for each step at least")
    parser.add_argument("--version", type=int, nargs="+", default=[1, 2], choices=(1, 2))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=4)
    asked = parser.parse_args()
    audio = corpus.find([asked.folder], 5.0)
    print(f"{torch.get_num_threads()} threads, batches of {asked.batch}, {audio.seconds / 3600:.2f} h of audio")
    print(f"version {'computed':8} {'weights':18}{'reading':>10}{'the rest':>10}{'read share':>11}{'speed':>8}")
    for version in asked.version:
        print("\n".join(rows(audio, version, asked.batch, asked.steps)), flush=True)


if __name__ == "__main__":
    main()
