"""Whatever a server or an interruption does, what ends up on disk is the published file or nothing."""

import hashlib
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from evaluator import cli, schema
from evaluator.download import download, transfer
from evaluator.download.download import DownloadItem, DownloadPart
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import catalogue
from file_server import Served, file_server
from miniature import sound, text

BYTES = random.Random(1).randbytes(300_000)


@pytest.fixture
def server():
    with file_server() as running:
        yield running


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


def item(server, path: str = "/a.bin", checksum: str | None = None, **options) -> DownloadItem:
    content = server.files[path].content
    return DownloadItem((DownloadPart(server.url(path), md5(content) if checksum is None else checksum),), **options)


def fetch(items, folder: Path, **options) -> list[str]:
    return download.fetch(items if isinstance(items, list) else [items], folder, pause=0.001, **options)


@pytest.mark.parametrize(
    "served",
    [
        Served(BYTES),
        Served(BYTES, drops=[100_000, 50_000, 0, 70_000]),
        Served(BYTES, drops=[100_000, 200_000], ranges="no"),
        Served(BYTES, drops=[100_000], ranges="shifted"),
        Served(BYTES, drops=[100_000, 30_000], validator=False),
        Served(BYTES, wrong_first=1),
        Served(BYTES, drops=[100_000], wrong_first=1),
    ],
    ids=["well", "drops", "no ranges", "other range", "no validator", "wrong once", "wrong and dropped"],
)
def test_the_right_bytes_arrive(server, served, tmp_path):
    """Connections that end, servers that know no ranges or give another one, bytes that are wrong once."""
    server.files["/a.bin"] = served
    fetch(item(server, into="audio"), tmp_path)
    assert (tmp_path / "audio/a.bin").read_bytes() == BYTES


def test_what_came_is_not_fetched_again(server, tmp_path):
    """After a drop the rest is asked for, and nothing twice."""
    server.files["/a.bin"] = Served(BYTES, drops=[100_000])
    fetch(item(server), tmp_path)
    ((_, first), (_, second)) = server.asked
    start = int(second.removeprefix("bytes=").rstrip("-"))
    assert first == "" and 0 < start <= 100_000


