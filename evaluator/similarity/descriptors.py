"""Acoustic descriptors of a clip: a few numbers that describe its sound, computed from the samples alone.

Clips are described as they are recorded, mono, at their own sample rate; the spectrum's descriptors concern the part
below `TOP_HZ`, which is all that a model at 16 kHz gets. Frames of `FRAME_SECONDS` follow each other every `HOP_SECONDS`; a
clip shorter than one frame is filled up with zeros, and what is left over after the last whole frame does not count.
Frame by frame values become one of the clip by a mean weighted with the frames' energy, so that pauses do not count.

A recording is read in blocks and only sums are kept (and one number a frame for pitch), whatever its length. What
is not defined for a clip (the pitch of noise, the centroid of silence) is NaN.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip, n_samples
from evaluator.audio.clip_rule import AS_IT_IS, ClipRule
from evaluator.similarity import pitch
from evaluator.similarity.pitch import LOWEST_PITCH, yin

FRAME_SECONDS = 0.05  # three periods of the lowest pitch, and bins of 20 Hz, narrower than the narrowest band
HOP_SECONDS = 0.025
LOWEST_HZ, TOP_HZ = 50.0, 8000.0  # of the bands; half of 16 kHz
N_BANDS = 16  # each two ERBs wide
FLOOR_DB = -120.0  # below what 16 or 24 bits hold of anything; the level of silence
_SILENT = 1e-12  # mean power of a frame, full scale 1: FLOOR_DB
_MAX_SAMPLES_AT_ONCE = 1 << 19  # of the frames that are looked at together, overlap included

_PEETERS = "Peeters et al. 2011, The Timbre Toolbox, https://doi.org/10.1121/1.3642604"
_GLASBERG = "Glasberg and Moore 1990, https://doi.org/10.1016/0378-5955(90)90170-T"
_YIN = "de Cheveigne and Kawahara 2002, YIN, https://doi.org/10.1121/1.1458024"


@dataclass(frozen=True)
class Descriptor:
    """A descriptor's name, its unit (`Hz`, `dB`, `s`; "" for none), its definition in a sentence, and its source."""

    name: str
    unit: str
    definition: str
    source: str


def erb_edges() -> np.ndarray:
    """Edges of the bands in Hz, (N_BANDS + 1,): equally far from each other on the scale of ERB numbers."""
    low, high = (21.4 * np.log10(1 + 0.00437 * np.array([LOWEST_HZ, TOP_HZ]))).tolist()
    return np.asarray((10 ** (np.linspace(low, high, N_BANDS + 1) / 21.4) - 1) / 0.00437)


def _band_names() -> list[str]:
    """The bands by their edges, such as `50-123 Hz`."""
    return [f"{low:.0f}-{high:.0f} Hz" for low, high in pairwise(erb_edges())]


def list_descriptors() -> list[Descriptor]:
    """Every descriptor with its unit (s, dB, Hz, octaves or none), in the order in which `describe` gives them."""
    whole = [
        ("duration", "s", "length of the clip", ""),
        ("level", "dB", "root mean square of the samples, in dB re full scale", _PEETERS),
        ("variability", "", "standard deviation of the frames' energy over its mean", "own, after " + _PEETERS),
        ("centroid", "Hz", "mean frequency, weighted with the magnitude spectrum", _PEETERS),
        ("spread", "Hz", "standard deviation of frequency about the centroid, weighted likewise", _PEETERS),
        ("flux", "", "one minus the cosine between the magnitude spectra of successive frames", _PEETERS),
        ("flux variability", "", "standard deviation of the flux over the frames", _PEETERS),
        ("harmonicity", "", "one minus the least value of YIN's normalised difference function", _YIN),
        ("pitch", "octaves", "median over voiced frames of log2 of the fundamental frequency in Hz", _YIN),
    ]
    bands = [
        Descriptor(f"{what} {band}", unit, f"{definition} between these frequencies, a band of two ERBs", _GLASBERG)
        for what, unit, definition in (
            ("energy", "dB", "level of the sound, in dB re full scale,"),
            ("variability", "", "standard deviation of the frames' energy over its mean,"),
        )
        for band in _band_names()
    ]
    return [*(Descriptor(*each) for each in whole), *bands]


