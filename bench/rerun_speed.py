"""What asking again costs where nothing has changed: processor seconds of a whole process, against the run before it.

    python bench/rerun_speed.py [--tasks 10] [--clips 40] [--protocol knn] [--repeat 5]

Made data: own tasks of short tones, a CSV each, under two modules of ours, a spectrogram and a network with weights. Printed: the
processor seconds (user and system, children included) of the first run, of a run with `--again` (embeddings are there, probes are
fitted anew), of an unchanged rerun (median, least and most), and of Python with numpy alone, which no rerun can beat; the bound is
2 s for 10 tasks. Stops with an error if a rerun is not unchanged in every line.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

MODULES = ("hear_ssl.melspec", "hear_ssl.byol_a_mini")
BOUND = 2.0  # processor seconds


def write_tasks(folder: Path, n_tasks: int, n_clips: int) -> list[str]:
    """Own tasks of two pitches, a table each; gives their names."""
    noise = np.random.default_rng(0)
    for task in range(n_tasks):
        (folder / f"task{task}").mkdir()
        lines = ["path,label,group"]
        for clip in range(n_clips):
            wave = 0.3 * np.sin(2 * np.pi * (300 + 500 * (clip % 2) + 50 * task) * np.arange(8000) / 16000)
            soundfile.write(folder / f"task{task}/{clip}.wav", wave + 0.05 * noise.normal(size=8000), 16000)
            lines.append(f"{clip}.wav,{'low' if clip % 2 else 'high'},{clip // 2}")
        (folder / f"task{task}/t{task}.csv").write_text("\n".join(lines) + "\n")
    return [f"task{task}/t{task}.csv" for task in range(n_tasks)]


def seconds_of(command: list[str], folder: Path) -> tuple[float, str]:
    """Processor seconds of a process with its children, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "HEAR_EVAL_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main() -> None:
    """Make the data, run, run again, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--protocol", default="knn")
    parser.add_argument("--repeat", type=int, default=5)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = write_tasks(folder, parsed.tasks, parsed.clips)
        time.sleep(2.5)  # files that are younger than two seconds are not trusted to stay as they are
        asked = [word for task in tasks for word in ("--task", task)]
        command = [sys.executable, "-m", "evaluator", "run", *MODULES, *asked, "--protocol", parsed.protocol]
        first, _ = seconds_of(command, folder)
        again, _ = seconds_of([*command, "--again"], folder)
        rerun = []
        for _ in range(parsed.repeat):
            took, out = seconds_of(command, folder)
            if out.count("unchanged: ") != len(MODULES) * len(tasks):
                raise SystemExit(f"not every result is unchanged:\n{out}")
            rerun.append(took)
        floor = [seconds_of([sys.executable, "-c", "import numpy"], folder)[0] for _ in range(parsed.repeat)]
    median = statistics.median(rerun)
    print(
        f"{len(tasks)} tasks of {parsed.clips} clips x {len(MODULES)} modules, protocol {parsed.protocol}; processor seconds:"
    )
    print(f"  first run {first:.2f}, --again {again:.2f}")
    print(
        f"  unchanged {median:.2f} (from {min(rerun):.2f} to {max(rerun):.2f}); bound {BOUND:g}: {'kept' if median < BOUND else 'MISSED'}"
    )
    print(f"  Python with numpy alone {statistics.median(floor):.2f}; --again / unchanged = {again / median:.1f}")


if __name__ == "__main__":
    main()
