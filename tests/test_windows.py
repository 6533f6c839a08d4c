"""Windows cut from spans and from recordings: how many, where, and which labels they get."""

import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from evaluator.audio.clip import Clip
from evaluator.datasets.reading import windows
from evaluator.datasets.reading.windows import WindowOptions
from evaluator.errors import UsageError

SPANS = WindowOptions(of="spans", seconds=1.0, hop=0.01, seed=42)
RECORDINGS = WindowOptions(of="recordings", seconds=2.0, hop=1.0, recordings="*.wav")


def recording(folder, name: str, seconds: float, rate: int = 100) -> None:
    soundfile.write(folder / name, np.zeros(round(seconds * rate)), rate)


@pytest.mark.parametrize(("length", "n"), [(0.99, 0), (1.0, 1), (1.009, 1), (1.01, 2), (1.3, 31), (2.0, 101)])
def test_a_span_gives_the_windows_that_fit(length, n):
    """floor((length - 1 s) / 10 ms) + 1 of them, none for a shorter span, whatever the floating-point dust."""
    span = Clip("film.wav", ("speech",), 900.1, round(900.1 + length, 6), group="film")
    clips = windows.of_spans([span], SPANS)
    assert len(clips) == n
    assert [clip.start for clip in clips] == pytest.approx([900.1 + 0.01 * k for k in range(n)], abs=1e-9)
    assert all(clip.end - clip.start == pytest.approx(1) and clip.end <= span.end + 1e-9 for clip in clips)
    assert all((clip.labels, clip.group) == (("speech",), "film") for clip in clips)


def test_windows_of_a_split_can_be_limited():
    """At most so many of each recording and class, the same ones again, others with another seed; other splits whole."""
    spans = [
        Clip(film, (label,), start, start + 1.5, split=split)
        for film, split in (("a", "train"), ("b", "test"))
        for start, label in ((0.0, "x"), (2.0, "x"), (4.0, "y"))
    ]
    options = replace(SPANS, max_windows={"train": 60})
    clips = windows.of_spans(spans, options)
    tally = {
        key: sum((clip.path, *clip.labels) == key for clip in clips) for key in [("a", "x"), ("a", "y"), ("b", "x")]
    }
    assert tally == {("a", "x"): 60, ("a", "y"): 51, ("b", "x"): 102}
    assert clips == windows.of_spans(spans, options) != windows.of_spans(spans, replace(options, seed=43))
    assert {clip.start < 2 for clip in clips if clip.path == "a" and clip.labels == ("x",)} == {True, False}


def test_a_span_needs_both_ends():
    """Else it is a mistake in the reader."""
    with pytest.raises(UsageError, match="clip a.wav: windows inside spans need a start and an end"):
        windows.of_spans([Clip("a.wav", ("x",))], SPANS)


@pytest.mark.parametrize(
    ("onset", "offset", "labelled"),
    [
        (2.0, 2.3, []),  # 0.3 s of a window of 2 s from 0 s: outside
        (1.7, 2.9, [0, 1, 2]),  # 0.3 s of 1.2 s is 25 % in the first window
        (1.8, 2.9, [1, 2]),  # 0.2 s of 1.1 s is 18 % in the first
        (0.0, 10.0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),  # covers every window
        (3.1, 3.2, [2, 3]),  # short, but wholly inside
        (4.0, 4.0, []),  # no length
    ],
)
def test_a_window_gets_the_label_of_an_event_by_the_rule_of_beans(tmp_path, onset, offset, labelled):
    """More than 20 % of the shorter of the two, or all of the window."""
    recording(tmp_path, "a.wav", 10)
    clips = windows.of_recordings([("", Clip("a.wav", ("bird",), onset, offset))], tmp_path, RECORDINGS)
    assert [(clip.start, clip.end) for clip in clips] == [(k, k + 2) for k in range(9)]
    expected = labelled if (onset, offset) != (2.0, 2.3) else [1, 2]
    assert [k for k, clip in enumerate(clips) if clip.labels] == expected


def test_recordings_are_cut_into_chunks_first(tmp_path):
    """No window crosses a chunk; a last chunk up to one hop shorter than a window still gives one; each third counts."""
    recording(tmp_path, "a.wav", 13.5)
    options = replace(RECORDINGS, chunk=4.0)
    clips = windows.of_recordings([], tmp_path, options)
    assert [(clip.start, clip.end) for clip in clips[:3]] == [(0, 2), (1, 3), (2, 4)]
    assert (clips[-1].start, clips[-1].end) == (12, 13.5) and len(clips) == 10
    assert {math.floor(clip.start / 4) for clip in windows.of_recordings([], tmp_path, replace(options, every=3))} == {
        0,
        3,
    }
    crossing = windows.of_recordings([("", Clip("a.wav", ("bird",), 3.0, 5.5))], tmp_path, options)
    assert [clip.start for clip in crossing if clip.labels] == [2, 4, 5]


def test_the_place_of_a_chunk_gives_its_split(tmp_path):
    """Of ten chunks the first six train, two choose, two test; recordings without events count, and are the group."""
    recording(tmp_path, "a.wav", 40)
    recording(tmp_path, "b.wav", 8)
    options = replace(RECORDINGS, chunk=4.0, splits={"train": 0.6, "valid": 0.8, "test": 1.0})
    clips = windows.of_recordings([("", Clip("a.wav", ("bird",), 1, 2))], tmp_path, options)
    tally = {split: sum(clip.split == split and clip.path == "a.wav" for clip in clips) for split in options.splits}
    assert tally == {"train": 18, "valid": 6, "test": 6}
    assert [clip.split for clip in clips if clip.group == "b.wav"] == ["train"] * 6  # 0 / 2 and 1 / 2 are below 0.6


def test_a_recording_that_cannot_be_read_is_not_lost(tmp_path):
    """It stays as one clip, so that the run counts and names it."""
    recording(tmp_path, "a.wav", 4)
    (tmp_path / "b.wav").write_bytes(b"no audio")
    clips = windows.of_recordings([("", Clip("b.wav", ("bird",), 0, 1))], tmp_path, RECORDINGS)
    assert [clip.name for clip in clips if clip.path == "b.wav"] == ["b.wav"]


def test_slips_are_named(tmp_path):
    """Events of an unknown recording, events without times, no recordings at all."""
    recording(tmp_path, "a.wav", 4)
    with pytest.raises(
        UsageError, match=r"1 of 2 recordings have events, but are not there or not among \*\.wav, c\.wav for one"
    ):
        windows.of_recordings([("", Clip("c.wav", ("bird",), 0, 1))], tmp_path, RECORDINGS)
    with pytest.raises(UsageError, match="event in a.wav#0-: has no start or no end"):
        windows.of_recordings([("", Clip("a.wav", ("bird",), 0.0))], tmp_path, RECORDINGS)
    with pytest.raises(UsageError, match=r"there are no recordings like \*\.flac"):
        windows.of_recordings([], tmp_path, replace(RECORDINGS, recordings="*.flac"))
