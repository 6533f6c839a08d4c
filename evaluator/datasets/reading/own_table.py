"""A user's own table as it is: separators, decimal commas, encodings and names of columns found out, not asked for."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.reading import headers
from evaluator.datasets.reading.delimited import read_bytes, read_table, reader_of
from evaluator.datasets.reading.shape import columns_of
from evaluator.datasets.reading.table import TableReader
from evaluator.errors import UsageError
from evaluator.typed import build

LABEL_SEPARATOR = ";"  # between the labels of one clip
FEW = 0.1  # share of the clips up to which several labels could be a slip, so that the user is asked
_N_PEEKED = 1 << 16  # bytes
_OTHERS = (
    "label",
    "start",
    "end",
    "fold or split",
    "group",
)  # columns that a table may have beside those that it needs
_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Form:
    """How a table is written.

    encoding: Of its text: `utf-8`, `utf-16`, or `cp1252` as Windows programs write it.
    delimiter: Between its values, one character.
    columns: Their names, (n_columns,).
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]


def form_of(path: Path) -> Form:
    """How a table is written, by its bytes and its first line.

    Raises:
        UsageError: It cannot be read.
    """
    return _form(path, read_bytes(path))


def beginning_of(path: Path) -> tuple[Form, list[str]]:
    """How a table is written and its first lines, (n_lines,), of at most 64 KiB, so that a large file costs no more.

    Raises:
        UsageError: It cannot be read.
    """
    start = read_bytes(path, _N_PEEKED)
    if len(start) == _N_PEEKED:
        start = start[: start.rfind(b"\n") + 1] or start
    form = _form(path, start)
    return form, _text(start, form.encoding).splitlines()


def _form(path: Path, content: bytes) -> Form:
    encoding = _encoding(content)
    lines = _text(content, encoding).split("\n", 2)[:2]
    first = lines[0].rstrip("\r")
    try:
        if re.fullmatch("sep=.", first):  # Excel's own way to say so
            return Form(encoding, first[-1], tuple(_split(lines[1] if lines[1:] else "", first[-1])))
        forms = [Form(encoding, delimiter, tuple(_split(first, delimiter))) for delimiter in _DELIMITERS]
    except csv.Error as error:
        raise UsageError(f"{path}:1: not a readable table: {error}") from error
    return max(forms, key=lambda form: (len(headers.columns_by_field(form.columns)), len(form.columns)))


def of_table(path: Path, needed: Sequence[str] = ("path", "label")) -> TableReader:
    """The reader of a user's table: path, label, and start and end (seconds), fold, split, group if there.

    Args:
        path: The table.
        needed: Columns without which it is none; where `label` is not among them, a clip may have any number of labels.

    Raises:
        UsageError: It cannot be read, a column that it needs is not there, a few of its clips have several labels, or its times
            can be read in two ways, or are half there.
    """
    form = form_of(path)
    columns, lines = read_table(path, form.delimiter, encoding=form.encoding)
    fields = headers.columns_by_field(columns)
    for name in needed:
        if name not in fields:
            raise UsageError(
                f"{path}: there is no column {name!r}; its columns are {', '.join(columns)}, but it needs {','.join(needed)} "
                f"and may have {','.join(name for name in _OTHERS if name not in needed)}"
            )
    _refuse_half_times(path, columns, fields)
    label = columns.index(fields["label"]) if "label" in fields else None
    times = [columns.index(fields[n]) for n in ("start", "end") if n in fields]
    written: set[str] = set()
    n_rows, several = 0, []
    for _, values in lines:
        n_rows += 1
        if label is not None and LABEL_SEPARATOR in values[label]:
            several.append(values[label])
        written.update(values[column] for column in times)
    decimal = _decimal(path, sorted(written), form.delimiter)
    said = fields.get("label", "").lower() == headers.SEVERAL_LABELS
    if several and not said and "label" in needed:
        way_out = f"mend them, or call the column {headers.SEVERAL_LABELS!r} if a clip may have several"
        refuse_few(str(path), len(several), n_rows, several[0], way_out)
    separator = LABEL_SEPARATOR if several or said or (label is not None and "label" not in needed) else ""
    keys = {"table": path.name, "delimiter": form.delimiter, "encoding": form.encoding, "decimal": decimal}
    templates = {name: f"{{{column}}}" for name, column in fields.items()}
    return build(TableReader, {**keys, "label_separator": separator, **templates})


