"""The kind `hear`: the folders that hear-preprocess writes, as HEAR's archives ship them, one task a folder.

    tasks/TASK-VERSION-MODE/task_metadata.json, labelvocabulary.csv, SPLIT.json, RATE/SPLIT/*.wav

A split's JSON is one object: file name -> list of labels, or of events `{label, start, end}` in milliseconds. Labels
are compared as text. Of several sample rates the highest is read: the evaluator resamples itself.
Source: hearbenchmark/hear-preprocess and heareval 2021.1.3.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.audio.clip import Clip, Event
from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.delimited import read_table
from evaluator.datasets.reading.reader import Reader
from evaluator.errors import UsageError
from evaluator.typed import fixed_key, key

_METADATA = "task_metadata.json"
_VOCABULARY = "labelvocabulary.csv"
_WRAPPERS = ("tasks", "hear-2021.0.6/tasks", "")  # older archives have the second
_FOLD = r"fold\d\d+"
_SPLIT_NAMES = {"trainvaltest": "train|valid|test", "presplit_kfold": _FOLD, "new_split_kfold": _FOLD}  # by split_mode

_Labelled = tuple[tuple[str, ...], tuple[Event, ...]]  # a clip's labels and its events


@dataclass(frozen=True, kw_only=True)
class HearReader(Reader):
    """A task's folder as hear-preprocess writes it; event times in it are in milliseconds."""

    kind: str = fixed_key("hear", "Clips are those of a task's folder as hear-preprocess writes it.")
    task: str = key("The task's folder, TASK-VERSION-MODE, such as `esc50-v2.0.0-full`.")

    def traces(self, root: Path) -> tuple[str, bool]:
        """Whether the task's folder is there, under any of the names it may have."""
        return f"the HEAR task {self.task}", _find_folder(root, self.task) is not None

    def read_clips(self, root: Path, tally: Tally | None = None) -> list[Clip]:
        """The clips of the task, split by split in the order of its metadata, in each as its file has them, (n_clips,).

        (HEAR's evaluator goes by that order, too, so batches can be those of the published runs.)

        Raises:
            UsageError: A file is missing, is no JSON, or says what cannot be; the sentence names it.
        """
        folder = self._folder(root)
        splits, mode = _splits(folder / _METADATA)
        audio = folder / _highest_rate(folder)
        known = set(self.read_classes(root))
        split_of: dict[str, str] = {}
        clips = []
        for split in splits:
            fold, part = ("", split) if mode == "trainvaltest" else (split, "")
            for name, (labels, events) in _clips_of(folder / f"{split}.json", audio / split, known, split_of).items():
                path = f"{(audio / split).relative_to(root).as_posix()}/{name}"
                clips.append(Clip(path, labels, fold=fold, split=part, events=events))
        if tally is not None:
            tally.rows += len(clips)
        return clips

    def read_classes(self, root: Path) -> tuple[str, ...]:
        """The labels of the vocabulary, in the order of its `idx`, (n_classes,)."""
        table = self._folder(root) / _VOCABULARY
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

    def _folder(self, root: Path) -> Path:
        folder = _find_folder(root, self.task)
        if folder is None:
            raise UsageError(f"{root}: holds no folder {self.task} with a {_METADATA}")
        return folder


def _clips_of(file: Path, audio: Path, known: set[str], split_of: dict[str, str]) -> dict[str, _Labelled]:
    """Labels and events of the clips in one split's file, by name.

    Args:
        file: Of the split.
        audio: The split's folder of audio.
        known: The vocabulary's labels.
        split_of: The split of each clip of the files before; those of this one are added.
    """
    document = _json(file)
    if document and not audio.is_dir():
        raise UsageError(
            f"{file}: names {len(document)} clips, but there is no folder {audio}; unpack the archive again"
        )
    clips = {}
    for name, value in document.items():
        where = f"{file}: {name}"
        if name in split_of:
            raise UsageError(f"{where}: stands in {split_of[name]}.json too; a clip is in one split only")
        if not name or name.startswith("/") or ".." in name.split("/"):
            raise UsageError(f"{where}: is no name of a file in {audio}")
        split_of[name] = file.stem
        clips[name] = _labels_and_events(where, value, known)
    return clips


def _find_folder(root: Path, task: str) -> Path | None:
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
    mode, splits = metadata.get("split_mode"), metadata.get("splits")
    if not isinstance(mode, str) or mode not in _SPLIT_NAMES:
        raise UsageError(f"{file}: split_mode is {mode!r}, but should be one of {', '.join(_SPLIT_NAMES)}")
    if not isinstance(splits, list) or not splits:
        raise UsageError(f"{file}: splits is {splits!r}, but should be a list of their names")
    for number, split in enumerate(splits):
        if not isinstance(split, str) or not re.fullmatch(_SPLIT_NAMES[mode], split):
            known = "train, valid, test" if mode == "trainvaltest" else "fold00, fold01, ..."
            raise UsageError(f"{file}: names the split {split!r}, but with the split_mode {mode} they are {known}")
        if split in splits[:number]:
            raise UsageError(f"{file}: names the split {split} twice")
        if not file.with_name(f"{split}.json").is_file():
            raise UsageError(f"{file}: names the split {split}, but there is no {file.with_name(f'{split}.json')}")
    return splits, mode


def _highest_rate(folder: Path) -> str:
    rates = [path.name for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not rates:
        raise UsageError(f"{folder}: has no folder of audio, such as 48000; unpack the archive again")
    return max(rates, key=int)


def _labels_and_events(where: str, value: Any, known: set[str]) -> _Labelled:
    if not isinstance(value, list):
        raise UsageError(f"{where}: is {type(value).__name__}, but should be a list of labels or of events")
    if not any(isinstance(each, dict) for each in value):
        labels = tuple(dict.fromkeys(map(_label, value)))
        events: tuple[Event, ...] = ()
    else:
        events = tuple(sorted((_event(where, each) for each in value), key=lambda event: event[1:]))
        labels = tuple(dict.fromkeys(event.label for event in events))
    strange = [label for label in labels if label not in known]
    if strange:
        raise UsageError(f"{where}: label {strange[0]!r} is not in {_VOCABULARY}")
    return labels, events


def _label(value: Any) -> str:
    """A label as the vocabulary's table gives it: as text, without outer spaces."""
    return str(value).strip()


def _event(where: str, value: Any) -> Event:
    try:
        event = Event(_label(value["label"]), float(value["start"]), float(value["end"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{where}: {value!r} is no event with label, start and end in milliseconds") from error
    if not 0 <= event.onset_ms <= event.offset_ms < math.inf:
        raise UsageError(f"{where}: the event {value!r} ends before it starts, starts before 0, or never ends")
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
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name!r} stands there twice")
        values[name] = value
    return values
