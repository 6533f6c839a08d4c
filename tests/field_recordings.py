"""What a field season brings home, made up, for the page on a field study: marked recordings of birds, and files of bats.

    python tests/field_recordings.py my_season

writes `my_season/field` (three stereo recordings at 48 kHz and Raven's selection tables beside them, with calls of four
individuals of two species) and `my_season/bats` (a folder per species, files at 250 kHz, and others that a recorder slowed down
ten times and says so in GUANO). The same everywhere, in about 3 seconds and 110 MB.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import soundfile

RATE, SECONDS = 48_000, 180  # Hz, and of each recording
DAYS = ("meadow_20250512", "meadow_20250513", "meadow_20250515")
N_CALLS = 8  # of each individual in each recording
# Individual -> its species, pitch in Hz, and how fast it calls, from 0 to 1.
INDIVIDUALS = {
    "anna": ("robin", 3800.0, 0.4),
    "bert": ("robin", 4200.0, 0.6),
    "carl": ("wren", 4500.0, 0.4),
    "dora": ("wren", 5000.0, 0.6),
}
BAT_RATE, BAT_SECONDS, TIME_EXPANSION = 250_000, 0.25, 10
BATS = {"pipistrellus": 45_000.0, "pygmaeus": 55_000.0}  # Hz where their calls end
STATIONS, FILES = ("bridge", "church", "mill", "oak", "pond", "quarry", "weir", "yard"), 3
SLOW = ("mill", "pond")  # stations whose recorder writes files that are slowed down
_COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Species",
    "Individual",
)


def make(folder):
    """Write both folders into `folder`."""
    write_recordings(folder / "field")
    write_bats(folder / "bats")


def write_recordings(folder):
    """Three recordings and their tables, one of which has each selection in two views, as Raven saves it if so told."""
    folder.mkdir(parents=True)
    for day, name in enumerate(DAYS):
        draw = np.random.default_rng((1, day))
        samples = _background(draw, SECONDS * RATE)
        rows = []
        callers = draw.permutation([who for who in INDIVIDUALS for _ in range(N_CALLS)])
        gap = SECONDS / len(callers)
        for number, who in enumerate(callers):
            begin = round(gap * (number + draw.uniform(0.1, 0.6)), 3)
            call, low, high = _song(str(who), draw)
            channel, start = int(draw.integers(2)), round(begin * RATE)
            level = draw.uniform(0.02, 0.2)
            samples[start : start + len(call), channel] += level * call
            samples[start + 20 : start + 20 + len(call), 1 - channel] += 0.3 * level * call  # 14 cm farther away
            species = INDIVIDUALS[str(who)][0]
            end = round(begin + len(call) / RATE, 3)
            rows.append((number + 1, channel + 1, begin, end, round(low), round(high), species, str(who)))
        rows[5] = (*rows[5][:6], "", "")  # marked, and never named
        soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="PCM_16")
        _write_table(
            folder / f"{name}.Table.1.selections.txt", rows, ("Spectrogram", "Waveform")[: 2 if day == 0 else 1]
        )


def write_bats(folder):
    """A folder per species, its files named by station, night and number; `SLOW` stations write a tenth of the rate."""
    for number, (species, lowest) in enumerate(BATS.items()):
        (folder / species).mkdir(parents=True)
        for station in STATIONS:
            for take in range(FILES):
                draw = np.random.default_rng((2, number, STATIONS.index(station), take))
                path = folder / species / f"{station}_{take + 1}.wav"
                slow = station in SLOW
                samples = _passes(lowest, draw)
                soundfile.write(path, samples, BAT_RATE // (TIME_EXPANSION if slow else 1), subtype="PCM_16")
                if slow:
                    _add_guano(path, f"GUANO|Version: 1.0\nMake: made up\nTE: {TIME_EXPANSION}\n")


def _background(draw, n):
    """Hiss and a rumble of wind, (n, 2), each microphone its own."""
    noise = draw.standard_normal((n, 2), dtype=np.float32) * np.float32(0.003)
    coarse = np.arange(0, n + 480, 480)
    for channel in range(2):
        noise[:, channel] += np.interp(np.arange(n), coarse, 0.004 * draw.standard_normal(len(coarse)))
    return noise


def _song(who, draw):
    """A call of an individual, (n_samples,), loudest 1, and its lowest and highest frequency in Hz.

    Robins whistle down and back, wrens trill about one pitch; both have an overtone.
    """
    species, pitch, tempo = INDIVIDUALS[who]
    seconds = draw.uniform(0.5, 1.1)
    position = np.arange(int(seconds * RATE)) / (seconds * RATE)
    pitch *= 2 ** draw.normal(0, 0.15)
    rate = (2 + 2 * tempo if species == "robin" else 12 + 8 * tempo) * draw.uniform(0.85, 1.15)  # a second
    wave = np.cos(2 * np.pi * rate * seconds * position)
    frequency = pitch * 2 ** ((0.25 if species == "robin" else 0.12) * wave)
    loudness = np.sin(np.pi * position) * (0.6 + 0.4 * wave if species == "wren" else 1)
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    call = loudness * (np.sin(phase) + 0.25 * np.sin(2 * phase))
    return call / np.abs(call).max(), frequency.min(), 2 * frequency.max()


def _passes(lowest, draw):
    """Three calls of a bat that sweep down to its lowest frequency within 5 ms, (n_samples,) at `BAT_RATE`."""
    n = round(BAT_SECONDS * BAT_RATE)
    samples = 0.002 * draw.standard_normal(n)
    lowest = lowest * 2 ** draw.normal(0, 0.07)
    position = np.arange(round(0.005 * BAT_RATE)) / round(0.005 * BAT_RATE)
    frequency = lowest + 35_000 * np.exp(-6 * position)
    call = np.sin(np.pi * position) * np.sin(2 * np.pi * np.cumsum(frequency) / BAT_RATE)
    level = draw.uniform(0.05, 0.4)
    for number in range(3):
        start = round((0.03 + 0.08 * number + draw.uniform(0, 0.02)) * BAT_RATE)
        samples[start : start + len(call)] += level * call
    return samples


def _write_table(path, rows, views):
    lines = ["\t".join(_COLUMNS)]
    for number, channel, *rest in rows:
        lines += ["\t".join(map(str, (number, f"{view} {channel}", channel, *rest))) for view in views]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _add_guano(path, text):
    """Append a chunk of GUANO metadata to a WAV file."""
    content = text.encode() + b" " * (len(text) % 2)
    whole = path.read_bytes() + b"guan" + struct.pack("<I", len(content)) + content
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])


if __name__ == "__main__":
    make(Path(sys.argv[1]))
