"""How long recordings are: from what their bytes hold, whatever their headers say, and as other decoders read them."""

import struct
import time

import numpy as np
import pytest
import soundfile

from evaluator.audio import lengths, oddities
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, file_facts, read_clip, recording_seconds
from evaluator.audio.lengths import measure, open_recording

RATE = 16_000
WHOLE = Clip("", ())


def tone(n, seed=0, channels=1):
    """(n, channels) float32, such that every stretch of it is another."""
    rng = np.random.default_rng(seed)
    sweep = 0.3 * np.sin(2 * np.pi * (300 + seed) * (1 + np.arange(n) / n) * np.arange(n) / RATE)
    return (sweep[:, None] + 0.03 * rng.standard_normal((n, channels))).astype(np.float32)


def encoded(path, n=2 * RATE, seed=0, channels=1, rate=RATE, **how):
    """The path of a whole file, written by libsndfile."""
    soundfile.write(path, tone(n, seed, channels), rate, **how)
    return path


def heard(path, rate=RATE):
    """Samples of the whole file."""
    return read_clip(path, WHOLE, ClipRule(), rate)


def chunk(name, body, pad=True):
    return name + struct.pack("<I", len(body)) + body + (b"\0" if pad and len(body) % 2 else b"")


def pcm(n=2 * RATE, seed=0):
    return (tone(n, seed)[:, 0] * 32767).astype("<i2")


def wav(path, *chunks, size=None, behind=b""):
    """A WAV file of 16 bits, mono, put together by hand."""
    description = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    body = b"WAVE" + description + b"".join(chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body + behind)
    return path


def sized(n_bytes, content):
    """A data chunk whose size is what somebody says."""
    return b"data" + struct.pack("<I", n_bytes) + content


def without_index(content):
    """An MP3 file without its first frame, which has no sound and says how many follow."""
    assert b"Xing" in content[:200] or b"Info" in content[:200]
    return content[content.index(content[:2], 24) :]


# Headers that are wrong, and are read to the end --------------------------------------------------------


@pytest.mark.parametrize(
    "size", [0, 44, 2_000_000_000, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 44, 2 * 2 * RATE + 44]
)
def test_a_wav_whose_writer_did_not_know_its_length_is_read_whole_and_told(tmp_path, size):
    """Pipes write placeholders, recorders that ran out of power 0 or 44, some firmware counts the header too."""
    samples = pcm()
    path = wav(tmp_path / "a.wav", sized(size, samples.tobytes()))
    assert np.array_equal(heard(path), samples.astype(np.float32) / 32768)
    assert measure(path).frames == len(samples) and "read to the end of the file" in measure(path).remark


def test_what_is_told_of_a_file_goes_with_its_facts_and_is_remembered(tmp_path, monkeypatch):
    """A remark is no other file: facts and keys are equal without it. One sentence says how many there are."""
    monkeypatch.setattr("evaluator.files._SETTLED_NS", -(10**9))
    for name in ("a.wav", "b.wav"):
        wav(tmp_path / name, sized(0, pcm().tobytes()))
    first = file_facts(tmp_path, ["a.wav", "b.wav"], tmp_path / "cache")
    monkeypatch.setattr("evaluator.audio.facts.measure", lambda path: pytest.fail("counted again"))
    again = file_facts(tmp_path, ["a.wav", "b.wav"], tmp_path / "cache")
    assert again == first and again["a.wav"].remark == first["a.wav"].remark != ""
    ((text, paths),) = oddities.headers(again)
    assert "as if never finished" in text and text.startswith("2 files have headers") and paths == ["a.wav", "b.wav"]


