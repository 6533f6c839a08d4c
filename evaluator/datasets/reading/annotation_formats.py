"""What annotation programs write: how each table is recognised, and its rows as stretches of recordings, in seconds.

| format | written by | recognised by |
|---|---|---|
| `raven` | Raven selection tables, BirdNET's among them | `Selection`, `Begin Time (s)`, `End Time (s)` |
| `audacity` | Audacity label tracks | lines of start, tab, end, tab, label |
| `birdnet` | BirdNET-Analyzer's CSV | `Start (s)`, `End (s)`, `Confidence` |
| `kaleidoscope` | Kaleidoscope's cluster and id CSV | `IN FILE`, `OFFSET`, `DURATION` |
| `praat` | Praat TextGrids | the suffix `.TextGrid` |
| `elan` | ELAN's annotation documents | the suffix `.eaf` |
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import elan, headers
from evaluator.datasets.reading.delimited import read_table, read_text
from evaluator.datasets.reading.headers import is_nearly, nearest
from evaluator.datasets.reading.mark import Mark
from evaluator.datasets.reading.own_table import Form, beginning_of, form_of
from evaluator.errors import UsageError

SUFFIXES = (".txt", ".csv", ".tsv", ".textgrid", ".eaf")
_BY_SUFFIX = {".textgrid": "praat", ".eaf": "elan"}
_TIMES = re.compile(r"-?\d+([.,]\d+)?(e-?\d+)?\t-?\d+([.,]\d+)?(e-?\d+)?(\t.*)?")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "raven": ("Selection", "Begin Time (s)", "End Time (s)"),
    "birdnet": ("Start (s)", "End (s)", "Confidence"),
    "kaleidoscope": ("IN FILE", "OFFSET", "DURATION"),
}
_OF_BIRDNET = {"Confidence", "Species Code"}  # columns that only BirdNET writes into a Raven table
_RAVEN_LABELS = ("Annotation", "Species", "Common Name", "Label", "Call Type", "Call", "Type", "Species Code", "Tags")
# Columns that are looked for besides those, and those that hold labels.
_SOUGHT: Mapping[str, tuple[str, ...]] = {
    "raven": ("Begin File", "Begin Path", "End File", "File Offset (s)", "View", "Channel", *_RAVEN_LABELS),
    "birdnet": ("File", "Common name", "Scientific name", "Label"),
    "kaleidoscope": ("INDIR", "FOLDER", "CHANNEL", "MANUAL ID", "AUTO ID", "AUTO ID*"),
}


def recognise(path: Path) -> str:
    """The format that a file has, "" if it is none of them; only its beginning is looked at.

    Raises:
        UsageError: It cannot be read.
    """
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    form, lines = beginning_of(path)
    if is_nearly(form.columns, _NEEDED["raven"]):
        return "raven"
    if set(_NEEDED["birdnet"]) <= set(form.columns):  # whose words are those of many tables
        return "birdnet"
    if is_nearly(form.columns, _NEEDED["kaleidoscope"]):
        return "kaleidoscope"
    first = next((text for _, text in _label_lines(lines)), "")
    return "audacity" if _TIMES.fullmatch(first) else ""


def marks_of(path: Path, format: str, label: str, tally: Tally) -> Iterator[Mark]:
    """The marked stretches of a table, in the order of its lines; times are in seconds.

    Args:
        path: The table.
        format: One of this module's.
        label: Column (or tier) that holds the labels; "" for the usual one.
        tally: What is noted of rows that say nothing new.

    Raises:
        UsageError: It is not such a table, or has no labels.
    """
    return _PARSERS[format](path, label, tally)


def unused_columns(format: str, columns: Collection[str], used: Collection[str]) -> dict[str, str]:
    """Columns of a table that mean nothing here, but look as if they should: the column -> what it seems to be.

    What a program writes of its own accord (measurements, dates) is not among them; individuals and sites are.

    Args:
        format: Program that wrote it.
        columns: Of the table.
        used: Those that a reader uses.

    >>> unused_columns("raven", ["Selection", "Low Freq (Hz)", "Specie", "Annotation", "Individual"], ["Annotation"])
    {'Specie': 'Species', 'Individual': 'group'}
    """
    sought = (*_NEEDED.get(format, ()), *_SOUGHT.get(format, ()))
    others = {} if format != "raven" or set(columns) >= _OF_BIRDNET else {each: "label" for each in _RAVEN_LABELS}
    return {
        column: meant
        for column in columns
        if column not in used
        and (
            meant := others.get(column)
            or headers.hint_of(column)
            or ("" if column in sought else nearest(column, sought))
        )
    }


def _raven(path: Path, label: str, tally: Tally) -> Iterator[Mark]:
    columns, rows = _rows(path)
    _need(path, columns, _NEEDED["raven"])
    label = label or _filled_column(path, columns, rows, _RAVEN_LABELS)
    seen: dict[tuple[str, ...], str] = {}
    if set(columns) >= _OF_BIRDNET:
        tally.note("machine_labels", path.name, len(rows), "BirdNET")
    for line, row in rows:
        begin, end, begin_file, end_file = (row.get(name, "") for name in _RAVEN_PLACES)
        if end_file and begin_file and _base(begin_file) != _base(end_file):
            raise UsageError(f"{path}:{line}: the selection begins in {begin_file} and ends in {end_file}; divide it")
        offset = row.get("File Offset (s)", "")
        if offset:  # begin and end count from the first file of a list, this one from the start of its own
            begin, end = offset, _sum(path, line, (offset, 1), (end, 1), (begin, -1))
        key = tuple(
            row.get(name, "")
            for name in ("Selection", "Channel", "Begin Time (s)", "End Time (s)", "Begin File", "Begin Path")
        )
        if row.get("View") and row["View"] != seen.setdefault(key, row["View"]):
            tally.rows += 1  # read, but handed on to nobody who would count it
            tally.note("second_views", f"{path.name}:{line}")
            continue
        recording = row.get("Begin Path", "") or begin_file
        yield Mark(line, begin, end, row.get(label, ""), recording, row, label, row.get("Channel", ""))


_RAVEN_PLACES = ("Begin Time (s)", "End Time (s)", "Begin File", "End File")


def _birdnet(path: Path, label: str, tally: Tally) -> Iterator[Mark]:
    columns, rows = _rows(path)
    _need(path, columns, ("Start (s)", "End (s)"))
    label = label or _filled_column(path, columns, rows, ("Common name", "Scientific name", "Label"))
    tally.note("machine_labels", path.name, len(rows), "BirdNET")
    for line, row in rows:
        yield Mark(line, row["Start (s)"], row["End (s)"], row.get(label, ""), row.get("File", ""), row, label)


def _kaleidoscope(path: Path, label: str, tally: Tally) -> Iterator[Mark]:
    columns, rows = _rows(path)
    _need(path, columns, _NEEDED["kaleidoscope"])
    automatic = [name for name in columns if name.startswith("AUTO ID")]
    label = label or _filled_column(path, columns, rows, ("MANUAL ID", *automatic))
    if label in automatic:
        tally.note("machine_labels", path.name, sum(bool(row[label]) for _, row in rows), "Kaleidoscope")
    for line, row in rows:
        end = _sum(path, line, (row["OFFSET"], 1), (row["DURATION"], 1))
        recording = "/".join(filter(None, (row.get("INDIR", ""), row.get("FOLDER", ""), row["IN FILE"])))
        yield Mark(line, row["OFFSET"], end, row.get(label, ""), recording, row, label, row.get("CHANNEL", ""))


def _audacity(path: Path, label: str, tally: Tally) -> Iterator[Mark]:
    for line, text in _label_lines(read_text(path, form_of(path).encoding).splitlines()):
        if not _TIMES.fullmatch(text):
            raise UsageError(f"{path}:{line}: {text!r} is no label of Audacity: start, tab, end, tab, label")
        start, end, *rest = text.split("\t", 2)
        yield Mark(line, start, end, rest[0].strip() if rest else "")


def _label_lines(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines of a label track, numbered from 1, without those of frequencies, which begin with a backslash."""
    for line, text in enumerate(lines, start=1):
        if text.strip() and not text.startswith("\\"):
            yield line, text


