"""The folders that hear-preprocess writes, as HEAR's archives ship them: one task a folder.

    tasks/TASK-VERSION-MODE/task_metadata.json, labelvocabulary.csv, SPLIT.json, RATE/SPLIT/*.wav

A split's JSON is one object: file name -> list of labels, or of events `{label, start, end}` in milliseconds. Labels
are compared as text. Of several sample rates the highest is read: the evaluator resamples itself.
Source: hearbenchmark/hear-preprocess and heareval 2021.1.3.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluator.audio.clip import Clip, Event
from evaluator.datasets.reading.rows import read_table
from evaluator.errors import UsageError
from evaluator.schema import Field

FIELDS: Mapping[str, Field] = {"kind": Field(str), "task": Field(str)}  # task: such as esc50-v2.0.0-full

_METADATA = "task_metadata.json"
_VOCABULARY = "labelvocabulary.csv"
_WRAPPERS = ("tasks", "hear-2021.0.6/tasks", "")  # older archives have the second
_FOLD = r"fold\d\d+"
_SPLIT_NAMES = {"trainvaltest": "train|valid|test", "presplit_kfold": _FOLD, "new_split_kfold": _FOLD}  # by split_mode


def traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    """What has to be under `root`, as words, and whether it is there."""
    return f"the HEAR task {reader['task']}", _folder(root, reader["task"]) is not None


def read_clips(root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    """The clips of the task, split by split in the order of its metadata, in each as its file has them.

    (HEAR's evaluator goes by that order, too, so batches can be those of the published runs.)

    Raises:
        UsageError: A file is missing, is no JSON, or says what cannot be; the sentence names it.
    """
    folder = _found(root, reader)
    splits, mode = _splits(folder / _METADATA)
    rate = _highest_rate(folder)
    known = set(classes(root, reader))
    seen: dict[str, str] = {}
    clips = []
    for split in splits:
        file = folder / f"{split}.json"
        said = _json(file)
        audio = folder / rate / split
        if said and not audio.is_dir():
            raise UsageError(
                f"{file}: names {len(said)} clips, but there is no folder {audio}; unpack the archive again"
            )
        place = audio.relative_to(root).as_posix()
        fold, part = ("", split) if mode == "trainvaltest" else (split, "")
        for name in said:
            where = f"{file}: {name}"
            if name in seen:
                raise UsageError(f"{where}: stands in {seen[name]}.json too; a clip is in one split only")
            if not name or name.startswith("/") or ".." in name.split("/"):
                raise UsageError(f"{where}: is no name of a file in {audio}")
            seen[name] = split
            labels, events = _heard(where, said[name], known)
            clips.append(Clip(f"{place}/{name}", labels, fold=fold, split=part, events=events))
    return clips


def classes(root: Path, reader: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of the vocabulary, in the order of its `idx`."""
    table = _found(root, reader) / _VOCABULARY
    columns, lines = read_table(table)
    if sorted(columns) != ["idx", "label"]:
        raise UsageError(f"{table}: its columns are {', '.join(columns)}, but should be idx, label")
    rows = [dict(zip(columns, values, strict=True)) for _, values in lines]
    try:
        numbered = sorted((int(row["idx"]), row["label"]) for row in rows)
    except ValueError as error:
        raise UsageError(f"{table}: an idx is no whole number ({error})") from error
    if [number for number, _ in numbered] != list(range(len(numbered))):
        raise UsageError(f"{table}: idx should count from 0 to {len(numbered) - 1}, without gaps")
    labels = tuple(label for _, label in numbered)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise UsageError(f"{table}: names a label twice: {', '.join(twice)}")
    return labels


def _found(root: Path, reader: Mapping[str, Any]) -> Path:
    folder = _folder(root, reader["task"])
    if folder is None:
        raise UsageError(f"{root}: holds no folder {reader['task']} with a {_METADATA}")
    return folder


def _folder(root: Path, task: str) -> Path | None:
    """The task's folder; if only another mode of the same task and version is there, that one."""
    stem = task.rpartition("-")[0]
    for wrapper in _WRAPPERS:
        if (root / wrapper / task / _METADATA).is_file():
            return root / wrapper / task
    if (root / _METADATA).is_file() and _stem(root) == stem:
        return root
    others = [
        path.parent
        for wrapper in _WRAPPERS
        for path in sorted((root / wrapper).glob(f"{stem}-*/{_METADATA}"))
        if _stem(path.parent) == stem
    ]
    return others[0] if len(others) == 1 else None


def _stem(folder: Path) -> str:
    metadata = _json(folder / _METADATA)
    return f"{metadata.get('task_name')}-{metadata.get('version')}"


def _splits(file: Path) -> tuple[list[str], str]:
    """Names of the splits, and the split_mode, of a task's metadata."""
    metadata = _json(file)
    mode, said = metadata.get("split_mode"), metadata.get("splits")
    if not isinstance(mode, str) or mode not in _SPLIT_NAMES:
        raise UsageError(f"{file}: split_mode is {mode!r}, but should be one of {', '.join(_SPLIT_NAMES)}")
    if not isinstance(said, list) or not said:
        raise UsageError(f"{file}: splits is {said!r}, but should be a list of their names")
    for number, split in enumerate(said):
        if not isinstance(split, str) or not re.fullmatch(_SPLIT_NAMES[mode], split):
            wanted = "train, valid, test" if mode == "trainvaltest" else "fold00, fold01, ..."
            raise UsageError(f"{file}: names the split {split!r}, but with the split_mode {mode} they are {wanted}")
        if split in said[:number]:
            raise UsageError(f"{file}: names the split {split} twice")
        if not file.with_name(f"{split}.json").is_file():
            raise UsageError(f"{file}: names the split {split}, but there is no {file.with_name(f'{split}.json')}")
    return said, mode


def _highest_rate(folder: Path) -> str:
    rates = [path.name for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not rates:
        raise UsageError(f"{folder}: has no folder of audio, such as 48000; unpack the archive again")
    return max(rates, key=int)


def _heard(where: str, said: Any, known: set[str]) -> tuple[tuple[str, ...], tuple[Event, ...]]:
    if not isinstance(said, list):
        raise UsageError(f"{where}: is {type(said).__name__}, but should be a list of labels or of events")
    if not any(isinstance(one, dict) for one in said):
        labels = tuple(dict.fromkeys(map(_label, said)))
        events: tuple[Event, ...] = ()
    else:
        events = tuple(sorted((_event(where, one) for one in said), key=lambda event: event[1:]))
        labels = tuple(dict.fromkeys(event.label for event in events))
    strange = [label for label in labels if label not in known]
    if strange:
        raise UsageError(f"{where}: label {strange[0]!r} is not in {_VOCABULARY}")
    return labels, events


def _label(said: Any) -> str:
    """A label as the vocabulary's table gives it: as text, without outer spaces."""
    return str(said).strip()


def _event(where: str, said: Any) -> Event:
    try:
        event = Event(_label(said["label"]), float(said["start"]), float(said["end"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{where}: {said!r} is no event with label, start and end in milliseconds") from error
    if not 0 <= event.onset_ms <= event.offset_ms < math.inf:
        raise UsageError(f"{where}: the event {said!r} ends before it starts, starts before 0, or never ends")
    return event


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not readable as JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{file}: holds {type(value).__name__}, but should be one object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if a key stands in it twice: Python would take the last and say nothing."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands there twice")
        found[key] = value
    return found
