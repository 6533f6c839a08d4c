"""The built-in task's data: calls of six invented species, synthesised on first use, the same everywhere.

The species share one band, one range of levels and one range of lengths, so that an average spectrum tells them
apart only in part; contour, rate and modulation are what differs. Every individual has its own pitch, tempo and
timbre, and every clip its own jitter, level, background noise and echoes.

| species | its call |
|---|---|
| `arcer` | a harmonic tone that rises and falls in one slow arc |
| `buzzer` | a steady tone, its loudness modulated 35 to 60 times a second |
| `diver` | a whistle that falls by about an octave |
| `riser` | a few short chirps, each rising by half an octave |
| `triller` | a fast row of clipped notes, 16 to 26 a second |
| `wobbler` | a whistle whose pitch swings 5 to 9 times a second |
"""

import csv
import os
import shutil
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.errors import EvaluationError
from evaluator.files import sweep
from evaluator.own_cache import own_folder

SAMPLE_RATE = 22050  # Hz; not the rate of any model here, so that the demo resamples as real data does
N_INDIVIDUALS = 10  # of each species, two in each fold
N_FOLDS = 5
_CLIPS_OF = (5, 6)  # clips of an individual, in turn
_FOLDER = "demo-calls-v1"  # the number counts up whenever a sample of the data changes
_SEED = 20

# RandomState, because numpy keeps its numbers the same in all versions, which it does not promise of Generator:
# https://numpy.org/neps/nep-0019-rng-policy.html
_Random = np.random.RandomState
_Tone = tuple[np.ndarray, np.ndarray]  # pitch in units of the individual's own, loudness 0 to 1; both (n_samples,)


