"""A way in which clips are made worse on purpose, as a value: what is done, how much of it, and the name that embeddings are kept under."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.audio import degrading
from evaluator.audio.errors import AudioError

FORM = 1  # of what is done to the samples: counts up with every change of it, so that no embedding of another form is taken
WHITE, PINK = "white", "pink"
_SHORTEST_READ = 0.1  # seconds of a recording of noise: the clip may be shorter than one sample of it

ReadNoise = Callable[[Path, float, float, float], np.ndarray]
"""From a recording, start and end in seconds and a rate in Hz to its samples, (n_samples,)."""


@dataclass(frozen=True)
class DegradationKind:
    """What one kind of degradation does.

    name: What it is called.
    what: What is done, before its level.
    unit: Of its level: dB, Hz or s.
    lowest, highest: Levels that are taken, in that unit.
    axis: What stands at the axis of a curve over its levels.
    logarithmic: Whether that axis is.
    """

    name: str
    what: str
    unit: str
    lowest: float
    highest: float
    axis: str
    logarithmic: bool = False


KINDS: Mapping[str, DegradationKind] = {
    "noise": DegradationKind("noise", "noise at an SNR of", "dB", -100.0, 100.0, "signal-to-noise ratio (dB)"),
    "gain": DegradationKind("gain", "gain of", "dB", -60.0, 60.0, "gain (dB)"),
    "low_pass": DegradationKind("low-pass", "low-pass at", "Hz", 20.0, 1e6, "low-pass cut-off (Hz)", logarithmic=True),
    "length": DegradationKind("length", "stretches of", "s", 0.001, 1e5, "clip length (s)", logarithmic=True),
    "sample_rate": DegradationKind(
        "sample rate", "sample rate of", "Hz", 100.0, 1e7, "sample rate (Hz)", logarithmic=True
    ),
}


@dataclass(frozen=True)
class NoiseFile:
    """A recording of noise: where it lies, the SHA-256 of its bytes, and its length in seconds."""

    path: Path
    sha256: str
    seconds: float


@dataclass(frozen=True)
class NoiseSource:
    """Where noise comes from.

    name: `white`, `pink`, or what the folder of recordings is called.
    files: The recordings, (n_files,), in the order of their content; empty for noise that is made.
    """

    name: str
    files: tuple[NoiseFile, ...] = ()

    @property
    def key(self) -> str:
        """Its part of a clip's key: what recordings hold counts, not what they or their folder are called."""
        if not self.files:
            return self.name
        return f"recordings{hashlib.sha256(''.join(each.sha256 for each in self.files).encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Degradation:
    """One way in which clips are made worse, at one level.

    It is done to a clip at its recording's own rate, at the pace at which it is heard, before it is resampled for a module: so every
    module hears the same sound. What is drawn hangs on the recording's content, the stretch that the clip is, and the seed; never on
    the level: the noise of a clip is the same at every ratio, and a shorter stretch lies within a longer one.

    kind: One of `KINDS`.
    level: In the unit of the kind, as the module hears it.
    noise: Which one, for the kind `noise`.
    seed: Of all that is drawn.
    """

    kind: str
    level: float
    noise: NoiseSource | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a degradation {self.kind!r}: known are {', '.join(KINDS)}")
        kind = KINDS[self.kind]
        if not kind.lowest <= self.level <= kind.highest:
            raise ValueError(
                f"{self.level!r} {kind.unit}: a {kind.axis.rpartition(' (')[0]} is a number from {kind.lowest:g} to {kind.highest:g} {kind.unit}"
            )
        if (self.noise is not None) != (self.kind == "noise"):
            raise ValueError(
                f"a degradation {self.kind!r} with noise {self.noise!r}: noise, and nothing else, has a source"
            )

    @property
    def series(self) -> str:
        """What it has in common with the same at other levels, in a word or two: `white noise`, `gain`."""
        return KINDS[self.kind].name if self.noise is None else f"{self.noise.name} noise"

    @property
    def title(self) -> str:
        """What it is called: `white noise, 10 dB`."""
        return f"{self.series}, {self.level:g} {KINDS[self.kind].unit}"

    @property
    def sentence(self) -> str:
        """What is done to the clips."""
        kind, source = KINDS[self.kind], "" if self.noise is None else f"{self.noise.name} "
        return f"{source}{kind.what} {self.level:g} {kind.unit}"

    @property
    def key(self) -> str:
        """Its part of the key of a clip that it changes."""
        what = self.kind if self.noise is None else self.noise.key
        drawn = f"seed{self.seed}" if self.kind in ("noise", "length") else ""
        return "_".join(filter(None, (f"degraded{FORM}", what, repr(float(self.level)), drawn)))

    def changes(self, seconds: float, rate: float) -> bool:
        """Whether it changes a clip of so many seconds at a rate in Hz, as far as that can be told before it is decoded."""
        if self.kind == "gain":
            return self.level != 0
        if self.kind == "low_pass":
            return self.level < rate / 2
        if self.kind == "length":
            return self.level < seconds
        return self.kind == "noise" or self.level < rate

    def length(self, seconds: float) -> float:
        """How long a clip of so many seconds is then."""
        return min(seconds, self.level) if self.kind == "length" else seconds

    def apply(self, samples: np.ndarray, rate: float, content: str, read: ReadNoise) -> np.ndarray:
        """A clip's samples after it, (n_kept,) float32 for (n_samples,), full scale 1, not clipped.

        Args:
            samples: Of the part that is used, at the recording's rate.
            rate: In Hz, as the clip is heard.
            content: Names the recording's content and the stretch of it that the clip is.
            read: Reads noise.

        Raises:
            AudioError: A recording of noise cannot be read, or is silent where the clip sounds.
        """
        if self.kind == "gain":
            return degrading.gained(samples, self.level)
        if self.kind == "low_pass":
            return degrading.low_passed(samples, rate, self.level)
        if self.kind == "sample_rate":
            return degrading.at_lower_rate(samples, rate, self.level)
        random = self._random(content)
        if self.noise is None:
            return degrading.shortened(samples, rate, self.level, random.random_sample())
        if self.noise.files:
            return self._with_recorded_noise(self.noise.files, samples, rate, random, read)
        made = degrading.white if self.noise.name == WHITE else lambda n, drawn: degrading.pink(n, drawn, rate)
        return degrading.mixed(samples, rate, lambda n: made(n, random), self.level)

    def _random(self, content: str) -> np.random.RandomState:
        """What is drawn for one clip, whose stream numpy promises never to change."""
        what = self.kind if self.noise is None else self.noise.key
        digest = hashlib.sha256(f"{self.seed} {what} {content}".encode()).digest()
        return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(int.from_bytes(digest[:16], "big"))))

    def _with_recorded_noise(
        self,
        files: tuple[NoiseFile, ...],
        samples: np.ndarray,
        rate: float,
        random: np.random.RandomState,
        read: ReadNoise,
    ) -> np.ndarray:
        """A clip with a stretch of one of the recordings, both drawn; a recording shorter than the clip goes on from its start."""
        chosen, where = files[random.randint(len(files))], random.random_sample()
        seconds = len(samples) / rate
        start = where * max(0.0, chosen.seconds - seconds)

        def stretch(n: int) -> np.ndarray:
            heard = read(chosen.path, start, min(chosen.seconds, start + max(seconds, _SHORTEST_READ)), rate)
            first = math.floor(where * len(heard)) if chosen.seconds < seconds else 0
            return np.resize(np.roll(heard, -first), n).astype(np.float64)

        try:
            return degrading.mixed(samples, rate, stretch, self.level)
        except ValueError as error:
            raise AudioError(
                f"{chosen.path}: {error} (a stretch from {start:.2f} s on); leave this recording out of the folder of noise"
            ) from error
