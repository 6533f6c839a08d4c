"""`hear-eval embed --plan` of many hours with windows at a short hop: the memory and seconds that it takes must not hang on the hours.

    OMP_NUM_THREADS=1 python bench/plan_hours.py [--hours 2 20] [--module hear_ssl.melspec] [--window 1] [--hop 0.1] [--stored]

It makes recordings of an hour, 16-bit WAV at 8 kHz, which are silent but for one sample (sparse files, where the file system has them), and
plans each number of hours in a process of its own. With `--stored` it embeds a window every 100 hops of them before, so that the plan has to
ask the store for every window. It prints windows, what is stored, the peak of memory and the processor seconds of each, and fails where the
peak grows by more than a tenth.
"""

import argparse
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

RATE, SECONDS = 8000, 3600
MOST_GROWTH = 1.1  # of the peak of memory, from the fewest hours to the most
# What the system says of a child's memory counts its parent's too, from before it began its own program: so the command tells it itself.
_COMMAND = """
import sys
from evaluator.cli import main
from evaluator.embedding import spent
code = main()
print("peak", spent.now().peak_bytes, "processor", spent.now().processor)
sys.exit(code)
"""


def make(folder: Path, n_hours: int) -> None:
    """Recordings of an hour each, all different: a sample that is not 0, at another place in each."""
    folder.mkdir(parents=True)
    n_bytes = 2 * RATE * SECONDS
    header = b"RIFF" + struct.pack("<I", 36 + n_bytes) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) + b"data" + struct.pack("<I", n_bytes)
    for number in range(n_hours):
        with (folder / f"{number:05d}.wav").open("wb") as file:
            file.write(header)
            file.seek(len(header) + 2 * number)
            file.write(struct.pack("<h", 1000))
            file.truncate(len(header) + n_bytes)


def asked(words: Sequence[str]) -> str:
    """What `hear-eval embed` prints, and then its peak of memory in bytes and its processor seconds."""
    return subprocess.run(
        [sys.executable, "-c", _COMMAND, "embed", *words], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def planned(place: Path, n_hours: int, parsed: argparse.Namespace) -> int:
    """Print what a plan of so many hours says, and what it took; gives its peak in bytes."""
    folder = place / f"{n_hours}-hours"
    make(folder, n_hours)
    common = [parsed.module, str(folder), "--cache", str(place / f"cache-{n_hours}"), "--window", f"{parsed.window:g}"]
    if parsed.stored:
        asked([*common, "--hop", f"{100 * parsed.hop:g}", "--out", str(place / f"{n_hours}.npz")])
    said = asked([*common, "--hop", f"{parsed.hop:g}", "--plan"])
    (line,) = (line for line in said.splitlines() if line.startswith(parsed.module))
    n_windows, hours, n_stored = line.split()[2:5]
    told = re.search(r"peak (\d+) processor (\S+)", said)
    if told is None:
        raise SystemExit(said)
    peak = int(told[1])
    print(
        f"{n_hours} h: {n_windows} windows, {hours} h of audio in them, {n_stored} stored; peak {peak / 1e6:.0f} MB, "
        f"{float(told[2]):.1f} processor s",
        flush=True,
    )
    return peak


def main() -> int:
    """Plan each number of hours; 1 where memory grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, nargs="+", default=[2, 20])
    parser.add_argument("--module", default="hear_ssl.melspec")
    parser.add_argument("--window", type=float, default=1.0, help="seconds (default 1)")
    parser.add_argument("--hop", type=float, default=0.1, help="seconds (default 0.1)")
    parser.add_argument("--stored", action="store_true", help="let the store know some windows of each recording")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        peaks = [planned(Path(place), n_hours, parsed) for n_hours in sorted(parsed.hours)]
    growth = peaks[-1] / peaks[0]
    print(
        f"peak of memory at {max(parsed.hours)} h against {min(parsed.hours)} h: {growth:.3f} (at most {MOST_GROWTH})"
    )
    return 0 if growth <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
