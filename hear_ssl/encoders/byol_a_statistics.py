"""Mean and standard deviation of the log-mel spectrogram, which BYOL-A's input is normalised with: from a file, an option, or clips.

NTT's weights come without them: their evaluations take those of the task's training clips.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders.byol_a import SHORTEST
from hear_ssl.encoders.logmel import FFT_LENGTH, SAMPLE_RATE, LogMel, mirrored

FROM_DATA = "data"
# The pairs in the examples of NTT's README files, each of one data set; what is right for other sounds may be elsewhere.
PUBLISHED = {1: (-5.4919195, 5.0389895), 2: (-9.660292, 4.7219563)}
SECONDS_AT_ONCE = 60  # of a recording, while statistics are collected


def read_statistics(path: Path) -> tuple[float, float]:
    """Mean and standard deviation of a log-mel spectrogram, over all bands and frames, from a `stats.csv`.

    Taken are columns called mean and std, of the first row as the published script does, or rows of these names; else, where
    the file holds just two numbers, these in this order.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Neither.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; it holds the mean and std of the spectrogram that the weights need"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    tables = [dict(zip(rows[0], rows[1], strict=False))] if len(rows) > 1 else []
    tables += [dict(zip(*table[:2], strict=False)) for table in [_transposed(rows)] if len(table) == 2]
    named = [(table.get("mean", ""), table.get("std", "")) for table in tables]
    for candidate in (*named, tuple(cell for row in rows for cell in row)):
        try:
            mean, std = map(float, candidate)
        except ValueError:
            continue
        return mean, std
    raise ValueError(f"{path}: a column mean and a column std are wanted, with one number each")


def _transposed(rows: list[list[str]]) -> list[list[str]]:
    """Rows as columns.

    >>> _transposed([["mean", "-5.5"], ["std", "4.25"]])
    [['mean', 'std'], ['-5.5', '4.25']]
    """
    return [list(column) for column in zip(*rows, strict=False)]


def parse_statistics(value: Any) -> tuple[float, float]:
    """Mean and standard deviation of log-mel spectrograms, over all bands and frames, as the option `stats` gives them.

    Args:
        value: `MEAN,STD`, or two numbers.

    >>> parse_statistics("-5.5, 4.25"), parse_statistics([-5.5, 4.25])
    ((-5.5, 4.25), (-5.5, 4.25))

    Raises:
        ValueError: Something else.
    """
    if value == FROM_DATA:
        raise ValueError(
            "option stats='data': the training clips of a task decide, and only hear-eval run knows them; elsewhere give stats=MEAN,STD"
        )
    parts = value.split(",") if isinstance(value, str) else value
    try:
        mean, std = (float(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError(
            f"option stats={value!r}: give MEAN,STD of the log-mel spectrogram, such as -5.49,5.04"
        ) from None
    if not (0 < std < float("inf") and abs(mean) < float("inf")):
        raise ValueError(f"option stats={value!r}: a finite mean and a standard deviation above 0 are wanted")
    return mean, std


def statistics_beside(path: Path, version: int) -> tuple[float, float]:
    """Mean and standard deviation, over all bands and frames, in the `stats.csv` beside a weight file.

    Args:
        path: The weight file.
        version: Of BYOL-A, 1 or 2: the message names the published pair.

    Raises:
        FileNotFoundError: There is none; the sentence has the other ways.
        ValueError: Not readable.
    """
    beside = path.with_name("stats.csv")
    if not beside.is_file():
        mean, std = PUBLISHED[version]
        raise FileNotFoundError(
            f"{beside}: no such file, and the weights need mean and std of the log-mel spectrogram: put it there (columns mean, std), or give the "
            f"option stats={FROM_DATA} (of each task's training clips, as NTT's evaluation does; hear-eval run only) or stats=MEAN,STD, such "
            f"as stats={mean},{std}, the pair in NTT's example for version {version}"
        )
    return read_statistics(beside)


@torch.no_grad()
def statistics_of(clips: Iterable[Any], front_end: LogMel) -> tuple[float, float]:
    """Mean and standard deviation over all bands and frames of the log-mel spectrograms of clips (n_samples,) at 16 kHz.

    Clips under 1 s count with the zeros that they are padded with; of a long one, stretches of a minute are looked at one after another.

    Raises:
        ValueError: No clip, or no more than one value.

    Source: nttcslab/eval-audio-repr, ar_base.py (statistics of training clips), and evaluate.py of nttcslab/byol-a, which draws up to
    10,000 files; here every training clip counts, so that nothing is drawn.
    """
    n, total, squares = 0, 0.0, 0.0
    for clip in clips:
        audio = torch.as_tensor(clip, dtype=torch.float32)
        audio = torch.nn.functional.pad(audio, (0, max(0, SHORTEST - len(audio))))
        for part in audio.split(SECONDS_AT_ONCE * SAMPLE_RATE):
            if len(part) > FFT_LENGTH // 2:  # a shorter rest cannot be mirrored
                values = front_end(mirrored(part[None])).double()
                n, total, squares = (
                    n + values.numel(),
                    total + float(values.sum()),
                    squares + float(values.square().sum()),
                )
    if n < 2 or (variance := squares / n - (total / n) ** 2) <= 0:
        raise ValueError("stats=data: the training clips have no spectrogram that varies; give stats=MEAN,STD")
    return total / n, variance**0.5
