"""Archives give their files and nothing else: no path leads out, no link, no bomb, and several volumes are one."""

import gzip
import io
import os
import random
import re
import shutil
import stat
import struct
import subprocess
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from evaluator.download import members, unpack, volumes
from evaluator.download.unpack import DamagedArchive
from evaluator.errors import EvaluationError

FILES = {f"audio/{n}.wav": random.Random(n).randbytes(50_000 + n) for n in range(7)} | {
    "notes, odd (1).txt": b"x" * 9000
}


def write(root: Path) -> Path:
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def found(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def place(files, target: Path, join: str = "") -> None:
    unpack.extract(files if isinstance(files, list) else [files], join, target, target.parent / "aside")


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs the program zip, which makes the genuine volumes")
@pytest.mark.parametrize("size", ["64k", "100k"])
def test_volumes_made_by_zip_are_read(tmp_path, size):
    """Members that start in one volume and end in another, too."""
    source = write(tmp_path / "source")
    subprocess.run(["zip", "-q", "-r", "-s", size, tmp_path / "a.zip", "."], cwd=source, check=True)
    volumes = [*sorted(tmp_path.glob("a.z[0-9]*")), tmp_path / "a.zip"]
    assert len(volumes) > 3
    place(volumes, tmp_path / "out", "volumes")
    assert found(tmp_path / "out") == FILES
    with pytest.raises(EvaluationError, match="cannot be unpacked: "):
        place(volumes[1:], tmp_path / "other", "volumes")
    assert not (tmp_path / "other").exists()


def split_by_hand(folder: Path, cuts: list[int], zip64: bool) -> list[Path]:
    """A zip cut into volumes as its format says: each member's place is a volume and an offset in it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    data = whole.getvalue()
    end = data.rfind(b"PK\x05\x06")
    n, _, size, start = struct.unpack_from("<HHII", data, end + 8)
    directory, position = bytearray(data[start : start + size]), 0
    bounds = [0, *cuts]

    def locate(offset: int) -> tuple[int, int]:
        volume = max(number for number, bound in enumerate(bounds) if bound <= offset)
        return volume, offset - bounds[volume]

    for _ in range(n):
        volume, offset = locate(struct.unpack_from("<I", directory, position + 42)[0])
        struct.pack_into("<H", directory, position + 34, volume)
        struct.pack_into("<I", directory, position + 42, offset)
        position += 46 + sum(struct.unpack_from("<3H", directory, position + 28))
    volume, offset = locate(start)
    tail = b""
    if zip64:
        last = len(bounds) - 1
        here = len(data[bounds[-1] : start]) + size if volume == last else size
        tail += b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, last, volume, n, n, size, offset)
        tail += b"PK\x06\x07" + struct.pack("<IQI", last, here, len(bounds))
        offset, n = 0xFFFFFFFF, 0xFFFF
    tail += b"PK\x05\x06" + struct.pack("<HHHHIIH", len(bounds) - 1, volume, n, n, size, offset, 0)
    parts = [data[a:b] for a, b in zip(bounds, [*cuts, start], strict=True)]
    parts[-1] += bytes(directory) + tail
    paths = [folder / f"b.z{number:02}" for number in range(1, len(parts))] + [folder / "b.zip"]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    return paths


@pytest.mark.parametrize("zip64", [False, True])
def test_volumes_split_by_hand_are_read(tmp_path, zip64):
    """With and without the fields for archives beyond 4 GB."""
    place(split_by_hand(tmp_path, [70_000, 170_001, 170_100], zip64), tmp_path / "out", "volumes")
    assert found(tmp_path / "out") == FILES


def test_a_missing_volume_is_said(tmp_path):
    """And nothing is in place."""
    volumes = split_by_hand(tmp_path, [70_000, 170_001], zip64=False)
    with pytest.raises(EvaluationError, match=r"b\.zip: cannot be unpacked: it has 3 volumes or more, but only 2"):
        place(volumes[1:], tmp_path / "out", "volumes")
    assert not (tmp_path / "out").exists()


def zip_of(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def tar_of(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name", ["../out.wav", "/tmp/out.wav", "a/../../out.wav", "..\\out.wav", "C:\\out.wav", "C:out.wav"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_name_leads_out(tmp_path, name, kind):
    """Not even beside a harmless one; nothing of the archive is in place."""
    if kind == "zip":
        archive = zip_of(tmp_path / "a.zip", ("ok.wav", b"x", 0o644), (name, b"y", 0o644))
    else:
        archive = tar_of(tmp_path / "a.tgz", ("ok.wav", b"x", tarfile.REGTYPE), (name, b"y", tarfile.REGTYPE))
    with pytest.raises(EvaluationError, match="leads out of the folder; nothing was unpacked"):
        place(archive, tmp_path / "in" / "out")
    assert not list(tmp_path.rglob("*.wav"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_tars_hold_files_only(tmp_path, kind):
    """A link could point anywhere, and a later member could be written through it."""
    with pytest.raises(EvaluationError, match="'evil' is neither file nor folder; nothing was unpacked"):
        place(tar_of(tmp_path / "a.tar.gz", ("evil", b"", kind)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(tmp_path):
    """Zips keep them as members with a mode."""
    with pytest.raises(EvaluationError, match="'evil' is a link; nothing was unpacked"):
        place(zip_of(tmp_path / "a.zip", ("evil", b"/etc/passwd", stat.S_IFLNK | 0o777)), tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch, kind):
    """By what its list says; the limit is lowered here."""
    monkeypatch.setattr(unpack, "_MAX_BEYOND", 1000)
    zeros = b"\0" * 1_000_000
    if kind == "zip":
        archive = zip_of(tmp_path / "a.zip", ("zeros.wav", zeros, 0o644))
    else:
        archive = tar_of(tmp_path / "a.tgz", ("zeros.wav", zeros, tarfile.REGTYPE))
    with pytest.raises(EvaluationError, match="unpacks to more than"):
        place(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("said", [10, 100_001])
def test_a_member_that_is_longer_or_shorter_than_it_says_is_stopped(tmp_path, said):
    """Also where the checksum fits what would be read, so that a cut clip would pass as whole."""
    zeros = b"\0" * 100_000
    data = bytearray(zip_of(tmp_path / "a.zip", ("a.wav", zeros, 0o644)).read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, said)
    struct.pack_into("<I", data, entry + 16, zlib.crc32(zeros[:said]))
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DamagedArchive, match="(the member 'a.wav' has .* its list says|Bad CRC-32)"):
        place(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_list_that_needs_more_memory_than_a_sound_one_is_not_read(tmp_path, monkeypatch):
    """zipfile reads it at once and keeps half a kilobyte for each of its 46 bytes."""
    archive = zip_of(tmp_path / "a.zip", *((f"{n}.wav", b"", 0o644) for n in range(50)))
    monkeypatch.setattr(volumes, "_MAX_READ", 2000)
    with pytest.raises(DamagedArchive, match=r"its list of members takes \d+ bytes, more than 2000"):
        place(archive, tmp_path / "out")
    data = bytearray(archive.read_bytes())
    struct.pack_into("<II", data, len(data) - 10, 0xFFFFFFF0, 0)
    archive.write_bytes(data)
    with pytest.raises(DamagedArchive, match="cannot be unpacked"):
        place(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_many_members_are_refused(tmp_path, monkeypatch, kind):
    """Each costs memory and an entry of the disk, however small it is; the limit is lowered here."""
    monkeypatch.setattr("evaluator.download.members.MAX_MEMBERS", 3)
    names = [f"{n}.wav" for n in range(4)]
    if kind == "zip":
        archive = zip_of(tmp_path / "a.zip", *((name, b"x", 0o644) for name in names))
    else:
        archive = tar_of(tmp_path / "a.tgz", *((name, b"x", tarfile.REGTYPE) for name in names))
    with pytest.raises(EvaluationError, match="has more than 3 members; nothing was unpacked"):
        place(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_on_the_disk_is_refused_before(tmp_path, monkeypatch):
    """With both numbers and the way out, and not as damage, since fetching it again would not help."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**6, 10**6 - 5000, 5000))
    for archive in (
        zip_of(tmp_path / "a.zip", ("a.wav", b"x" * 3000, 0o644), ("b.wav", b"x" * 3000, 0o644)),
        tar_of(tmp_path / "a.tgz", ("a.wav", b"x" * 6000, tarfile.REGTYPE)),
    ):
        with pytest.raises(EvaluationError, match=r"unpacks to 6 kB or more, but only 5 kB .* another --data") as e:
            place(archive, tmp_path / "out")
        assert not isinstance(e.value, DamagedArchive) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a/" * 2000 + "x.wav", "lies 2000 folders deep; no more than 31 are unpacked"),
        ("x" * 300 + ".wav", r"has a name of 304 bytes, 304 with its folders"),
        ("/".join(["d" * 200] * 12), r"has a name of 200 bytes, 2411 with its folders"),
        (".downloads/receipt.json", "is called '.downloads', as the folder in which a download keeps its own state"),
        ("x/.Downloads./a.wav", "is called '.Downloads.'"),
        ("a\nb.wav", "has a control character in its name"),
    ],
)
def test_names_that_may_not_be(tmp_path, kind, name, sentence):
    """Deep, long, our own, and such that a terminal would show as another."""
    if kind == "zip":
        archive = zip_of(tmp_path / "a.zip", ("ok.wav", b"x", 0o644), (name, b"y", 0o644))
    else:
        archive = tar_of(tmp_path / "a.tgz", ("ok.wav", b"x", tarfile.REGTYPE), (name, b"y", tarfile.REGTYPE))
    with pytest.raises(EvaluationError, match=sentence):
        place(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_with_nul_in_a_name_is_refused(tmp_path):
    """zipfile itself would cut the name there."""
    data = zip_of(tmp_path / "a.zip", ("okQevil.wav", b"x", 0o644)).read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"okQ", b"ok\0"))
    with pytest.raises(EvaluationError, match=r"'ok\\x00evil.wav' has a control character"):
        place(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("name", ["CON.wav", "x/aux", "LPT1.txt", "what?.wav", "sp./a.wav", "end .wav/b ", "at:12.wav"])
def test_names_that_windows_keeps_or_changes_are_refused_there(tmp_path, monkeypatch, name):
    """Elsewhere they are names as others: folders end in `sp.` often enough."""
    archive = zip_of(tmp_path / "a.zip", (name, b"y", 0o644))
    if os.name != "nt":
        place(archive, tmp_path / "here")
        assert found(tmp_path / "here") == {name: b"y"}
    monkeypatch.setattr(members, "_WINDOWS", True)
    with pytest.raises(EvaluationError, match="which Windows keeps for itself or changes"):
        place(archive, tmp_path / "out")


def test_names_that_a_disk_takes_for_one_are_refused_there(tmp_path, monkeypatch):
    """Else the second clip silently replaces the first; folders count too."""
    archives = [
        zip_of(tmp_path / f"{n}.zip", (first, b"1", 0o644), (second, b"2", 0o644))
        for n, (first, second) in enumerate(
            [("a/x.wav", "a/X.wav"), ("Dog/1.wav", "dog/2.wav"), ("é.wav", "e\u0301.wav")]
        )
    ]
    if not members._ignores_case(tmp_path):
        place(archives[0], tmp_path / "both")
        assert found(tmp_path / "both") == {"a/x.wav": b"1", "a/X.wav": b"2"}
    monkeypatch.setattr(members, "_ignores_case", lambda folder: True)
    for archive in archives:
        with pytest.raises(EvaluationError, match="in capital letters or Unicode form only, which this disk does not"):
            place(archive, tmp_path / "out")
    place(zip_of(tmp_path / "fine.zip", ("a/x.wav", b"1", 0o644), ("a/y.wav", b"2", 0o644)), tmp_path / "fine")
    assert len(found(tmp_path / "fine")) == 2


def test_a_name_that_is_file_and_folder_is_refused(tmp_path):
    """In either order."""
    for names in (("a", "a/b.wav"), ("a/b.wav", "a")):
        with pytest.raises(EvaluationError, match="is a file and a folder at once; nothing was unpacked"):
            place(tar_of(tmp_path / "a.tgz", *((name, b"x", tarfile.REGTYPE) for name in names)), tmp_path / "out")


def with_flags(archive: Path, flags: int = 0, method: int = 8) -> Path:
    """The zip, whose one member says that it is encrypted, or of another method, in both of its headers."""
    data = bytearray(archive.read_bytes())
    for mark, place_of_flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<HH", data, data.find(mark) + place_of_flags, flags, method)
    archive.write_bytes(data)
    return archive


def test_an_encrypted_zip_says_what_to_do(tmp_path):
    """It is not damaged, so that it is not fetched again."""
    archive = with_flags(zip_of(tmp_path / "a.zip", ("a.wav", b"x", 0o644)), flags=1)
    with pytest.raises(
        EvaluationError, match="'a.wav' is encrypted; ask its authors for the password, and unpack"
    ) as error:
        place(archive, tmp_path / "out")
    assert not isinstance(error.value, DamagedArchive)


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (12, "bzip2"), (14, "LZMA"), (77, "an unusual method")])
def test_other_methods_of_compression_say_what_to_do(tmp_path, method, name):
    """zipfile cannot read Deflate64, and gives bzip2 and LZMA as much memory as they ask for."""
    archive = with_flags(zip_of(tmp_path / "a.zip", ("a.wav", b"x", 0o644)), method=method)
    with pytest.raises(
        EvaluationError, match=rf"is compressed by {name} \({method}\), not by deflate; unpack it with an"
    ) as e:
        place(archive, tmp_path / "out")
    assert not isinstance(e.value, DamagedArchive)


