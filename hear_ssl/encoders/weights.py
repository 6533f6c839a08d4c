"""Weight files: read strictly, without running code from them, and with a sentence when something is off.

Nothing is allocated that the file does not hold: what a file says of its own sizes is looked at first.
"""

import json
import logging
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders.torchaudio_guard import hide_broken

# The list of tensors in a file of torch.save and a JSON file beside weights take a few kilobytes to a few hundred.
MAX_PICKLE_BYTES = 1 << 24
MAX_JSON_BYTES = 1 << 24
# What weights of a network in floating point are stored as; others are packed, and mean nothing without their scales.
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# What torch and pickle raise for a file that is damaged.
UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    EOFError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """`transformers`, imported safely, without its load reports and bars: what matters is checked and reported by us."""
    hide_broken()
    import transformers

    level, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of at most 16 MiB.

    Raises:
        ValueError: Larger, not JSON, or something else than an object; the message names the file.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size} bytes; at most {MAX_JSON_BYTES} are read of such a file")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as JSON ({first_line(error)})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: a JSON object is wanted, {type(value).__name__} came")
    return value


def is_zip(path: Path) -> bool:
    """Whether torch takes the file for a zip file, by its first bytes, and it is one (up to 1e-5 of others end like one)."""
    with path.open("rb") as file:
        begins = file.read(4) == b"PK\x03\x04"
    return begins and zipfile.is_zipfile(path)


def check_zip(path: Path) -> None:
    """Refuse a zip file that would grow when it is read; files of torch.save never do. Other kinds of file pass.

    Raises:
        ValueError: A member is compressed, members take more bytes than the file has, or their list of tensors is huge.
    """
    if not is_zip(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise ValueError(f"{path}: a damaged zip file ({first_line(error)}); download it again") from error
    n_bytes = path.stat().st_size
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise ValueError(
                f"{path}: {member.filename} is compressed ({member.compress_size} bytes hold {member.file_size}), which "
                "torch.save never does; save the weights anew with torch.save"
            )
        if member.filename.endswith("data.pkl") and member.file_size > MAX_PICKLE_BYTES:
            raise ValueError(
                f"{path}: {member.filename} has {member.file_size} bytes; the list of a network's tensors takes less than "
                f"{MAX_PICKLE_BYTES}: this is no file of weights alone"
            )
    if sum(member.file_size for member in members) > n_bytes:
        raise ValueError(f"{path}: its members say that they hold more bytes than the file has ({n_bytes})")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, of any shape, from a `.safetensors`, `.pt`, `.pth` or `.bin` file; runs nothing in it.

    Where a file holds them under `state_dict`, beside other things, these are taken. They may lie in the file still, so
    that reading a large one takes no memory until they are copied.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Truncated, not a plain dictionary of tensors, or tensors that claim more than the file holds.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weight file")
    check_zip(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip(path))
    except Exception as error:  # torch, pickle, zipfile and safetensors raise a dozen kinds, some of Exception only
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes): not a readable weight file ({first_line(error)}); "
            "it may be truncated: delete it and download it again"
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = dict(state["state_dict"])
    return plain_tensors(state, path)


def plain_tensors(state: Any, path: Path) -> dict[str, torch.Tensor]:
    """The tensors that a file gave, of any shape, by name.

    Raises:
        ValueError: They are no plain dictionary of tensors, or claim more than the file holds.
    """
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path}: a dictionary of tensors is wanted, {type(state).__name__} came")
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise ValueError(f"{path}: {name} is a sparse or quantised tensor; plain ones are wanted")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise ValueError(f"{path}: {name} claims shape {tuple(tensor.shape)}, of which the file does not hold all")
    return state


def load_strictly(network: torch.nn.Module, state: Mapping[str, torch.Tensor], where: Any) -> None:
    """Put copies of `state` into `network`, refusing any missing, unexpected or wrongly shaped tensor by its name.

    Args:
        network: May lie on the `meta` device: it takes the copies as they are.
        state: By name, each in the shape that the network has; whatever floating-point type, it becomes the network's.
        where: File or folder that they come from, for messages.

    Raises:
        ValueError: They do not fit; the message names the first ones and counts them.
    """
    wanted = network.state_dict()
    missing = [f"{name} is missing" for name in wanted if name not in state]
    unknown = [f"{name} is unknown" for name in state if name not in wanted]
    both = [(name, state[name], tensor) for name, tensor in wanted.items() if name in state]
    unlike = [
        f"{name} has shape {tuple(came.shape)}, not {tuple(tensor.shape)}"
        for name, came, tensor in both
        if came.shape != tensor.shape
    ]
    packed = [
        f"{name} is of type {came.dtype}"
        for name, came, tensor in both
        if (came.dtype not in FLOATS if tensor.dtype.is_floating_point else came.dtype != tensor.dtype)
    ]
    problems = missing + unknown + unlike + packed
    if problems:
        rest = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        kinds = {"missing": missing, "unknown": unknown, "of another shape": unlike, "of another type": packed}
        counts = ", ".join(f"{len(found)} {kind}" for kind, found in kinds.items() if found)
        raise ValueError(
            f"{where}: these weights do not fit the network of {len(wanted)} tensors ({counts}): "
            f"{'; '.join(problems[:5])}{rest}"
        )
    copies = {
        name: came.to(tensor.dtype, copy=True, memory_format=torch.contiguous_format) for name, came, tensor in both
    }
    network.load_state_dict(copies, assign=True)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, cut at 200 characters; its type where there is none.

    >>> first_line(ValueError("no such file\\nat all")), first_line(KeyError())
    ('no such file', 'KeyError')
    """
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
