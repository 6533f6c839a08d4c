"""Situations that people reported of other programs, made here: each is read right, or refused or told in a true sentence.

What came of each when it was first tried: w read well or told as it should be; u refused or told in an untrue or useless sentence,
s read otherwise than meant without a word, both mended since.

| report | situation | came |
|---|---|---|
| MediaArea/BWFMetaEdit#155 | pad byte behind odd audio is not zero, chunks follow | w |
| libsndfile/libsndfile#887 | odd number of 8-bit frames, padded, chunks follow | w |
| dancasimiro/WAV.jl#90 | `data` chunk before `fmt ` | u |
| ebu/libbw64#10 | JUNK reserved for ds64, before `fmt ` | w |
| MediaArea/MediaInfo#822 | BW64 with sizes in ds64 | w |
| pdeljanov/Symphonia#447 | ds64 in an ordinary RIFF, whose own size is right | w |
| jstrait/wavefile#11 | extensible format, 24 valid bits in 32 | w |
| bastibe/python-soundfile#172 | extensible format, channel mask 0 | w |
| librosa/librosa#696 | float WAV up to 5 times full scale | w |
| libsndfile/libsndfile#946 | IMA ADPCM, fact chunk says less than its blocks hold | w |
| mackron/dr_libs#265 | AIFF whose SSND stands before COMM | u |
| QutEcoacoustics/audio-analysis#510 | WAV of 44 bytes | w |
| polyfloyd/rust-id3#63 | ID3 tag before a WAV | u |
| libsdl-org/SDL_mixer#527 | ID3 tag before a FLAC | w |
| moode-player/moode#539 | FLAC with many blocks, one picture of it a FLAC file | u |
| MusicPlayerDaemon/MPD#2328 | MP3 without index behind 2 MB of pictures | w |
| Borewit/music-metadata#39 | several ID3v2 tags one after the other | w |
| Zeugma440/atldotnet#282 | ID3v2 and ID3v1 tags behind MP3 | w |
| quodlibet/mutagen#120 | APE tag behind an ID3v1 tag | w |
| legacyclonk/LegacyClonk#110 | MP3 behind a frame of zeros | u |
| agersant/mp3-duration#8 | zeros between ID3v2 tag and MP3 | w |
| digital-preservation/PRONOM_Research#66 | MP3 whose tag holds the sync word of AAC | w |
| tinytag/tinytag#237 | Opus, length without its pre-skip | w |
| nothings/stb#676 | Ogg Vorbis behind a Skeleton stream | u |
| wpoa/open-access-media-importer#122 | Ogg Vorbis among pages of a Theora video | u |
| ntivirikin/xeno-canto-py#11 | WAV called .mp3 | w |
| quodlibet/mutagen#394 | AAC (ADTS) behind an ID3 tag, called .mp3 | u |
| pytorch/audio#104 | M4A called .wav | u |
| thousandlemons/English-words-pronunciation-mp3-audio-download#5 | HTML page called .mp3 | u |
| OpenNeuroOrg/openneuro#2520 | AppleDouble file called like a recording | u |
| CheyneyComputerScience/CREMA-D#3 | pointer of Git LFS called .wav | u |
| mcfletch/sphfile#2 | SPHERE with shorten inside | w |
| deephaven/deephaven-core#1800 | nameless columns at the end of the header | u |
| pandas-dev/pandas#14124 | delimiter at the end of each row | u |
| probcomp/bayeslite#477 | index column without a name | w |
| BurntSushi/rust-csv#337 | space before a quote | s |
| manybabies/mb2-analysis#89 | header once more in the middle | u |
| CharsetDetector/UTF-unknown#164 | UTF-16 without byte-order mark | u |
| SheetJS/ssf#22 | times with separators of thousands | s |
| vizabi/vizabi#2547 | decimal commas and points in one table | s |
| benedekrozemberczki/datasets#10 | CSV is a pointer of Git LFS | w |
| hurlbertlab/dietdatabase#86 | sign that cannot be seen in one of two equal names | s |
| osmlab/name-suggestion-index#56 | two shapes of apostrophe | s |
| Lightning-Universe/lightning-flash#728 | labels of a clip joined by commas | s |
| deepset-ai/FARM#493 | labels of a clip joined by something else throughout | s |
| emdgroup/octopus-automl#301 | groups called nan | s |
| pandas-dev/pandas#28335 | folds 1 and 1.0 | s |
| cdjkim/audiocaps#21 | start without end | u |
| epic-kitchens/epic-sounds-annotations#2 | times in samples | u |
| epic-kitchens/epic-sounds-annotations#3 | times ten times too large, beyond the recording | w |
| hipstas/AudiAnnotate#61 | times as minutes and seconds | w |
| NMAAHC/nmaahcmm#133 | one file in two spellings of its path | s |
| fastai/fastai#1008 | recordings and labels called 007 and 07 | w |
| HumanSignal/label-studio#1266 | percent signs for letters in a table's paths | w |
| MarketSquare/SSHLibrary#260 | brackets in the name of a table | s |
| kitzeslab/opensoundscape#653 | Raven selection of no length | w |
| birdnet-team/birdnet-live-app#239 | Raven names the file only, and two have that name | w |
| huggingface/datasets#5608 | class folders with `train_1.MP3` in them | w |
| birdnet-team/BirdNET-Analyzer#241 | class folder called `robin,wren` for clips of both | s |
| birdnet-team/BirdNET-Analyzer#635 | `._x.wav` beside x.wav | w |
| khenriks/mp3fs#75 | the same recording as FLAC and Ogg in one folder | s |
| microsoft/DNS-Challenge#103 | a folder once more inside itself | w |
| embeddings-benchmark/mteb#519 | class of one clip | w |
| kootenpv/whereami#50 | five clips of each class and five folds | u |
| scikit-learn/scikit-learn#34828 | ten individuals of five species: a drawn part is empty | u |
"""

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator
from commands import run_command  # noqa: F401  (a fixture)
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, read_clip, recording_seconds
from evaluator.audio.lengths import measure
from evaluator.datasets import manifest, splits
from evaluator.datasets.manifest import Manifest
from evaluator.errors import UsageError
from evaluator.experiment import catalogue

