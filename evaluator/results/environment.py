"""What differs between machines and moments, and decides no answer: host, folders, times, versions, processors.

It lies in one block of a result, `environment`, which equality (`equality.same`), hashes and names of runs leave out.
"""

import functools
import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

PACKAGES = ("hear-ssl", "torch", "transformers", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")
_OPTIONAL = ("torchcrepe", "librosa", "numba", "safetensors", "onnxruntime", "tensorflow", "ai-edge-litert")
# Fields that results of earlier versions have among their provenance.
_MOVED = (
    "started",
    "command",
    "python",
    "platform",
    "packages",
    "data",
    "module_python",
    "store",
    "n_embedded",
    "probe_device",
    "asked_task",
    "asked_protocol",
)
_OF_MODULE = ("versions", "threads", "device", "arithmetic")  # what a module's description says of the machine


def versions() -> dict[str, str]:
    """Versions of the packages that a number may depend on, those that are installed."""
    installed = {}
    for name in (*PACKAGES, *_OPTIONAL):
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


@functools.cache
def commit() -> str:
    """The git commit of the checkout that this code is imported from, `-dirty` behind it if files were edited.

    It is 40 hex digits; "" if there is no checkout, or git fails or takes more than 20 seconds.
    """
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def surroundings(started: datetime) -> dict[str, Any]:
    """When (in ISO 8601, to the second), by which command and with what something was made."""
    return {
        "started": started.isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(),
    }


def machine(started: datetime) -> dict[str, Any]:
    """`surroundings`, and on which machine, in which folder, by which state of this code."""
    return {**surroundings(started), "commit": commit(), "host": socket.gethostname(), "working_directory": _folder()}


def processor(device: str) -> str:
    """What a device is called by its maker.

    Args:
        device: As torch names it, such as `cpu` or `cuda:0`.
    """
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(torch.device(device)))
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def parted(described: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a module says of itself (`Module.describe`), and apart from it what it says of the machine; of members as well."""
    of_machine: dict[str, Any] = {name: described[name] for name in _OF_MODULE if name in described}
    of_module = {name: value for name, value in described.items() if name not in _OF_MODULE}
    if "members" in described:
        pairs = [parted(each) for each in described["members"]]
        of_module["members"], of_machine["members"] = ([pair[index] for pair in pairs] for index in (0, 1))
    return of_module, of_machine


def with_environment(plain: dict[str, Any]) -> dict[str, Any]:
    """The fields of a result of any version as those of this one: what belongs to `environment` is taken out of the provenance."""
    provenance = plain.get("provenance")
    if "environment" in plain or not isinstance(provenance, dict):
        return plain
    environment = {name: provenance[name] for name in _MOVED if name in provenance}
    kept = {name: value for name, value in provenance.items() if name not in environment}
    if isinstance(kept.get("module"), dict) and isinstance(kept["module"].get("members", []), list):
        kept["module"], environment["module"] = parted(kept["module"])
    return {**plain, "provenance": kept, "environment": environment}


def _folder() -> str:
    """The working folder; "" where somebody deleted it."""
    try:
        return os.getcwd()
    except OSError:
        return ""