def test_a_wav_beyond_4_gib_whose_size_wrapped_round_is_read_whole(tmp_path):
    """The file is sparse. As one clip it would need more memory than is given to one, which is said before any is taken."""
    n_bytes = (1 << 32) + 64_000
    path = wav(tmp_path / "big.wav", sized(n_bytes % (1 << 32), pcm().tobytes()))
    with path.open("r+b") as file:
        file.truncate(44 + n_bytes)
    found = measure(path)
    assert found.frames == n_bytes // 2 and "4 GiB" in found.remark
    start = read_clip(path, Clip("", (), 0.5, 1.0), ClipRule(), RATE)
    assert np.array_equal(start, pcm()[RATE // 2 : RATE].astype(np.float32) / 32768)
    assert not read_clip(path, Clip("", (), 100_000, 100_001), ClipRule(), RATE).any()
    with pytest.raises(
        AudioError, match=r"big\.wav: the clip has 134220 s at 16000 Hz, which would be 8\.59 GB at 16000 Hz"
    ):
        heard(path)


@pytest.mark.parametrize(("total", "channels"), [(0, 1), (4 * RATE, 2), (RATE, 1), (RATE + 7, 2)])
def test_flac_with_another_number_of_samples_in_its_header_is_read_to_its_last_frame(tmp_path, total, channels):
    """0 out of a pipe, twice as many from a recorder, fewer from who knows where."""
    path = encoded(tmp_path / "a.flac", channels=channels, subtype="PCM_16")
    expected = heard(path)
    content = bytearray(path.read_bytes())
    content[22:26] = struct.pack(">I", total)
    path.write_bytes(content)
    assert np.array_equal(heard(path), expected) and measure(path).remark and measure(path).frames == 2 * RATE
    part = read_clip(path, Clip("", (), 1.5, 1.75), ClipRule(), RATE)
    assert np.array_equal(part, expected[24_000:28_000])


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("rate", [44_100, 16_000])
def test_mp3_without_an_index_is_read_whole(tmp_path, mode, rate):
    """Every frame that the index had counted; nothing is wrong with such a file, and nothing is told."""
    path = encoded(tmp_path / "a.mp3", 5 * rate, rate=rate, bitrate_mode=mode, compression_level=0.7)
    indexed = heard(path, rate)
    path.write_bytes(without_index(path.read_bytes()))
    bare = heard(path, rate)
    assert measure(path).remark == "" and len(bare) > len(indexed)  # with what the encoder added
    added = 1105  # LAME's delay of 576 samples, and the decoder's of 529
    assert np.abs(bare[added : added + len(indexed)] - indexed).max() < 1e-5
    part = read_clip(path, Clip("", (), 2.0, 2.5), ClipRule(), rate)
    assert np.abs(part - bare[2 * rate : 2 * rate + rate // 2]).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "how"), [("a.mp3", {}), ("a.ogg", {}), ("a.ogg", {"subtype": "OPUS"}), ("a.flac", {})]
)
def test_joined_files_are_read_one_after_the_other(tmp_path, name, how):
    """Both of them, also where a clip goes from one to the other; and this is told."""
    one = encoded(tmp_path / f"one_{name}", 2 * RATE, 1, **how)
    other = encoded(tmp_path / f"other_{name}", 3 * RATE, 2, **how)
    path = tmp_path / name
    path.write_bytes(one.read_bytes() + other.read_bytes())
    expected = np.concatenate([heard(one), heard(other)])
    assert (
        np.abs(heard(path) - expected).max() < 1e-6
        and "2 " in measure(path).remark
        and "joined" in measure(path).remark
    )
    across = read_clip(path, Clip("", (), 1.5, 2.5), ClipRule(), RATE)
    assert np.abs(across - expected[24_000:40_000]).max() < 2e-2  # Opus settles after a seek


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.flac"])
def test_joined_files_of_different_rates_are_refused(tmp_path, name):
    """There is no one rate to read them at."""
    one, other = encoded(tmp_path / f"1{name}"), encoded(tmp_path / f"2{name}", rate=22_050)
    path = tmp_path / name
    path.write_bytes(one.read_bytes() + other.read_bytes())
    with pytest.raises(AudioError, match=f"{name}: .*different rates.* are joined in it.*; take them apart"):
        measure(path)


def test_mp3_with_a_wrong_index_or_that_of_fraunhofer_is_read_whole(tmp_path):
    """As without an index; only the wrong one is told, and one that counts more than there are is a file that lacks its end."""
    path = encoded(tmp_path / "a.mp3", 5 * RATE)
    content = path.read_bytes()
    bare = without_index(content)
    index = bytearray(content[: len(content) - len(bare)])
    place = max(index.find(b"Info"), index.find(b"Xing")) + 8
    n_frames = int.from_bytes(index[place : place + 4])
    path.write_bytes(bare)
    expected = heard(path)
    index[place : place + 4] = (n_frames // 2).to_bytes(4)
    path.write_bytes(index + bare)
    assert np.array_equal(heard(path), expected)
    assert measure(path).remark == f"its index says {n_frames // 2} frames, but {n_frames} follow; all are read"
    path.write_bytes(
        (index[:4] + bytes(32) + b"VBRI" + bytes(10) + n_frames.to_bytes(4)).ljust(len(index), b"\0") + bare
    )
    assert np.array_equal(heard(path), expected) and measure(path).remark == ""
    index[place : place + 4] = (n_frames + 9).to_bytes(4)
    path.write_bytes(index + bare)
    with pytest.raises(AudioError, match=f"cut off: its index says {n_frames + 9} frames, but {n_frames} follow"):
        measure(path)


def test_an_ogg_file_that_is_not_marked_as_ended_is_read_and_told(tmp_path):
    """It may have been cut off between two pages, or its recorder stopped; nobody can tell."""
    path = encoded(tmp_path / "a.ogg", 10 * RATE)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS")])
    found = measure(path)
    assert 0 < found.frames < 10 * RATE and "not marked as the end" in found.remark
    assert len(heard(path)) == found.frames


def test_voc_of_several_blocks_is_read_whole(tmp_path):
    """A block holds 16 MB at most, and FFmpeg writes small ones."""
    samples = np.arange(6000).astype(np.uint8)
    blocks = b"\1" + (2002).to_bytes(3, "little") + bytes([256 - 1_000_000 // 8000, 0]) + samples[:2000].tobytes()
    blocks += b"\2" + (4000).to_bytes(3, "little") + samples[2000:].tobytes() + b"\0"
    head = b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x010A, 0x1129)
    (tmp_path / "a.voc").write_bytes(head + blocks)
    assert np.array_equal(heard(tmp_path / "a.voc", 8000), (samples.astype(np.float32) - 128) / 128)


def test_joined_wavs_are_refused(tmp_path):
    """Only the first has a length; what follows is another file and no chunk."""
    one = wav(tmp_path / "one.wav", sized(4 * RATE, pcm().tobytes())).read_bytes()
    (tmp_path / "a.wav").write_bytes(one * 2)
    with pytest.raises(AudioError, match=r"a\.wav: several stretches of audio are joined in one file"):
        measure(tmp_path / "a.wav")


def test_what_lies_behind_the_audio_and_is_nothing_is_refused_when_it_is_much(tmp_path):
    """A header that says less than there is: nobody can tell what the rest is."""
    path = wav(tmp_path / "a.wav", sized(1000, pcm(10 * RATE).tobytes()))
    with pytest.raises(AudioError, match=r"says 1000 bytes of audio, but \d+ more follow that belong to nothing"):
        measure(path)


# Files that lack bytes ---------------------------------------------------------------------------------

CONTAINERS = [
    ("a.wav", "WAV", "PCM_16"),
    ("a.wav", "WAV", "IMA_ADPCM"),
    ("a.wav", "WAV", "GSM610"),
    ("a.wav", "WAVEX", "FLOAT"),
    ("a.wav", "RF64", "PCM_24"),
    ("a.w64", "W64", "PCM_16"),
    ("a.aiff", "AIFF", "PCM_16"),
    ("a.svx", "SVX", "PCM_16"),
    ("a.caf", "CAF", "PCM_16"),
    ("a.caf", "CAF", "ALAC_16"),
    ("a.au", "AU", "PCM_16"),
    ("a.sph", "NIST", "PCM_16"),
    ("a.voc", "VOC", "PCM_16"),
    ("a.mat", "MAT5", "PCM_16"),
    ("a.mat", "MAT4", "PCM_16"),
    ("a.avr", "AVR", "PCM_16"),
    ("a.flac", "FLAC", "PCM_16"),
    ("a.ogg", "OGG", "VORBIS"),
    ("a.opus", "OGG", "OPUS"),
    ("a.mp3", "MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("name", "container", "subtype"), CONTAINERS)
def test_whole_files_are_read_as_they_are_and_cut_off_ones_are_refused(tmp_path, name, container, subtype):
    """Whatever the container, and wherever it is cut; also for clips that lie before the cut."""
    path = encoded(tmp_path / name, 2 * RATE, format=container, subtype=subtype)
    found = measure(path)
    assert found.remark == "" and found.parts == () and found.frames == soundfile.info(path).frames >= 2 * RATE
    content = path.read_bytes()
    for share in (0.98, 0.6, 0.3):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(AudioError, match=f"{name}: .*cut off"):
            read_clip(path, Clip("", (), 0.0, 0.1), ClipRule(), RATE)


def test_flac_that_was_cut_between_two_frames_is_cut_off(tmp_path):
    """Every byte that is there is good, and still the end is missing."""
    path = encoded(tmp_path / "a.flac", subtype="PCM_16")
    content = path.read_bytes()
    borders = [
        n for n in range(100, len(content)) if content[n : n + 4] == content[content.index(b"\xff\xf8", 42) :][:4]
    ]
    path.write_bytes(content[: borders[-2]])
    with pytest.raises(AudioError, match="cut off: its header says 32000 samples, but it ends after"):
        measure(path)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_a_hole_in_the_middle_is_named(tmp_path, name):
    """The end is there, but not what comes before."""
    path = encoded(tmp_path / name, 10 * RATE)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + content[middle + 5000 :])
    with pytest.raises(AudioError, match=f"{name}: .*(damaged|missing)"):
        heard(path)


def test_kinds_of_files_without_a_length_are_refused(tmp_path):
    """IRCAM's header has none, so that nobody could tell a cut-off one."""
    path = encoded(tmp_path / "a.sf", format="IRCAM", subtype="PCM_16")
    with pytest.raises(
        AudioError, match=r"a IRCAM file, whose length its bytes do not prove; convert it to WAV or FLAC"
    ):
        measure(path)


# Healthy files of recorders ----------------------------------------------------------------------------


def recorders():
    """Name, chunks before the audio, and bytes behind it, as recorders in the field write them."""
    guano = b"GUANO|Version: 1.0\nMake: Wildlife Acoustics\nTE: 1\n"
    return {
        "AudioMoth": (
            [chunk(b"LIST", b"INFOICMT" + struct.pack("<I", 256) + b"Recorded at 00:00:00".ljust(256, b"\0"))],
            b"",
        ),
        "junk behind": ([], b"\x01\x02\x03" * 160),
        "sector of zeros": ([], bytes(100_000)),
        "Song Meter": ([chunk(b"junk", bytes(436))], chunk(b"wamd", b"\0\0\2\0\0\0\1\0") + chunk(b"guan", guano)),
        "odd, padded": ([chunk(b"bext", b"x" * 603)], chunk(b"LIST", b"INFO")),
        "odd, not padded": ([chunk(b"bext", b"x" * 603, pad=False)], b""),
        "odd behind, not padded": ([], chunk(b"guan", guano + b"x" * (1 - len(guano) % 2), pad=False)),
    }


@pytest.mark.parametrize("recorder", recorders())
def test_files_of_field_recorders_are_read_whole(tmp_path, recorder):
    """Their chunks are no audio, and their audio is all there."""
    before, behind = recorders()[recorder]
    samples = pcm()
    path = wav(tmp_path / "a.wav", *before, sized(2 * len(samples), samples.tobytes()), behind=behind)
    assert np.array_equal(heard(path), samples.astype(np.float32) / 32768)
    assert ("ignored" in measure(path).remark) == (recorder in ("junk behind", "sector of zeros"))


def test_audio_in_odd_bytes_with_or_without_its_pad_byte_is_whole(tmp_path):
    """8 bits, an odd number of samples, and chunks behind."""
    for pad in (True, False):
        path = tmp_path / f"{pad}.wav"
        description = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 8))
        body = b"WAVE" + description + chunk(b"data", bytes(range(200)) + b"\x80", pad) + chunk(b"LIST", b"INFO")
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        assert (measure(path).frames, measure(path).remark) == (201, "")


# What is not plausible ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0, 99, 10_000_001, 0xFFFFFFFF])
def test_rates_of_no_recording_are_refused(tmp_path, rate):
    """Before anything is resampled from or to them."""
    path = encoded(tmp_path / "a.wav", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate)
    path.write_bytes(content)
    with pytest.raises(AudioError, match=f"a.wav: its header says {rate} Hz; recordings have 100 to 10000000 Hz"):
        measure(path)


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "NaN or infinite"), (-np.inf, "NaN or infinite"), (9125.5, "of 9125.5")]
)
def test_samples_that_are_no_sound_are_named_with_their_frame(tmp_path, value, words):
    """Also in a later block, in one channel of two, and in a clip that starts later."""
    samples = tone(100_000, channels=2)
    samples[80_001, 1] = value
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    for clip in (WHOLE, Clip("", (), 3.0)):
        with pytest.raises(AudioError, match=rf"a\.wav: has a sample .*{words} at frame 80001 \(5\.00 s\)"):
            read_clip(path, clip, ClipRule(), RATE)
    assert len(read_clip(path, Clip("", (), 0.0, 5.0), ClipRule(), RATE)) == 80_000


def test_nothing_but_an_audio_error_leaves_a_clip(tmp_path, monkeypatch):
    """Not even when memory runs out, or a decoder does what it never should."""
    path = encoded(tmp_path / "a.wav")
    for error, words in ((MemoryError(), "more memory than there is"), (KeyError("x"), "fails")):
        monkeypatch.setattr("soxr.ResampleStream", lambda *_, error=error, **__: (_ for _ in ()).throw(error))
        with pytest.raises(AudioError, match=rf"a\.wav: decoding it .*{words}"):
            read_clip(path, WHOLE, ClipRule(), 8000)


def test_gsm_is_read_from_the_middle(tmp_path):
    """libsndfile cannot go to a frame of it, so what comes before is decoded and dropped."""
    path = encoded(tmp_path / "a.wav", subtype="GSM610")
    part = read_clip(path, Clip("", (), 0.5, 1.0), ClipRule(), RATE)
    assert np.array_equal(part, heard(path)[8000:16_000])


def test_mp3_is_the_same_from_any_frame_on_and_in_any_blocks(tmp_path):
    """Its frames draw on earlier ones, which a decoder that goes to a frame does not have."""
    path = encoded(tmp_path / "a.mp3", 8 * RATE, bitrate_mode="VARIABLE", compression_level=0.9)
    with soundfile.SoundFile(path) as file:
        whole = file.read(dtype="float32")
    with open_recording(path) as file:
        blocks = [file.read(3001)[:, 0] for _ in range(len(whole) // 3001)]
        assert np.abs(np.concatenate(blocks) - whole[: 3001 * len(blocks)]).max() < 1e-6
        for start in range(1000, len(whole) - 4000, 7919):
            file.seek(start)
            assert np.abs(file.read(3000)[:, 0] - whole[start : start + 3000]).max() < 1e-6


# Speed, and other decoders -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_nothing_is_decoded_for_a_length(tmp_path, monkeypatch, name):
    """And it is found out once, until the file changes."""
    path = encoded(tmp_path / name)
    monkeypatch.setattr("soundfile.SoundFile.read", lambda *_, **__: pytest.fail("decoded"))
    begin = time.perf_counter()
    assert recording_seconds(path) == pytest.approx(2.0)
    assert time.perf_counter() - begin < 1
    monkeypatch.setattr(lengths, "_layout", lambda source: pytest.fail("walked through again"))
    assert recording_seconds(path) == pytest.approx(2.0)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(pytest.fail.Exception, match="walked through again"):
        recording_seconds(path)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "kind", ["wav", "w64", "aiff", "flac", "pipe.flac", "ogg", "bare.mp3", "AudioMoth.wav", "44.wav"]
)
def test_another_decoder_hears_the_same(tmp_path, kind, channels):
    """miniaudio (dr_wav, dr_flac, dr_mp3 and stb_vorbis inside): as many frames, and the same samples."""
    miniaudio = pytest.importorskip("miniaudio", reason="the package miniaudio decodes for comparison")
    path = encoded(tmp_path / f"a.{kind}", 3 * RATE, channels=channels)
    content = bytearray(path.read_bytes())
    if kind == "pipe.flac":
        content[22:26] = bytes(4)
    elif kind == "bare.mp3":
        content = without_index(bytes(content))
    elif kind == "AudioMoth.wav":
        content = content[:36] + chunk(b"LIST", b"INFOICMT" + bytes(252)) + content[36:]
    elif kind == "44.wav":
        content[40:44] = struct.pack("<I", len(content))
    path.write_bytes(content)
    other = miniaudio.decode_file(str(path), miniaudio.SampleFormat.FLOAT32, channels, RATE)
    theirs = np.array(other.samples, np.float32).reshape(-1, channels).mean(axis=1)
    ours = heard(path)
    assert len(ours) == len(theirs) and np.abs(ours - theirs).max() < 2e-4


def test_an_earlier_length_spares_the_walk_through_a_long_file(tmp_path, monkeypatch):
    """Only as long as the file is the one that was measured, and only where its own header says the same."""
    monkeypatch.setattr("evaluator.files._SETTLED_NS", -(10**9))
    monkeypatch.setattr(lengths, "_LONG", 0)
    encoded(tmp_path / "a.flac")
    bare = encoded(tmp_path / "b.mp3", bitrate_mode="VARIABLE", compression_level=0.9)
    bare.write_bytes(without_index(bare.read_bytes()))
    first = file_facts(tmp_path, ["a.flac", "b.mp3"], tmp_path / "cache")
    lengths._measured.cache_clear()
    assert file_facts(tmp_path, ["a.flac", "b.mp3"], tmp_path / "cache") == first
    assert len(heard(bare)) == first["b.mp3"].frames
    monkeypatch.setattr(lengths, "_layout", lambda source: pytest.fail("walked through again"))
    assert len(heard(tmp_path / "a.flac")) == 2 * RATE
    encoded(tmp_path / "a.flac", RATE)
    with pytest.raises(pytest.fail.Exception, match="walked through again"):
        heard(tmp_path / "a.flac")


def test_tags_around_flac_and_mp3_are_no_audio(tmp_path):
    """ID3 before, and its first version behind."""
    before = b"ID3\x04\x00\x00" + bytes([0, 0, 8, 0]) + bytes(1024)
    for name in ("a.flac", "a.mp3"):
        path = encoded(tmp_path / name)
        expected = heard(path)
        path.write_bytes(before + path.read_bytes() + b"TAG" + b"x" * 125)
        assert np.array_equal(heard(path), expected) and measure(path).remark == ""


def test_a_file_of_zeros_behind_a_header_is_refused_at_once(tmp_path):
    """Its chunks have neither name nor length, and are as many as its bytes allow."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE")
    with path.open("r+b") as file:
        file.truncate(1 << 30)
    begin = time.perf_counter()
    with pytest.raises(AudioError, match=r"a\.wav: no audio among the first 10000 of its chunks"):
        measure(path)
    assert time.perf_counter() - begin < 5


def test_a_second_stretch_of_audio_in_a_wav_is_no_other_chunk(tmp_path):
    """It would be left out."""
    part = sized(2000, pcm(1000).tobytes())
    with pytest.raises(AudioError, match="several stretches of audio are joined in one file"):
        measure(wav(tmp_path / "a.wav", part, part))
