"""How much memory and time `hear-eval check` takes on many short clips, and whether it still finds what it should.

N clips of 1 s (16 kHz, notes at random in noise, each another one) are written into DIR with a table of ten classes and a training and a
test part. Among them are 20 pairs of one sound on two sides of the split, the second softer, later and noisier, so that no sample is
the same. Then `hear-eval check` runs in a process of its own. Printed are its seconds, the peak of its resident memory, and how
many of the planted pairs it named.

    python bench/check_memory.py N --folder DIR [--limit-gb 2] [--checkout OTHER]

The clips (32 kB each) are kept in DIR and found again. With --checkout, the code of another checkout is measured. Exit code 1 if the
peak is above the limit, if check fails, or if it names fewer than 18 of the planted pairs.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
N_PLANTED = 20
GB = 1 << 30


def sound(number: int) -> np.ndarray:
    """A second of eight notes in noise, (16000,) within -1 and 1, another one for each number."""
    random = np.random.default_rng(number)
    time_s = np.arange(RATE // 8) / RATE
    pitches = random.uniform(200, 3500, (8, 4, 1))
    notes = np.sin(2 * np.pi * pitches * time_s).sum(axis=1) * np.hanning(len(time_s))
    return 0.1 * notes.reshape(-1) + 0.01 * random.standard_normal(RATE)


def softer_and_later(samples: np.ndarray, number: int) -> np.ndarray:
    """The same sound through another road, (16000,)."""
    noise = 0.001 * np.random.default_rng(number).standard_normal(RATE)
    return 0.4 * np.concatenate([np.zeros(777), samples[:-777]]) + noise


def make(folder: Path, n_clips: int) -> Path:
    """The table of `n_clips` clips in `folder`; what is there already is not written again."""
    rows = ["path,label,split"]
    for number in range(n_clips):
        name = f"{number // 1000:03}/{number:06}.wav"
        path = folder / name
        rows.append(f"{name},class{number % 10},{'train' if number % 4 else 'test'}")
        if path.is_file():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        planted = number < 2 * N_PLANTED * 2 and number % 4 == 1  # beside the test clip before it
        soundfile.write(path, softer_and_later(sound(number - 1), number) if planted else sound(number), RATE)
    table = folder / f"clips{n_clips}.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def found(lines: list[str]) -> tuple[int, int]:
    """How many of the planted pairs are named as sounding alike, and how many pairs in all (the first hundred are named)."""
    pairs = {(f"{n // 1000:03}/{n:06}.wav", f"{n // 1000:03}/{n + 1:06}.wav") for n in range(0, 4 * N_PLANTED, 4)}
    alike = [json.loads(line) for line in lines if "sound like one" in line]
    places = [
        place for each in alike for place in [*each["where"], " ".join(each["where"])]
    ]  # earlier: an issue a pair
    n_all = sum(int(each["what"].split()[0]) if each["what"][0].isdigit() else 1 for each in alike)
    return sum(any(one in place and other in place for place in places) for one, other in pairs), n_all


def main() -> int:
    """Make the clips, check them, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n_clips", type=int, metavar="N")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--limit-gb", type=float, default=2.0)
    parser.add_argument("--checkout", type=Path, default=Path(__file__).parents[1])
    chosen = parser.parse_args()
    table = make(chosen.folder, chosen.n_clips)
    environment = {**os.environ, "PYTHONPATH": str(chosen.checkout.resolve())}
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "evaluator", "check", str(table.resolve()), "--json", "--cache", cache]
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, cwd=cache, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = usage.ru_maxrss * unit / GB
    n_found, n_all = found(done.stdout.splitlines())
    print(
        f"{chosen.n_clips} clips: {seconds:.0f} s ({usage.ru_utime + usage.ru_stime:.0f} s of processor), {peak:.2f} GB at the "
        f"peak, {n_found} of {N_PLANTED} planted pairs among {n_all} named, exit code {done.returncode}"
    )
    if done.returncode not in (0, 1):
        print(done.stderr[-2000:], file=sys.stderr)
    return int(peak > chosen.limit_gb or done.returncode != 0 or n_found < 0.9 * N_PLANTED)


if __name__ == "__main__":
    sys.exit(main())
