"""The kind `annotations`: tables as annotation programs write them, each row a marked stretch of a recording.

Columns of a row: `path` of the recording, `start`, `end` and `label`; the table's own; `table.path`, `table.folder` and
`table.stem` of the table. Of ELAN's annotations `tier` and `participant` too.
"""

import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.annotation_formats import SUFFIXES, marks_of, recognise, unused_columns
from evaluator.datasets.reading.channels import Channels
from evaluator.datasets.reading.disk import Disk
from evaluator.datasets.reading.globbing import visible
from evaluator.datasets.reading.mark import Mark
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES, SourceRow, matching_files, path_columns
from evaluator.errors import UsageError
from evaluator.typed import fixed_key, key

# What programs append to the recording's name, and some do twice: rec.Table.1.selections, rec.BirdNET.results.
_ENDINGS = (
    ".selections",
    ".selection",
    ".table",
    ".results",
    ".birdnet",
    ".labels",
    ".label",
    "_labels",
    "-labels",
    "_label",
)


@dataclass(frozen=True, kw_only=True)
class AnnotationsReader(RowReader):
    """Clips are stretches that were marked in recordings; times are in seconds."""

    merges_labels: ClassVar[bool] = True  # type: ignore[misc]  # a property of readers in general

    kind: str = fixed_key("annotations", "Clips are stretches of recordings, marked in an annotation program.")
    format: Literal["raven", "audacity", "birdnet", "kaleidoscope", "praat", "elan"] = key(
        "Program that wrote the tables."
    )
    files: str | tuple[str, ...] = key(
        "Table, or a glob of several, or a list of them, relative to the dataset's folder."
    )
    label_column: str = key(
        "Column, or tier of a TextGrid or of ELAN, that holds the labels; empty for the first usual one that is filled in.",
        default="",
    )

    @property
    def implied(self) -> tuple[str, ...]:
        """The recording, the stretch and its label."""
        return ("path", "start", "end", "label")

    @property
    def globs(self) -> tuple[str, ...]:
        """The tables or globs, of which one may be written without a list."""
        return (self.files,) if isinstance(self.files, str) else self.files

    def traces(self, root: Path) -> tuple[str, bool]:
        """Whether the first table is there."""
        return f"the table {self.globs[0]}", next(matching_files(root, self.globs[0]), None) is not None

    def read_rows(self, root: Path, tally: Tally) -> Iterator[SourceRow]:
        """A row for each marked stretch that has a label, (n_stretches,), in the order of the tables and their lines."""
        recordings = _Recordings(root, tally)
        for pattern in self.globs:
            names = list(matching_files(root, pattern, tally))
            if not names:
                raise UsageError(f"{root / pattern}: there is no such file")
            for name in names:
                yield from self._rows_of(root, name, recordings, tally)

    def _rows_of(self, root: Path, name: str, recordings: "_Recordings", tally: Tally) -> Iterator[SourceRow]:
        about = path_columns(name, "table.")
        channels = Channels(tally)
        unused: dict[str, str] | None = None
        for mark in marks_of(root / name, self.format, self.label_column, tally):
            if unused is None:
                unused = unused_columns(self.format, mark.columns, {*self.used_columns, mark.label_column})
            for column in filter(mark.columns.get, unused):
                group = f' group: "{{{column}}}" in a YAML file makes groups of it' if unused[column] == "group" else ""
                tally.list("unused_columns", f"{column} ({group.strip() or f'did you mean {unused[column]}?'})")
            where = f"{root / name}:{mark.line}"
            if not mark.label:
                tally.rows += 1
                tally.note("unlabelled_rows", where)
                continue
            path = recordings.find(name, mark, where)
            times = {"start": mark.start.replace(",", "."), "end": mark.end.replace(",", ".")}
            stretch = (path, times["start"], times["end"])
            if not self._drops(mark) and channels.repeats(where, stretch, mark.channel, mark.label):
                continue
            yield SourceRow(where, {**about, **mark.columns, "path": path, **times, "label": mark.label})

    def _drops(self, mark: Mark) -> bool:
        """Whether `where` or `drop` leaves the row out, as far as the table's own columns say."""
        columns = mark.columns
        return any(name in columns and columns[name] not in values for name, values in self.where.items()) or any(
            columns.get(name) in values for name, values in self.drop.items()
        )


