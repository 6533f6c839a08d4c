"""What a folder or table of recordings is most likely meant to be, as a YAML file that its user can correct.

The reader, the labels and the metric are those with which `--task FOLDER` would read it; beyond that, individuals are looked
for in file names, and folders called like splits are taken for splits.
"""

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from evaluator import typed
from evaluator.audio.clip import Clip
from evaluator.datasets import manifest, name_groups, own_split, split_rules, splits
from evaluator.datasets.intake import Tally
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import headers
from evaluator.datasets.reading.folders import FoldersReader, class_folders
from evaluator.datasets.reading.globbing import visible
from evaluator.datasets.reading.paths import PathsReader
from evaluator.datasets.reading.reader import Reader
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES
from evaluator.datasets.reading.shape import DeriveStep
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.experiment import own_tasks
from evaluator.typed import build

_GROUPED_FOLDS = 7  # groups from which on five folds are drawn
_SHARE = {"share": 0.2, "seed": 42, "stratify": True, "groups": False}
_SHOWN = 12  # names that a comment lists


def guess(path: Path) -> tuple[Task, Manifest, list[str]]:
    """The task that a user's folder or table most likely is, its clips, and remarks for the file's comments, (n_remarks,).

    Raises:
        UsageError: It is none, or could be several; the sentence says what to do.
    """
    parts = own_tasks.split_folders([folder.name for folder in class_folders(path)]) if path.is_dir() else []
    if parts and not (path / own_tasks.METADATA).is_file():
        task = _of_splits(path, parts)
        remark = f"Folders {', '.join(parts)} are called like splits; their sub-folders are the classes."
        return task, manifest.read(task, None, path), [remark]
    task = replace(own_tasks.of_path(path), path=str(path.absolute()))
    whole = manifest.read(task, None, path)
    reader = task.dataset.readers[0]
    if isinstance(reader, FoldersReader):
        return _with_named_groups(task, whole)
    if isinstance(reader, RowReader) and reader.group in ("", "{path}"):
        return _with_group_column(task, whole, reader)
    return task, whole, []


def as_yaml(task: Task, whole: Manifest, remarks: Sequence[str], root: str, source: str) -> str:
    """The task as the text of a YAML file with comments.

    Args:
        task: What was guessed.
        whole: Its clips, (n_clips,).
        remarks: Sentences about the guess.
        root: The data's folder, relative to the file.
        source: What it was guessed from, as the user named it.
    """
    counts = Counter(label for clip in whole.clips for label in clip.labels)
    groups = sorted({clip.group for clip in whole.clips} - {""})
    lines = [f"# Guessed by hear-eval init from {source}: {whole.intake.summary}. Correct what is wrong."]
    lines += [f"# {remark}" for remark in remarks]
    lines += [f"# Note: {each.text}." for each in whole.intake.differences]
    lines += [
        f"name: {_inline(task.name)}",
        "dataset:",
        f"  root: {_inline(root)} # relative to this file",
        "  reader:",
    ]
    lines += [f"    {line}" for line in _reader_lines(task.dataset.readers[0])]
    lines += [f"# Classes: {_listed([f'{label} ({n} clips)' for label, n in sorted(counts.items())])}"]
    if groups:
        kept = task.split["by"] == "group" or task.split.get("groups", False)
        lines += [
            f"# Groups, which the split below {'never divides' if kept else 'does not look at'}: {_listed(groups)}"
        ]
    rule = split_rules.RULES[task.split["by"]]
    lines += ["split:", *(f"  {name}: {_inline(value)} # {rule[name].meaning}" for name, value in task.split.items())]
    lines += [
        "clip_seconds: # empty: whole clips; a number of seconds cuts longer ones",
        f"labels: {task.labels} # single: one a clip; multi: any number; events: any number, with times",
        f"metric: {task.metric} # another is uar, in which every class counts the same, however rare",
        f"protocol: {task.protocol} # how embeddings are evaluated, unless --protocol says otherwise",
    ]
    return "\n".join(line.replace("\n", " ") for line in lines) + "\n"


def _reader_lines(reader: Reader) -> Iterator[str]:
    """The keys of a reader that differ from their defaults, each with its meaning."""
    described = typed.fields_of(type(reader))
    for each in dataclasses.fields(reader):
        value = getattr(reader, each.name)
        name = each.metadata.get("yaml") or each.name
        # A default that is a list or mapping is an empty tuple or mapping here.
        if (described[name].required or value != described[name].default) and value not in ((), {}):
            yield f"{name}: {_inline(value)} # {described[name].meaning}"


