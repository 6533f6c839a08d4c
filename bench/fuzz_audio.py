"""Mutated audio files of every container: what becomes of each, beside what FFmpeg (PyAV) makes of it.

    python bench/fuzz_audio.py 5000              # N files; needs the package av for "silently shorter"
    python bench/fuzz_audio.py 500 --seed 3 --keep found   # and keeps the files that are counted as a fault

Faults are: another error than AudioError (crash), the death of the process (dead), more than 20 s (hang), more than 1 GB
(memory), samples beyond what is allowed (range), and fewer seconds than FFmpeg reads without a remark (shorter).
"""

import argparse
import collections
import io
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

HANG_SECONDS = 20
MOST_MEGABYTES = 1024
SLACK_SECONDS = 0.1  # by which decoders differ in what they make of the ends of compressed files
MP3_SECONDS = 3456 / 16_000  # that encoders add, and that FFmpeg keeps where it does not read the index
RATE = 16_000
KINDS = [
    ("wav", "WAV", "PCM_16"), ("wav", "WAV", "PCM_U8"), ("wav", "WAV", "PCM_24"), ("wav", "WAV", "FLOAT"), ("wav", "WAV", "ULAW"),
    ("wav", "WAV", "IMA_ADPCM"), ("wav", "WAV", "MS_ADPCM"), ("wav", "WAV", "GSM610"), ("wav", "WAVEX", "PCM_16"),
    ("wav", "RF64", "PCM_16"), ("w64", "W64", "PCM_16"), ("aiff", "AIFF", "PCM_16"), ("aiff", "AIFF", "FLOAT"), ("svx", "SVX", "PCM_16"),
    ("caf", "CAF", "PCM_16"), ("caf", "CAF", "ALAC_16"), ("flac", "FLAC", "PCM_16"), ("flac", "FLAC", "PCM_24"), ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"), ("mp3", "MP3", "MPEG_LAYER_III"), ("au", "AU", "PCM_16"), ("au", "AU", "FLOAT"), ("sph", "NIST", "PCM_16"),
    ("voc", "VOC", "PCM_16"), ("mat", "MAT5", "PCM_16"), ("mat", "MAT4", "PCM_16"), ("avr", "AVR", "PCM_16"),
]  # fmt: skip
EXTREMES = [0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 2_000_000_000]


def seeds(rng: np.random.Generator) -> list[tuple[str, str, bytes]]:
    """Suffix, name and bytes of small whole files, of one and two channels."""
    found = []
    for suffix, container, subtype in KINDS:
        for channels in (1, 2):
            t = np.arange(round(rng.uniform(0.3, 2.0) * RATE)) / RATE
            samples = 0.3 * np.sin(2 * np.pi * 440 * t)[:, None] + 0.02 * rng.standard_normal((len(t), channels))
            out = io.BytesIO()
            try:
                soundfile.write(out, samples, RATE, format=container, subtype=subtype)
            except soundfile.SoundFileError:
                continue  # one channel only
            found.append((suffix, f"{container}-{subtype}-{channels}", out.getvalue()))
            if (container, subtype) == ("WAV", "PCM_16"):
                found.append((suffix, f"WAV-GUANO-{channels}", with_guano(out.getvalue())))
            if suffix == "mp3":
                found.append((suffix, f"MP3-no-index-{channels}", out.getvalue()[frame_bytes(out.getvalue()) :]))
    return found


def with_guano(content: bytes) -> bytes:
    """A WAV file with the metadata of a bat recorder before its audio."""
    text = b"GUANO|Version: 1.0\nTE: 10\n"
    chunk = b"guan" + len(text).to_bytes(4, "little") + text + bytes(len(text) % 2)
    body = content[8:12] + chunk + content[12:]
    return content[:4] + len(body).to_bytes(4, "little") + body


def frame_bytes(content: bytes) -> int:
    """Bytes of the first frame of an MP3 file: up to the next with the same head, but for bit rate and padding."""
    return content.index(content[:2], 24)


