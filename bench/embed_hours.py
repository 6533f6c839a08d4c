"""Hours of audio through `hear-eval embed`: killed twice and resumed, it has to end with the bytes of a run that was not, in bounded memory.

    python bench/embed_hours.py [--hours 10] [--module hear_ssl.melspec] [--window 5] [--out FOLDER]

It makes recordings of ten minutes, embeds one hour of them and all of them, kills a second run of all (SIGKILL) after a third and
after two thirds of its windows, lets it end, and compares. It prints the peak of memory of the whole run against that of one hour (to be
at most 1.1 times), the seconds of each run, and those that the module alone takes for as much audio; it fails where the files differ or
memory grows.
"""

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch

MINUTES, RATE = 10, 16_000
MOST_GROWTH = 1.1  # of the peak of memory, from one hour to all
POLL_SECONDS = 0.2
# What the system says of a child's memory counts its parent's too, from before it began its own program: so the command tells it itself.
_COMMAND = """
import sys
from evaluator.cli import main
from evaluator.embedding import spent
code = main()
print(spent.now().peak_bytes)
sys.exit(code)
"""


def make(folder: Path, hours: float) -> list[Path]:
    """Recordings of noise whose level and colour wander, 16-bit WAV, 16 kHz."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(round(hours * 60 / MINUTES)):
        path = folder / f"{number:04d}.wav"
        if not path.exists():
            random = np.random.default_rng(number)
            noise = random.standard_normal(MINUTES * 60 * RATE, dtype=np.float32)
            level = np.repeat(random.uniform(0.01, 0.2, MINUTES * 60).astype(np.float32), RATE)
            soundfile.write(path, np.cumsum(noise) % 1 * level if number % 2 else noise * level / 4, RATE, "PCM_16")
        made.append(path)
    return made


def command(module: str, places: Sequence[Path], out: Path, cache: Path, window: float) -> list[str]:
    """The words that embed recordings in a process of its own."""
    words = ["embed", module, *map(str, places), "--out", str(out), "--cache", str(cache), "--window", f"{window:g}"]
    return [sys.executable, "-c", _COMMAND, *words]


def run(words: Sequence[str]) -> tuple[float, float, float]:
    """Wall and processor seconds of a command, and the most memory that it held, in MB."""
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, processor, int(done.stdout.split()[-1]) / 1e6


def kill_at(words: Sequence[str], cache: Path, n_bytes: float) -> float:
    """Run a command until its store has so many bytes, then kill it; gives the wall seconds that it had."""
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while process.poll() is None and stored(cache) < n_bytes:
        time.sleep(POLL_SECONDS)
    if process.poll() is not None:
        raise SystemExit("it ended before it could be killed; ask for more hours")
    process.send_signal(signal.SIGKILL)
    process.wait()
    return time.perf_counter() - began


def stored(cache: Path) -> int:
    """Bytes of the shards in a cache."""
    return sum(path.stat().st_size for path in cache.glob("embeddings/**/*.safetensors"))


def alone(module: str, seconds: float, window: float) -> float:
    """Processor seconds that the module itself takes for so much audio, from a minute of it in batches of eight windows."""
    imported = __import__(module, fromlist=["load_model"])
    model = imported.load_model()
    audio = torch.from_numpy(
        np.random.default_rng(0).uniform(-0.1, 0.1, (8, round(window * model.sample_rate)))
    ).float()
    imported.get_scene_embeddings(audio, model)
    n_batches = max(1, round(60 / (8 * window)))
    began = time.process_time()
    for _ in range(n_batches):
        imported.get_scene_embeddings(audio, model)
    return (time.process_time() - began) / (n_batches * 8 * window) * seconds


def main() -> int:
    """Make, embed, kill, resume, compare; 1 where something is not as it should be."""
    parser = argparse.ArgumentParser(description="Embed hours of audio, killed twice, in bounded memory.")
    parser.add_argument("--hours", type=float, default=10.0, help="default 10")
    parser.add_argument("--module", default="hear_ssl.melspec", help="default hear_ssl.melspec")
    parser.add_argument("--window", type=float, default=5.0, help="seconds (default 5)")
    parser.add_argument("--out", type=Path, help="where audio, caches and tables lie (default: a temporary folder)")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = parsed.out or Path(temporary)
        recordings = make(place / "audio", parsed.hours)
        one = recordings[: 60 // MINUTES]

        def words(places: Sequence[Path], name: str, cache: str) -> list[str]:
            return command(parsed.module, places, place / f"{name}.parquet", place / cache, parsed.window)

        runs = {"1 h": run(words(one, "one", "cache-one"))}
        runs[f"{parsed.hours:g} h"] = run(words(recordings, "whole", "cache-whole"))
        n_bytes = stored(place / "cache-whole")
        killed = words(recordings, "killed", "cache-killed")
        for share in (1 / 3, 2 / 3):
            seconds = kill_at(killed, place / "cache-killed", share * n_bytes)
            print(
                f"killed after {seconds:.1f} s, with {stored(place / 'cache-killed') / n_bytes:.0%} of the shards' bytes there"
            )
        runs[f"{parsed.hours:g} h, resumed"] = run(killed)
        runs[f"{parsed.hours:g} h, once more"] = run(killed)
        same = same_rows(place / "killed.parquet", place / "whole.parquet")
        print(f"{'run':>16}  wall s  processor s  peak MB")
        for name, (wall, processor, peak) in runs.items():
            print(f"{name:>16}  {wall:6.1f}  {processor:11.1f}  {peak:7.0f}")
        module_seconds = alone(parsed.module, 3600 * parsed.hours, parsed.window)
        growth = runs[f"{parsed.hours:g} h"][2] / runs["1 h"][2]
        print(f"the module alone: {module_seconds:.1f} processor s for {parsed.hours:g} h")
        print(f"peak of memory at {parsed.hours:g} h against 1 h: {growth:.3f} (at most {MOST_GROWTH})")
        print(f"the table that was killed twice and the one that was not: {'the same bytes' if same else 'DIFFERENT'}")
        return 0 if same and growth <= MOST_GROWTH else 1


def same_rows(one: Path, other: Path) -> bool:
    """Whether two tables have the same bytes."""
    return one.read_bytes() == other.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