def _inline(value: Any) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(_plain(value), default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("...").strip()


def _plain(value: Any) -> Any:
    """A value of a reader or a split as YAML has it, keys included."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value):
        return {
            each.metadata.get("yaml") or each.name: _plain(getattr(value, each.name))
            for each in dataclasses.fields(value)
        }
    return dict(value) if isinstance(value, Mapping) else value


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)


# Splits and groups ---------------------------------------------------------------------------------------------------


def _of_splits(path: Path, parts: Sequence[str]) -> Task:
    """The task of folders such as train/CLASS and test/CLASS."""
    globs = [f"{part}/*/**/*" for part in parts]
    files = [file for glob in globs for file in visible(path, glob) if Path(file).suffix.lower() in AUDIO_SUFFIXES]
    if not files:
        raise UsageError(
            f"{path}: its sub-folders {', '.join(parts)} are called like splits, but hold no sub-folder with audio for a class"
        )
    with_audio = {file.partition("/")[0] for file in files}
    reader = _paths_reader(
        files,
        f"(?P<split>[^/]+)/{name_groups.LABEL_FOLDER}.+",
        [glob for glob in globs if glob.partition("/")[0] in with_audio],
    )
    return own_tasks.plain_task(path.resolve().name, path, reader, {"by": "split", "valid": _SHARE}, multi=False)


def _paths_reader(files: Sequence[str], pattern: str, globs: Sequence[str]) -> PathsReader:
    """The reader of audio files, (n_files,), with a glob for each suffix that they have."""
    fitting = [
        f"{glob}{suffix}"
        for glob in globs
        for suffix in sorted({Path(file).suffix.lower() for file in files})
        if any(Path(file).suffix.lower() == suffix and file.startswith(glob.partition("*")[0]) for file in files)
    ]
    return build(PathsReader, {"files": fitting[0] if len(fitting) == 1 else fitting, "pattern": pattern})


def _with_named_groups(task: Task, whole: Manifest) -> tuple[Task, Manifest, list[str]]:
    """The task of class folders or of a table's rows, with what their file names name as groups if that is clear."""
    reader = task.dataset.readers[0]
    of_folders = isinstance(reader, FoldersReader)
    found = name_groups.find(whole.clips, in_class_folders=of_folders)
    if found is None:
        remark = "No individuals were seen in the file names; if there are any, see docs/own_data.md: groups matter."
        return task, whole, [remark]
    split = next(filter(lambda rule: _can_be_made(rule, found.clips), _grouped_splits(found.clips)), None)
    sentence = found.sentence[0].upper() + found.sentence[1:]
    if split is None:
        return task, whole, [f"{sentence}, but no split keeps them whole and trains every class."]
    if isinstance(reader, RowReader) and not of_folders:
        step = DeriveStep(source=reader.path, pattern=found.pattern)
        named: Reader = replace(reader, derive=(*reader.derive, step), group="{group}")
    else:
        named = _paths_reader([clip.path for clip in whole.clips], found.pattern, ["*/**/*"])
    read = replace(task, dataset=replace(task.dataset, readers=(named,)), split=split)
    otherwise = "kind: folders" if of_folders else "neither derive nor group"
    remark = f"{sentence}; if that is not so, take {otherwise} and split: {_inline(own_split.drawn(grouped=False))}."
    return read, manifest.read(read, None, whole.root), [remark]


def _with_group_column(task: Task, whole: Manifest, reader: RowReader) -> tuple[Task, Manifest, list[str]]:
    """The task of a table, with the first column of individuals or sites that is filled in every row as groups, if there is one."""
    rows = [row.values for row in reader.read_rows(whole.root, Tally())]
    columns = list(rows[0]) if rows else []
    likely = [name for name in columns if headers.hint_of(name) == "group" and all(row.get(name) for row in rows)]
    for column in likely:
        named = replace(reader, group=f"{{{column}}}")
        clips = named.read_clips(whole.root)
        n_groups = len({clip.group for clip in clips})
        split = next(filter(lambda rule: _can_be_made(rule, clips), _grouped_splits(clips)), None)
        if n_groups < 2 or split is None:
            continue
        read = replace(task, dataset=replace(task.dataset, readers=(named,)), split=split)
        remark = f"Column {column} names {n_groups} groups; if it is not what tells individuals or sites apart, change `group`."
        return read, manifest.read(read, None, whole.root), [remark]
    return _with_named_groups(task, whole) if not reader.group and task.split["by"] == "random" else (task, whole, [])


def _grouped_splits(clips: Sequence[Clip]) -> Iterator[Mapping[str, Any]]:
    yield own_split.of_groups(clips)
    yield {"by": "group", "valid": "next"}
    yield {"by": "group", "valid": _SHARE}


def _can_be_made(rule: Mapping[str, Any], clips: Sequence[Clip]) -> bool:
    try:
        splits.refuse_untrained(splits.make(rule, clips), clips)
    except UsageError:
        return False
    return True


def relative(root: Path, file: Path) -> str:
    """The folder as the file in another one names it: relative, with forward slashes, where there is a way."""
    try:
        return Path(os.path.relpath(root.absolute(), file.absolute().parent)).as_posix()
    except ValueError:  # another drive
        return root.absolute().as_posix()
