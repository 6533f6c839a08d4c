"""How much memory training on frames takes: HEAR's event protocol on a million stored frames of width 768.

Random frames are written through the store, as extraction would leave them: as many recordings and classes as DCASE 2016 task 2
has (72, 11), divided as there, each of the length that gives the frames asked for. Then the protocol's probes are trained on them
as `hear-eval run` does it. Printed are seconds and resident memory after each stage, and the peak of the whole process.

    python bench/event_memory.py --folder DIR [--frames N] [--width N] [--epochs N] [--points N] [--limit-gb 4]

The store (4 bytes a value, 3 GB by default) is kept in DIR and found again. Exit code 1 if the peak is above the limit.
"""

import argparse
import dataclasses
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

from evaluator.audio.clip import Clip, Event
from evaluator.datasets.splits import Fold
from evaluator.embedding.shard import StoredClip
from evaluator.embedding.store import Store
from evaluator.experiment import evaluation
from evaluator.experiment.targets import EventTargets
from evaluator.probes import protocol
from evaluator.probes.features import Candidate
from evaluator.probes.jobs import FitRequest
from evaluator.scoring.events import PostProcessing
from evaluator.scoring.intervals import POOLED

PARTS = {"train": 44, "valid": 14, "test": 14}  # recordings of DCASE 2016 task 2 in HEAR
CLASSES = [f"class {number}" for number in range(11)]
SECONDS = 120.0  # of each recording
METRIC = "event_onset_200ms_fms"
GB = 1 << 30


class Stages:
    """Prints how long each stage took, and the memory that is resident at its end."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def __call__(self, name: str) -> None:
        """End a stage."""
        now = time.perf_counter()
        print(
            f"{name:28} {now - self.last:8.1f} s  {resident() / GB:6.2f} GB now  {peak() / GB:6.2f} GB peak", flush=True
        )
        self.last = now


def resident() -> int:
    """Bytes of this process that are in memory now (Linux; the peak elsewhere)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return peak()


def peak() -> int:
    """Bytes of this process that were in memory at most."""
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fill(store: Store, n_frames: int, width: int) -> list[str]:
    """Write the recordings that the store lacks, one shard each; gives all keys."""
    n_clips = sum(PARTS.values())
    lengths = [n_frames // n_clips + (number < n_frames % n_clips) for number in range(n_clips)]
    keys = [f"{number:04}-{length}x{width}" for number, length in enumerate(lengths)]
    for number, (key, length) in enumerate(zip(keys, lengths, strict=True)):
        if key not in store:
            frames = np.random.default_rng(number).standard_normal((length, width), np.float32)
            times = (np.arange(length) + 0.5) * (1000 * SECONDS / length)
            store.write([StoredClip(key, n_frames=length)], {"frames": frames, "times": times})
    return keys


def recordings() -> list[Clip]:
    """Clips with events of random classes, about two at a time."""
    random, clips = np.random.default_rng(0), []
    for part, n in PARTS.items():
        for number in range(n):
            onsets = np.sort(random.uniform(0, 1000 * (SECONDS - 2), 160))
            labels = random.choice(CLASSES, 160)
            events = tuple(
                Event(str(label), float(onset), float(onset + random.uniform(300, 2000)))
                for label, onset in zip(labels, onsets, strict=True)
            )
            clips.append(Clip(f"{part}{number}.wav", tuple(CLASSES), split=part, events=events))
    return clips


def main() -> int:
    """Fill the store, train, and print the peak."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--points", type=int, default=2, help="of the grid, from the first")
    parser.add_argument("--profile", default="clean")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit-gb", type=float, default=4.0)
    options = parser.parse_args()
    stage = Stages()
    asked = protocol.load("hear", options.profile)
    probe = dataclasses.replace(asked.probe, epochs=options.epochs, grid=asked.probe.grid[: options.points])
    stage("imports")
    store = Store(options.folder, {"bench": "event_memory"}, "frames")
    keys = fill(store, options.frames, options.width)
    stage("store filled")
    matrix, times, rows = store.read_frames(keys)
    stage(f"frames ({type(matrix).__name__})")
    clips = recordings()
    targets = EventTargets(clips, CLASSES, METRIC, times, rows, [PostProcessing(*pair) for pair in asked.events])
    parts = np.split(np.arange(len(clips)), np.cumsum(list(PARTS.values()))[:-1])
    jobs = evaluation.plan(targets, [Fold("test", *parts)], [Candidate("")], [0], evaluation.file_order(clips))
    stage("targets")
    request = FitRequest([each.job for each in jobs], [matrix], targets.row_targets, device=options.device)
    outcomes = probe.fit(request)
    stage(f"trained, {options.epochs} x {options.points}")
    evaluations = evaluation.collect(jobs, outcomes, targets, [Fold("test", *parts)], [Candidate("")], POOLED)
    (best,) = evaluations.values()
    score = best.score
    stage("scored")
    print(f"{options.frames} frames of {options.width}: peak {peak() / GB:.2f} GB, score {score:.3f}")
    return int(peak() > options.limit_gb * GB)


if __name__ == "__main__":
    sys.exit(main())