def describe(path: Path, clip: Clip, sample_rate: float, rule: ClipRule = AS_IT_IS) -> dict[str, float]:
    """The descriptors of a clip by the names of `list_descriptors`; NaN where one is not defined.

    Args:
        path: The recording.
        clip: Which stretch of it.
        sample_rate: Of the recording as it is heard, in Hz: less where it is slowed down.
        rule: Which channel is taken, and how much of the clip's start in `rule.seconds`, as where a task cuts its clips.

    Raises:
        AudioError: As `audio.read_clip`.
    """
    blocks = decode.read_blocks(path, clip, rule)
    if rule.seconds is not None:
        blocks = _first_samples(blocks, n_samples(rule.seconds, sample_rate))
    return describe_blocks(blocks, sample_rate)


def _first_samples(blocks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first so many samples of the blocks."""
    for block in blocks:
        yield block[:length]
        length -= len(block)
        if length <= 0:
            return


def describe_blocks(blocks: Iterable[np.ndarray], sample_rate: float) -> dict[str, float]:
    """The descriptors of a sound by the names of `list_descriptors`; NaN where one is not defined.

    Args:
        blocks: Its samples, mono, full scale 1, one block (n_samples,) after another.
        sample_rate: In Hz.
    """
    sums = _DescriptorSums(sample_rate)
    for frames in sums.frames_of(blocks):
        sums.add(frames)
    by_name = sums.values()
    return {each.name: by_name[each.name] for each in list_descriptors()}


class _DescriptorSums:
    """Sums over the frames of a sound that were added so far, whatever its length in samples."""

    def __init__(self, sample_rate: float):
        self.sample_rate = sample_rate
        self.length = max(4, round(FRAME_SECONDS * sample_rate))
        self.hop = max(2, round(HOP_SECONDS * sample_rate))
        self.window = np.hanning(self.length + 1)[:-1]
        frequencies = np.arange(self.length // 2 + 1) * sample_rate / self.length
        self.frequencies = frequencies[frequencies <= TOP_HZ]
        band = np.searchsorted(erb_edges(), self.frequencies, side="right") - 1  # -1 below the lowest
        self.bands = np.eye(N_BANDS + 1)[np.where(band < 0, N_BANDS, np.minimum(band, N_BANDS - 1))][:, :N_BANDS]
        self.n_samples, self.squares, self.n_frames = 0, 0.0, 0
        self.energy = np.zeros((2, N_BANDS + 1))  # sums of each band's power, last of all; and of its square
        self.weighted = np.zeros(2)  # centroid and spread, times the frames' energy
        self.flux = np.zeros(3)  # number of changes, their sum, sum of squares
        self.harmonic = np.zeros(2)  # energy, and harmonicity times energy, of frames that are not silent
        self.pitches: list[np.ndarray] = []
        self.last_spectrum: np.ndarray | None = None  # the last frame's unit spectrum

    def frames_of(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The frames of all blocks, some at once, (n_frames, length), float64; levels are summed as they pass."""
        rest, at_once = np.zeros(0), max(1, _MAX_SAMPLES_AT_ONCE // self.length)
        for block in blocks:
            samples = block.astype(np.float64)
            self.n_samples += len(samples)
            self.squares += float(samples @ samples)
            rest = np.concatenate([rest, samples])
            while len(rest) >= self.length:
                n_frames = min(at_once, 1 + (len(rest) - self.length) // self.hop)
                yield np.lib.stride_tricks.sliding_window_view(rest, self.length)[:: self.hop][:n_frames]
                rest = rest[n_frames * self.hop :]
        if not self.n_frames:
            yield np.pad(rest, (0, self.length - len(rest)))[None]

    def add(self, frames: np.ndarray) -> None:
        """Add frames (n_frames, length)."""
        from scipy.fft import rfft

        self.n_frames += len(frames)
        magnitude = np.abs(rfft(frames * self.window, axis=1))[:, : len(self.frequencies)]
        # Power of a sound whose spectrum this is: both sides of it, and what the window takes away (Parseval).
        power = 2 * np.square(magnitude) / (self.length * np.square(self.window).sum())
        in_bands = power @ self.bands  # (n_frames, N_BANDS)
        energy = np.column_stack([in_bands, power.sum(axis=1)])
        self.energy += [energy.sum(axis=0), np.square(energy).sum(axis=0)]
        self._add_shape(magnitude, energy[:, -1])
        self._add_flux(magnitude, energy[:, -1])
        self._add_pitch(frames)

    def _add_shape(self, magnitude: np.ndarray, energy: np.ndarray) -> None:
        """Add centroid and spread of frames; arguments (n_frames, n_frequencies) and (n_frames,)."""
        centroid, spread = spectral_shape(magnitude, self.frequencies)
        audible = energy > _SILENT
        self.weighted += [energy[audible] @ centroid[audible], energy[audible] @ spread[audible]]

    def _add_flux(self, magnitude: np.ndarray, energy: np.ndarray) -> None:
        """Add what changes from each frame to the next, if neither is silent; arguments as in `_add_shape`."""
        norms = np.linalg.norm(magnitude, axis=1, keepdims=True)
        unit = np.divide(magnitude, norms, out=np.full_like(magnitude, np.nan), where=energy[:, None] > _SILENT)
        both = unit if self.last_spectrum is None else np.concatenate([self.last_spectrum, unit])
        change = 1 - (both[1:] * both[:-1]).sum(axis=1)
        change = change[~np.isnan(change)]
        self.flux += [len(change), change.sum(), np.square(change).sum()]
        self.last_spectrum = unit[-1:]

    def _add_pitch(self, frames: np.ndarray) -> None:
        """Add harmonicity and pitch of frames that are not silent."""
        power = np.square(frames).mean(axis=1)
        audible = power > _SILENT
        if self.length <= 2 * self.sample_rate / LOWEST_PITCH or not audible.any():
            return
        f0, dip = yin(frames[audible], self.sample_rate)
        self.harmonic += [power[audible].sum(), power[audible] @ (1 - np.clip(dip, 0, 1))]
        self.pitches.append(np.log2(f0[~np.isnan(f0)]).astype(np.float32))

    def values(self) -> dict[str, float]:
        """The descriptors of all that was added, by name."""
        pitches = np.concatenate([*self.pitches, np.zeros(0, np.float32)])
        mean, std = self.energy[0] / self.n_frames, _standard_deviation(self.n_frames, *self.energy)
        variability = np.divide(std, mean, out=np.full_like(mean, np.nan), where=mean > _SILENT)
        if self.n_frames < 2:
            variability[:] = np.nan
        total_energy = mean[-1] * self.n_frames if mean[-1] > _SILENT else np.nan
        n_changes = self.flux[0] or np.nan
        by_name: dict[str, float] = {
            "duration": self.n_samples / self.sample_rate,
            "level": float(_decibels(self.squares / max(1, self.n_samples))),
            "variability": variability[-1],
            "centroid": self.weighted[0] / total_energy,
            "spread": self.weighted[1] / total_energy,
            "flux": self.flux[1] / n_changes,
            "flux variability": float(_standard_deviation(n_changes, self.flux[1], self.flux[2])),
            "harmonicity": self.harmonic[1] / (self.harmonic[0] or np.nan),
            "pitch": float(np.median(pitches)) if len(pitches) else float("nan"),
        }
        for number, band in enumerate(_band_names()):
            by_name[f"energy {band}"] = float(_decibels(mean[number]))
            by_name[f"variability {band}"] = variability[number]
        return {name: float(value) for name, value in by_name.items()}


def _decibels(power: np.ndarray | float) -> np.ndarray:
    """Mean power, full scale 1, in dB re full scale; `FLOOR_DB` at least."""
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))))