def test_a_second_call_asks_for_nothing(server, tmp_path):
    """The receipt knows; another address or folder is another item."""
    server.files["/a.bin"] = server.files["/b/a.bin"] = Served(BYTES)
    fetch(item(server), tmp_path)
    n_requests = len(server.asked)
    assert fetch(item(server), tmp_path) == [] and len(server.asked) == n_requests
    fetch(item(server, "/b/a.bin"), tmp_path)
    fetch(item(server, "/b/a.bin", into="more"), tmp_path)
    assert len(server.asked) == n_requests + 2 and (tmp_path / "more/a.bin").read_bytes() == BYTES


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(server, tmp_path):
    """The old beginning and the new end would fit no checksum, or worse, nobody would notice."""
    server.files["/a.bin"] = Served(BYTES[::-1], drops=[100_000] + [0] * 9)
    with pytest.raises(EvaluationError, match="gave up after 6 tries without progress"):
        fetch(item(server, checksum=""), tmp_path)
    server.files["/a.bin"] = Served(BYTES)
    fetch(item(server, checksum=""), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BYTES


@pytest.mark.parametrize("new", [BYTES, BYTES + b"longer"], ids=["same size", "longer"])
def test_a_server_that_overlooks_if_range_gives_no_file_of_two(server, new, tmp_path):
    """It goes on with the new file where the old one ended; only its ETag and its size tell."""
    server.files["/a.bin"] = Served(BYTES[::-1], drops=[100_000] + [0] * 9)
    with pytest.raises(EvaluationError, match="gave up after"):
        fetch(item(server, checksum=""), tmp_path)
    server.files["/a.bin"] = Served(new, if_range=False)
    fetch(item(server, checksum=""), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == new


def test_a_kill_between_the_note_and_the_bytes_of_a_changed_file_gives_no_file_of_two(server, tmp_path, monkeypatch):
    """The note must never tell of another file than the bytes that lie there."""
    server.files["/a.bin"] = Served(BYTES[::-1], drops=[100_000] + [0] * 9)
    with pytest.raises(EvaluationError, match="gave up after"):
        fetch(item(server, checksum=""), tmp_path)
    server.files["/a.bin"] = Served(BYTES)
    write = transfer.write_json

    def killed(file, value):
        write(file, value)
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(item(server, checksum=""), tmp_path)
    monkeypatch.setattr(transfer, "write_json", write)
    fetch(item(server, checksum=""), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BYTES


@pytest.mark.parametrize("stop", [1, 4096, 32_768, 32_769, 299_999, 300_000])
def test_wherever_it_stops_it_goes_on_to_the_same_bytes(server, stop, tmp_path):
    """Without a checksum that could mend it; the calls are others each time."""
    server.files["/a.bin"] = Served(BYTES, drops=[stop] + [0] * 8)
    if stop < len(BYTES):
        with pytest.raises(EvaluationError, match="gave up after"):
            fetch(item(server, checksum=""), tmp_path)
        server.files["/a.bin"].drops = []
    fetch(item(server, checksum=""), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BYTES


def test_a_damaged_archive_without_a_checksum_is_fetched_again_and_told(server, tmp_path):
    """Its bytes were wrong on the way once; the first ones do not lie about for ever."""
    content = zipped(**{"a.wav": BYTES})
    server.files["/a.zip"] = Served(content, wrong_first=1)
    told = fetch(item(server, "/a.zip", ""), tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == BYTES and len(server.asked) == 2
    assert "a.zip: cannot be unpacked:" in told[0] and told[0].endswith(", and was fetched again")
    assert told[1:] == [f"a.zip: nobody publishes a checksum; fetched {hashlib.sha256(content).hexdigest()} (SHA-256)"]


@pytest.mark.parametrize("kind", ["cut", "changed", "empty"])
def test_a_server_that_gives_damage_twice_is_asked_again_by_the_next_call(server, kind, tmp_path):
    """After the first call there is a sentence with the way out, and nothing that would make the second one fail."""
    content = zipped(**{"a.wav": BYTES})
    damaged = {"cut": content[:-5000], "changed": content.replace(BYTES[99:105], b"xxxxxx"), "empty": b""}[kind]
    if kind == "changed":
        stored = io.BytesIO()
        with zipfile.ZipFile(stored, "w") as archive:
            archive.writestr("a.wav", BYTES)
        damaged = stored.getvalue().replace(BYTES[99:105], b"xxxxxx")
    server.files["/a.zip"] = Served(damaged)
    with pytest.raises(EvaluationError, match=r"cannot be unpacked: .*, twice, and nobody publishes .* unpack it in"):
        fetch(item(server, "/a.zip", ""), tmp_path)
    assert len(server.asked) == 2 and not (tmp_path / "a.wav").exists()
    assert not [path for path in (tmp_path / ".downloads").iterdir() if "a.zip" in path.name]
    server.files["/a.zip"] = Served(content)
    fetch(item(server, "/a.zip", ""), tmp_path)
    assert (tmp_path / "a.wav").read_bytes() == BYTES


def test_an_archive_that_is_damaged_as_published_is_fetched_once(server, tmp_path):
    """Its checksum fits, so that the way was not the cause."""
    server.files["/a.zip"] = Served(zipped(**{"a.wav": BYTES})[:-100])
    with pytest.raises(
        EvaluationError, match="cannot be unpacked: .* though it is what was published; tell its authors"
    ):
        fetch(item(server, "/a.zip"), tmp_path)
    assert len(server.asked) == 1


def test_what_is_refused_is_not_fetched_again(server, tmp_path):
    """An archive that leads out of its folder would do so again."""
    server.files["/a.zip"] = Served(zipped(**{"../a.wav": BYTES}))
    with pytest.raises(EvaluationError, match="leads out of the folder"):
        fetch(item(server, "/a.zip", ""), tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize("page", [b"\xef\xbb\xbf\n <!DOCTYPE html><html>log in</html>", b"<HTML>confirm</HTML>"])
@pytest.mark.parametrize("checksum", ["", None])
def test_a_page_that_comes_as_bytes_is_told_as_one(server, page, checksum, tmp_path):
    """The server says application/octet-stream; it is neither kept nor asked for twice."""
    server.files["/b.zip"] = Served(page)
    with pytest.raises(
        EvaluationError, match=r"b\.zip: the server gives a web page instead of the file, perhaps to log"
    ):
        fetch(item(server, "/b.zip", checksum and "md5:" + "0" * 32), tmp_path)
    assert len(server.asked) == 1 and not (tmp_path / ".downloads/b.zip").exists()


def test_a_file_that_is_whole_is_kept_for_its_own_address_only(server, tmp_path, monkeypatch):
    """After a kill between fetching and unpacking: the same item goes on, a newer version of the same name is fetched."""

    def killed(*arguments):
        raise KeyboardInterrupt

    server.files["/1/a.bin"], server.files["/2/a.bin"] = Served(BYTES), Served(BYTES[::-1])
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(download.unpack, "extract", killed)
        fetch(item(server, "/1/a.bin", ""), tmp_path)
    shutil.copytree(tmp_path, tmp_path / "other")
    fetch(item(server, "/1/a.bin", ""), tmp_path)
    assert len(server.asked) == 1 and (tmp_path / "a.bin").read_bytes() == BYTES
    fetch(item(server, "/2/a.bin", ""), tmp_path / "other")
    assert len(server.asked) == 2 and (tmp_path / "other/a.bin").read_bytes() == BYTES[::-1]


def test_what_was_hashed_is_hashed_again_only_if_it_was_touched(tmp_path, monkeypatch):
    """Archives have many GB; a file that may still change within a tick of the clock is not remembered."""
    file = tmp_path / "a.zip"
    file.write_bytes(BYTES)
    assert transfer.digest(file, "md5") == hashlib.md5(BYTES).hexdigest() and len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr("evaluator.files._SETTLED_NS", -1)
    assert transfer.digest(file, "md5") == hashlib.md5(BYTES).hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(transfer.hashlib, "new", None)
        assert transfer.digest(file, "md5") == hashlib.md5(BYTES).hexdigest()
        assert transfer.digest(file, "sha256") == hashlib.sha256(BYTES).hexdigest()
    file.write_bytes(BYTES[::-1])
    assert transfer.digest(file, "sha256") == hashlib.sha256(BYTES[::-1]).hexdigest()


def test_a_file_that_does_not_fit_on_the_disk_is_refused_before_its_bytes(server, tmp_path, monkeypatch):
    """The server tells its size, where the dataset's file does not."""
    server.files["/a.bin"] = Served(BYTES)
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    with pytest.raises(EvaluationError, match=r"300 kB are still to come, but only 1 kB are free in .* another"):
        fetch(item(server, checksum=""), tmp_path)
    assert not list((tmp_path / ".downloads").glob("*.part"))


@pytest.mark.parametrize("length", [len(BYTES) - 1000, len(BYTES) + 1000])
def test_a_lie_about_the_length_never_gives_a_wrong_file(server, length, tmp_path):
    """Too short or too long: an error, and nothing in place."""
    server.files["/a.bin"] = Served(BYTES, length=length)
    with pytest.raises(EvaluationError, match=r"(gave up after|was published, twice)"):
        fetch(item(server), tmp_path)
    assert not (tmp_path / "a.bin").exists()


def test_wrong_bytes_are_refused_with_both_checksums(server, tmp_path):
    """Twice fetched, twice wrong."""
    server.files["/a.bin"] = Served(BYTES)
    published = "sha1:" + "0" * 40
    with pytest.raises(EvaluationError, match=rf"a\.bin: has sha1 {hashlib.sha1(BYTES).hexdigest()}, but 0{{40}} was"):
        fetch(item(server, checksum=published), tmp_path)
    assert len(server.asked) == 2 and not (tmp_path / "a.bin").exists()


def test_an_archive_that_drifts_is_only_told(server, tmp_path):
    """GitHub makes archives anew."""
    server.files["/a.bin"] = Served(BYTES)
    (note,) = fetch(item(server, checksum="md5:" + "0" * 32, drifts=True), tmp_path)
    assert "such archives are made anew" in note and (tmp_path / "a.bin").read_bytes() == BYTES


def test_a_file_without_a_published_checksum_says_its_own(server, tmp_path):
    """So that it can be compared with a colleague's."""
    server.files["/a.bin"] = Served(BYTES)
    (note,) = fetch(item(server, checksum=""), tmp_path)
    assert hashlib.sha256(BYTES).hexdigest() in note


def test_redirects_are_followed_and_a_page_is_no_archive(server, tmp_path):
    """The second is what a login or a confirmation looks like."""
    server.files["/a.bin"] = Served(BYTES)
    server.files["/old.bin"] = Served(BYTES, redirect=server.url("/a.bin"))
    fetch(item(server, "/old.bin"), tmp_path)
    assert (tmp_path / "old.bin").read_bytes() == BYTES
    server.files["/b.zip"] = Served(b"<html>log in</html>", kind="text/html; charset=utf-8")
    with pytest.raises(EvaluationError, match=r"b\.zip: the server gives a web page instead of the file"):
        fetch(item(server, "/b.zip"), tmp_path)


@pytest.mark.parametrize("status", [401, 404])
def test_an_answer_that_will_not_change_is_not_asked_for_again(server, status, tmp_path):
    """Once, with the status and the way out."""
    server.files["/a.bin"] = Served(BYTES, status=status)
    with pytest.raises(EvaluationError, match=rf"the server answers {status}; look whether the address still holds"):
        fetch(item(server), tmp_path)
    assert len(server.asked) == 1


def test_zenodo_is_asked_for_the_checksum(server, tmp_path, monkeypatch):
    """Its API tells md5 and size of every file of a record."""
    record = {"files": [{"key": "a b.zip", "size": 3, "checksum": "md5:" + "1" * 32}]}
    server.files["/api/records/77"] = Served(json.dumps(record).encode())
    monkeypatch.setattr(transfer, "ZENODO_API", server.url("/api/records"))
    assert transfer.zenodo("https://zenodo.org/records/77/files/a%20b.zip?download=1") == ("md5:" + "1" * 32, 3)
    assert transfer.zenodo("https://zenodo.org/record/77/files/other.zip") == ("", None)
    assert transfer.zenodo(server.url("/records/77/files/a.zip")) == ("", None)


def test_other_schemes_are_refused(tmp_path):
    """A dataset's YAML reads no local files."""
    with pytest.raises(UsageError, match=r"file:///etc/passwd: only http and https are fetched"):
        fetch(DownloadItem((DownloadPart("file:///etc/passwd"),)), tmp_path)


def test_too_little_room_is_said_before(server, tmp_path):
    """With what is needed and what is free; nothing is asked of the server."""
    server.files["/a.bin"] = Served(BYTES)
    big = DownloadItem((DownloadPart(server.url("/a.bin"), "", 10**16),))
    with pytest.raises(UsageError, match=r"about 30 PB are needed to fetch and unpack, but only .* are free"):
        fetch(big, tmp_path)
    assert server.asked == []


def test_two_processes_do_not_mix(server, tmp_path):
    """The second is refused while the first is at it."""
    server.files["/a.bin"] = Served(BYTES)
    (tmp_path / ".downloads").mkdir()
    with (
        download._alone(tmp_path / ".downloads"),
        pytest.raises(UsageError, match="another process is downloading there"),
    ):
        fetch(item(server), tmp_path)


def test_two_real_processes_end_with_one_sentence_and_the_right_bytes(server, tmp_path):
    """One fetches, the other says so; whoever comes later finds it done."""
    server.files["/a.bin"] = Served(BYTES, pause=0.02)
    program = (
        "from evaluator.download.download import DownloadItem, DownloadPart, fetch\nfrom pathlib import Path\n"
        f"fetch([DownloadItem((DownloadPart({server.url('/a.bin')!r}),))], Path({str(tmp_path)!r}), pause=0.01)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = sorted(
        (process.communicate(timeout=60)[1].count("another process is downloading"), process.returncode)
        for process in both
    )
    assert ends in ([(0, 0), (1, 1)], [(0, 0), (0, 0)])
    assert (tmp_path / "a.bin").read_bytes() == BYTES and len(server.asked) == 1


def test_a_plan_names_sizes_and_fetches_nothing(server, tmp_path):
    """`--dry-run`: sizes from the file, else from the server."""
    server.files["/a.bin"] = server.files["/b.bin"] = Served(BYTES)
    parts = (DownloadPart(server.url("/a.bin"), md5(BYTES), 5_000_000_000), DownloadPart(server.url("/b.bin")))
    lines = download.plan([DownloadItem(parts[:1]), DownloadItem(parts[1:])], tmp_path / "new")
    assert lines[0].startswith("a.bin: 5 GB, from") and lines[1].startswith("b.bin: 300 kB, no published checksum")
    assert lines[2].startswith("to fetch: 5 GB; free in") and not (tmp_path / "new").exists()


def zipped(**files: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def tarred(**files: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def test_archives_are_unpacked_into_one_folder(server, tmp_path):
    """Several of them, beside what is there; archives go unless they are kept."""
    server.files["/a.zip"] = Served(zipped(**{"top/a.wav": BYTES, "top/.DS_Store": b"x"}))
    server.files["/b.tar.gz"] = Served(tarred(**{"top/b.wav": b"b"}))
    content = zipped(**{"c.wav": b"c"})
    for number in range(3):
        server.files[f"/c.zip.00{number + 1}"] = Served(
            content[number * 40 : (number + 1) * 40 if number < 2 else None]
        )
    pieces = DownloadItem(
        tuple(DownloadPart(server.url(f"/c.zip.00{n}"), md5(server.files[f"/c.zip.00{n}"].content)) for n in (1, 2, 3)),
        "pieces",
    )
    fetch([item(server, "/a.zip"), item(server, "/b.tar.gz"), pieces], tmp_path, keep_archives=True)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith(".")} == {"top/a.wav", "top/b.wav", "c.wav"}
    assert ".downloads/a.zip" in names and ".downloads/c.zip.003" in names


def test_what_a_killed_process_left_half_written_goes_at_once(server, tmp_path):
    """Whoever holds the lock is alone there, so that no age has to prove that nobody is writing."""
    server.files["/b.bin"] = Served(BYTES)
    left = tmp_path / ".downloads" / ".b.bin.part.json.12.0123abcd.part"
    left.parent.mkdir()
    left.write_text("{")
    fetch([item(server, "/b.bin")], tmp_path)
    assert (tmp_path / "b.bin").read_bytes() == BYTES and not left.exists()


def test_killed_at_ten_random_points_it_ends_with_the_right_bytes(server, tmp_path):
    """kill -9 while parts, archives and receipts are being written; then once more to the end."""
    files = {f"audio/{n}.wav": random.Random(n).randbytes(60_000) for n in range(12)}
    server.files["/a.zip"] = Served(zipped(**files), pause=0.002)
    server.files["/b.bin"] = Served(BYTES, pause=0.002)
    sources = [(server.url(path), md5(server.files[path].content)) for path in ("/a.zip", "/b.bin")]
    program = (
        "from evaluator.download.download import DownloadItem, DownloadPart, fetch\nfrom pathlib import Path\n"
        f"fetch([DownloadItem((DownloadPart(*each),)) for each in {sources!r}], Path({str(tmp_path)!r}), pause=0.01)\n"
    )
    moments = random.Random(3)
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
        try:
            process.wait(0.3 + moments.uniform(0, 0.35))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    for served in server.files.values():
        served.pause = 0
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    assert (tmp_path / "b.bin").read_bytes() == BYTES
    assert not list((tmp_path / ".downloads").glob("*.part")) and not list((tmp_path / ".downloads").glob("unpacking*"))


def test_the_command_shows_licence_and_citation_and_how_to_ask(capsys, tmp_path):
    """What is on request says what to do, and exits with 1; what is made needs nothing."""
    assert cli.main(["download", "bioacoustics/dog_barks", "--data", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert (
        "licence:" in printed
        and "cite:" in printed
        and "nothing to download" in printed
        and "10.3233/JIFS-169509" in printed
    )
    assert cli.main(["download", "demo/calls", "--data", str(tmp_path)]) == 0


@pytest.fixture
def served_suite(server, tmp_path, monkeypatch):
    """A suite `far` with one task, whose dataset lies on the server as its authors would ship it."""
    made = tmp_path / "made"
    rows = ["file,species,pond"]
    for number in range(24):
        rows.append(f"{number}.wav,{('agile', 'tree')[number % 2]},{'abc'[number % 3]}")
        sound(made / f"{number}.wav", 0.2, seed=number)
    files = {f"frogs-master/audio/{path.name}": path.read_bytes() for path in sorted(made.iterdir())}
    server.files["/frogs.zip"] = Served(zipped(**files), drops=[20_000, 1_000])
    server.files["/meta.csv"] = Served("\n".join(rows).encode())
    tasks = tmp_path / "tasks"
    shutil.copytree(schema.tasks_folder() / "protocols", tasks / "protocols")
    text(
        tasks / "datasets/frogs.yaml",
        "name: frogs\ntitle: Frogs\ncitation: A. Frog (2020)\nlicence: CC0\nurl: https://example.org\naccess: open",
        "folder: frogs-master\ndownload:",
        f"  - {{url: '{server.url('/frogs.zip')}', checksum: '{md5(server.files['/frogs.zip'].content)}', bytes: 90000}}",
        f"  - {{url: '{server.url('/meta.csv')}', into: frogs-master}}",
        "reader: {kind: table, table: meta.csv, path: 'audio/{file}', label: '{species}', group: '{pond}'}",
        "expected: {clips: 24, classes: 2}",
    )
    text(
        tasks / "suites/far.yaml",
        "name: far\ntitle: Far\ncitation: none\nsource: none\nprotocol: arch\ntasks:",
        "  frogs: {dataset: frogs, split: {by: group, valid: next}, labels: single, metric: accuracy}",
    )
    monkeypatch.setattr(schema, "tasks_folder", lambda: tasks)
    monkeypatch.setattr(catalogue, "tasks_folder", lambda: tasks)
    return tmp_path / "data"


def test_from_the_server_to_a_sound_dataset(served_suite, capsys, tmp_path):
    """The user's way: dry run, download over a poor line, again (nothing to do), check."""
    options = ["--data", str(served_suite)]
    assert cli.main(["download", "far/frogs", "--dry-run", *options]) == 0
    shown = capsys.readouterr().out
    assert "licence: CC0" in shown and "cite: A. Frog (2020)" in shown and "frogs.zip: 90 kB, from http" in shown
    assert not served_suite.exists()
    assert cli.main(["download", "far", *options]) == 0
    assert "meta.csv: nobody publishes a checksum" in capsys.readouterr().out
    assert cli.main(["download", "far", *options]) == 0
    assert "note" not in capsys.readouterr().out
    assert cli.main(["check", "far", "--cache", str(tmp_path / "cache"), "--json", *options]) == 0
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(finding["what"].startswith("24 clips, 2 classes") for finding in findings)


def test_a_download_that_fails_says_so_and_the_others_go_on(served_suite, server, capsys):
    """One sentence, exit code 1."""
    server.files["/meta.csv"].status = 404
    assert cli.main(["download", "far", "--data", str(served_suite)]) == 1
    assert "hear-eval: frogs: " in (printed := capsys.readouterr().err) and "the server answers 404" in printed
