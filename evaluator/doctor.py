"""What is wrong with an installation, each diagnosis with its remedy."""

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError
from evaluator.files import describe_bytes
from evaluator.results.environment import PACKAGES

# Packages that `transformers` imports whenever they are present, so that a broken one breaks every speech model.
SPEECH_PACKAGES = ("torchaudio", "torchvision")
MIN_CHECKPOINT_BYTES = 10_000  # an error page or a pointer saved under a model's name is smaller
CHECKPOINT_PATTERNS = ("*.safetensors", "pytorch_model*.bin", "*.pt", "*.pth")


@dataclass(frozen=True)
class Diagnosis:
    """One thing about the installation.

    level: `error` (broken), `warning` (will trouble some) or `ok`.
    what: The thing, in a sentence.
    remedy: What to do; "" where nothing is to be done.
    """

    level: str
    what: str
    remedy: str = ""


def examine(cache: Path) -> list[Diagnosis]:
    """Diagnoses, (n_diagnoses,): versions, devices, packages that cannot be imported, damaged checkpoints, and what the caches take."""
    return [*_versions(), *_devices(), *_broken_packages(), *_checkpoints(), *_caches(cache)]


def _versions() -> Iterator[Diagnosis]:
    """What is installed."""
    yield Diagnosis("ok", f"Python {platform.python_version()} on {platform.platform()}")
    for name in (*PACKAGES, *SPEECH_PACKAGES, "torchcrepe"):
        try:
            yield Diagnosis("ok", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            if name in PACKAGES and name != "hear-ssl":
                yield Diagnosis("error", f"{name} is not installed", f"pip install {name}")


def _devices() -> Iterator[Diagnosis]:
    """What torch can compute on."""
    script = (
        "import torch; print(torch.get_num_threads(), *[torch.cuda.get_device_name(n) "
        "for n in range(torch.cuda.device_count())], sep='|')"
    )
    done = _run_python(script)
    if done.returncode:
        yield Diagnosis("error", f"torch cannot be imported: {_last_line(done.stderr)}", "install torch again")
        return
    threads, *gpus = done.stdout.strip().split("|")
    yield Diagnosis("ok", f"{threads} CPU threads; GPUs: {', '.join(gpus) or 'none'}")


def _broken_packages() -> Iterator[Diagnosis]:
    """Packages that are there but cannot be imported, found in a process of their own."""
    for name in SPEECH_PACKAGES:
        if importlib.util.find_spec(name) is None:
            continue
        done = _run_python(f"import {name}")
        if done.returncode:
            yield Diagnosis(
                "warning",
                f"{name} cannot be imported ({_last_line(done.stderr)}). hear_ssl goes on without it, but other programs "
                "that use transformers' speech models will fail",
                f"pip uninstall {name}, or install the {name} that was built for this torch",
            )
        else:
            yield Diagnosis("ok", f"{name} can be imported")


def _checkpoints() -> Iterator[Diagnosis]:
    """Weight files in the hub's cache that are too small or cannot be opened."""
    hub = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME", "~/.cache/huggingface")) / "hub")
    hub = hub.expanduser()
    n_files = 0
    for path in sorted(
        path for pattern in CHECKPOINT_PATTERNS for path in hub.glob(f"models--*/snapshots/*/{pattern}")
    ):
        n_files += 1
        fault = _checkpoint_fault(path)
        if fault:
            yield Diagnosis("error", f"{path}: {fault}", "delete the file; it will be downloaded again")
    yield Diagnosis("ok", f"{n_files} weight files in the hub's cache {hub} ({_size_on_disk(hub)})")


def _checkpoint_fault(path: Path) -> str:
    """What is wrong with a weight file, "" if nothing is seen without reading all of it."""
    import zipfile

    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return "the link points nowhere"
    if path.stat().st_size < MIN_CHECKPOINT_BYTES:
        return f"only {path.stat().st_size} bytes; no checkpoint is that small"
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="numpy") as file:
                file.keys()
        elif not zipfile.is_zipfile(path):
            return "not a torch file, or cut off"
    except (SafetensorError, OSError) as error:
        return f"cannot be opened, perhaps cut off ({error})"
    return ""


def _caches(cache: Path) -> Iterator[Diagnosis]:
    """What our own cache holds, and shards that are damaged."""
    yield Diagnosis("ok", f"cache {cache} ({_size_on_disk(cache)})")
    for folder in sorted((cache / "embeddings").glob("*")):
        for shard in sorted(folder.rglob("*.safetensors")):
            try:
                Store.contents(shard)
            except EvaluationError as error:
                yield Diagnosis("error", str(error))


def _run_python(script: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of Python in a fresh process, since a failed import cannot be undone in this one."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    """The last line of an error output: type and message."""
    return (text.strip().splitlines() or ["no message"])[-1][:200]


def _size_on_disk(folder: Path) -> str:
    """What a folder takes on disk."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return describe_bytes(sum(path.stat().st_size for path in files))