def _standard_deviation(n: float, total: np.ndarray | float, squares: np.ndarray | float) -> np.ndarray:
    """Standard deviation of n numbers from their sum and the sum of their squares."""
    return np.sqrt(np.maximum(0.0, squares / n - np.square(total / n)))


def spectral_shape(magnitude: np.ndarray, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectral centroid and spread of frames in Hz, (n_frames,) each; 0 where there is nothing.

    Args:
        magnitude: Of the spectra, (n_frames, n_frequencies).
        frequencies: In Hz, (n_frequencies,).
    """
    total = magnitude.sum(axis=1, keepdims=True)
    share = np.divide(magnitude, total, out=np.zeros_like(magnitude), where=total > 0)
    centroid = share @ frequencies
    squares = (share * np.square(frequencies - centroid[:, None])).sum(axis=1)
    return centroid, np.sqrt(squares)


def as_columns(described: Iterable[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """The descriptors of several clips, each (n_clips,), by name."""
    rows = list(described)
    return {each.name: np.array([row[each.name] for row in rows]) for each in list_descriptors()}


def version() -> str:
    """A name for the descriptors as they are defined here, 16 hex digits; it changes with this code."""
    code = b"".join(Path(each).read_bytes() for each in (__file__, pitch.__file__))
    return hashlib.sha256(code).hexdigest()[:16]