RATE = 16_000
TONE = (0.3 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)).astype(np.float32)
PCM = (TONE * 32767).astype("<i2").tobytes()


# Recordings ----------------------------------------------------------------------------------------------------------


def chunk(name: bytes, body: bytes, pad: bytes = b"\0") -> bytes:
    return name + struct.pack("<I", len(body)) + body + pad * (len(body) % 2)


def described(tag: int = 1, bits: int = 16, channels: int = 1, more: bytes = b"") -> bytes:
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits) + more)


def extensible(bits: int, valid: int, mask: int, channels: int = 1) -> bytes:
    guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    return described(0xFFFE, bits, channels, struct.pack("<HHI", 22, valid, mask) + guid)


def wav(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body)) + body


def ds64(length: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", length + 80, length, len(TONE), 0))


def encoded(format: str, subtype: str | None = None, samples: np.ndarray = TONE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format, subtype=subtype)
    return file.getvalue()


def id3(content: bytes, version: int = 4) -> bytes:
    size = bytes(len(content) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + size + content


def ape() -> bytes:
    items = bytes(500)
    head, foot = (b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, 1, flags) + bytes(8) for flags in (0xA0000000, 0x80000000))  # fmt: skip
    return head + items + foot


def page(flags: int, serial: int, number: int, body: bytes) -> bytes:
    """A page of an Ogg stream, with the checksum without which it is passed over."""
    sizes = [255] * (len(body) // 255) + [len(body) % 255]
    head = b"OggS\0" + bytes([flags]) + struct.pack("<qII", 0, serial, number)
    rest = bytes([len(sizes), *sizes]) + body
    return head + struct.pack("<I", checksum(head + bytes(4) + rest)) + rest


def checksum(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


def among(other: bytes, more: bytes = b"") -> bytes:
    """Ogg Vorbis whose first page stands behind another stream's, and some of whose pages do."""
    vorbis = encoded("OGG", "VORBIS")
    second = vorbis.index(b"OggS", 4)
    third = vorbis.index(b"OggS", second + 4)
    return page(2, 77, 0, other) + vorbis[:second] + page(0, 77, 1, bytes(300)) + vorbis[second:third] + more + vorbis[third:]  # fmt: skip


def flac_with(*blocks: tuple[int, bytes]) -> bytes:
    flac = encoded("FLAC", "PCM_16")
    return flac[:42] + b"".join(bytes([kind]) + len(body).to_bytes(3) + body for kind, body in blocks) + flac[42:]


def picture(image: bytes) -> bytes:
    return struct.pack(">II", 3, 10) + b"image/jpeg" + bytes(20) + struct.pack(">I", len(image)) + image


def aiff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"AIFF" + b"".join(name + struct.pack(">I", len(content)) + content for name, content in chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


AIFF_SOUND = (b"SSND", bytes(8) + np.frombuffer(PCM, "<i2").astype(">i2").tobytes())
AIFF_FORMAT = (b"COMM", struct.pack(">hIh", 1, len(TONE), 16) + struct.pack(">HQ", 16383 + 13, RATE << 50))
NINE_BITS = bytes([0x80]) * 201
MP3 = encoded("MP3")
# Report, name of the file, its bytes, and its samples or how many there are.
READ: list[tuple[str, str, Callable[[], bytes], np.ndarray | int]] = [
    (
        "MediaArea/BWFMetaEdit#155",
        "a.wav",
        lambda: wav(described(bits=8), chunk(b"data", NINE_BITS, b"\x51"), chunk(b"LIST", b"INFO")),
        201,
    ),
    (
        "libsndfile/libsndfile#887",
        "a.wav",
        lambda: wav(described(bits=8), chunk(b"data", NINE_BITS), chunk(b"LIST", b"INFO" + bytes(24))),
        201,
    ),
    ("dancasimiro/WAV.jl#90", "a.wav", lambda: wav(chunk(b"data", PCM), described()), TONE),
    ("ebu/libbw64#10", "a.wav", lambda: wav(chunk(b"JUNK", bytes(28)), described(), chunk(b"data", PCM)), TONE),
    (
        "MediaArea/MediaInfo#822",
        "a.wav",
        lambda: wav(ds64(len(PCM)), described(), b"data\xff\xff\xff\xff" + PCM, magic=b"BW64"),
        TONE,
    ),
    ("pdeljanov/Symphonia#447", "a.wav", lambda: wav(ds64(77), described(), chunk(b"data", PCM)), TONE),
    (
        "jstrait/wavefile#11",
        "a.wav",
        lambda: wav(extensible(32, 24, 4), chunk(b"data", ((TONE * 8388607).astype("<i4") << 8).tobytes())),
        TONE,
    ),
    (
        "bastibe/python-soundfile#172",
        "a.wav",
        lambda: wav(extensible(16, 16, 0, 2), chunk(b"data", np.repeat(np.frombuffer(PCM, "<i2"), 2).tobytes())),
        TONE,
    ),
    ("librosa/librosa#696", "a.wav", lambda: encoded("WAV", "FLOAT", TONE * 5), TONE * 5),
    ("mackron/dr_libs#265", "a.aif", lambda: aiff(AIFF_SOUND, AIFF_FORMAT), TONE),
    ("libsdl-org/SDL_mixer#527", "a.flac", lambda: id3(bytes(99)) + encoded("FLAC"), TONE),
    (
        "moode-player/moode#539",
        "a.flac",
        lambda: flac_with(*[(2, b"test" + bytes(9))] * 8, (6, picture(encoded("FLAC")))),
        TONE,
    ),
    ("Borewit/music-metadata#39", "a.mp3", lambda: id3(bytes(99)) + id3(bytes(70), 3) + MP3, len(TONE)),
    (
        "Zeugma440/atldotnet#282",
        "a.mp3",
        lambda: id3(bytes(99)) + MP3 + id3(bytes(300), 3) + b"TAG" + bytes(125),
        len(TONE),
    ),
    ("quodlibet/mutagen#120", "a.mp3", lambda: MP3 + b"TAG" + bytes(125) + ape(), len(TONE)),
    ("legacyclonk/LegacyClonk#110", "a.mp3", lambda: bytes(417) + MP3, len(TONE)),
    ("agersant/mp3-duration#8", "a.mp3", lambda: id3(bytes(99)) + bytes(50) + MP3, len(TONE)),
    (
        "digital-preservation/PRONOM_Research#66",
        "a.mp3",
        lambda: id3(b"\xff\xf0\x41\xff\xf1" * 300) + MP3,
        len(TONE),
    ),
    ("tinytag/tinytag#237", "a.opus", lambda: encoded("OGG", "OPUS"), len(TONE)),
    ("nothings/stb#676", "a.ogg", lambda: among(b"fishead\0" + bytes(56)), len(TONE)),
    (
        "wpoa/open-access-media-importer#122",
        "a.ogg",
        lambda: among(b"\x80theora" + bytes(35), page(4, 77, 2, bytes(900))),
        len(TONE),
    ),
    ("ntivirikin/xeno-canto-py#11", "a.mp3", lambda: encoded("WAV", "PCM_16"), TONE),
]


@pytest.mark.parametrize(("name", "content", "wanted"), [each[1:] for each in READ], ids=[each[0] for each in READ])
def test_an_odd_file_that_is_whole_is_read_whole(tmp_path, name, content, wanted):
    """All samples, and where the coding keeps them, the very ones."""
    path = tmp_path / name
    path.write_bytes(content())
    heard = read_clip(path, Clip("", ()), ClipRule(), RATE)
    if isinstance(wanted, int):
        assert len(heard) == measure(path).frames == wanted
    else:
        assert heard.shape == wanted.shape and np.abs(heard - wanted).max() < 1e-4


def test_pictures_do_not_make_a_recording_longer(tmp_path):
    """MusicPlayerDaemon/MPD#2328: 2 MB of them before MP3 without an index, whose length others guess from the size."""
    bare = MP3[MP3.index(MP3[:2], 24) :]
    for name, content in (("bare.mp3", bare), ("a.mp3", id3(b"\xfe" * 2_000_000) + bare)):
        (tmp_path / name).write_bytes(content)
    heard = [read_clip(tmp_path / name, Clip("", ()), ClipRule(), RATE) for name in ("bare.mp3", "a.mp3")]
    assert len(heard[0]) >= len(TONE) and np.array_equal(*heard)


def test_adpcm_is_read_to_the_end_of_its_blocks(tmp_path):
    """libsndfile/libsndfile#946: the last block is filled up, by less than a block."""
    content = bytearray(encoded("WAV", "IMA_ADPCM", TONE[:31_777]))
    at = content.index(b"fact") + 8
    content[at : at + 4] = struct.pack("<I", 31_777)
    (tmp_path / "a.wav").write_bytes(content)
    assert 0 <= measure(tmp_path / "a.wav").frames - 31_777 < 1_024


def adts(n_frames: int = 50, size: int = 200) -> bytes:
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 0x1F, 0xFC])
    return (head + bytes(range(size - 7))) * n_frames


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b24\nsize 72862\n"
SHORTEN = b"NIST_1A\n   1024\nsample_count -i 32000\nsample_rate -i 16000\nchannel_count -i 1\nsample_n_bytes -i 2\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"  # fmt: skip
REFUSED = [
    ("QutEcoacoustics/audio-analysis#510", "a.wav", wav(described(), chunk(b"data", b"")), r"holds no audio \(0 frames\)"),
    ("polyfloyd/rust-id3#63", "a.wav", id3(bytes(99)) + wav(described(), chunk(b"data", PCM)), "an ID3 tag of 109 bytes stands before its header; remove it"),
    ("quodlibet/mutagen#394", "a.mp3", id3(bytes(99)) + adts(), r"is an AAC file \(ADTS\).*convert it to WAV or FLAC"),
    ("pytorch/audio#104", "a.wav", b"\0\0\0\x20ftypM4A " + bytes(4000), "is an MP4 file .*convert it to WAV or FLAC"),
    ("thousandlemons/English-words-pronunciation-mp3-audio-download#5", "a.mp3", b"\n<!DOCTYPE html><html></html>" * 40, "is an HTML page, .*get it again"),
    ("OpenNeuroOrg/openneuro#2520", "hvha1.wav", b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000), "is a file in which macOS keeps .*remove it"),
    ("CheyneyComputerScience/CREMA-D#3", "a.wav", LFS, "is a pointer of Git LFS, .*git lfs pull"),
    ("mcfletch/sphfile#2", "a.sph", SHORTEN.ljust(1024, b"\0") + b"ajkg\2" + PCM, "embedded-shorten.*sph2pipe"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "words"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
def test_what_is_no_recording_is_called_what_it_is(tmp_path, name, content, words):
    """With the file, and the way out."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=f"{name}: .*{words}"):
        recording_seconds(tmp_path / name)


# Tables --------------------------------------------------------------------------------------------------------------


def put(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files; those whose content is "" stand for recordings."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


RECORDINGS = {f"r{number}.wav": "" for number in range(12)}


def table(header: str, row: Callable[[int], str]) -> str:
    return header + "\n" + "".join(row(number) + "\n" for number in range(12))


def read(path: Path) -> Manifest:
    (task,) = catalogue.find(str(path))
    return manifest.read(task, None, path.parent / "cache")


def told(whole: Manifest) -> dict[str, str]:
    return {each.kind: each.text for each in whole.intake.differences}


def animal(number: int) -> str:
    return ("robin", "wren")[number % 2]


PLAIN = table("path,label", lambda n: f"r{n}.wav,{animal(n)}")
TABLES = [
    ("deephaven/deephaven-core#1800", table("path,label,,", lambda n: f"r{n}.wav,{animal(n)},,"), {}),
    ("pandas-dev/pandas#14124", table("path,label", lambda n: f"r{n}.wav,{animal(n)},"), {}),
    ("probcomp/bayeslite#477", table(",path,label", lambda n: f"{n},r{n}.wav,{animal(n)}"), {}),
    ("BurntSushi/rust-csv#337", table('"path", "label"', lambda n: f'"r{n}.wav", "{animal(n)}"'), {}),
    ("CharsetDetector/UTF-unknown#164", PLAIN.encode("utf-16-le"), {"encoding"}),
    ("UTF-16, big end first", PLAIN.encode("utf-16-be"), {"encoding"}),
    ("line ends of several kinds", PLAIN.replace("\n", "\r\n", 5), {}),
]


@pytest.mark.parametrize(("content", "kinds"), [each[1:] for each in TABLES], ids=[each[0] for each in TABLES])
def test_a_table_that_was_saved_oddly_is_read_as_it_was_meant(tmp_path, content, kinds):
    """The same clips as in the plain one."""
    whole = read(put(tmp_path, {**RECORDINGS, "t.csv": content}) / "t.csv")
    assert [(clip.path, clip.labels) for clip in whole.clips] == [(f"r{n}.wav", (animal(n),)) for n in range(12)]
    assert set(told(whole)) == set(kinds)


AMBIGUOUS = [
    ("cdjkim/audiocaps#21", table("path,label,start,duration", lambda n: f"r{n}.wav,{animal(n)},{n},10"), "'start' and 'duration' look like the times of a stretch"),
    ("epic-kitchens/epic-sounds-annotations#2", table("path,label,start_sample,stop_sample", lambda n: f"r{n}.wav,{animal(n)},{n},999"), "'start_sample' and 'stop_sample' look like the times"),
    ("manybabies/mb2-analysis#89", PLAIN + "\ufeff" + PLAIN, r"t\.csv:14: is the first line once more \(path,label\).*remove it"),
    ("SheetJS/ssf#22", table("path,label,start,end", lambda n: f'r{n}.wav,{animal(n)},{990 + n},"1,{n:03}"'), r"the time 1,000 could be 1\.000 s or 1000 s"),
    ("vizabi/vizabi#2547", table("path;label;start", lambda n: f"r{n}.wav;{animal(n)};{n}{'.,'[n % 2]}5"), r"decimal comma \(1,5\) and some a point \(0\.5\)"),
    ("benedekrozemberczki/datasets#10", LFS.decode(), "no column 'path'; its columns are version https://git-lfs"),
    ("hipstas/AudiAnnotate#61", table("path,label,start,end", lambda n: f"r{n}.wav,{animal(n)},0:0{n % 9},1:26"), r"t\.csv:2: start is '0:00', but should be a number of seconds"),
    ("NMAAHC/nmaahcmm#133", PLAIN + "./r3.wav,wren\n", r"t\.csv:14: clip r3\.wav stands there twice"),
    ("embeddings-benchmark/mteb#519", PLAIN + "x.wav,owl\n", "class owl has one clip only"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), [each[1:] for each in AMBIGUOUS], ids=[each[0] for each in AMBIGUOUS])
def test_a_table_that_can_be_read_in_two_ways_is_refused(tmp_path, content, words):
    """With the line or the value that says two things, and what to write instead."""
    with pytest.raises(UsageError, match=words):
        read(put(tmp_path, {**RECORDINGS, "t.csv": content}) / "t.csv")


def named(*names: str) -> Callable[[int], str]:
    return lambda n: f"r{n}.wav,{names[n % len(names)]}"


TOLD = [
    ("hurlbertlab/dietdatabase#86", table("path,label", named("pigeon", "owl", "pi\u200bgeon")), "alike_labels", r"'pigeon' \(4\) and 'pi\\u200bgeon' \(4\)"),
    ("osmlab/name-suggestion-index#56", table("path,label", named("Wilson's Warbler", "owl", "Wilson\u2019s Warbler")), "alike_labels", "2 labels .*look alike.*Wilson\u2019s"),
    ("hyphens", table("path,label", named("Red-winged Blackbird", "owl", "Red winged Blackbird")), "alike_labels", "2 labels .*look alike"),
    ("Lightning-Universe/lightning-flash#728", table("path,labels", lambda n: f'r{n}.wav,"{("rust", "scab", "rust, scab")[n % 3]}"'), "joined_labels", r"1 class is made of the names of others: 'rust, scab' \(4\); join .* ';'"),
    ("deepset-ai/FARM#493", table("path,labels", lambda n: f"r{n}.wav,{('MM|PR', 'PR|XX', 'MM|XX')[n % 3]}"), "no_several_labels", "none of 12 clips has several labels.*joined by ';'"),
    ("emdgroup/octopus-automl#301", table("path,label,group", lambda n: f"r{n}.wav,{animal(n)},{('ada', 'bob', 'nan', 'eve')[n // 3]}"), "empty_like_groups", "1 group is called like an empty cell: 'nan'"),
    ("pandas-dev/pandas#28335", table("path,label,fold", lambda n: f"r{n}.wav,{animal(n // 4)},{(1, 2, 3, '1.0')[n % 4]}"), "alike_folds", r"2 folds are kept apart though they look alike: '1' and '1\.0'"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "kind", "words"), [each[1:] for each in TOLD], ids=[each[0] for each in TOLD])
def test_a_table_that_may_mean_something_else_is_read_and_told(tmp_path, content, kind, words):
    """As a difference of the intake, which the notes of every result show."""
    whole = read(put(tmp_path, {**RECORDINGS, "t.csv": content}) / "t.csv")
    assert len(whole.clips) == 12
    assert re.search(words, told(whole)[kind])


def test_leading_zeros_are_kept(tmp_path):
    """fastai/fastai#1008: as text, in paths and labels; labels that are one number are told."""
    files = {f"{n:03}.wav": "" for n in range(12)}
    content = table("path,label", lambda n: f"{n:03}.wav,{('007', '7', '08')[n % 3]}")
    whole = read(put(tmp_path, {**files, "t.csv": content}) / "t.csv")
    assert whole.clips[3].path == "003.wav" and whole.classes == ("007", "08", "7")
    assert "'007' (4) and '7' (4)" in told(whole)["alike_labels"] and "missing_files" not in told(whole)


def test_a_path_with_percent_signs_for_letters_is_missing_by_its_name(tmp_path):
    """HumanSignal/label-studio#1266: neither guessed nor dropped."""
    files = {f"d\u00e9cran {n}.wav": "" for n in range(12)}
    content = table("path,label", lambda n: f"d%C3%A9cran%20{n}.wav,{animal(n)}")
    whole = read(put(tmp_path, {**files, "t.csv": content}) / "t.csv")
    assert (
        len(whole.clips) == 12
        and "12 rows of the table are of a file that is not there" in told(whole)["missing_files"]
    )


@pytest.mark.parametrize("name", ["t[1].csv", "[1]calls.csv", "calls?.csv"])
def test_a_table_with_brackets_in_its_name_is_that_file(tmp_path, name):
    """MarketSquare/SSHLibrary#260: no pattern, which could be another file: t1.csv."""
    other = table("path,label", named("cat", "dog"))
    files = {**RECORDINGS, name: PLAIN, "t1.csv": other, "1calls.csv": other, "callsX.csv": other}
    assert read(put(tmp_path, files) / name).classes == ("robin", "wren")


# Annotations, folders, splits ----------------------------------------------------------------------------------------

RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin File\tSpecies\n"


def test_a_recording_that_a_raven_table_names_and_two_files_are_called_is_refused(tmp_path):
    """birdnet-team/birdnet-live-app#239: no path, and the same name at two sites."""
    files = {"site1/a.wav": "", "site2/a.wav": "", "all.txt": RAVEN + "1\tSpectrogram 1\t1\t0\t1\ta.wav\trobin\n"}
    with pytest.raises(UsageError, match=r"all\.txt:2: a\.wav could be site1/a\.wav or site2/a\.wav"):
        read(put(tmp_path, files) / "all.txt")


def class_folders(root: Path, name: str = "{}.wav", n: int = 6) -> Path:
    """Two classes of short sounds, each another."""
    for number, label in enumerate(("robin", "wren")):
        (root / label).mkdir(parents=True)
        for index in range(n):
            noise = 0.02 * np.random.default_rng(100 * number + index).standard_normal(4000)
            sound = noise + 0.2 * np.sin(np.arange(4000) * (0.3 + number))
            soundfile.write(root / label / name.format(index), sound.astype(np.float32), 8000)
    return root


def issues(path: Path, cache: Path) -> list[str]:
    (found,) = evaluator.check_tasks(str(path), cache=cache).values()
    return [f"{issue.level}: {issue.what}: {' '.join(issue.where)}" for issue in found]


def test_a_selection_of_no_length_is_an_error_of_check(tmp_path):
    """kitzeslab/opensoundscape#653: with the clip; the others are read."""
    root = tmp_path / "f"
    class_folders(root)
    rows = "".join(f"{n}\tS\t1\t0.{n % 3}\t{0.4 if n else '0.0'}\t{('robin', 'wren')[n % 2]}/{n // 2}.wav\t{animal(n)}\n" for n in range(12))  # fmt: skip
    (root / "t.txt").write_text(RAVEN + rows)
    assert any("robin/0.wav: the clip goes from 0 to 0 s" in issue for issue in issues(root / "t.txt", tmp_path / "c"))


def test_times_beyond_the_recording_are_errors_of_check(tmp_path):
    """epic-kitchens/epic-sounds-annotations#3: in seconds, with both ends."""
    root = class_folders(tmp_path / "f")
    rows = "".join(f"{label}/{n}.wav,{label},0,17052\n" for label in ("robin", "wren") for n in range(6))
    (root / "t.csv").write_text("path,label,start,end\n" + rows)
    found = issues(root / "t.csv", tmp_path / "c")
    assert any("the clip ends at 17052 s, but the recording at 0.5 s" in issue for issue in found)


def test_files_called_like_parts_of_a_split_are_clips_of_their_class(tmp_path):
    """huggingface/datasets#5608, and birdnet-team/BirdNET-Analyzer#635: what macOS puts beside them is no clip, and told."""
    root = class_folders(tmp_path / "f", "train_{}.WAV")
    (root / "wren" / "._train_0.WAV").write_bytes(b"\0\5\x16\7" + bytes(400))
    (root / "wren" / ".DS_Store").write_bytes(b"Bud1")
    (root / "Thumbs.db").write_bytes(b"x")
    whole = read(root)
    assert len(whole.clips) == 12 and told(whole)["hidden_files"].endswith("wren/._train_0.WAV")


def test_a_class_folder_for_two_classes_at_once_is_told(tmp_path):
    """birdnet-team/BirdNET-Analyzer#241: BirdNET takes such clips for both; here it would be a class of its own."""
    root = class_folders(tmp_path / "f")
    put(root, {f"robin,wren/{number}.wav": "" for number in range(6)})
    assert "1 class is made of the names of others: 'robin,wren' (6)" in told(read(root))["joined_labels"]


def test_a_recording_in_two_formats_is_told(tmp_path):
    """khenriks/mp3fs#75: both are clips, and one may train where the other is tested."""
    root = class_folders(tmp_path / "f")
    soundfile.write(root / "wren" / "3.ogg", *soundfile.read(root / "wren" / "3.wav"))
    assert (
        "1 recording is there in several formats, each a clip of its own: wren/3.ogg and wren/3.wav"
        in told(read(root))["two_formats"]
    )


def test_a_folder_that_was_copied_into_itself_is_an_error_of_check(tmp_path):
    """microsoft/DNS-Challenge#103: the same sound trains and tests."""
    root = class_folders(tmp_path / "f")
    for path in [*root.rglob("*.wav")]:
        copy = path.parent / path.parent.name / path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    found = issues(root, tmp_path / "c")
    assert any(issue.startswith("error: identical audio trains and tests") for issue in found)


def test_five_clips_of_each_class_are_enough_for_five_folds(tmp_path):
    """kootenpv/whereami#50: each fold tests one clip of each, and validates on one."""
    whole = read(class_folders(tmp_path / "f", n=5))
    (task,) = catalogue.find(str(tmp_path / "f"))
    for fold in splits.make(task.split, whole.clips):
        assert (len(fold.test), len(fold.valid), len(fold.train)) == (2, 2, 6)


def test_two_individuals_of_each_species_can_be_divided(tmp_path):
    """scikit-learn/scikit-learn#34828: no group on two sides, and where a drawn part is empty, another one validates."""
    rows = [f"{n}.wav,species{n // 5 % 5},bird{n // 5}\n" for n in range(50)]
    files = {f"{n}.wav": "" for n in range(50)}
    whole = read(put(tmp_path, {**files, "t.csv": "path,label,group\n" + "".join(rows)}) / "t.csv")
    (task,) = catalogue.find(str(tmp_path / "t.csv"))
    folds = splits.make(task.split, whole.clips)
    splits.refuse_untrained(folds, whole.clips)
    for fold in folds:
        sides = [{whole.clips[index].group for index in part} for part in (fold.train, fold.valid, fold.test)]
        assert all(sides) and not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_a_run_tells_what_it_was_told(tmp_path, run_command):  # noqa: F811
    """pandas-dev/pandas#28335 once more, through the command: the sentence stands beside the score."""
    root = class_folders(tmp_path / "f")
    rows = "".join(f"{label}/{n}.wav,{label},{(1, 2, '1.0')[n % 3]}\n" for label in ("robin", "wren") for n in range(6))
    (root / "t.csv").write_text("path,label,fold\n" + rows)
    code, out, err = run_command("run", "hear_ssl.duration_loudness", "--task", root / "t.csv", "--protocol", "knn")
    assert code == 0 and "2 folds are kept apart though they look alike: '1' and '1.0'" in out + err
