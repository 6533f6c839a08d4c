"""A user's own data as a task without a YAML file: class folders, tables, annotated recordings, a HEAR task's folder."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator.datasets import dataset, own_split
from evaluator.datasets.reading import annotation_formats
from evaluator.datasets.reading.annotations import AnnotationsReader, tables_in
from evaluator.datasets.reading.folders import FoldersReader, class_folders
from evaluator.datasets.reading.globbing import is_any, visible
from evaluator.datasets.reading.hear import HearReader
from evaluator.datasets.reading.own_table import of_table, refuse_few, some_values
from evaluator.datasets.reading.reader import Reader
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES
from evaluator.datasets.single_split import SPLIT_WORDS
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.scoring.metrics import METRICS, OF_TASKS
from evaluator.typed import build

DEFAULT_PROTOCOL = "arch"
TABLES = (".csv", ".tsv", ".txt", ".textgrid", ".eaf")  # by suffix, in any case
_SPLIT_WORDS = frozenset(word for words in SPLIT_WORDS.values() for word in words)
METADATA = "task_metadata.json"
_HEAR_METRICS = {"top1_acc": "accuracy", "mAP": "map"}  # the others have our names


def of_path(path: Path) -> Task:
    """The task that a folder or a table of the user's is.

    Raises:
        UsageError: It is none, or could be several; the sentence says which, and the way out.
    """
    if path.is_dir():
        return _of_folder(path)
    format = annotation_formats.recognise(path)
    if format:
        return of_annotations(path.stem, path.parent, format, (path.name,))
    if path.suffix.lower() == ".txt" and len(annotation_formats.form_of(path).columns) < 2:
        raise UsageError(
            f"{path}: is no table: neither Raven's or Audacity's, nor one with the columns path and label in its first line"
        )
    return _of_table(path)


def _of_folder(path: Path) -> Task:
    if (path / METADATA).is_file():
        return _of_hear(path)
    classes = [folder.name for folder in class_folders(path)]
    _refuse_splits(path, classes)
    tables = tables_in(path)
    with_audio = [name for name in classes if any(is_any(path / name, f"**/*{suffix}") for suffix in AUDIO_SUFFIXES)]
    if tables and len(with_audio) > 1:
        first = next(iter(tables.values()))[0]
        raise UsageError(
            f"{path}: holds class folders ({', '.join(with_audio[:3])}) and tables of annotations ({first}), which could be "
            f"two tasks; say which in a YAML file (hear-eval init {path / first} writes one), or move the others away"
        )
    if len(tables) > 1:
        raise UsageError(
            f"{path}: holds tables of several programs: {', '.join(f'{form} ({names[0]})' for form, names in tables.items())}; "
            "give one of them with --task, or leave one kind there"
        )
    if tables:
        format, names = next(iter(tables.items()))
        return of_annotations(path.resolve().name, path, format, _as_globs(path, names))
    plain = [name for suffix in (".csv", ".tsv") for name in visible(path, f"*{suffix}")]
    if plain and len(with_audio) < 2:
        if len(plain) > 1:
            raise UsageError(
                f"{path}: holds several tables: {', '.join(sorted(plain)[:5])}; give one of them with --task"
            )
        return _of_table(path / plain[0])
    if len(classes) < 2:
        raise UsageError(
            f"{path}: has {len(classes)} visible sub-folder{'' if len(classes) == 1 else 's'}, but a task needs one for "
            "each of two or more classes, or a table beside the recordings; where file names say the class, a YAML file takes it from them: "
            f"{_reader_of_names(path)} (docs/own_data.md: A YAML file)"
        )
    return plain_task(path.resolve().name, path, FoldersReader(), own_split.drawn(grouped=False), multi=False)


_LABEL_FIRST = {
    "_": "(?P<label>[^_]+)_.*",
    "-": "(?P<label>[^-]+)-.*",
    " ": "(?P<label>[^ ]+) .*",
    "digit": "(?P<label>[^0-9]+)[0-9].*",
}


def _reader_of_names(folder: Path) -> str:
    """A reader, in YAML, that takes the beginning of a folder's file names for the class; without a pattern if none fits them all."""
    names = sorted(name for suffix in AUDIO_SUFFIXES for name in visible(folder, f"*{suffix}"))
    if not names:
        return f"reader: {{kind: paths, files: '*.wav', pattern: '{_LABEL_FIRST['_']}'}}"
    labels: dict[str, list[str]] = {}
    for pattern in _LABEL_FIRST.values():
        matches = [re.fullmatch(pattern, name) for name in names]
        labels[pattern] = [match["label"] for match in matches if match is not None]
    fitting = [each for each, found in labels.items() if len(found) == len(names) and 1 < len(set(found)) < len(names)]
    pattern = min(fitting, key=lambda each: len(labels[each][0]), default="")  # the first of several ends
    rest = f", pattern: '{pattern}'" if pattern else ", pattern: a regular expression with (?P<label>)"
    return f"reader: {{kind: paths, files: '*{Path(names[0]).suffix}'{rest}}}"


