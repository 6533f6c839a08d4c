"""Calls of six invented species, synthesised on first use: the data of the task `demo/calls`.

The species differ in how a call moves (up, down, level, in slow or fast notes, wavering) and a little in pitch; the
individuals of a species differ in pitch and tempo, and every clip in length, level, noise and jitter. A fold holds one
individual of each species, so that callers are tested that were never heard in training.
"""

import csv
import io
import os
import shutil
from pathlib import Path

import numpy as np

from evaluator.store import write_whole

SAMPLE_RATE = 16000
N_FOLDS = 5
CLIPS_PER_INDIVIDUAL = 11
# Name -> (pitch in Hz, ratio of end to start pitch, notes per second, share of a note that sounds, waver in Hz).
SPECIES = {
    "climber": (700, 1.5, 5, 0.7, 0),
    "diver": (1500, 0.66, 5, 0.7, 0),
    "piper": (420, 1.0, 1.5, 0.9, 0),
    "rattler": (520, 1.0, 22, 0.5, 0),
    "stutterer": (1100, 1.0, 9, 0.5, 0),
    "waverer": (820, 1.0, 1.5, 0.9, 7),
}
FOLDER = "demo-calls-v1"


def make(cache: Path) -> Path:
    """The folder of the clips and their `manifest.csv` (path,label,fold,group), made if it is not there yet.

    About 330 WAV files, 16 bit, 16 kHz, mono, 0.1 to 3 s; the same on every machine.
    """
    folder = cache / FOLDER
    if (folder / "manifest.csv").is_file():
        return folder
    aside = cache / f".{FOLDER}.{os.getpid()}.part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        write_clips(aside)
        try:
            os.replace(aside, folder)
        except OSError:
            if not (
                folder / "manifest.csv"
            ).is_file():  # else another process was faster: the clips are the same
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def write_clips(folder: Path) -> None:
    """Synthesise every clip into `folder`, and list them there."""
    import soundfile

    rows = [("path", "label", "fold", "group")]
    for place, (species, traits) in enumerate(SPECIES.items()):
        for fold in range(N_FOLDS):
            random = np.random.Generator(np.random.PCG64([2025, place, fold]))
            individual = f"{species}-{fold + 1}"
            pitch = traits[0] * 2 ** random.uniform(-0.35, 0.35)
            tempo = traits[2] * 2 ** random.uniform(-0.3, 0.3)
            for take in range(CLIPS_PER_INDIVIDUAL):
                path = f"{individual}-{take:02d}.wav"
                samples = call((pitch, traits[1], tempo, *traits[3:]), random)
                whole = np.round(samples * 32767).astype(np.int16)
                soundfile.write(folder / path, whole, SAMPLE_RATE, subtype="PCM_16")
                rows.append((path, species, str(fold + 1), individual))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    write_whole(folder / "manifest.csv", table.getvalue().encode())


def call(traits: tuple[float, float, float, float, float], random: np.random.Generator) -> np.ndarray:
    """One call in noise, (n_samples,), within [-1, 1].

    Args:
        traits: Pitch in Hz, end-to-start ratio, notes per second, sounding share of a note, waver in Hz.
        random: Where length (0.1 to 3 s), level, noise and jitter come from.
    """
    pitch, ratio, tempo, sounding, waver = traits
    seconds = 0.1 * 30 ** random.beta(2.2, 1.5)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch, tempo = pitch * 2 ** random.normal(0, 0.08), tempo * 2 ** random.normal(0, 0.1)
    note = (time * tempo + random.uniform()) % 1 / sounding  # 0 to 1 while a note sounds, beyond in the gap
    frequency = pitch * ratio ** np.minimum(note, 1)
    frequency = frequency * (1 + 0.12 * (waver > 0) * np.sin(2 * np.pi * waver * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    envelope = np.where(note < 1, np.sin(np.pi * np.minimum(note, 1)) ** 0.6, 0)
    voice = envelope * (np.sin(phase) + random.uniform(0.05, 0.4) * np.sin(2 * phase))
    noise = random.normal(size=len(time))
    colour = random.uniform(0, 0.9)  # from white to brownish
    for start in range(1, 4):
        noise[start:] = noise[start:] + colour * noise[:-start] / start
    noise *= np.sqrt(np.mean(voice**2) + 1e-6) / np.std(noise) * 10 ** (-random.uniform(0, 20) / 20)
    mixed = voice + noise
    return mixed / np.abs(mixed).max() * 10 ** (-random.uniform(0.5, 20) / 20)
