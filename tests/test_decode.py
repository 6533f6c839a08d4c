"""The samples of a clip: exact, from any format, and refused with a sentence when a file is not what it says."""

import errno
import json
import os
import threading
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from evaluator.audio import decode, facts, sample_blocks
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts, clip_key, clip_seconds, file_facts, read_clip
from evaluator.audio.lengths import measure, open_recording
from evaluator.files import Stamp

DATA = Path(__file__).parents[2] / "shared" / "data"
WHOLE = Clip("a.wav", ("x",))


def noise(n: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """(n, channels) float32, within [-0.5, 0.5]."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (n, channels)).astype(np.float32)


def tone(seconds: float, sample_rate: int) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * sample_rate)) / sample_rate)


def written(path: Path, samples: np.ndarray, sample_rate: int = 44100, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, samples, sample_rate, subtype=subtype)
    return path


@pytest.mark.parametrize(("rate", "target_rate"), [(44100, 16000), (8000, 16000), (22050, 48000), (16000, 16000)])
def test_streamed_is_whole_file_resampling_bit_for_bit(tmp_path, rate, target_rate):
    """Mean over channels, then soxr HQ over the whole signal, whatever the block size."""
    samples = noise(200_003, channels=2)
    path = written(tmp_path / "a.wav", samples, rate)
    expected = samples.mean(axis=1)
    if rate != target_rate:
        expected = soxr.resample(expected, rate, target_rate, quality="HQ")
    read = read_clip(path, WHOLE, ClipRule(), target_rate)
    assert read.dtype == np.float32 and np.array_equal(read, expected)


def test_a_segment_is_that_stretch_alone(tmp_path):
    """What lies before and after does not reach into it."""
    samples = noise(100_000)
    path = written(tmp_path / "a.wav", samples, 10_000)
    read = read_clip(path, Clip("a.wav", ("x",), start=2.5, end=4.0), ClipRule(), 16_000)
    assert np.array_equal(read, soxr.resample(samples[25_000:40_000, 0], 10_000, 16_000, quality="HQ"))


def test_a_cut_clip_is_the_start_of_the_whole_one(tmp_path):
    """Cutting comes after resampling, so no filter edge shows at the cut."""
    path = written(tmp_path / "a.wav", noise(300_000))
    whole = read_clip(path, WHOLE, ClipRule(), 16_000)
    assert np.array_equal(read_clip(path, WHOLE, ClipRule(seconds=1.23456), 16_000), whole[:19_753])


def test_padding_fills_up_to_exactly_the_length(tmp_path):
    """Zeros at the end; without `pad` a short clip stays short; a long one is cut in both cases."""
    path = written(tmp_path / "a.wav", noise(1000), 16_000)
    padded = read_clip(path, WHOLE, ClipRule(seconds=0.1, pad=True), 16_000)
    assert padded.shape == (1600,) and not padded[1000:].any() and padded[:1000].all()
    assert read_clip(path, WHOLE, ClipRule(seconds=0.1), 16_000).shape == (1000,)
    assert read_clip(path, WHOLE, ClipRule(seconds=0.05, pad=True), 16_000).shape == (800,)


def test_short_clips_are_filled_after_resampling(tmp_path):
    """Repeated at full scale at the rate of the result, as the rule says."""
    path = written(tmp_path / "a.wav", noise(4410))
    short = read_clip(path, WHOLE, ClipRule(), 16_000)
    read = read_clip(path, WHOLE, ClipRule(min_seconds=0.3125, fill="repeat", peak=True), 16_000)
    assert len(short) == 1600 and read.dtype == np.float32
    assert np.array_equal(read, np.tile(short / np.abs(short).max(), 4)[:5000])


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 1 / 128),
        ("a.wav", "PCM_16", 1 / 32768),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_32", 1e-7),
        ("a.wav", "FLOAT", 0),
        ("a.flac", "PCM_16", 1 / 32768),
        ("a.aiff", "PCM_16", 1 / 32768),
        ("a.ogg", "VORBIS", 0.1),
        ("a.mp3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_every_common_format_is_read(tmp_path, name, subtype, tolerance):
    """Full scale is 1, whatever the number of bits."""
    samples = tone(0.7, 16_000).astype(np.float32)
    read = read_clip(written(tmp_path / name, samples, 16_000, subtype), WHOLE, ClipRule(), 16_000)
    assert read.shape == samples.shape
    assert np.abs(read - samples).max() <= tolerance


def test_a_segment_of_a_compressed_file_is_where_it_should_be(tmp_path):
    """Seeking in Ogg and MP3 lands on the sample."""
    samples = noise(150_000)[:, 0]
    for name, subtype in (("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III")):
        path = written(tmp_path / name, samples, 44_100, subtype)
        whole = read_clip(path, WHOLE, ClipRule(), 44_100)
        part = read_clip(path, Clip("", ("x",), start=2.0, end=3.0), ClipRule(), 44_100)
        assert np.allclose(part, whole[88_200:132_300], atol=1e-6)


def test_the_shortest_and_the_silent_clips_are_normal(tmp_path):
    """One sample is a clip, even where resampling would leave none; silence stays silence."""
    one = written(tmp_path / "one.wav", np.full(1, 0.25, np.float32))
    assert read_clip(one, WHOLE, ClipRule(), 16_000).tolist() == [0.25]
    silent = written(tmp_path / "silent.wav", np.zeros(44_100, np.float32))
    assert not read_clip(silent, WHOLE, ClipRule(), 16_000).any()


def test_memory_does_not_grow_with_the_recording(tmp_path):
    """Ten seconds out of a long recording read about ten seconds of it."""
    path = written(tmp_path / "long.wav", np.zeros((600 * 8000, 1), np.float32), 8000, "PCM_16")
    sizes = []
    with open_recording(path) as file:
        original, file.read = file.read, lambda frames: sizes.append(frames) or original(frames)
        blocks = list(decode._mono_blocks(file, 300 * 8000, 310 * 8000, "mix", None))
    assert sum(sizes) == sum(map(len, blocks)) == 80_000 and max(sizes) <= 1 << 16


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.aiff", "PCM_16"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III")])  # fmt: skip
def test_a_file_that_lost_its_end_is_refused(tmp_path, name, subtype):
    """A broken download never passes as a shorter clip."""
    path = written(tmp_path / name, noise(200_000), 44_100, subtype)
    read_clip(path, WHOLE, ClipRule(), 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=rf"{name}: .*cut off"):
        read_clip(path, WHOLE, ClipRule(), 16_000)


def test_missing_bytes_are_counted(tmp_path):
    """In a WAV file, to the byte, as the system lists the file, and in seconds of audio."""
    path = written(tmp_path / "a.wav", noise(32_000), 16_000, "PCM_16")
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-32_007])
    said = f"a.wav: the file is cut off: it has {whole - 32_007} bytes, but should have at least {whole}, "
    with pytest.raises(AudioError, match=f"{said}so that 1.00 s of 2.00 s of audio are there; get it again"):
        measure(path)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data")
def test_no_real_file_counts_as_cut_off():
    """Of 1300 whole recordings in Ogg and WAV; their headers are right."""
    assert [found.remark for found in map(measure, DATA.rglob("*.[ow][ga][gv]")) if found.remark] == []


def test_other_broken_files_are_named(tmp_path):
    """Missing, empty, without a frame, no audio, not a number."""
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("404: not read")
    written(tmp_path / "none.wav", noise(0))
    bad = noise(1000, channels=2)
    bad[500, 1] = np.nan
    written(tmp_path / "nan.wav", bad)
    written(tmp_path / "inf.wav", np.where(np.isnan(bad), np.inf, bad))
    for name, sentence in {
        "gone.wav": r"gone\.wav: there is no such file",
        "empty.wav": r"empty\.wav: the file is empty \(0 bytes\)",
        "text.wav": r"text\.wav: not audio that libsndfile can read \(.+\)",
        "none.wav": r"none\.wav: the file holds no audio \(0 frames\)",
        "nan.wav": r"nan\.wav: has a sample that is NaN or infinite at frame 500 \(0\.01 s\)",
        "inf.wav": r"inf\.wav: has a sample that is NaN or infinite",
    }.items():
        with pytest.raises(AudioError, match=sentence):
            read_clip(tmp_path / name, WHOLE, ClipRule(), 16_000)


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (0.5, 0.5, "goes from 0.5 to 0.5 s; it has to start at 0 or later and before its end"),
        (-0.1, None, "goes from -0.1 to 1 s"),
        (None, 1.06, "the clip ends at 1.06 s, but the recording at 1 s"),
        (2.0, None, "goes from 2 to 1 s"),
        (float("nan"), None, "goes from nan to 1.0 s; both have to be finite numbers"),
        (0.0, float("inf"), "both have to be finite numbers"),
        (0.5, 0.50001, "shorter than one sample at 16000 Hz"),
    ],
)
def test_times_that_make_no_clip_are_refused(start, end, sentence):
    """Wherever a clip's times are used."""
    with pytest.raises(AudioError, match=f"a.wav: .*{sentence}"):
        clip_seconds(FileFacts("", 16_000, 16_000, 1), Clip("a.wav", ("x",), start=start, end=end), ClipRule())


def test_a_clip_may_end_a_little_late():
    """Tables are rounded: 50 ms past the end is taken for the end."""
    assert clip_seconds(FileFacts("", 16_000, 16_000, 1), Clip("a.wav", ("x",), end=1.04), ClipRule()) == 1.0


def test_keys_name_the_samples_and_nothing_else():
    """A rule that changes nothing does not show; another stretch, cut, pad or file does."""
    facts = FileFacts("abc", 32_000, 16_000, 1)  # two seconds
    same = [
        clip_key(facts, WHOLE, ClipRule()),
        clip_key(facts, WHOLE, ClipRule(seconds=5)),
        clip_key(facts, WHOLE, ClipRule(seconds=2, pad=True)),
        clip_key(facts, Clip("elsewhere/b.wav", ("y",), start=0.0, end=2.0, fold="3"), ClipRule()),
    ]
    other = [
        clip_key(facts, WHOLE, ClipRule(seconds=1)),
        clip_key(facts, WHOLE, ClipRule(seconds=5, pad=True)),
        clip_key(facts, WHOLE, ClipRule(seconds=6, pad=True)),
        clip_key(facts, Clip("a.wav", ("x",), start=0.5), ClipRule()),
        clip_key(FileFacts("abd", 32_000, 16_000, 1), WHOLE, ClipRule()),
    ]
    assert len(set(same)) == 1 and len({same[0], *other}) == 6


def test_seconds_follow_the_rule():
    """As long as the samples that `read_clip` gives."""
    facts = FileFacts("abc", 32_000, 16_000, 1)
    rules = [ClipRule(), ClipRule(5), ClipRule(1.5), ClipRule(5, pad=True), ClipRule(1.5, pad=True)]
    assert [clip_seconds(facts, WHOLE, rule) for rule in rules] == [2, 2, 1.5, 5, 1.5]


@pytest.fixture
def settled(monkeypatch):
    """Files' times can be trusted at once, as if the files were old; else each test would have to wait two seconds."""
    monkeypatch.setattr("evaluator.files._SETTLED_NS", -(10**9))


def memory_of(cache: Path) -> Path:
    (memory,) = (cache / "files").glob("*.json")
    return memory


def test_facts_are_remembered_until_the_file_changes(tmp_path, monkeypatch, settled):
    """A second call opens nothing; another content reads anew."""
    path = written(tmp_path / "a.wav", noise(300, channels=2), 8000)
    first = file_facts(tmp_path, ["a.wav", "a.wav", "gone.wav"], tmp_path / "cache")
    assert (first["a.wav"].frames, first["a.wav"].sample_rate, first["a.wav"].channels) == (300, 8000, 2)
    assert isinstance(first["gone.wav"], AudioError)
    with monkeypatch.context() as patch:
        patch.setattr(facts, "measure", lambda path: pytest.fail(f"{path} was opened again"))
        assert file_facts(tmp_path, ["a.wav"], tmp_path / "cache") == {"a.wav": first["a.wav"]}
        with pytest.raises(pytest.fail.Exception, match="opened again"):
            file_facts(tmp_path, ["a.wav"], tmp_path / "cache", rehash=True)
    written(path, noise(300, channels=2, seed=1), 8000)
    assert file_facts(tmp_path, ["a.wav"], tmp_path / "cache")["a.wav"].sha256 != first["a.wav"].sha256


def tick() -> None:
    """Wait until the file system's clock, of 10 ms at worst here, has moved on."""
    time.sleep(0.02)


def exchange(one: Path, other: Path) -> None:
    """As `mv` does."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def rewrite(one: Path, other: Path) -> None:
    """In place, with the times of before."""
    times = one.stat()
    one.write_bytes(other.read_bytes())
    os.utime(one, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace_by_link(one: Path, other: Path) -> None:
    """A file by a link to the other."""
    one.unlink()
    one.symlink_to(other.name)


@pytest.mark.parametrize("change", [exchange, rewrite, replace_by_link])
def test_equal_sizes_and_times_hide_no_change(tmp_path, settled, change):
    """Content that is exchanged, rewritten or linked is found out by inode and change time."""
    one, other = (written(tmp_path / name, noise(300, seed=seed)) for seed, name in enumerate(("a.wav", "b.wav")))
    for path in (one, other):
        os.utime(path, ns=(10**18, 10**18))
    before = file_facts(tmp_path, ["a.wav", "b.wav"], tmp_path / "cache")
    tick()
    change(one, other)
    assert one.stat().st_size == other.stat().st_size and one.stat().st_mtime_ns == other.stat().st_mtime_ns
    after = file_facts(tmp_path, ["a.wav"], tmp_path / "cache")["a.wav"]
    assert after == before["b.wav"] != before["a.wav"]
    assert not decode.unchanged(one, before["a.wav"])


def test_a_file_that_was_just_written_is_not_remembered(tmp_path):
    """It could change again within one tick of its time stamp; an old time of modification proves nothing."""
    os.utime(written(tmp_path / "a.wav", noise(300)), ns=(10**18, 10**18))
    file_facts(tmp_path, ["a.wav"], tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_a_changed_file_is_told_from_one_that_was_only_touched_by_others(tmp_path, settled):
    """Other rights or a further link change no sample; a write is a change even if the bytes are the same again."""
    path = written(tmp_path / "a.wav", noise(300))
    facts = file_facts(tmp_path, ["a.wav"], tmp_path / "cache")["a.wav"]
    assert decode.unchanged(path, facts)
    tick()
    path.chmod(0o600)
    os.link(path, tmp_path / "b.wav")
    assert path.stat().st_ctime_ns != facts.stamp.ctime_ns and decode.unchanged(path, facts)
    path.write_bytes(path.read_bytes())
    assert not decode.unchanged(path, facts)
    path.unlink()
    assert not decode.unchanged(path, facts)


def test_a_young_file_is_read_again_before_it_counts_as_unchanged(tmp_path):
    """Where its times cannot tell, its bytes do: here it is rewritten with the very stamp of before."""
    path = written(tmp_path / "a.wav", noise(300))
    facts = file_facts(tmp_path, ["a.wav"], tmp_path / "cache")["a.wav"]
    assert not facts.settled and decode.unchanged(path, facts)
    path.write_bytes(written(tmp_path / "b.wav", noise(300, seed=1)).read_bytes())
    assert not decode.unchanged(path, replace(facts, stamp=Stamp.of(path)))


def test_a_file_that_changes_while_it_is_hashed_is_refused(tmp_path, monkeypatch):
    """No hash of half one content and half another is ever believed."""
    path = written(tmp_path / "a.wav", noise(300))

    def meanwhile(found):
        tick()
        os.utime(found)
        return "0" * 64

    monkeypatch.setattr(facts, "sha256_of", meanwhile)
    error = file_facts(tmp_path, ["a.wav"], tmp_path / "cache")["a.wav"]
    assert isinstance(error, AudioError) and f"{path}: changes while it is read" in str(error)


def test_when_a_file_was_looked_at_makes_no_other_facts(tmp_path):
    """Facts are equal by content and header, so that what depends on them does not depend on times."""
    one, other = FileFacts("abc", 2, 3, 1), FileFacts("abc", 2, 3, 1, Stamp(1, 2, 3, 4), settled=True)
    assert one == other and hash(one) == hash(other) and "stamp" not in repr(other)


def exchanged(lines: dict) -> dict:
    """The hashes of two files exchanged."""
    lines["a.wav"][4], lines["b.wav"][4] = lines["b.wav"][4], lines["a.wav"][4]
    return lines


@pytest.mark.parametrize(
    "tamper",
    [
        exchanged,
        lambda lines: {"a.wav": lines["b.wav"], "b.wav": lines["a.wav"]},
        lambda lines: {path: [*line[:4], line[4].upper(), *line[5:]] for path, line in lines.items()},
        lambda lines: {path: [*line[:5], 299, *line[6:]] for path, line in lines.items()},
        lambda lines: {path: line[:-1] for path, line in lines.items()},
        lambda lines: {"a.wav": 1, "b.wav": None},
    ],
    ids=["hashes exchanged", "lines exchanged", "hash edited", "length edited", "no checksum", "no lines"],
)
def test_facts_that_were_tampered_with_are_read_anew(tmp_path, settled, caplog, tamper):
    """A line proves itself, or is told and found out again."""
    for seed, name in enumerate(("a.wav", "b.wav")):
        written(tmp_path / name, noise(300, seed=seed))
    first = file_facts(tmp_path, ["a.wav", "b.wav"], tmp_path / "cache")
    memory = memory_of(tmp_path / "cache")
    content = memory.read_bytes()
    memory.write_text(json.dumps({"format": facts.FORMAT, "files": tamper(json.loads(content)["files"])}))
    assert file_facts(tmp_path, ["a.wav", "b.wav"], tmp_path / "cache") == first
    assert caplog.text.count("read anew") == 1 and str(memory) in caplog.text
    assert memory.read_bytes() == content
    caplog.clear()
    assert file_facts(tmp_path, ["a.wav", "b.wav"], tmp_path / "cache") == first and not caplog.text


def test_a_memory_of_another_folder_is_not_believed(tmp_path, settled, caplog):
    """Lines are bound to the folder that they are of."""
    for seed, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "a.wav", noise(300, seed=seed))
        file_facts(tmp_path / folder, ["a.wav"], tmp_path / folder / "cache")
    (tmp_path / "two" / "cache" / "files").joinpath(memory_of(tmp_path / "two" / "cache").name).write_bytes(
        memory_of(tmp_path / "one" / "cache").read_bytes()
    )
    file_facts(tmp_path / "two", ["a.wav"], tmp_path / "two" / "cache")
    assert "was changed or damaged" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff", b'{"files": {"a.wav": [1]}}'])
def test_a_damaged_memory_is_no_harm(tmp_path, settled, damage):
    """Files are read anew and the memory is written anew."""
    written(tmp_path / "a.wav", noise(300))
    first = file_facts(tmp_path, ["a.wav"], tmp_path / "cache")
    memory = memory_of(tmp_path / "cache")
    memory.write_bytes(damage)
    assert file_facts(tmp_path, ["a.wav"], tmp_path / "cache") == first
    assert list(json.loads(memory.read_text())["files"]) == ["a.wav"]


def test_two_runs_may_remember_at_once(tmp_path, settled):
    """The memory is always whole, and nothing else is left behind."""
    names = [f"{number}.wav" for number in range(20)]
    for number, name in enumerate(names):
        written(tmp_path / name, noise(50, seed=number))
    runs = [threading.Thread(target=file_facts, args=(tmp_path, names[n::4], tmp_path / "cache")) for n in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    (memory,) = (tmp_path / "cache" / "files").iterdir()
    assert set(json.loads(memory.read_text())["files"]) <= set(names)


def test_facts_that_cannot_be_written_stop_no_run(tmp_path, settled, monkeypatch, caplog):
    """They are told, and found out again next time."""
    written(tmp_path / "a.wav", noise(300))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("evaluator.files._sync", full)
    assert file_facts(tmp_path, ["a.wav"], tmp_path / "cache")["a.wav"].frames == 300
    assert "cannot be written (No space left on device)" in caplog.text
    assert not list((tmp_path / "cache" / "files").iterdir())


def test_what_other_processes_left_among_the_facts_is_swept(tmp_path):
    """Temporary files of this version and of earlier ones, once they are an hour old."""
    folder = tmp_path / "cache" / "files"
    folder.mkdir(parents=True)
    for name in (".a.json.12.ab12.part", "a.json.12.1234567.tmp"):
        for age, kind in ((7200, "old"), (0, "young")):
            path = folder / name.replace("a.json", f"{kind}.json")
            path.write_bytes(b"half")
            os.utime(path, (time.time() - age,) * 2)
    (folder / "mine.tmp").write_bytes(b"not ours")
    os.utime(folder / "mine.tmp", (0, 0))
    file_facts(tmp_path, [], tmp_path / "cache")
    assert {path.name for path in folder.iterdir()} == {
        ".young.json.12.ab12.part",
        "young.json.12.1234567.tmp",
        "mine.tmp",
    }


def test_a_clip_is_in_memory_once(tmp_path):
    """Decoding and resampling take little beside the samples that come out of it."""
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 300 * 48000), 48000)
    tracemalloc.start()
    samples = decode.read_clip(tmp_path / "long.wav", Clip("long.wav", ()), ClipRule(), 16000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(samples) == 300 * 16000 and most < 1.1 * samples.nbytes + 20e6


@pytest.mark.parametrize("about", [0, 3, 10, 50])
@pytest.mark.parametrize("n_needed", [None, 4, 10, 25, 40])
def test_blocks_are_joined_whatever_was_expected(about, n_needed):
    """One behind the other, cut where the rule cuts, whether as many come as was thought, more, or fewer."""
    blocks = [np.arange(first, first + 10, dtype=np.float32) for first in (0, 10, 20)]
    joined = sample_blocks.joined(iter(blocks), about, n_needed)
    assert np.array_equal(joined, np.arange(30, dtype=np.float32)[:n_needed])
