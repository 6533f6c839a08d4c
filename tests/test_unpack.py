"""Archives give their files and nothing else: no path leads out, no link, no bomb, and several volumes are one."""

import io
import random
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from evaluator.download import unpack
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


def test_a_member_longer_than_it_says_is_stopped(tmp_path):
    """A list that lies about sizes gains nothing."""
    data = bytearray(zip_of(tmp_path / "a.zip", ("a.wav", b"\0" * 100_000, 0o644)).read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\x01\x02") + 24, 10)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(EvaluationError, match=r"(cannot be unpacked|unpacks to more)"):
        place(tmp_path / "a.zip", tmp_path / "out")
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
    """With the way out."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EvaluationError, match=rf"{name}: cannot be unpacked: .*; delete it to have it fetched again"):
        place(tmp_path / name, tmp_path / "out")


def test_any_other_file_is_kept_as_it_is(tmp_path):
    """A table beside the audio; pieces of no archive are joined."""
    (tmp_path / "meta.csv").write_bytes(b"a,b\n")
    place(tmp_path / "meta.csv", tmp_path / "out")
    for number in (1, 2):
        (tmp_path / f"x.bin.00{number}").write_bytes(str(number).encode())
    place([tmp_path / "x.bin.001", tmp_path / "x.bin.002"], tmp_path / "out", "pieces")
    assert found(tmp_path / "out") == {"meta.csv": b"a,b\n", "x.bin": b"12"}
