"""How fast a million clips are read from one's own table, and how much memory that takes, against Python's own csv module.

    python bench/manifest_speed.py [--clips 1000000] [--also 250000] [--files 1000]

Two tables are written: `windows` (path,label,group,start,end: a million windows of a thousand recordings) and `files`
(path,label,group: a million recordings, hard links to a few). Each is read in a process of its own, once, by `csv.reader` over
the same rows, by the search for the task (`find`) and by `manifest.read`; and the smaller `--also` likewise. Printed: rows a second,
the ratio to csv.reader, peak memory (MB of the whole process, beyond what the imports took), and how time and memory grow from
the smaller table to the larger (1.0: in proportion to the rows).
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evaluator.datasets import manifest
from evaluator.experiment import catalogue

_LINKS = 1000  # names of one file, fewer than any file system allows (ext4: 65,000), in one folder


def write(folder: Path, kind: str, n: int, n_files: int) -> Path:
    """A table of `n` clips and the files that it names; the files are empty, since nothing of them is read."""
    table = folder / "mine.csv"
    with table.open("w", encoding="utf-8") as file:
        file.write("path,label,group\n" if kind == "files" else "path,label,group,start,end\n")
        for number in range(n):
            if kind == "files":
                path = f"{number // _LINKS:04d}/{number % _LINKS}.wav"
                file.write(f"{path},{number % 50},{number // 20}\n")
            else:
                start = number // n_files
                file.write(f"{number % n_files}.wav,{number % 50},{number % n_files},{start},{start + 1}\n")
    for number in range(n_files if kind == "windows" else n):
        if kind == "windows":
            (folder / f"{number}.wav").touch()
        elif number % _LINKS == 0:
            (folder / f"{number // _LINKS:04d}").mkdir()
            (folder / f"{number // _LINKS:04d}/0.wav").touch()
        else:
            os.link(folder / f"{number // _LINKS:04d}/0.wav", folder / f"{number // _LINKS:04d}/{number % _LINKS}.wav")
    return table


def measure(table: Path) -> dict[str, float]:
    """Processor seconds of each way to read the table, and peak memory in MB beyond that of the imports."""
    seconds = {}
    begin = time.process_time()
    with table.open(newline="", encoding="utf-8") as file:
        n_rows = sum(1 for _ in csv.reader(file)) - 1
    seconds["csv.reader"] = time.process_time() - begin
    before = _peak()
    begin = time.process_time()
    (task,) = catalogue.find(str(table))
    seconds["find"] = time.process_time() - begin
    begin = time.process_time()
    read = manifest.read(task, None, table.parent)
    seconds["read"] = time.process_time() - begin
    assert len(read.clips) == n_rows
    assert not read.intake.differences, read.intake.differences  # else something was read otherwise than it is written
    return {**seconds, "megabytes": _peak() - before}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Write the tables, and read each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--also", type=int, default=250_000)
    parser.add_argument("--files", type=int, default=1000, help="recordings of the table of windows")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure)))
        return
    for kind in ("windows", "files"):
        found = {}
        for n in (chosen.also, chosen.clips):
            with tempfile.TemporaryDirectory() as folder:
                table = write(Path(folder), kind, n, chosen.files)
                command = [sys.executable, __file__, "--measure", str(table)]
                found[n] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            one = found[n]
            for step in ("find", "read"):
                print(
                    f"{kind}: {n} rows, {step}: {n / one[step]:,.0f} rows/s, {one[step]:.1f} s, "
                    f"{one[step] / one['csv.reader']:.0f} times csv.reader ({one['csv.reader']:.2f} s)"
                )
            print(f"{kind}: {n} rows: {one['megabytes']:.0f} MB at most, {1e6 * one['megabytes'] / n:.0f} bytes a row")
        small, large, more = found[chosen.also], found[chosen.clips], chosen.clips / chosen.also
        for what in ("find", "read", "megabytes"):
            print(f"{kind}: {what} grows {large[what] / small[what] / more:.2f} times as fast as the rows")


if __name__ == "__main__":
    main()
