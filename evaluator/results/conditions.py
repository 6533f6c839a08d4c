"""Under what a number is computed beside its question: this code, the libraries, the machine. Nothing is imported to find out.

What is told here stands, as a hash, in the name of a request (`experiment/request.py`): a result is taken for that of another
run only where all of it is equal. It rather tells too much than too little.
"""

import hashlib
import importlib.util
import math
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evaluator.files import Stamp
from evaluator.results.environment import processor

CODE = ("evaluator", "hear_ssl")  # packages whose every source counts
_DISTRIBUTION = re.compile(r"(.+-.+\.(?:dist|egg)-info)(?:\.py)?")
# What libraries of numbers, and those that look for weights, read; nothing that could be a secret.
_VARIABLES = re.compile(
    r"(ATEN|BLIS|CUBLAS|CUDA|CUDNN|DNNL|GOMP|GOTO|HEAR_SSL|HF|HIP|HSA|HUGGINGFACE|KMP|MKL|NPY|NUMBA|NVIDIA|OMP|ONEDNN|OPENBLAS|"
    r"OPENVINO|OV|PYTORCH|ROCR|SCIPY|SKLEARN|TF|TORCH|TRANSFORMERS|VECLIB|XDG_CACHE)_?.*|HOME|GLIBC_TUNABLES|LD_PRELOAD|"
    r"LD_LIBRARY_PATH|MALLOC_.*|PYTHONHASHSEED"
)
# What scikit-learn and torch set by themselves once they are imported; neither changes a number.
_SET_BY_LIBRARIES = {"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "CUDA_MODULE_LOADING"}
_SECRET = re.compile("TOKEN|KEY|SECRET|PASSWORD")

_set_here: dict[str, str] = {}  # variables that libraries set while a module was opened
_of_torch: list[Any] = []  # its state right after we imported it, where nobody else had


def conditions() -> dict[str, Any] | None:
    """All of it, as JSON holds it; None where it cannot be said, since a source was edited after this process began.

    Threads, processors and devices are counted and named as far as files tell.
    """
    code = {name: _sha256_of(name) for name in CODE}
    if None in code.values():
        return None
    return {
        "code": code,
        "libraries": sorted(_distributions()),
        "python": [platform.python_implementation(), platform.python_version(), sys.flags.optimize],
        "machine": [platform.platform(), processor("cpu"), _cpu_flags(), _n_cpus(), _accelerators()],
        "variables": {
            name: value
            for name, value in sorted(os.environ.items())
            if _VARIABLES.fullmatch(name)
            and not _SECRET.search(name)
            and name not in _SET_BY_LIBRARIES
            and _set_here.get(name) != value
        },
        "torch": _torch_as_set(),
        "arithmetic": [_flushes_denormals(), _blas_threads()],
    }


def set_by_opening(before: Mapping[str, str]) -> None:
    """Leave out from now on what is new among the variables: a module of ours was opened, and its libraries set them."""
    _set_here.update({name: value for name, value in os.environ.items() if name not in before})


def torch_is_new() -> None:
    """Have it known that torch is as it imports itself: to be called once a module of ours loaded it in this process."""
    if not _of_torch:
        _of_torch.append(_torch_state())


def _torch_as_set() -> Any:
    """How torch is set, where somebody could have set it: None while it is not imported, or as we imported it."""
    state = _torch_state()
    return None if _of_torch and _of_torch[0] == state else state


def _torch_state() -> Any:
    """What of torch's settings changes numbers, but for those that are set anew whenever a module is opened (`frameworks.compute_exactly`)."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return None
    return [
        torch.get_num_threads(),
        str(torch.get_default_dtype()),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.mkldnn.enabled,
        getattr(torch.hub, "_hub_dir", None),  # where some weights are looked for
    ]


def _flushes_denormals() -> bool:
    """Whether this thread takes the smallest numbers for 0, as after `torch.set_flush_denormal`; told by what it computes."""
    least = sys.float_info.min
    return least / 2 == 0.0 or math.ulp(0.0) == 0.0


def _blas_threads() -> list[int]:
    """By how many threads products of matrices are made, each number once: other libraries that are loaded later have the same."""
    import threadpoolctl  # what scikit-learn sets them with; it imports nothing heavy

    return sorted({each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"})


def _sha256_of(package: str) -> str | None:
    """SHA-256 over a package's sources; None where one was written since this process began, which may run the earlier one."""
    began, digest = _process_began_ns(), hashlib.sha256()
    for folder in _folders_of(package):
        for path in sorted(folder.rglob("*.py")):
            if not Stamp.of(path).settled(began):
                return None
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _folders_of(package: str) -> list[Path]:
    """Where a package lies, that is imported already or would be."""
    loaded = sys.modules.get(package)
    spec: Any = loaded.__spec__ if loaded is not None else importlib.util.find_spec(package)
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _process_began_ns() -> int:
    """When this process began, in ns since 1970, or a moment before; where no system tells, when `evaluator` was imported."""
    imported = int(vars(sys.modules[CODE[0]])["IMPORTED_NS"])  # by its name: what is below imports nothing above
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        running = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return imported
    return min(imported, time.time_ns() - int(1e9 * running))


def _distributions() -> Iterator[str]:
    """Names with versions of everything that is installed, as the folders of its metadata are called, or the files of conda's.

    Of what is there twice, the one that is imported: the first.
    """
    known: set[str] = set()
    for place in dict.fromkeys([*sys.path, os.path.join(sys.prefix, "conda-meta")]):
        try:
            names = os.listdir(place or os.curdir)
        except OSError:
            continue
        found = [name for name in names if _DISTRIBUTION.fullmatch(name) or place.endswith("conda-meta")]
        new = {name: name.partition("-")[0].lower() for name in found}
        yield from (name for name in found if new[name] not in known)
        known.update(new.values())


def _n_cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0


def _cpu_flags() -> str:
    """What the first processor can do: libraries choose their way by it."""
    text = _text(Path("/proc/cpuinfo"))
    return next(
        (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(("flags", "Features"))), ""
    )


def _accelerators() -> list[str]:
    """Drivers and models of graphics processors, as far as files tell."""
    lines = [_text(Path("/proc/driver/nvidia/version"))]
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        lines += [line for line in _text(path).splitlines() if line.startswith(("Model", "GPU UUID", "Video BIOS"))]
    lines += [_text(path) for path in sorted(Path("/sys/class/kfd/kfd/topology/nodes").glob("*/name"))]
    return [line for line in lines if line]


def _text(path: Path) -> str:
    """The text of a file of the system; "" where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
