"""Draws the pictures of docs/field_study.md: python bench/doc_pictures.py [--out docs/pictures].

The recordings are those of tests/field_recordings.py; the task is the YAML file that the page shows, and figures of `check` and `report`
are made by these commands. Takes about half a minute. Run it again when one of them looks otherwise than it does now.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import soundfile

from evaluator import cli, figure

CHECKOUT = Path(__file__).parents[1]
sys.path.append(str(CHECKOUT / "tests"))
import field_recordings  # noqa: E402  (of the tests, which are no package)

RECORDING, FROM, SECONDS = "meadow_20250513", 35.0, 6.0  # what is shown of the field, seconds
BAT = "pipistrellus/bridge_2.wav"
_STEP = 6  # dB between two greys
HEARD = 8000  # Hz: the highest frequency that a module of 16 kHz hears
MODULES = ("hear_ssl.byol_a_mini", "hear_ssl.melspec", "--baselines")


def draw(season: Path, out: Path) -> list[Path]:
    """Draw all pictures of the recordings in `season`, (n_pictures,) files in `out`.

    Args:
        season: Folder that `field_recordings.make` wrote; results and figures of commands are left in it.
        out: Where pictures go.
    """
    out.mkdir(parents=True, exist_ok=True)
    matplotlib.rcParams["svg.hashsalt"] = "docs"  # else every drawing has other ids
    _field(season / "field", out / "field_spectrogram.png")
    _bats(season / "bats" / BAT, out / "bat_expanded.png")
    page = (CHECKOUT / "docs" / "field_study.md").read_text(encoding="utf-8")
    (season / "season.yaml").write_text(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0], encoding="utf-8")
    _command("check", season / "field", "--figure", season / "lengths.svg")
    _command("run", *MODULES, "--task", season / "season.yaml", "--out", season / "results")
    _command("report", season / "results", "--out", season / "report.html", "--format", "svg")
    groups = next((season / "report-files").glob("*-groups.svg"))
    shutil.copy(season / "lengths.svg", out / "lengths.svg")
    shutil.copy(groups, out / "individuals.svg")
    return sorted(out.iterdir())


def _command(*words: str | Path) -> None:
    if cli.main(list(map(str, words))):
        sys.exit(f"{' '.join(map(str, words))} failed")


def _field(folder: Path, path: Path) -> None:
    """A stretch of a recording with the boxes of its selection table."""
    first = round(FROM * field_recordings.RATE)
    samples, rate = soundfile.read(
        folder / f"{RECORDING}.wav", start=first, frames=round(SECONDS * field_recordings.RATE)
    )
    drawing = figure.empty(9, 3.2)
    axes = drawing.subplots()
    _spectrogram(axes, samples.mean(axis=1), rate, 1024, FROM)
    header, *lines = (folder / f"{RECORDING}.Table.1.selections.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        row = dict(zip(header.split("\t"), line.split("\t"), strict=True))
        begin, end = float(row["Begin Time (s)"]), float(row["End Time (s)"])
        low, high = float(row["Low Freq (Hz)"]) / 1000, float(row["High Freq (Hz)"]) / 1000
        if begin < FROM or end > FROM + SECONDS:
            continue
        corners = [begin, end, end, begin, begin], [low, low, high, high, low]
        axes.plot(*corners, color="tab:red", linewidth=1.5)
        axes.text(begin, high + 0.4, f"{row['Species']}, {row['Individual']}", color="tab:red", fontsize=9)
    axes.set(ylim=(0, 16), xlim=(FROM, FROM + SECONDS), title=f"{RECORDING}.wav, both channels", xlabel="time (s)")
    _heard(axes)
    figure.save(drawing, path, dpi=80)


def _bats(path: Path, out: Path) -> None:
    """A recording of a bat at life's pace and ten times slower, both up to the same frequency."""
    samples, rate = soundfile.read(path)
    drawing = figure.empty(9, 3.2)
    left, right = drawing.subplots(1, 2)
    _spectrogram(left, samples, rate, 256, 0)
    _spectrogram(right, samples, rate / field_recordings.TIME_EXPANSION, 256, 0)
    left.set(ylim=(0, 100), title="life's pace", xlabel="time (s)")
    right.set(ylim=(0, 10), title="--expand 10", xlabel="time as the module hears it (s)")
    for axes in (left, right):
        _heard(axes)
    figure.save(drawing, out, dpi=80)


def _spectrogram(axes: Any, samples: np.ndarray, rate: float, n_fft: int, start: float) -> None:
    """Draw samples (n_samples,) at a rate in Hz, frequencies in kHz, the first at `start` seconds."""
    hop = n_fft // 4
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop] * np.hanning(n_fft)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-6).T  # (n_frequencies, n_frames), dB
    extent = (start, start + len(samples) / rate, 0, rate / 2000)
    top = level.max()
    level = _STEP * np.round(level / _STEP)  # few greys make a small file
    axes.imshow(level, aspect="auto", origin="lower", extent=extent, cmap="gray_r", vmin=top - 42, vmax=top)
    axes.set_ylabel("frequency (kHz)")


def _heard(axes: Any) -> None:
    """A line at the highest frequency that a module of 16 kHz hears, on an axis in kHz."""
    axes.axhline(HEARD / 1000, color="tab:blue", linestyle="--", linewidth=1.2)
    middle, top = sum(axes.get_xlim()) / 2, HEARD / 1000
    axes.text(
        middle, top, "a module of 16 kHz hears what is below", color="tab:blue", fontsize=8, ha="center", va="bottom"
    )


def main() -> None:
    """Make the recordings in a folder of their own, draw, and print the size of each picture in kB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "pictures")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEAR_EVAL_CACHE"] = str(Path(folder) / "cache")
        field_recordings.make(Path(folder))
        for path in draw(Path(folder), parsed.out):
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
