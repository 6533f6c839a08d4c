"""From rows to clips: templates filled, labels gathered, rows left out, clips put into their splits.

The fields that are followed here are those of `evaluator/datasets/reading/shape.py`, which says what each means.
"""

import fnmatch
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import spellings, windows
from evaluator.datasets.reading.disk import Disk
from evaluator.datasets.reading.rows import SourceRow
from evaluator.datasets.reading.shape import TEMPLATES, RowShape, slice_of
from evaluator.errors import UsageError

_Fill = Callable[[Mapping[str, str]], str]  # a row's values -> the filled template


def clips(rows: Iterable[SourceRow], root: Path, shape: RowShape, tally: Tally) -> list[Clip]:
    """The clips that the rows mean, in their order, (n_clips,).

    Args:
        rows: Of the reader's files.
        root: Folder that the clips' paths are relative to.
        shape: How rows become clips; times in it are in seconds.
        tally: What is noted of rows that became no clip, or not as they are written.

    Raises:
        UsageError: A row does not fit; the sentence names it.
    """
    rows = _kept(_derived(_spelled(_counted(rows, tally), shape), shape), shape, tally)
    placed: Iterable[tuple[str, Clip]] = _clips_of(rows, root, shape, tally)
    if shape.windows is None:
        placed = _merged(placed, tally) if shape.merges_labels else placed if shape.repeats else _once(placed)
        return _sorted_into_splits(_labelled(placed, shape, tally), root, shape)
    if shape.windows.of == "spans":
        return windows.of_spans(_sorted_into_splits(placed, root, shape), shape.windows)
    return _split_by_order(windows.of_recordings(placed, root, shape.windows, tally), shape.split_by_order)


def _filler(template: str) -> _Fill:
    """A function that puts a row's values into the template; KeyError if it lacks one."""
    parts = [(literal, name, spec or "") for literal, name, spec, _ in string.Formatter().parse(template)]
    if len(parts) == 1 and parts[0][1] is not None and not parts[0][0] and not parts[0][2]:
        return itemgetter(parts[0][1])
    return lambda values: "".join(
        literal + ("" if name is None else format(values[name], spec)) for literal, name, spec in parts
    )


def _filled(fill: _Fill, row: SourceRow) -> str:
    try:
        return fill(row.values)
    except KeyError as error:
        lacking = " or ".join(map(repr, spellings.columns_of(error.args[0])))
        raise UsageError(
            f"{row.where}: there is no column {lacking}; its columns are {', '.join(row.own_columns)}"
        ) from None


# Rows ----------------------------------------------------------------------------------------------------------------


def _counted(rows: Iterable[SourceRow], tally: Tally) -> Iterator[SourceRow]:
    for row in rows:
        tally.rows += 1
        yield row


def _spelled(rows: Iterable[SourceRow], shape: RowShape) -> Iterator[SourceRow]:
    """The rows with a value for each name of a column that has several spellings."""
    names = [name for name in shape.used_columns if len(spellings.columns_of(name)) > 1]
    for row in rows:
        for name in names:
            column = spellings.column_in(name, row.values, row.where)
            if column:
                row.values[name] = row.values[column]
        yield row


def _derived(rows: Iterable[SourceRow], shape: RowShape) -> Iterator[SourceRow]:
    steps = [(_filler(step.source), re.compile(step.pattern), step.source) for step in shape.derive]
    for row in rows:
        for fill, pattern, template in steps:
            text = _filled(fill, row)
            match = pattern.fullmatch(text)
            if match is None:
                raise UsageError(f"{row.where}: {template} is {text!r}, which does not fit {pattern.pattern}")
            row.values.update({name: value or "" for name, value in match.groupdict().items()})
        for column in shape.lower_case:
            row.values[column] = unicodedata.normalize("NFC", row.values.get(column, "")).lower()
        yield row


def _kept(rows: Iterable[SourceRow], shape: RowShape, tally: Tally) -> Iterator[SourceRow]:
    where, drop = shape.where, shape.drop
    if not where and not drop:
        yield from rows
        return
    fillers = {column: itemgetter(column) for column in (*where, *drop)}
    for row in rows:
        if all(_filled(fillers[column], row) in values for column, values in where.items()) and not any(
            _filled(fillers[column], row) in values for column, values in drop.items()
        ):
            yield row
        else:
            tally.note("left_out", row.where)


