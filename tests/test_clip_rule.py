"""How much of a clip is used: the lengths and levels that the papers used, and keys that name only what changes."""

import numpy as np
import pytest

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import FileFacts, clip_key, clip_seconds

RATE = 16_000
OGG = ClipRule(min_seconds=1.0)
SARKAR = ClipRule(min_seconds=0.3125, fill="repeat", peak=True)


def noise(n, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n).astype(np.float32)


@pytest.mark.parametrize("n", [1, 399, 15_999, 16_000, 16_001, 40_000])
def test_ogg_fills_up_to_a_second_with_zeros(n):
    """Only clips below a second change, at their end."""
    applied = OGG.apply(noise(n), RATE)
    assert applied.dtype == np.float32 and len(applied) == max(n, 16_000)
    assert np.array_equal(applied[:n], noise(n)) and not applied[n:].any()


@pytest.mark.parametrize("n", [1, 700, 2_500, 4_999, 5_000, 5_001, 90_000])
def test_sarkar_repeats_up_to_5000_samples_at_full_scale(n):
    """As many whole times as fit and then a prefix, divided by the largest sample."""
    clip = noise(n) / np.abs(noise(n)).max()
    expected = clip
    if n < 5_000:
        expected = np.concatenate([clip] * (5_000 // n) + [clip[: 5_000 % n]])
    applied = SARKAR.apply(noise(n), RATE)
    assert applied.dtype == np.float32 and np.array_equal(applied, expected)
    assert np.abs(applied).max() == 1


def test_silence_stays_silence():
    """Full scale of nothing is nothing, not NaN."""
    assert np.array_equal(SARKAR.apply(np.zeros(300, np.float32), RATE), np.zeros(5_000, np.float32))


def test_the_peak_is_that_of_the_part_used():
    """A loud end that is cut off leaves no trace."""
    clip = np.concatenate([noise(1600), np.ones(1600, np.float32)])
    applied = ClipRule(seconds=0.1, peak=True).apply(clip, RATE)
    assert np.array_equal(applied, noise(1600) / np.abs(noise(1600)).max())


@pytest.mark.parametrize(
    ("rule", "n", "expected"),
    [
        (ClipRule(0.1, min_seconds=0.2), 9600, [1] * 1600 + [0] * 1600),
        (ClipRule(0.1, min_seconds=0.25, fill="repeat"), 9600, [1] * 4000),
        (ClipRule(0.1, pad=True, min_seconds=0.2), 800, [1] * 800 + [0] * 2400),
        (ClipRule(0.1, pad=True, min_seconds=0.2, fill="repeat"), 800, ([1] * 800 + [0] * 800) * 2),
        (ClipRule(0.4, pad=True, min_seconds=0.2), 800, [1] * 800 + [0] * 5600),
    ],
)
def test_clips_are_cut_before_they_are_filled(rule, n, expected):
    """A cut clip is filled up too; padding up to `seconds` comes before filling."""
    assert rule.apply(np.ones(n, np.float32), RATE).tolist() == expected


def test_an_unknown_fill_is_refused():
    """The known ones are listed."""
    with pytest.raises(ValueError, match="fill 'reflect': known are zeros, repeat"):
        ClipRule(fill="reflect")


@pytest.mark.parametrize(
    ("rule", "seconds", "key", "length"),
    [
        # What stores already hold keeps its name.
        (ClipRule(), 2.0, "", 2.0),
        (ClipRule(1.5), 2.0, "-cut1.5", 1.5),
        (ClipRule(1.5, pad=True), 2.0, "-cut1.5", 1.5),
        (ClipRule(1.5, pad=True), 1.0, "-pad1.5", 1.5),
        (ClipRule(1.5), 1.0, "", 1.0),
        # A minimum length shows where it changes the clip; zeros are zeros, whoever asks for them.
        (OGG, 2.0, "", 2.0),
        (OGG, 0.5, "-pad1.0", 1.0),
        (ClipRule(1.5, pad=True, min_seconds=1.0), 0.5, "-pad1.5", 1.5),
        (ClipRule(0.25, min_seconds=1.0), 0.5, "-cut0.25-pad1.0", 1.0),
        # Full scale always shows.
        (SARKAR, 2.0, "-peak", 2.0),
        (SARKAR, 0.25, "-peak-repeat0.3125", 0.3125),
        (ClipRule(0.25, min_seconds=1.0, fill="repeat"), 2.0, "-cut0.25-repeat1.0", 1.0),
    ],
)
def test_keys_name_what_changes_the_clip(rule, seconds, key, length):
    """Nothing else, so that tasks whose rules leave a clip alone share its embedding; and its length is known."""
    facts, clip = FileFacts("hash", int(8000 * seconds), 8000, 1), Clip("a.wav", ("x",))
    assert clip_key(facts, clip, rule) == "hash" + key
    assert clip_seconds(facts, clip, rule) == length
    assert len(rule.apply(noise(int(RATE * seconds)), RATE)) == length * RATE