def _praat(path: Path, label: str, tally: Tally) -> Iterator[Mark]:
    try:
        from praatio import textgrid
        from praatio.utilities.constants import Interval
    except ImportError:
        raise UsageError(
            f"{path}: Praat's TextGrids are read by praatio: pip install 'hear-ssl[annotations]'"
        ) from None
    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    except Exception as error:  # praatio fails in many ways on damaged files
        raise UsageError(f"{path}: is no TextGrid that praatio reads: {error}") from error
    if not label and len(grid.tierNames) != 1:
        raise UsageError(
            f"{path}: has {len(grid.tierNames)} tiers ({', '.join(grid.tierNames)}); say which in a YAML file: label_column: NAME"
        )
    name = label or grid.tierNames[0]
    if name not in grid.tierNames:
        raise UsageError(f"{path}: has no tier {name!r}, only {', '.join(grid.tierNames)}")
    for number, entry in enumerate(grid.getTier(name).entries, start=1):
        if isinstance(entry, Interval):
            yield Mark(number, repr(entry.start), repr(entry.end), entry.label.strip())
        else:
            yield Mark(number, repr(entry.time), repr(entry.time), entry.label.strip())


_PARSERS: Mapping[str, Callable[[Path, str, Tally], Iterator[Mark]]] = {
    "raven": _raven,
    "audacity": _audacity,
    "birdnet": _birdnet,
    "kaleidoscope": _kaleidoscope,
    "praat": _praat,
    "elan": elan.marks,
}
_Rows = list[tuple[int, dict[str, str]]]


