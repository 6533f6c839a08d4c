"""Memory and decoding of one long recording: in one piece, and as thousands of windows in the order in which they come.

A recording of noise with a tone, `--hours` long, is written at each rate; a module embeds it through the evaluator's own way (decode
ahead, batches, shards), each in a process of its own. Printed: the peak of memory above what the loaded module needs, seconds of
audio that were decoded, and seconds of processor time.

    python bench/long_recording.py [--hours 3] [--windows 5000] [--rates 48000 16000] [--kinds wav] [--modules melspec tiny]
"""

import argparse
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

STRETCH = 60  # seconds that are written at once


def write(path: Path, hours: float, rate: int) -> None:
    """A recording of so many hours at a rate in Hz."""
    random, t = np.random.default_rng(0), np.arange(STRETCH * rate) / rate
    stretch = (0.1 * random.standard_normal(len(t)) + 0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        for number in range(int(hours * 3600 / STRETCH)):
            file.write(np.roll(stretch, 7919 * number))


def peak() -> float:
    """The most memory that this process held so far, in MB; where Linux tells it, not that of the process that started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tiny_hubert(folder: Path) -> Path:
    """A HuBERT with random weights, as narrow as the tests', in the hub's format."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from tiny_checkpoints import save_transformer

    folder.mkdir()
    return save_transformer(folder, "hubert")


def measure(path: Path, n_windows: int, module: str, cache: Path) -> None:
    """Embed the recording, whole where there are no windows, and print what it took."""
    from evaluator.audio import decode
    from evaluator.audio.clip import Clip
    from evaluator.audio.clip_rule import ClipRule
    from evaluator.datasets.manifest import Manifest
    from evaluator.datasets.recordings import Recordings
    from evaluator.embedding.extract import extract
    from evaluator.embedding.module import open_module
    from evaluator.embedding.spec import ModuleSpec
    from evaluator.embedding.store import Store

    seconds = decode.recording_seconds(path)
    edges = np.linspace(0, int(seconds), n_windows + 1) if n_windows else ()
    clips = [Clip(path.name, ("x",), float(start), float(end)) for start, end in itertools.pairwise(edges)]
    manifest = Manifest(path.parent, tuple(clips or [Clip(path.name, ("x",))]), ("x",))
    facts = decode.file_facts(manifest.root, [path.name], cache)
    with open_module(ModuleSpec(module)) as opened:
        opened.clips([np.random.default_rng(0).standard_normal(60 * 16000).astype(np.float32) * 0.1])
        before, started = peak(), time.process_time()
        store = Store(cache, {"module": module}, "")
        done = extract(opened, Recordings("long", manifest, ClipRule(), facts), store)
    decoded = seconds if not n_windows else seconds * len(done.keys) / n_windows
    print(f"{peak() - before:.0f} {len(done.keys)} {decoded:.0f} {time.process_time() - started:.1f}")


def main() -> None:
    """Parse the arguments and print a line for each module, recording and number of windows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--windows", type=int, default=5000)
    parser.add_argument("--rates", type=int, nargs="+", default=[48000, 16000])
    parser.add_argument("--kinds", nargs="+", default=["wav"])
    parser.add_argument("--modules", nargs="+", default=["melspec", "tiny"])
    parser.add_argument("--one", nargs=4, metavar=("FILE", "WINDOWS", "MODULE", "CACHE"), help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.one:
        file, n_windows, module, cache = settings.one
        measure(Path(file), int(n_windows), module, Path(cache))
        return
    print("module    recording        clips  MB above the module  s decoded  CPU-s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = {"melspec": "hear_ssl.melspec", "tiny": f"hf:{tiny_hubert(folder / 'tiny')}"}
        for rate, kind in ((rate, kind) for kind in settings.kinds for rate in settings.rates):
            path = folder / f"{rate}.{kind}"
            write(path, settings.hours, rate)
            for module, n_windows in ((module, n) for module in settings.modules for n in (0, settings.windows)):
                cache = folder / f"cache-{module}-{rate}-{kind}-{n_windows}"
                one = ["--one", str(path), str(n_windows), modules[module], str(cache)]
                done = subprocess.run([sys.executable, __file__, *one], capture_output=True, text=True, check=True)
                megabytes, n, decoded, used = done.stdout.split()
                print(f"{module:9} {path.name:15} {n:>6} {megabytes:>20} {decoded:>10} {used:>6}", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
