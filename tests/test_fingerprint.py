"""One sound is known again, louder, later, cut and noisy; two sounds are not taken for one."""

import numpy as np
import pytest

from evaluator.check import fingerprint, matching

RATE = fingerprint.RATE


def phrase(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Notes at random, with a little noise: another phrase for each seed."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    sound = 0.01 * random.standard_normal(len(time))
    for onset in np.arange(0, seconds - 0.1, 0.11):
        note = (time >= onset) & (time < onset + 0.1)
        for pitch in random.uniform(200, 3500, 4):
            sound[note] += np.sin(2 * np.pi * pitch * (time[note] - onset)) * np.hanning(note.sum())
    return sound.astype(np.float32)


def matched_of(marks: list[np.ndarray], side: list[int] | None = None) -> list[matching.Match]:
    """Matches among clips that all stand apart, or those of different sides."""
    landmarks = matching.Landmarks()
    for each in marks:
        landmarks.add(each)
    sides = np.array(side or [0] * len(marks), np.int64)
    apart = ~np.eye(2, dtype=bool) if side else np.ones((1, 1), bool)
    return list(matching.matches(landmarks, sides, apart))


CHANGES = {
    "softer": lambda x: 0.01 * x,
    "later": lambda x: np.concatenate([np.zeros(2513, np.float32), x]),
    "cut": lambda x: x[RATE // 2 :],
    "noisy": lambda x: x + 0.03 * x.std() * np.random.default_rng(9).standard_normal(len(x)).astype(np.float32),
    "all of it": lambda x: 0.3 * np.concatenate([0.02 * np.ones(777, np.float32), x[2000:-1000]]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change):
    """And nothing else."""
    sounds = [phrase(seed) for seed in range(20)] + [CHANGES[change](phrase(7))]
    matched = matched_of([fingerprint.landmarks(sound) for sound in sounds])
    assert [(match.first, match.second) for match in matched] == [(7, 20)]
    assert 0.25 <= matched[0].share <= 1


def test_gain_changes_no_landmark():
    """Peaks are peaks among their neighbours."""
    np.testing.assert_array_equal(fingerprint.landmarks(phrase(1)), fingerprint.landmarks(4 * phrase(1)))


def test_only_wanted_pairs_are_given():
    """Those across a split; here of an even and an odd number."""
    marks = [fingerprint.landmarks(phrase(1))] * 4
    matched = matched_of(marks, [0, 1, 0, 1])
    assert {(match.first, match.second) for match in matched} == {(0, 1), (0, 3), (1, 2), (2, 3)}


def test_silence_short_clips_and_noise_are_alike_to_nothing():
    """Not even to themselves, where there is nothing to hold on to."""
    random = np.random.default_rng(0)
    sounds = [np.zeros(RATE), np.zeros(10), np.ones(5), *(random.standard_normal(RATE) for _ in range(10))]
    marks = [fingerprint.landmarks(sound.astype(np.float32)) for sound in sounds]
    assert [len(each) for each in marks[:3]] == [0, 0, 0]
    assert matched_of(marks) == [] == matched_of([])


def test_many_clips_are_thinned_alike(monkeypatch):
    """A bound on all landmarks together: fewer of each clip, but the same ones."""
    sounds = [phrase(seed) for seed in range(12)] + [CHANGES["later"](phrase(5))]
    marks = [fingerprint.landmarks(sound) for sound in sounds]
    monkeypatch.setattr(matching, "MAX_IN_ALL", sum(map(len, marks)) // 2)
    assert [(match.first, match.second) for match in matched_of(marks)] == [(5, 12)]
    landmarks = matching.Landmarks()
    for each in marks:
        landmarks.add(each)
    numbers, frames, offsets = landmarks.columns()
    assert len(numbers) == len(frames) == offsets[-1] <= matching.MAX_IN_ALL
    kept = set(numbers.tolist())
    for each, start, stop in zip(marks, offsets, offsets[1:], strict=False):
        assert [row for row in each[:, 0].tolist() if row in kept] == numbers[start:stop].tolist()
