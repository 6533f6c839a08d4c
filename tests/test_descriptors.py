"""Acoustic descriptors: what is known of a tone, a pause or noise; as librosa has it; the same whatever the blocks."""

import math
import tracemalloc

import numpy as np
import pytest
import soundfile

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.similarity import descriptors, pitch

RATE = 16000


def tone(frequency, seconds=1.0, rate=RATE, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def noise(seconds=1.0, rate=RATE, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate))


def described(samples, rate=RATE):
    return descriptors.describe_blocks([samples.astype(np.float32)], rate)


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_a_tone_is_what_it_is(rate):
    """Level, centroid, spread, pitch, and its energy in the one band that holds it, at any sample rate."""
    values = described(tone(680, rate=rate), rate)
    level = 20 * math.log10(0.5 / math.sqrt(2))
    assert values["duration"] == 1 and values["level"] == pytest.approx(level, abs=0.01)
    assert values["centroid"] == pytest.approx(680, abs=5) and values["spread"] < 60
    assert values["pitch"] == pytest.approx(math.log2(680), abs=0.005) and values["harmonicity"] > 0.98
    energies = {name: value for name, value in values.items() if name.startswith("energy")}
    loudest = max(energies, key=energies.get)
    assert loudest == "energy 574-763 Hz" and energies[loudest] == pytest.approx(level, abs=0.05)
    assert sorted(energies.values())[-2] < level - 30
    assert values["flux"] < 1e-3 and values["variability"] < 0.01


def test_noise_has_no_pitch():
    """Its harmonicity is low, its centroid in the middle of what is looked at, and pitch is not defined."""
    values = described(noise(2))
    assert math.isnan(values["pitch"]) and values["harmonicity"] < 0.5
    assert values["centroid"] == pytest.approx(4000, rel=0.03)
    assert values["spread"] == pytest.approx(8000 / math.sqrt(12), rel=0.03)  # of an even spectrum
    assert values["flux"] > 0.1


