"""Kill a run at random moments, resume it, and compare with one that was left alone: shards, proofs and score.

    python bench/kills.py SCRATCH AUDIO [N]

AUDIO is a folder with one sub-folder of recordings per class; a few hundred clips give runs long enough to be hit amid their
shards. Every fifth time two processes share the cache, and one or both are killed. Half of the kills come at any moment of
the run, half after its first shard. The last line counts what differed; all but "ended" and "amid" should be 0.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

MODULE, PROTOCOL = "hear_ssl.byol_a_mini", "logistic"
PATIENCE = 60.0  # seconds to wait for a first shard


def command(audio: Path, cache: Path, out: Path) -> list[str]:
    """A run that prints its score as JSON."""
    words = [
        "run",
        MODULE,
        "--task",
        str(audio),
        "--protocol",
        PROTOCOL,
        "--cache",
        str(cache),
        "--out",
        str(out),
        "--json",
    ]
    return [sys.executable, "-m", "evaluator", *words]


def finished(audio: Path, cache: Path, out: Path) -> float:
    """The score of a run that nobody disturbs, 0 to 1."""
    done = subprocess.run(command(audio, cache, out), capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[0])["score"])


def content(cache: Path, pattern: str) -> dict[str, str]:
    """SHA-256 of the files of a cache that fit a glob, by their path in it."""
    files = sorted(cache.rglob(pattern)) if cache.exists() else []
    return {str(path.relative_to(cache)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def killed(audio: Path, cache: Path, out: Path, number: int, seconds: float, draw: np.random.Generator) -> bool:
    """Start one or two runs and kill them at a random moment; whether the first had ended before."""
    n_processes = 2 if number % 5 == 0 else 1
    runs = [
        subprocess.Popen(
            command(audio, cache, out / str(each)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for each in range(n_processes)
    ]
    if number % 2:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and runs[0].poll() is None and not content(cache, "*.safetensors"):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.25) * seconds)
    else:
        time.sleep(draw.uniform(0, 1) * seconds * n_processes)
    ended = runs[0].poll() is not None
    for each, run in enumerate(runs):
        if run.poll() is None and (each == 0 or draw.random() < 0.5):
            os.killpg(run.pid, signal.SIGKILL)
    for run in runs:
        run.wait()
    return ended


def main() -> int:
    """Print counts as they come; 1 if anything differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("n", type=int, nargs="?", default=100)
    given = parser.parse_args()
    started = time.monotonic()
    score = finished(given.audio, given.scratch / "alone", given.scratch / "out")
    seconds = time.monotonic() - started
    shards, proofs = (content(given.scratch / "alone", pattern) for pattern in ("*.safetensors", "proofs/*.json"))
    print(f"left alone: score {score:.4f}, {len(shards)} shards, {seconds:.1f} s", flush=True)
    draw, counts = np.random.default_rng(1), Counter[str]()
    for number in range(given.n):
        cache, out = given.scratch / f"cache{number}", given.scratch / f"out{number}"
        counts["ended before"] += killed(given.audio, cache, out, number, seconds, draw)
        counts["amid the shards"] += 0 < len(content(cache, "*.safetensors")) < len(shards)
        counts["score differs"] += finished(given.audio, cache, out / "end") != score
        counts["shards differ"] += content(cache, "*.safetensors") != shards
        counts["proofs differ"] += content(cache, "proofs/*.json") != proofs
        counts["locks left"] += bool(content(cache, "*.lock"))
        for folder in (cache, out):
            shutil.rmtree(folder, ignore_errors=True)
        if number % 10 == 9 or number == given.n - 1:
            print(f"{number + 1} kills: {dict(counts)}", flush=True)
    return int(any(counts[f"{what} differ{'s' * (what == 'score')}"] for what in ("score", "shards", "proofs")))


if __name__ == "__main__":
    sys.exit(main())