def _rows(path: Path) -> tuple[list[str], _Rows]:
    form: Form = form_of(path)
    columns, lines = read_table(path, form.delimiter, encoding=form.encoding)
    return columns, [(line, dict(zip(columns, values, strict=True))) for line, values in lines]


def _need(path: Path, columns: Sequence[str], needed: Sequence[str]) -> None:
    for name in needed:
        if name not in columns:
            near = nearest(name, [column for column in columns if column not in needed])
            hint = f" (is {near!r} meant to be it?)" if near else ""
            raise UsageError(f"{path}: there is no column {name!r}{hint}; its columns are {', '.join(columns)}")


def _filled_column(path: Path, columns: Sequence[str], rows: _Rows, names: Sequence[str]) -> str:
    """The first of the columns that has a value in any row."""
    there = {column.lower(): column for column in reversed(columns)}
    candidates = [there[name.lower()] for name in names if name.lower() in there]
    for column in candidates:
        if not rows or any(row[column] for _, row in rows):
            return column
    if not rows:
        return ""
    what = (
        f"{', '.join(candidates)} {'is' if len(candidates) == 1 else 'are'} empty" if candidates else "has none of them"
    )
    near = {column: nearest(column, names) for column in columns if column not in candidates}
    shown = ", ".join(f"{column} (did you mean {near[column]}?)" if near.get(column) else column for column in columns)
    raise UsageError(
        f"{path}: no labels: {what}; its columns are {shown}. Fill in one of {', '.join(names)}, or name yours "
        "in a YAML file (hear-eval init writes one): label_column: COLUMN"
    )


def _sum(path: Path, line: int, *terms: tuple[str, int]) -> str:
    """The sum of times with their signs, 1 or -1, as text."""
    try:
        total = sum(sign * float(text.replace(",", ".")) for text, sign in terms)
    except ValueError:
        given = ", ".join(repr(text) for text, _ in terms)
        raise UsageError(f"{path}:{line}: the times {given} should be numbers of seconds") from None
    return f"{total:.6f}".rstrip("0").rstrip(".")


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