def test_a_sound_that_comes_and_goes():
    """On for half of the time: the energy's standard deviation is its mean; pauses leave centroid and pitch alone."""
    gate = (np.arange(4 * RATE) // RATE) % 2
    values, steady = described(tone(1000, 4) * gate), described(tone(1000, 4))
    assert values["variability"] == pytest.approx(1, abs=0.03)
    assert values["variability 997-1286 Hz"] == pytest.approx(1, abs=0.03)
    assert values["level"] == pytest.approx(steady["level"] - 10 * math.log10(2), abs=0.01)
    assert values["centroid"] == pytest.approx(steady["centroid"], rel=0.01)
    assert values["pitch"] == pytest.approx(steady["pitch"], abs=0.001)


def test_changes_between_frames_are_flux():
    """A tone that jumps is less steady than one that stays; the spectrum's level alone is no change."""
    jumps = np.concatenate([tone(frequency, 0.1) for frequency in (500, 3000) * 10])
    swells = tone(500, 2) * np.linspace(0.1, 1, 2 * RATE)
    jumping, swelling = described(jumps), described(swells)
    assert jumping["flux"] > 0.15 and swelling["flux"] < 0.001
    assert jumping["flux variability"] > 0.1 > swelling["flux variability"]


def test_silence_and_very_short_clips():
    """The level of silence is the floor and all else but the length is undefined; one sample is no error."""
    values = described(np.zeros(RATE))
    assert values["level"] == descriptors.FLOOR_DB and values["energy 50-116 Hz"] == descriptors.FLOOR_DB
    undefined = ("centroid", "spread", "flux", "harmonicity", "pitch", "variability", "variability 50-116 Hz")
    assert all(math.isnan(values[name]) for name in undefined)
    short = described(np.array([0.5]))
    assert short["duration"] == 1 / RATE and short["level"] == pytest.approx(20 * math.log10(0.5))
    assert math.isnan(short["flux"]) and math.isnan(short["variability"])


def test_low_rates_have_no_high_bands():
    """At 8 kHz the bands above 4 kHz hold nothing; what is below is as at 16 kHz."""
    low, high = described(tone(440, rate=8000), 8000), described(tone(440))
    assert low["energy 5161-6431 Hz"] == descriptors.FLOOR_DB
    assert low["energy 421-574 Hz"] == pytest.approx(high["energy 421-574 Hz"], abs=0.05)
    assert low["pitch"] == pytest.approx(high["pitch"], abs=0.005)


@pytest.mark.parametrize("size", [1, 37, 800, 5000])
def test_blocks_do_not_matter(size, monkeypatch):
    """However a sound is cut into blocks, and however many frames are looked at together."""
    samples = (tone(300, 0.4) + noise(0.4)).astype(np.float32)
    whole = described(samples)
    monkeypatch.setattr(descriptors, "_MAX_SAMPLES_AT_ONCE", 3000)
    parts = (samples[first : first + size] for first in range(0, len(samples), size))
    values = descriptors.describe_blocks(parts, RATE)
    assert values == pytest.approx(whole, rel=1e-6, abs=1e-9, nan_ok=True)


def test_memory_does_not_grow_with_the_recording():
    """Ten times the length takes next to no more memory."""

    def peak(n_blocks):
        tracemalloc.start()
        descriptors.describe_blocks((noise(1.0, seed=0).astype(np.float32) for _ in range(n_blocks)), RATE)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes

    peak(1)
    assert peak(100) < peak(10) + 100_000


def test_centroid_spread_and_level_are_librosas():
    """Frame by frame, of the same magnitude spectra."""
    librosa = pytest.importorskip("librosa")
    samples = tone(700) + noise()
    magnitude = np.abs(librosa.stft(samples, n_fft=800, hop_length=400, center=False))
    frequencies = np.arange(401) * RATE / 800
    centroid, spread = descriptors.spectral_shape(magnitude.T, frequencies)
    assert np.allclose(centroid, librosa.feature.spectral_centroid(S=magnitude, freq=frequencies)[0])
    assert np.allclose(spread, librosa.feature.spectral_bandwidth(S=magnitude, freq=frequencies)[0])
    rms = librosa.feature.rms(y=samples, frame_length=len(samples), hop_length=len(samples), center=False)[0, 0]
    assert described(samples)["level"] == pytest.approx(20 * math.log10(rms), abs=1e-4)


@pytest.mark.parametrize("frequency", [75, 110, 261.6, 523.3, 1400])
def test_pitch_is_librosas(frequency):
    """YIN on a harmonic sound, frame by frame."""
    librosa = pytest.importorskip("librosa")
    sound = sum(tone(frequency * number, 0.5, amplitude=0.3 / number) for number in range(1, 5)) + 0.01 * noise(0.5)
    theirs = librosa.yin(
        sound, fmin=60, fmax=2000, sr=RATE, frame_length=1600, hop_length=400, trough_threshold=0.1, center=False
    )
    frames = np.lib.stride_tricks.sliding_window_view(sound, 800)[::400]
    ours, dips = pitch.yin(frames, RATE)
    assert np.allclose(ours, frequency, rtol=0.01) and np.all(dips < 0.1)
    assert np.allclose(np.median(ours), np.median(theirs), rtol=0.005)


def test_the_difference_function_is_that_of_the_paper():
    """Sums of squared differences, written out; normalised by its mean up to each lag."""
    frames = np.random.default_rng(0).normal(size=(3, 50))
    computed = pitch.difference_function(frames, 20)
    expected = [[np.square(x[:30] - x[lag : lag + 30]).sum() for lag in range(21)] for x in frames]
    assert np.allclose(computed, expected)
    normalised = pitch.mean_normalised(computed)
    assert np.allclose(normalised[:, 0], 1) and normalised[2, 7] == pytest.approx(
        computed[2, 7] / computed[2, 1:8].mean()
    )


def test_bands_are_two_erbs_wide():
    """By the ERB numbers of Glasberg and Moore: 1 kHz is 15.6, and every band takes an equal part."""
    numbers = 21.4 * np.log10(1 + 4.37 * np.append(descriptors.erb_edges(), 1000) / 1000)
    assert numbers[-1] == pytest.approx(15.62, abs=0.01)
    assert np.allclose(np.diff(numbers[:-1]), np.diff(numbers[:-1])[0]) and np.diff(numbers)[0] == pytest.approx(
        2, abs=0.1
    )
    assert descriptors.erb_edges()[[0, -1]] == pytest.approx([50, 8000])


def test_every_descriptor_is_defined_and_given(tmp_path):
    """Each has unit, definition and source in order; of a file, of a stretch of it, and of the start of that."""
    listed = descriptors.list_descriptors()
    assert list(described(noise())) == [each.name for each in listed] and len({each.name for each in listed}) == 41
    assert all(each.definition and (each.source or each.name == "duration") for each in listed)
    sound = np.concatenate([tone(400, 0.5), tone(1200, 0.5)])
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    whole = descriptors.describe(tmp_path / "a.wav", Clip("a.wav", ()), RATE)
    late = descriptors.describe(tmp_path / "a.wav", Clip("a.wav", (), 0.5, 1.0), RATE)
    cut = descriptors.describe(tmp_path / "a.wav", Clip("a.wav", ()), RATE, ClipRule(0.5))
    assert (whole["duration"], late["duration"], cut["duration"]) == (1, 0.5, 0.5)
    assert late["pitch"] == pytest.approx(math.log2(1200), abs=0.01)
    assert cut["pitch"] == pytest.approx(math.log2(400), abs=0.01)