def tar_bytes(**names: bytes) -> bytearray:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return bytearray(whole.getvalue())


@pytest.mark.parametrize("cut", ["between members", "in a header", "a bad header"])
def test_a_tar_that_ends_early_is_damaged(tmp_path, cut):
    """tarfile takes each of these for the end, and there would be fewer clips without a word."""
    data = tar_bytes(a=b"1" * 512, b=b"2" * 512, c=b"3" * 512)
    if cut == "a bad header":
        data[1024 + 5] ^= 1
    else:
        del data[2048 if cut == "between members" else 2048 + 300 :]
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(DamagedArchive, match="ends without the mark of its end"):
        place(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_byte_that_only_the_checksum_of_gzip_knows_is_met(tmp_path):
    """Noise is not compressed, so that nothing but the checksum at the end tells."""
    data = bytearray(gzip.compress(bytes(tar_bytes(a=random.Random(1).randbytes(200_000)))))
    data[100_000] ^= 1
    (tmp_path / "a.tgz").write_bytes(data)
    with pytest.raises(DamagedArchive, match="CRC"):
        place(tmp_path / "a.tgz", tmp_path / "out")


def test_headers_of_a_tar_that_would_fill_the_memory_are_refused(tmp_path):
    """A name of 1 GB that is packed into 1 MB, and headers of headers without end."""
    long = tarfile.TarInfo("x")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 10**9
    tracemalloc.start()
    with gzip.open(tmp_path / "a.tgz", "wb", 1) as file:
        file.write(long.tobuf(tarfile.GNU_FORMAT) + b"a" * 5_000_000)
    with pytest.raises(DamagedArchive, match=r"a header says that it has 1000000000 bytes|1000000\d+ bytes"):
        place(tmp_path / "a.tgz", tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    long.size = 1
    (tmp_path / "b.tar").write_bytes((long.tobuf(tarfile.GNU_FORMAT) + b"a" + b"\0" * 511) * 3000)
    with pytest.raises(DamagedArchive, match="recursion"):
        place(tmp_path / "b.tar", tmp_path / "out")


def test_sparse_files_and_sizes_below_nothing_are_refused(tmp_path):
    """A hole of any size costs nothing to pack; a size below 0 would make room for a bomb."""
    sparse = tarfile.TarInfo("a.wav")
    sparse.size = 512
    sparse.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,512",
        "GNU.sparse.size": "9999",
    }
    (tmp_path / "a.tar").write_bytes(sparse.tobuf(tarfile.PAX_FORMAT) + b"x" * 512 + b"\0" * 1024)
    with pytest.raises(EvaluationError, match="'a.wav' is a sparse file, of which holes are left out; unpack it with"):
        place(tmp_path / "a.tar", tmp_path / "out")
    below = tarfile.TarInfo("a.wav")
    below.pax_headers = {"size": "-5"}
    (tmp_path / "b.tar").write_bytes(below.tobuf(tarfile.PAX_FORMAT) + b"\0" * 1024)
    with pytest.raises(EvaluationError, match="'a.wav' says that it has -5 bytes|cannot be unpacked"):
        place(tmp_path / "b.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_read_only_files_and_junk_do_not_hinder(tmp_path):
    """EMOVO's zip stores read-only permissions; Finder and Windows leave files about; both unpack again over the first."""
    members = [
        ("E/f1/a.wav", b"x", 0o444),
        ("__MACOSX/E/._a.wav", b"j", 0o644),
        ("E/.DS_Store", b"j", 0o644),
        ("E/", b"", 0o555),
    ]
    for _ in range(2):
        place(zip_of(tmp_path / "a.zip", *members), tmp_path / "out")
    assert found(tmp_path / "out") == {"E/f1/a.wav": b"x"}
    (tmp_path / "out/E/f1/b.wav").write_bytes(b"can be written")


@pytest.mark.parametrize(("name", "content"), [("a.zip", b"no zip"), ("a.tar.gz", b"no tar"), ("a.tgz", b"")])
def test_a_damaged_archive_is_named(tmp_path, name, content):
    """With how it begins, which tells what came instead."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        DamagedArchive, match=rf"{name}: cannot be unpacked: .* \(it begins with {re.escape(repr(content))}\)"
    ):
        place(tmp_path / name, tmp_path / "out")


def test_any_other_file_is_kept_as_it_is(tmp_path):
    """A table beside the audio; pieces of no archive are joined."""
    (tmp_path / "meta.csv").write_bytes(b"a,b\n")
    place(tmp_path / "meta.csv", tmp_path / "out")
    for number in (1, 2):
        (tmp_path / f"x.bin.00{number}").write_bytes(str(number).encode())
    place([tmp_path / "x.bin.001", tmp_path / "x.bin.002"], tmp_path / "out", "pieces")
    assert found(tmp_path / "out") == {"meta.csv": b"a,b\n", "x.bin": b"12"}


def test_an_archive_of_nothing_is_damaged(tmp_path):
    """Else the dataset would count as fetched, and nothing of it were there."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w"), tarfile.open(tmp_path / "a.tar", "w"):
        pass
    for name in ("a.zip", "a.tar"):
        with pytest.raises(DamagedArchive, match="cannot be unpacked: it has no members"):
            place(tmp_path / name, tmp_path / "out")
