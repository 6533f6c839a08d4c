"""Blocks of what is embedded: windows counted and measured by arithmetic are those that the listing makes, in the same blocks."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS, ClipRule
from evaluator.audio.decode import AudioError, FileFacts, clip_key, clip_seconds
from evaluator.audio.stretch import stretch_keys
from evaluator.datasets.reading import windows
from evaluator.experiment import blocks
from evaluator.experiment.blocks import Cut, blocks_of, cut_of, planned_blocks
from evaluator.experiment.sources import Source

CUTS = (
    (None, None),
    (1.0, None),
    (0.5, 0.1),
    (0.96, 0.48),
    (0.025, 0.01),
    (1 / 3, 0.1),
    (0.7, 1.9),
    (0.1234565, 0.0500005),
)


def seconds_of(clip, facts):
    """Of a clip as it is; 0 where it cannot be had."""
    try:
        return clip_seconds(facts, clip, AS_IT_IS) if isinstance(facts, FileFacts) else 0.0
    except AudioError:
        return 0.0


def listed(cut, clip, facts):
    """Every piece of a clip, one after another, as windows of tasks are listed; the clip where there is none."""
    if cut.window is None or not isinstance(facts, FileFacts):
        return [clip]
    begin = clip.start or 0.0
    starts = windows.starts(begin, begin + seconds_of(clip, facts), cut.window, cut.hop)
    return [Clip(clip.path, (), start, windows.end_of(start, cut.window)) for start in starts] or [clip]


@pytest.fixture(params=range(3))
def made_up(request, monkeypatch):
    """A source of recordings that are facts only, of any length and rate, one unreadable, whole and in stretches, and how they are cut."""
    random = np.random.default_rng(request.param)
    facts, clips = {}, []
    for number in range(8):
        path, rate = f"{number}.wav", int(random.choice([250, 8000, 11025, 16000, 44100]))
        frames = int(random.choice([random.integers(1, 9 * rate), rate * random.integers(1, 9), rate // 2 * 7]))
        facts[path] = FileFacts(f"{number:064x}", frames, rate, 1) if number != 5 else AudioError(f"{path}: no audio")
        clips.append(Clip(path, ()))
        for decimals in (1, 3, 6)[: random.integers(0, 4)]:
            start = round(random.uniform(0, frames / rate), decimals)
            clips.append(Clip(path, (), start, round(start + random.uniform(0, 4), decimals)))
    monkeypatch.setattr(blocks, "file_facts", lambda root, paths, cache, rehash: {path: facts[path] for path in paths})
    return Source("made-up", Path("/none"), tuple(clips), ClipRule()), facts


@pytest.mark.parametrize(("window", "hop"), CUTS)
def test_windows_are_counted_and_measured_as_they_are_listed(made_up, window, hop):
    """To the bit, whatever the lengths: how many, any stretch of them, how long each is, and its key."""
    source, facts = made_up
    cut = cut_of(window, hop)
    for clip in source.clips:
        its, every = facts[clip.path], listed(cut, clip, facts[clip.path])
        n = len(every)
        assert cut.n_pieces(clip, its) == n and list(cut.pieces(clip, its)) == every
        lengths = [seconds_of(piece, its) for piece in every]
        for first, after in pairwise([0, *sorted({n // 3, n // 2} - {0}), n]):
            assert list(cut.pieces(clip, its, first, after)) == every[first:after]
            assert list(cut.seconds(clip, its, first, after)) == lengths[first:after]
            if isinstance(its, FileFacts):
                rule = ClipRule(channel="1", expand=10.0)
                keys = [
                    (clip_key(its, each, rule), clip_seconds(its, each, rule))
                    for each in every[first:after]
                    if seconds_of(each, its)
                ]
                if keys:
                    assert list(stretch_keys(its, "a.wav", *cut.frames(clip, its, first, after), rule)) == keys


def test_windows_end_with_the_last_that_lies_inside():
    """By fractions, which round nothing: one more as soon as a recording is long enough for it, not a sample before."""
    rate, clip = 1000, Clip("a.wav", ())
    for window, hop in ((1000, 1000), (500, 100), (960, 480), (300, 700), (7, 3)):  # ms, which are samples
        for frames in (*range(window, window + 3 * hop + 2, max(1, hop // 7)), 3_600_000, 3_600_000 + hop - 1):
            n = int(Fraction(frames - window, hop)) + 1
            its = FileFacts("0", frames, rate, 1)
            assert Cut(window / rate, hop / rate).n_pieces(clip, its) == n
    assert Cut(1.0, 0.1).n_pieces(clip, FileFacts("0", 999, rate, 1)) == 1  # the recording as it is


def test_a_time_half_way_between_microseconds_is_rounded_as_python_does():
    """Where numpy's own rounding, which multiplies first, gives another."""
    begin, hop = 0.0, 0.0000005
    start, end = windows.spans(begin, hop, 0.0000005, 0, 20_001)
    assert start.tolist() == [windows.start_of(number, begin, hop) for number in range(20_001)]
    assert end.tolist() == [windows.end_of(each, 0.0000005) for each in start.tolist()]
    assert (np.round(np.arange(20_001) * hop, 6) != start).any()


@pytest.mark.parametrize(("window", "hop"), CUTS[:4])
def test_blocks_are_those_of_a_loop_over_all_windows(made_up, window, hop, monkeypatch):
    """A block ends where it has enough clips or enough seconds, wherever in a recording that is."""
    source, facts = made_up
    cut = cut_of(window, hop)
    for most_clips, most_seconds in ((7, 1e9), (4096, 3.3), (20, 5.0), (4096, 1e9)):
        monkeypatch.setattr(blocks, "MOST_CLIPS", most_clips)
        monkeypatch.setattr(blocks, "MOST_SECONDS", most_seconds)
        expected, seconds = [[]], 0.0
        for number, clip in enumerate(source.clips):
            for piece in listed(cut, clip, facts[clip.path]):
                expected[-1].append((number, piece))
                seconds += seconds_of(piece, facts[clip.path])
                if len(expected[-1]) >= most_clips or seconds >= most_seconds:
                    expected, seconds = [*expected, []], 0.0
        made = list(blocks_of([source], cut, Path("none"), False))
        assert [list(zip(each.origins, each.recordings.clips, strict=True)) for each in made] == list(
            filter(None, expected)
        )
        assert all(set(each.recordings.facts) == {clip.path for clip in each.recordings.clips} for each in made)
        planned = list(planned_blocks([source], cut, Path("none"), False))
        assert [block.n_clips for block in planned] == [len(each.origins) for each in made]
