"""What an ensemble costs beside its members: its scene embeddings against those of each member alone, summed.

The same clips (noise of --shortest to --longest seconds, or --audio FOLDER, decoded once), one process, the two in
turn; prints the fastest round of each (what else a machine does only adds) and their ratio. At most 1.05 is the promise.

    python bench/ensemble_speed.py [--members hear_ssl.crepe_tiny ...] [--clips 64] [--rounds 8] [--audio FOLDER]
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from hear_ssl import ensemble
from hear_ssl.encoders.member import Member

SAMPLE_RATE = 16000  # Hz, of the default members
MOST_AT_ONCE = 16  # clips in one call
SUFFIXES = {".wav", ".ogg", ".flac"}


def noises(n: int, shortest: float, longest: float) -> list[torch.Tensor]:
    """Clips of noise, each (n_samples,), of lengths drawn between the two in seconds."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.empty(n).uniform_(shortest, longest, generator=generator) * SAMPLE_RATE
    return [torch.randn(int(length), generator=generator) * 0.1 for length in lengths]


def recordings(folder: Path, n: int) -> list[torch.Tensor]:
    """The first audio files of a folder, each (n_samples,)."""
    clips = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)[:n]:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        clips.append(torch.from_numpy(soxr.resample(audio.mean(axis=1), rate, SAMPLE_RATE).astype(np.float32)))
    return clips


def seconds(call: Callable[[list[torch.Tensor]], object], clips: list[torch.Tensor]) -> float:
    """How long all clips take, a few in each call."""
    began = time.perf_counter()
    for first in range(0, len(clips), MOST_AT_ONCE):
        call(clips[first : first + MOST_AT_ONCE])
    return time.perf_counter() - began


def main() -> None:
    """Parse the arguments, run the rounds, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", nargs="+", default=["hear_ssl.byol_a_mini", "hear_ssl.crepe_tiny"])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--shortest", type=float, default=0.5)
    parser.add_argument("--longest", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--audio", type=Path)
    settings = parser.parse_args()
    clips = (
        recordings(settings.audio, settings.clips)
        if settings.audio
        else noises(settings.clips, settings.shortest, settings.longest)
    )
    joint = ensemble.build(settings.members)
    members = [Member(name) for name in settings.members]
    calls = [joint.clips, *(member.scenes for member in members)]
    for call in calls:
        call(clips[:2])
    rounds = [[seconds(call, clips) for call in calls] for _ in range(settings.rounds)]
    fastest = [min(times) for times in zip(*rounds, strict=True)]
    audio = sum(map(len, clips)) / SAMPLE_RATE
    print(f"{len(clips)} clips, {audio:.0f} s of audio, {torch.get_num_threads()} threads, {settings.rounds} rounds")
    for name, each in zip(["ensemble", *settings.members], fastest, strict=True):
        print(f"{name:24s} {each:8.3f} s")
    print(f"{'ratio':24s} {fastest[0] / sum(fastest[1:]):8.3f}")


if __name__ == "__main__":
    main()