def tables_in(folder: Path) -> dict[str, list[str]]:
    """Tables of annotation programs in a folder, at any depth: format -> paths relative to it, (n_tables,), sorted."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(visible(folder, "**/*")):
        if Path(path).suffix.lower() in SUFFIXES:
            try:
                format = recognise(folder / path)
            except UsageError:  # some other file: whoever means it gets the sentence
                continue
            if format:
                found[format].append(path)
    return dict(found)


class _Recordings:
    """The audio files under a folder, found by what a table calls them."""

    def __init__(self, root: Path, tally: Tally) -> None:
        self.root, self.tally = root, tally
        self.disk = Disk(root, tally)
        self._found: dict[tuple[str, str], str] = {}

    def find(self, table: str, mark: Mark, where: str) -> str:
        """The path of the recording that a row of a table is about, relative to the root.

        Raises:
            UsageError: There is none, or more than one.
        """
        known = (table, mark.recording)
        if known not in self._found:
            self._found[known] = (
                self._named(table, mark.recording, where) if mark.recording else self._beside(table, where)
            )
        return self._found[known]

    def _named(self, table: str, recording: str, where: str) -> str:
        folder = table.rpartition("/")[0]
        plain = recording.replace("\\", "/")
        for start in dict.fromkeys((folder, "")):
            path = posixpath.normpath(f"{start}/{plain}") if start else posixpath.normpath(plain)
            if not os.path.isabs(plain) and self.disk.holds(path):
                return path
        path = self.disk.resolve(recording, where)
        if not self.disk.lacks(path):
            return path
        name = plain.rpartition("/")[2]
        return self._only(where, name, self._by_name[_key(name)] or self._by_stem[_key(_stem(name))])

    def _beside(self, table: str, where: str) -> str:
        """The recording that is called like the table, but for what programs append; the one in its folder first."""
        folder, _, name = table.rpartition("/")
        stem = _stem(name)
        while True:
            fitting = self._by_stem[_key(stem)]
            near = [path for path in fitting if path.rpartition("/")[0] == folder]
            if near or fitting:
                return self._only(where, f"{stem}.*", near or fitting)
            shorter = _without_ending(stem)
            if shorter == stem:
                raise UsageError(
                    f"{where}: no recording under {self.root} is called like the table ({_stem(name)}.wav or another of "
                    f"{' '.join(AUDIO_SUFFIXES)}); put it beside the table"
                )
            stem = shorter

    def _only(self, where: str, name: str, paths: list[str]) -> str:
        if len(paths) == 1:
            return paths[0]
        if not paths:
            raise UsageError(f"{where}: there is no recording {name} under {self.root}; put it there")
        raise UsageError(f"{where}: {name} could be {' or '.join(paths[:3])}; keep one, or put the table beside it")

    @cached_property
    def _audio(self) -> list[str]:
        return [path for path in visible(self.root, "**/*") if Path(path).suffix.lower() in AUDIO_SUFFIXES]

    @cached_property
    def _by_name(self) -> "defaultdict[str, list[str]]":
        return _grouped({path: path.rpartition("/")[2] for path in self._audio})

    @cached_property
    def _by_stem(self) -> "defaultdict[str, list[str]]":
        return _grouped({path: _stem(path.rpartition("/")[2]) for path in self._audio})


def _grouped(names: dict[str, str]) -> "defaultdict[str, list[str]]":
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path, name in names.items():
        groups[_key(name)].append(path)
    return groups


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _without_ending(stem: str) -> str:
    """Without one of the endings of programs, or the number that Raven gives a table."""
    for ending in _ENDINGS:
        if stem.lower().endswith(ending) and len(stem) > len(ending):
            return stem[: -len(ending)]
    head, dot, tail = stem.rpartition(".")
    return head if dot and tail.isdecimal() else stem


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
