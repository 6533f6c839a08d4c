"""Files of fairseq's trainer: weights among the trainer's own objects, read without running or importing any of them.

Such a file pickles its settings as objects: `argparse.Namespace`, containers of omegaconf, dictionaries of fairseq. torch reads it with its
own restricted reader, which is given an inert class of each such name; what the object would have been is then read off as plain data.
"""

import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import weights

# Whose objects a trainer leaves beside the weights; none of them is needed for the network.
PASSED_OVER = frozenset(
    {"argparse", "omegaconf", "fairseq", "numpy", "typing", "enum", "collections", "builtins", "__builtin__"}
)
# What torch's restricted reader rebuilds by itself: tensors, and ordered dictionaries.
REBUILT = frozenset({"torch", "_codecs"})
MAX_DEPTH = 50  # of settings inside each other
N_PICKLES = 5  # at the start of a file without a zip's directory


@dataclass(frozen=True)
class TrainingFile:
    """What a file of fairseq's trainer holds of a network.

    Attributes:
        tensors: Of any shape, by their names in the trainer's model.
        settings: Of the model, plain data; those of a model that was fine-tuned lie in it under `w2v_args`.
        task: Settings of the task, plain data: how audio was prepared.
    """

    tensors: Mapping[str, torch.Tensor]
    settings: Mapping[str, Any]
    task: Mapping[str, Any]


class _Inert(dict[Any, Any]):
    """Stands in for an object of the trainer: it keeps what it is given, and does nothing."""

    values_given: tuple[Any, ...] = ()

    def __init__(self, *values: Any, **_named: Any):
        super().__init__()
        self.values_given = values

    def __setstate__(self, state: Any) -> None:
        """Keep what is said of the object where it is by name; a tuple's places mean nothing here."""
        vars(self).update(state if isinstance(state, dict) else {})


def is_training_file(path: Path) -> bool:
    """Whether a file of torch.save is a whole training state of fairseq; nothing in it is run.

    Raises:
        ValueError: A zip file that would grow when it is read.
    """
    weights.check_zip(path)  # bounds what is read here
    try:
        words = {argument for _, argument in _operations(path) if isinstance(argument, str)}
    except ValueError:  # no pickle: reading the weights says so
        return False
    return "model" in words and not words.isdisjoint({"cfg", "args"})


def read(path: Path) -> TrainingFile:
    """The tensors, of whatever shape, and the settings in a file of fairseq's trainer, of either of the forms that torch.save had.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Damaged, no such file, or one with objects of other packages in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weight file")
    weights.check_zip(path)
    foreign = sorted(_globals(path))
    if strange := [name for name in foreign if name.partition(".")[0] not in PASSED_OVER]:
        raise ValueError(
            f"{path}: holds objects of {', '.join(strange[:3])}, which fairseq's trainer does not write; only its own files are read: "
            "save the network's tensors alone (torch.save of its state_dict)"
        )
    try:
        with torch.serialization.safe_globals([inert(name) for name in foreign]):
            whole = torch.load(path, map_location="cpu", weights_only=True, mmap=weights.is_zip(path))
    except Exception as error:  # torch and pickle raise a dozen kinds, some of Exception only
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes): not a readable file of fairseq ({weights.first_line(error)}); it may be truncated: "
            "delete it and download it again"
        ) from error
    if not isinstance(whole, dict) or not isinstance(whole.get("model"), dict):
        raise ValueError(
            f"{path}: no file of fairseq's trainer, which has its tensors under `model`; {_kind(whole)} came"
        )
    settings, task = _settings(whole, path)
    return TrainingFile(weights.plain_tensors(dict(whole["model"]), path), settings, task)


def _settings(whole: Mapping[Any, Any], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of model and task: `cfg`, or `args` of older files, where both stand beside each other.

    Raises:
        ValueError: Neither is there.
    """
    cfg, args = plain(whole.get("cfg")), plain(whole.get("args"))
    if isinstance(cfg, dict) and isinstance(cfg.get("model"), dict):
        task = cfg.get("task")
        return cfg["model"], task if isinstance(task, dict) else {}
    if isinstance(args, dict) and args:
        return args, args
    raise ValueError(
        f"{path}: has no settings of the network (cfg or args) beside its weights; take the file as its authors published it"
    )


def plain(value: Any, depth: int = 0) -> Any:
    """The settings in a value as dictionaries, lists, numbers and words.

    Raises:
        ValueError: They lie in each other without end.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"settings of a file of fairseq: more than {MAX_DEPTH} lie in each other")
    if isinstance(value, _Inert):
        state = vars(value)
        if "_content" in state:  # a container of omegaconf
            return plain(state["_content"], depth + 1)
        if "_val" in state:  # one of its values
            return plain(state["_val"], depth + 1)
        if len(value.values_given) == 1:  # a member of an enumeration
            return plain(value.values_given[0], depth + 1)
        return {name: plain(own, depth + 1) for name, own in state.items() if name != "values_given"}
    if isinstance(value, dict):
        return {str(name): plain(own, depth + 1) for name, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(own, depth + 1) for own in value]
    return value


def inert(name: str) -> type[_Inert]:
    """A class of that full name that does nothing."""
    module, _, last = name.rpartition(".")
    return type(last, (_Inert,), {"__module__": module, "__qualname__": last})


def _globals(path: Path) -> set[str]:
    """Full names of the classes and functions that a file names and that torch does not rebuild by itself.

    Raises:
        ValueError: No pickle, or one of a protocol that torch.save never writes.
    """
    names: set[str] = set()
    try:
        for operation, argument in _operations(path):
            if operation in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
                raise ValueError(f"{operation} in it, which torch.save never writes")
            if operation == "GLOBAL":
                names.add(str(argument).replace(" ", "."))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: not a readable file of fairseq ({weights.first_line(error)})") from error
    return {
        name
        for name in names
        if name.partition(".")[0] not in REBUILT and name not in ("collections.OrderedDict", "collections.Counter")
    }


def _operations(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and argument of each operation of the pickles in a file of torch.save: those of its zip, or the ones that it begins with.

    Raises:
        ValueError: No pickle, or one that is too long for a list of tensors.
    """
    if weights.is_zip(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("data.pkl"):
                    for operation, argument, _ in pickletools.genops(archive.read(name)):
                        yield operation.name, argument
        return
    with path.open("rb") as file:
        for _ in range(N_PICKLES):
            for operation, argument, position in pickletools.genops(file):
                if (position or 0) > weights.MAX_PICKLE_BYTES:
                    raise ValueError(f"its list of tensors takes more than {weights.MAX_PICKLE_BYTES} bytes")
                yield operation.name, argument


def _kind(value: Any) -> str:
    """What came in place of a training state."""
    names = ", ".join(map(str, list(value)[:4])) if isinstance(value, dict) else ""
    return f"a dictionary of {names}" if names else type(value).__name__