def mutated(content: bytes, whole: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """One mutation or several, and what they were."""
    names = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = str(rng.choice(list(MUTATIONS)))
        content = MUTATIONS[name](bytearray(content), whole, rng)
        names.append(name)
    return "+".join(names), content


def flip(content: bytearray, _: bytes, rng: np.random.Generator) -> bytes:
    """Some bits anywhere."""
    for position in rng.integers(0, max(1, len(content)), rng.integers(1, 9)):
        if len(content):
            content[position] ^= 1 << rng.integers(8)
    return bytes(content)


def flip_header(content: bytearray, _: bytes, rng: np.random.Generator) -> bytes:
    """Some bits of the first 100 bytes."""
    for position in rng.integers(0, max(1, min(100, len(content))), rng.integers(1, 5)):
        if len(content):
            content[position] ^= 1 << rng.integers(8)
    return bytes(content)


def extreme(content: bytearray, _: bytes, rng: np.random.Generator) -> bytes:
    """A field of the header set to what nobody meant."""
    width = int(rng.choice([2, 4, 8]))
    if len(content) < 16:
        return bytes(content)
    position = int(rng.integers(0, min(200, len(content) - 8)))
    value = int(rng.choice(EXTREMES)) * (1 if width < 8 else int(rng.choice([1, 1 << 32])))
    content[position : position + width] = (value % (1 << 8 * width)).to_bytes(
        width, "little" if rng.random() < 0.5 else "big"
    )
    return bytes(content)


def cut(content: bytearray, _: bytes, rng: np.random.Generator) -> bytes:
    """Its end lost."""
    return bytes(content[: rng.integers(0, len(content) + 1)])


def repeat(content: bytearray, _: bytes, rng: np.random.Generator) -> bytes:
    """A stretch, perhaps a chunk, twice."""
    start, stop = sorted(rng.integers(0, len(content) + 1, 2))
    return bytes(content[:stop] + content[start:stop] + content[stop:])


def drop(content: bytearray, _: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes in its middle lost."""
    start = int(rng.integers(0, len(content) + 1))
    return bytes(content[:start] + content[start + int(rng.integers(1, 3000)) :])


def append(content: bytearray, whole: bytes, rng: np.random.Generator) -> bytes:
    """Something behind it: itself, noise or zeros."""
    n = int(rng.integers(1, 70_000))
    return bytes(content) + (whole, rng.bytes(n), bytes(n))[rng.integers(3)]


MUTATIONS = {one.__name__: one for one in (flip, flip_header, extreme, cut, repeat, drop, append)}


# In the process that may die -----------------------------------------------------------------------------


def megabytes() -> float:
    """The most memory that this process ever had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(path: Path) -> dict[str, object]:
    """What the evaluator makes of a file."""
    from evaluator.audio.clip import Clip
    from evaluator.audio.clip_rule import ClipRule
    from evaluator.audio.decode import AudioError, read_clip
    from evaluator.audio.lengths import measure

    before = megabytes()
    try:
        found = measure(path)
        samples = read_clip(path, Clip(path.name, ()), ClipRule(), RATE)
        half = found.frames / found.sample_rate / 2
        read_clip(path, Clip(path.name, (), half, None), ClipRule(), RATE)  # from somewhere on
        loud = not np.isfinite(samples).all() or np.abs(samples).max() > 1100
        answer = {
            "as": "range" if loud else "read",
            "seconds": found.frames / found.sample_rate,
            "remark": found.remark,
        }
    except AudioError as error:
        answer = {"as": "named", "why": str(error)}
    except BaseException as error:
        answer = {"as": "crash", "why": repr(error)}
    return answer | {"memory": megabytes() - before}


def theirs(path: Path) -> dict[str, object]:
    """How many seconds FFmpeg makes of a file; what it cannot decode is left out."""
    import av

    seconds = 0.0
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(audio=0):
                try:
                    seconds += sum(frame.samples / frame.sample_rate for frame in packet.decode())
                except av.error.FFmpegError:
                    continue
    except (av.error.FFmpegError, ValueError, IndexError):
        pass
    return {"seconds": seconds}


class Child:
    """A process that answers for one file after the other, and is begun again when it dies or hangs."""

    def __init__(self, which: str) -> None:
        self.which = which
        self.start()

    def start(self) -> None:
        """Begin it."""
        self.process = subprocess.Popen(
            [sys.executable, __file__, "0", "--child", self.which],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self.listen, args=(self.process, self.lines), daemon=True).start()

    @staticmethod
    def listen(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
        """Hand on what it says, and "" at its end."""
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def ask(self, path: Path) -> dict[str, object]:
        """Its answer, or `dead` or `hang`."""
        try:
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=HANG_SECONDS)
        except queue.Empty:
            line = "hang"
        except OSError:
            line = ""
        if line in ("", "hang"):
            self.process.kill()
            self.process.wait()
            self.start()
            return {"as": line or "dead", "seconds": 0.0}
        answer = json.loads(line)
        if answer.get("memory", 0) > 200:  # its peak would hide the next one's
            self.process.kill()
            self.process.wait()
            self.start()
        return answer


def child(which: str) -> None:
    """Answer for the paths that come in."""
    answer = {"ours": ours, "theirs": theirs}[which]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # decoders print there too
    for line in sys.stdin:
        print(json.dumps(answer(Path(line.rstrip("\n")))), file=out, flush=True)


# In the process that counts ------------------------------------------------------------------------------


def judged(path: Path, us: Child, them: "Child | None") -> tuple[str, str]:
    """How a file is counted, and why."""
    answer = us.ask(path)
    if answer.get("memory", 0) > MOST_MEGABYTES:
        return "memory", f"{answer['memory']:.0f} MB {answer}"
    if answer["as"] != "read" or answer["remark"] or them is None:
        return "read, with a remark" if answer["as"] == "read" and answer["remark"] else str(answer["as"]), str(answer)
    other = them.ask(path)["seconds"]
    if other > answer["seconds"] + SLACK_SECONDS + MP3_SECONDS * (path.suffix == ".mp3"):
        return "shorter", f"{answer['seconds']:.3f} s, FFmpeg {other:.3f} s"
    return "read", ""


def main() -> None:
    """Count what becomes of N files, by container."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--child", choices=("ours", "theirs"))
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    try:
        import av  # noqa: F401
    except ImportError:
        them = None
        print("the package av is not installed: nothing is compared with FFmpeg")
    else:
        them = Child("theirs")
    rng, us, started = np.random.default_rng(options.seed), Child("ours"), time.monotonic()
    originals = seeds(rng)
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.n):
            if time.monotonic() - started > 60 * options.minutes:
                break
            suffix, name, whole = originals[number % len(originals)]
            how, content = mutated(whole, whole, rng) if number >= len(originals) else ("whole", whole)
            path = Path(folder, f"{number}.{suffix}")
            path.write_bytes(content)
            what, why = judged(path, us, them)
            counts[name.split("-")[0]][what] += 1
            if what not in ("read", "named", "read, with a remark") or (how == "whole" and what != "read"):
                print(f"{what}: {name} {how} {number} {why}", flush=True)
                if options.keep:
                    options.keep.mkdir(exist_ok=True)
                    shutil.copy(path, options.keep)
            path.unlink()
    for name, row in sorted(counts.items()):
        print(f"{name:6s}", dict(row))
    total = sum(counts.values(), collections.Counter())
    print(f"{sum(total.values())} files in {time.monotonic() - started:.0f} s:", dict(total))


if __name__ == "__main__":
    main()