def make(cache: Path) -> Path:
    """The folder of the synthesised calls under `cache`: WAV files and `manifest.csv` (path, label, fold, group).

    It is made the first time (about 2 seconds, 16 MB) and appears whole; several processes may do so at once.

    Raises:
        EvaluationError: It cannot be written.
    """
    if (cache / _FOLDER / "manifest.csv").is_file():
        return cache / _FOLDER
    home = own_folder(cache, "")
    folder = home / _FOLDER
    if (folder / "manifest.csv").is_file():
        return folder
    sweep(home)
    aside = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}.{os.getpid()}.", suffix=".part", dir=home))
    try:
        _write_all(aside)
        aside.chmod(0o755)  # mkdtemp makes it private
        os.rename(aside, folder)
    except OSError as error:
        if not (folder / "manifest.csv").is_file():  # else another process was first, with the same bytes
            raise EvaluationError(
                f"{folder}: cannot be made ({error}); delete what is there, or use another --cache"
            ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _synthesise(species: str, individual: int, take: int) -> np.ndarray:
    """One call, shape (n_samples,), int16, 0.1 to 3 s at `SAMPLE_RATE`; always the same for the same arguments."""
    number = sorted(SPECIES).index(species)
    innate = _Random(np.random.PCG64([_SEED, number, individual]))
    pitch = SPECIES[species].pitch * 2 ** innate.uniform(-0.28, 0.28)  # Hz
    tempo = innate.uniform(0.0, 1.0)
    timbre = innate.uniform(0.05, 0.5)

    random = _Random(np.random.PCG64([_SEED, number, individual, 1 + take]))
    seconds = float(np.clip(0.75 * 2 ** random.normal(0, 0.9), 0.1, 3.0))
    n = round(seconds * SAMPLE_RATE)
    position = np.arange(n) / n  # 0 to 1 through the call
    contour, loudness = SPECIES[species].tone(position, seconds, np.clip(tempo + random.normal(0, 0.1), 0, 1))
    drift = random.normal(0, 0.04) + np.interp(position, np.linspace(0, 1, 6), random.normal(0, 0.03, 6))  # octaves
    phase = 2 * np.pi * np.cumsum(pitch * contour * 2**drift) / SAMPLE_RATE
    call = np.sin(phase) + timbre * np.sin(2 * phase) + timbre**2 * np.sin(3 * phase)
    call = _with_echoes(call * loudness * _faded(n), random)
    noise_db, level_db = -random.uniform(3, 25), -random.uniform(8, 34)  # to the call's power; peak to full scale
    call = call / np.sqrt(np.mean(call**2)) + _noise(n, random) * 10 ** (noise_db / 20)
    return np.round(call / np.abs(call).max() * 10 ** (level_db / 20) * 32767).astype(np.int16)


def _arcer(position: np.ndarray, seconds: float, tempo: float) -> _Tone:
    return 2 ** ((0.4 + 0.4 * tempo) * (np.sin(np.pi * position) - 0.6)), np.ones_like(position)


def _buzzer(position: np.ndarray, seconds: float, tempo: float) -> _Tone:
    rate = 35 + 25 * tempo  # Hz
    return np.ones_like(position), 0.5 - 0.5 * np.cos(2 * np.pi * rate * seconds * position)


def _diver(position: np.ndarray, seconds: float, tempo: float) -> _Tone:
    return 2 ** ((0.7 + 0.5 * tempo) * (0.5 - position)), np.ones_like(position)


def _riser(position: np.ndarray, seconds: float, tempo: float) -> _Tone:
    n_chirps = max(1, round(seconds * (3 + 2 * tempo)))
    within = (position * n_chirps) % 1  # 0 to 1 through each chirp and its pause
    return 2 ** (0.5 * (within / 0.8 - 0.5)), (within < 0.8) * np.sin(np.pi * np.minimum(within / 0.8, 1))


def _triller(position: np.ndarray, seconds: float, tempo: float) -> _Tone:
    rate = 16 + 10 * tempo  # notes a second
    return np.ones_like(position), np.sin(np.pi * rate * seconds * position) ** 8


def _wobbler(position: np.ndarray, seconds: float, tempo: float) -> _Tone:
    rate = 5 + 4 * tempo  # Hz
    return 2 ** (0.25 * np.sin(2 * np.pi * rate * seconds * position)), np.ones_like(position)


@dataclass(frozen=True)
class Species:
    """What all calls of one kind share.

    pitch: In Hz; individuals lie up to a third of an octave off it.
    tone: How it calls: (position in the call from 0 to 1, seconds, the individual's tempo from 0 to 1) -> a `_Tone`.
    """

    pitch: float
    tone: Callable[[np.ndarray, float, float], _Tone]


SPECIES = {
    "arcer": Species(700.0, _arcer),
    "buzzer": Species(900.0, _buzzer),
    "diver": Species(1150.0, _diver),
    "riser": Species(1300.0, _riser),
    "triller": Species(1000.0, _triller),
    "wobbler": Species(800.0, _wobbler),
}


def _faded(n: int) -> np.ndarray:
    """A gain that opens and closes within 10 ms at either end."""
    n_fade = min(n // 2, SAMPLE_RATE // 100)
    gain = np.ones(n)
    gain[:n_fade] = np.linspace(0, 1, n_fade)
    gain[n - n_fade :] = np.linspace(1, 0, n_fade)
    return gain


def _with_echoes(call: np.ndarray, random: _Random) -> np.ndarray:
    """The call with four weaker copies of itself, 10 to 120 ms late, as trees and walls give."""
    mixed = call.copy()
    strength = random.uniform(0, 0.5)
    for delay in np.sort(random.uniform(0.01, 0.12, 4)):
        late = round(delay * SAMPLE_RATE)
        mixed[late:] += strength * 2 ** (-delay / 0.05) * call[: max(0, len(call) - late)]
    return mixed


def _noise(n: int, random: _Random) -> np.ndarray:
    """Background of unit power: white noise, smoothed over 1 to 8 samples, so that each clip's falls off elsewhere."""
    width = random.randint(1, 9)
    noise = np.convolve(random.standard_normal(n + width - 1), np.ones(width), mode="valid")
    return noise / np.sqrt(np.mean(noise**2))


def _write_all(folder: Path) -> None:
    rows = []
    for species in sorted(SPECIES):
        (folder / species).mkdir()
        for individual in range(N_INDIVIDUALS):
            group = f"{species}-{individual}"
            for take in range(_CLIPS_OF[individual % len(_CLIPS_OF)]):
                path = f"{species}/{group}-{take}.wav"
                _write_wav(folder / path, _synthesise(species, individual, take))
                rows.append((path, species, 1 + individual % N_FOLDS, group))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "label", "fold", "group"))
        table.writerows(rows)


def _write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
