"""Going far into an MP3 file: the same samples, bit for bit, as libmpg123 gives from the whole file."""

from functools import partial

import numpy as np
import pytest
import soundfile

from evaluator.audio import mp3_seek, recording
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import listen
from evaluator.audio.lengths import open_recording

SECONDS = 40


@pytest.fixture(scope="module", params=[(44100, 1), (22050, 2)], ids=["mono", "stereo of MPEG 2"])
def mp3(request, tmp_path_factory):
    """Tones that glide, noise that comes and goes: what a frame draws on differs all along."""
    rate, n_channels = request.param
    random, t = np.random.default_rng(0), np.arange(SECONDS * rate) / rate
    sound = 0.3 * np.sin(2 * np.pi * (300 + 40 * t) * t) + 0.2 * np.sin(3 * t) * random.standard_normal(len(t))
    path = tmp_path_factory.mktemp("mp3") / "long.mp3"
    soundfile.write(path, np.stack([sound, sound[::-1]][:n_channels], axis=1), rate)
    return path


def read(path, start, n=20000):
    with open_recording(path) as file:
        file.seek(start)
        return file.read(n)


def test_samples_are_those_from_the_whole_file(mp3, monkeypatch):
    """At random places, just beyond where it begins to pay, and up to the very end."""
    with open_recording(mp3) as file:
        frames, rate = file.frames, file.samplerate
    random = np.random.default_rng(1).integers(0, frames, 12)
    starts = [*map(int, random), 0, mp3_seek.FAR + 1152 * 32, mp3_seek.FAR * 2, frames - 1152, frames - 1]
    skipped = [read(mp3, start) for start in starts]
    assert sum(mp3_seek.without_the_way(mp3, start - 40000) is not None for start in starts if start > 40000) > 6
    clip = partial(listen, mp3, rule=ClipRule(channel="loudest"), sample_rate=16000)
    heard = [clip(Clip("", (), start / rate, start / rate + 0.5)).samples for start in starts[:3]]
    monkeypatch.setattr(recording, "without_the_way", lambda path, frame: None)
    for start, samples in zip(starts, skipped, strict=True):
        assert np.array_equal(samples, read(mp3, start)) and len(samples) == min(20000, frames - start), start
    for start, samples in zip(starts, heard, strict=False):
        assert np.array_equal(samples, clip(Clip("", (), start / rate, start / rate + 0.5)).samples)


def test_the_decoder_has_nothing_to_say(mp3, capfd):
    """The size that the frame of Xing tells is that of what is handed over: libmpg123 warns of any other."""
    read(mp3, SECONDS * 15000)
    assert capfd.readouterr().err == ""


def test_a_file_without_such_a_frame_is_read_as_a_whole(mp3, tmp_path):
    """Nothing is left out where it is not known how the file begins; a file that changes is looked at anew."""
    content = mp3.read_bytes()
    first = content.index(b"Xing") if b"Xing" in content[:200] else content.index(b"Info")
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(content)
    assert mp3_seek.without_the_way(bare, 300_000) is not None
    bare.write_bytes(content.replace(content[first : first + 4], bytes(4), 1))
    assert mp3_seek.without_the_way(bare, 300_000) is None