# Rows to clips -------------------------------------------------------------------------------------------------------


def _clips_of(rows: Iterable[SourceRow], root: Path, shape: RowShape, tally: Tally) -> Iterator[tuple[str, Clip]]:
    """Each row's clip, and where the row stands; without those that are left out by their path, or whose file is not there."""
    templates = {name: f"{{{name}}}" for name in shape.implied}
    templates |= {name: getattr(shape, name) for name in TEMPLATES if getattr(shape, name)}
    fill = {name: _filler(template) for name, template in templates.items()}
    labels_of = _label_reader(root, shape, fill)
    path_of = _path_finder(root, shape, templates["path"], tally)
    for row in rows:
        path = path_of(row)
        if path is None:
            continue
        start, end = (_seconds(row, name, fill, shape) for name in ("start", "end"))
        fold, split, group = (
            _renamed(shape, name, _filled(fill[name], row), row.where) if name in fill else ""
            for name in ("fold", "split", "group")
        )
        yield row.where, Clip(path, labels_of(row), start, end, fold, split, group)


def _path_finder(root: Path, shape: RowShape, template: str, tally: Tally) -> Callable[[SourceRow], str | None]:
    """The function that gives the path of a row's recording; None for a row that is left out."""
    fillers = [_filler(spelling) for spelling in spellings.paths_of(template)]
    leave_out = [re.compile(fnmatch.translate(pattern)) for pattern in shape.leave_out]
    disk = Disk(root, tally)

    def path_of(row: SourceRow) -> str | None:
        paths = [_filled(fill, row) for fill in fillers]
        if not paths[0]:
            raise UsageError(f"{row.where}: the path is empty")
        if any(pattern.match(path) for pattern in leave_out for path in paths):
            tally.note("left_out", row.where)
            return None
        if not shape.path:  # it is a file that was seen
            return paths[0]
        path = disk.resolve_one(paths, row.where)
        if disk.lacks(path):
            tally.note("not_on_disk" if shape.on_disk else "missing_files", f"{row.where} ({path})")
            return None if shape.on_disk else path
        return path

    return path_of


def _label_reader(root: Path, shape: RowShape, fill: Mapping[str, _Fill]) -> Callable[[SourceRow], tuple[str, ...]]:
    """The function that gives a row's labels, in the way that the reader says they are written."""
    separator = shape.label_separator
    # A recording without events has no label.
    optional = shape.drop_unlabelled or (shape.windows is not None and shape.windows.of == "recordings")
    classes, other = set(shape.classes), shape.other_label
    label_file = _filler(shape.label_file)
    columns = {name: itemgetter(name) for name in shape.label_columns}

    def written(row: SourceRow) -> list[str]:
        if columns:
            own = {name: get for name, get in columns.items() if not shape.columns_vary or name in row.values}
            return [name for name, get in own.items() if _filled(get, row) == shape.positive]
        if shape.label_file:
            return _text_lines(root / _filled(label_file, row), row.where)
        if "label" not in fill:
            return []
        text = _filled(fill["label"], row)
        return [part.strip() for part in text.split(separator)] if separator else [text]

    def labels(row: SourceRow) -> tuple[str, ...]:
        names = [_renamed(shape, "label", name, row.where) for name in written(row)]
        if "" in names and not separator and not optional:
            raise UsageError(f"{row.where}: the label is empty")
        if "" in names and len(names) > 1:
            raise UsageError(f"{row.where}: a label is empty ({separator.join(names)!r})")
        if other:
            names = [name if name in classes else other for name in names]
        return tuple(dict.fromkeys(name for name in names if name))

    return labels