def _refuse_half_times(path: Path, columns: Sequence[str], fields: Mapping[str, str]) -> None:
    """Refuse columns that look like the times of stretches, where clips would go to the recording's end or be all of it.

    Raises:
        UsageError: Of start and end one is there, and a column that could be the other, or only such as could be both.
    """
    spare = [column for column in columns if column not in fields.values()]
    hints = {field: [each for each in spare if headers.is_hint(each, field)] for field in ("start", "end")}
    lacking = [field for field in ("start", "end") if field not in fields]
    if not lacking or not all(hints[field] for field in lacking):
        return
    if len(lacking) == 2:
        ends = [each for each in hints["end"] if not headers.is_length(each)]
        if not ends:  # how long a recording is, says nothing of a stretch
            return
        found = f"{hints['start'][0]!r} and {ends[0]!r}"
    else:
        found = f"{fields['end' if lacking == ['start'] else 'start']!r} and {hints[lacking[0]][0]!r}"
    raise UsageError(
        f"{path}: its columns {found} look like the times of a stretch; call them start and end, in seconds from the recording's "
        "start (an end is start + duration), or remove them if clips are whole recordings"
    )


def _decimal(path: Path, times: Sequence[str], delimiter: str) -> str:
    """The decimal mark of times, (n_times,); `1,250` in a table with commas could be 1.25 or 1250."""
    commas = [time for time in times if _DECIMAL_COMMA.fullmatch(time)]
    if not commas:
        return "."
    points = [time for time in times if "." in time]
    if points:
        raise UsageError(
            f"{path}: some of its times have a decimal comma ({commas[0]}) and some a point ({points[0]}); write all of them "
            "with points"
        )
    if delimiter == "," and all(_THOUSANDS.fullmatch(time) for time in commas):
        raise UsageError(
            f"{path}: the time {commas[0]} could be {commas[0].replace(',', '.')} s or {commas[0].replace(',', '')} s; write "
            "times with points, and without separators of thousands"
        )
    return ","


def some_values(path: Path, reader: TableReader, field: str, n: int) -> set[str]:
    """Different values of a field of a user's table: all of them, or `n` if there are as many or more, so that few rows are read.

    Args:
        path: The table.
        reader: As `of_table` gives it.
        field: Of a clip, such as `group`, for which the table has a column.
        n: How many are enough.

    Raises:
        UsageError: A row before them does not fit the table.
    """
    columns, lines = read_table(path, reader.delimiter, encoding=reader.encoding)
    column = columns.index(columns_of(getattr(reader, field))[0])
    found: set[str] = set()
    for _, values in lines:
        found.add(values[column])
        if len(found) >= n:
            break
    return found


def refuse_few(where: str, n: int, n_all: int, first: str, way_out: str) -> None:
    """Refuse to make a multi-label task of a table in which few clips have several labels, since it could be a slip.

    Args:
        where: The table.
        n, n_all: Clips with several labels, and all clips.
        first: The first of them.
        way_out: What the user can do.

    Raises:
        UsageError: There are such clips, but not more than a tenth of all.
    """
    if 0 < n <= FEW * n_all:
        raise UsageError(
            f"{where}: {n} of {n_all} clips {'has' if n == 1 else 'have'} several labels ({first!r} for one), which would "
            f"make all of it a task of several labels a clip, scored by mAP; {way_out}"
        )


def _encoding(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in content[:2]:  # no text of other encodings has zeros
        return "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"  # which takes every byte


def _text(content: bytes, encoding: str) -> str:
    """The text, of which the end may be cut in the middle of a character; old Macs' line ends become ours."""
    text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    return text if "\n" in text else text.replace("\r", "\n")


def _split(line: str, delimiter: str) -> list[str]:
    return [value.strip() for value in next(reader_of(io.StringIO(line), delimiter), [])]