def split_folders(names: Sequence[str]) -> list[str]:
    """The folders that are called like parts of a split, if there are several: as classes they would be scored against each other.

    Args:
        names: Of the folders, (n_folders,).
    """
    parts = [name for name in names if name.lower() in _SPLIT_WORDS]
    return parts if len(parts) > 1 else []


def _refuse_splits(path: Path, names: Sequence[str]) -> None:
    parts = split_folders(names)
    if parts:
        raise UsageError(
            f"{path}: its sub-folders {', '.join(parts)} are called like the parts of a split, not like classes. Say so in a "
            f"YAML file (hear-eval init {path} writes it) or in a CSV with the columns path,label,split"
        )


def _of_table(path: Path) -> Task:
    reader = of_table(path)
    if reader.fold and reader.split:
        raise UsageError(f"{path}: has both a column fold and a column split; keep the one that counts")
    split = own_split.drawn(grouped=False)
    if reader.fold:
        several = len(some_values(path, reader, "fold", 3)) > 2
        split = {"by": "fold", "valid": "next" if several else {**split["valid"], "groups": bool(reader.group)}}
    elif reader.split:
        split = {"by": "split", "valid": {**split["valid"], "groups": bool(reader.group)}}
    elif reader.group:
        most = own_split.MOST_LEFT_OUT
        many = len(some_values(path, reader, "group", most + 1)) > most  # then the clips themselves change nothing
        split = own_split.drawn(grouped=True) if many else own_split.of_groups(reader.read_clips(path.parent))
    return plain_task(path.stem, path.parent, reader, split, multi=bool(reader.label_separator))


def of_annotations(name: str, root: Path, format: str, files: Sequence[str]) -> Task:
    """The task of marked stretches, each a clip; recordings are the groups that no split divides.

    Args:
        name: Of the task.
        root: Folder that holds tables and recordings.
        format: Program that wrote the tables.
        files: The tables, or globs of them, (n_tables,).
    """
    reader = annotations_reader(format, files)
    clips = reader.read_clips(root)
    several = [clip for clip in clips if len(clip.labels) > 1]
    if several:
        way_out = "mend them, or say `labels: multi` in a YAML file (hear-eval init writes one)"
        refuse_few(str(root / files[0]), len(several), len(clips), several[0].name, way_out)
    several_recordings = len({clip.group for clip in clips}) > 1
    split = own_split.of_groups(clips) if several_recordings else own_split.drawn(grouped=False)
    return plain_task(name, root, reader, split, multi=bool(several))


def annotations_reader(format: str, files: Sequence[str]) -> AnnotationsReader:
    """The reader of marked stretches whose recordings are their groups; arguments are those of `of_annotations`, (n_tables,) files."""
    tables = files[0] if len(files) == 1 else list(files)
    return build(AnnotationsReader, {"format": format, "files": tables, "group": "{path}"})


def _as_globs(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """One glob, if it fits these tables and no other file, else all of them by name."""
    for suffix in dict.fromkeys(Path(name).suffix for name in names):
        for pattern in (f"*{suffix}", f"**/*{suffix}"):
            if sorted(visible(folder, pattern)) == sorted(names):
                return (pattern,)
    return tuple(names)


def _of_hear(path: Path) -> Task:
    """The task of a folder as hear-preprocess writes it, asked as its metadata says."""
    file = path / METADATA
    try:
        metadata: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8-sig"))
        name, version = metadata["task_name"], metadata["version"]
        events = metadata["embedding_type"] == "event"
        multi = metadata["prediction_type"] == "multilabel"
        metrics = [_HEAR_METRICS.get(each, each) for each in metadata["evaluation"]]
        folds = metadata["split_mode"] != "trainvaltest"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{file}: is not the metadata of a HEAR task: {error!r}") from error
    fitting = [metric for metric in metrics if metric in OF_TASKS and METRICS[metric].of_events == events]
    if not fitting:
        known = ", ".join(name for name in OF_TASKS if METRICS[name].of_events == events)
        of = "events" if events else "clips"
        raise UsageError(f"{file}: evaluation is {metrics}, none of which is a metric of {of}; known: {known}")
    return Task(
        name=name,
        dataset=dataset.own(name, path, (HearReader(task=f"{name}-{version}-own"),)),
        split={"by": "fold", "valid": "next"} if folds else {"by": "split"},
        clip_seconds=None,
        labels="events" if events else "multi" if multi else "single",
        metric=fitting[0],
        protocol="hear",
        source="your own data, in HEAR's form",
    )


def plain_task(name: str, root: Path, reader: Reader, split: Mapping[str, Any], multi: bool) -> Task:
    """The task of a user's own clips, (n_clips,), whole, scored by accuracy, or by mAP where clips have several labels.

    Args:
        name, root, reader, split: As those of `Task` and `Dataset`.
        multi: Whether a clip may have several labels.
    """
    return Task(
        name=name,
        dataset=dataset.own(name, root, (reader,)),
        split=split,
        clip_seconds=None,
        labels="multi" if multi else "single",
        metric="map" if multi else "accuracy",
        protocol=DEFAULT_PROTOCOL,
        source="your own data",
    )