def _text_lines(file: Path, where: str) -> list[str]:
    """The lines of a text file that are not empty; `where` is what names it."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: its labels cannot be read from {file}: {error}") from error


def _renamed(shape: RowShape, field: str, value: str, where: str) -> str:
    """What the dataset's tables of names make of a label, fold, split or group."""
    table: Mapping[str, str] = getattr(shape.names, field)
    if not table or value in table:
        return table.get(value, value)
    if "*" not in table:
        raise UsageError(f"{where}: {field} {value!r} is not in the dataset's table of names: {', '.join(table)}")
    return value if table["*"] == "*" else table["*"]


def _seconds(row: SourceRow, name: str, fill: Mapping[str, _Fill], shape: RowShape) -> float | None:
    text = _filled(fill[name], row) if name in fill else ""
    if not text:
        return None
    try:
        return float(text.replace(",", ".") if shape.decimal == "," else text)
    except ValueError:
        raise UsageError(f"{row.where}: {name} is {text!r}, but should be a number of seconds or empty") from None


# Clips among clips ---------------------------------------------------------------------------------------------------


def _once(placed: Iterable[tuple[str, Clip]]) -> Iterator[tuple[str, Clip]]:
    seen: dict[str, str] = {}
    for where, clip in placed:
        if clip.name in seen:
            raise UsageError(
                f"{where}: clip {clip.name} stands there twice, first in {seen[clip.name]}; "
                f"a clip with several labels takes one line, its labels joined by ';'"
            )
        seen[clip.name] = where
        yield where, clip


def _merged(placed: Iterable[tuple[str, Clip]], tally: Tally) -> list[tuple[str, Clip]]:
    """One clip for each stretch, with all labels that its rows give it."""
    merged: dict[str, tuple[str, Clip]] = {}
    for where, clip in placed:
        first, before = merged.setdefault(clip.name, (where, clip))
        if before is clip:
            continue
        new = tuple(label for label in clip.labels if label not in before.labels)
        if not new:
            tally.note("doubled_rows", where)
        merged[clip.name] = first, replace(before, labels=before.labels + new)
    return list(merged.values())


def _labelled(placed: Iterable[tuple[str, Clip]], shape: RowShape, tally: Tally) -> Iterator[tuple[str, Clip]]:
    for where, clip in placed:
        if clip.labels or not shape.drop_unlabelled:
            yield where, clip
        else:
            tally.note("unlabelled_rows", where)


def _sorted_into_splits(placed: Iterable[tuple[str, Clip]], root: Path, shape: RowShape) -> list[Clip]:
    clips = [clip for _, clip in placed]
    if shape.split_lists:
        listed: dict[str, str] = {}
        for name, split in shape.split_lists.items():
            paths = _text_lines(root / name, "split_lists") if name != "*" else []
            both = [path for path in paths if listed.get(path, split) != split]
            if both:
                raise UsageError(f"{root / name}: clip {both[0]} is in another list too, that of {listed[both[0]]!r}")
            listed.update(dict.fromkeys(paths, split))
        missing = [] if shape.on_disk else sorted(set(listed) - {clip.path for clip in clips})
        missing = [path for path in missing if not any(fnmatch.fnmatchcase(path, each) for each in shape.leave_out)]
        if missing:
            raise UsageError(
                f"{root}: {len(missing)} clips of {' and '.join(name for name in shape.split_lists if name != '*')} "
                f"are not there, {missing[0]} for one; get the whole dataset, or take them out of the list"
            )
        rest = shape.split_lists.get("*", "")
        clips = [replace(clip, split=listed.get(clip.path, rest)) for clip in clips]
    return _split_by_order(clips, shape.split_by_order)


def _split_by_order(clips: list[Clip], slices: Mapping[str, str]) -> list[Clip]:
    """The clips with the split in whose slice of the sorted groups theirs is; without those that are in none."""
    if not slices:
        return clips
    groups = sorted({clip.group for clip in clips})
    split_of: dict[str, str] = {}
    for split, text in slices.items():
        for group in groups[slice_of(text)]:
            if split_of.setdefault(group, split) != split:
                raise UsageError(
                    f"of {len(groups)} groups, {group!r} is in both {split_of[group]!r} ({slices[split_of[group]]}) and "
                    f"{split!r} ({text}); these splits need more groups"
                )
    return [replace(clip, split=split_of[clip.group]) for clip in clips if clip.group in split_of]
