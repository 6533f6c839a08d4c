"""The two published recipes of BYOL-A as data.

Source: `nttcslab/byol-a` as described in mogg64/byola_domainXfer and in Niizumi et al. 2021 (version 1,
https://arxiv.org/abs/2103.06695) and 2023 (version 2, https://arxiv.org/abs/2204.07402), unless a line says otherwise.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from hear_ssl.encoders.byol_a import MEL

UNIT = 15200  # samples: 0.95 s at 16 kHz gives 96 spectrogram frames
N_FRAMES = 96


@dataclass(frozen=True)
class PretrainingRecipe:
    """How an encoder is pre-trained.

    Attributes:
        version: Of the encoder.
        width: Of its linear layers.
        batch: Windows in a step, over all processes.
        learning_rate: Adam's.
        epochs: Passes through the data.
        decay: Of the target network: the share of it that stays in each step.
        hidden, projection: Widths of projector and predictor.
        seed: Of everything that is drawn.
        norm_epochs: Epochs in which the running mean and standard deviation go on; 0: fixed ones from `n_statistics`
            windows.
        n_statistics: Windows for the fixed mean and standard deviation.
        mixup: Highest share of an older window in a new one.
        memory: Older windows kept for it.
        crop: Smallest and largest side of the random crop, frequency and time alike, as a share of the window's.
        canvas: Frequency and time extent of the empty canvas behind the window, as a share of the window's.
        fader: Highest change at either end of the random fade, in standard deviations of the log-mel; 0: none.
        pad: Where a short clip is padded: "both" sides or its "end".
        mel: Scale of the mel bands.
        piece_seconds: A file gives a window for every so many seconds (Ogg cut recordings in 10 s).
    """

    version: int = 1
    width: int = 2048
    batch: int = 256
    learning_rate: float = 3e-4
    epochs: int = 100
    decay: float = 0.99
    hidden: int = 4096
    projection: int = 256
    seed: int = 42
    norm_epochs: int = 10
    n_statistics: int = 10_000
    mixup: float = 0.4
    memory: int = 2048
    crop: tuple[float, float] = (0.6, 1.5)
    canvas: tuple[float, float] = (1.0, 1.5)
    fader: float = 0.0
    pad: str = "both"
    mel: str = MEL[1]
    piece_seconds: float = 10.0


RECIPES = {
    1: PretrainingRecipe(),
    2: PretrainingRecipe(version=2, learning_rate=1e-4, norm_epochs=0, mixup=0.2, fader=1.0, pad="end", mel=MEL[2]),
}
MIN = {"width": 1, "batch": 2, "epochs": 1, "memory": 1, "n_statistics": 1, "seed": 0}
POSITIVE = ("learning_rate", "piece_seconds")


def recipe(version: int, **changes: Any) -> PretrainingRecipe:
    """The published recipe of a version with some numbers changed; None leaves a number as it is.

    >>> recipe(2, batch=64, epochs=None).batch
    64

    Args:
        version: Of the encoder, 1 or 2.
        changes: Fields of `PretrainingRecipe`; `piece_seconds` in seconds.

    Raises:
        ValueError: A number that is not finite or out of range.
    """
    changed = {name: value for name, value in changes.items() if value is not None}
    for name, value in changed.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value}: a finite number is wanted")
        low = MIN.get(name, 0)
        if value < low or (name in POSITIVE and value == 0):
            raise ValueError(f"{name}={value}: a number {'above 0' if name in POSITIVE else f'from {low}'} is wanted")
    if changed.get("mixup", 0) > 1:
        raise ValueError(f"mixup={changed['mixup']}: a share from 0 to 1 is wanted")
    return dataclasses.replace(RECIPES[version], **changed)
