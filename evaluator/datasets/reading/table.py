"""The kind `table`: delimited files with one line a row, below one header line, several, or none.

Columns of a row: the header's, and `table.path`, `table.folder` and `table.stem` of the file.
"""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.reading.delimited import read_table
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import SourceRow, matching_files, path_columns
from evaluator.datasets.reading.shape import TEMPLATES, columns_of
from evaluator.datasets.reading.shaping import LABEL_SEPARATOR
from evaluator.errors import UsageError
from evaluator.typed import build, fixed_key, key


@dataclass(frozen=True, kw_only=True)
class TableReader(RowReader):
    """Clips are lines of a delimited file, or of several; columns with their start and end are in seconds."""

    kind: str = fixed_key("table", "Clips are lines of delimited files.")
    table: str = key("File, or a glob of several, relative to the dataset's folder.")
    delimiter: str = key("Character between the values of a line.", default=",")
    header: int = key(
        "Lines at the top that name the columns; of several, the names are joined by `.`.", default=1, min=0, max=9
    )
    columns: tuple[str, ...] = key("Names of the columns, where no line gives them (header: 0).", default=())

    @property
    def columns_vary(self) -> bool:
        """Whether there are several tables, each with columns of its own."""
        return glob.has_magic(self.table)

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the fields beyond their types: (key, sentence) pairs."""
        if len(self.delimiter) != 1:
            yield "delimiter", f"is {self.delimiter!r}, but should be one character"
        if (self.header == 0) != bool(self.columns):
            yield "columns", "name the columns of a table without header (header: 0), and of no other"
        yield from super().problems()
        if self.label and self._label_is_constant():
            yield "label", f"is the same for every clip; if {self.label!r} is a column, write {{{self.label}}}"

    def _label_is_constant(self) -> bool:
        try:
            return not columns_of(self.label)
        except ValueError:  # no template: another problem
            return False

    def traces(self, root: Path) -> tuple[str, bool]:
        """Whether the table is there."""
        return f"the table {self.table}", next(matching_files(root, self.table), None) is not None

    def read_rows(self, root: Path) -> Iterator[SourceRow]:
        """A row for each line, in the order of the tables and their lines."""
        names = list(matching_files(root, self.table))
        if not names:
            raise UsageError(f"{root / self.table}: there is no such file")
        for name in names:
            about = path_columns(name, "table.")
            table = root / name  # outside the loop: joining paths takes longer than reading a line
            columns, lines = read_table(table, self.delimiter, self.header, self.columns)
            for line, values in lines:
                yield SourceRow(f"{table}:{line}", {**about, **dict(zip(columns, values, strict=True))})


def of_csv(path: Path) -> TableReader:
    """The reader of a user's CSV (or, by its suffix, TSV): path, label, and start and end (seconds), fold, split, group if there.

    Raises:
        UsageError: It cannot be read, or a column that it needs is not there.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    columns, lines = read_table(path, delimiter)
    for needed in ("path", "label"):
        if needed not in columns:
            raise UsageError(
                f"{path}: there is no column {needed!r}; its columns are {', '.join(columns)}, but it needs path,label "
                "and may have start,end,fold or split,group"
            )
    index = columns.index("label")
    several = any(LABEL_SEPARATOR in values[index] for _, values in lines)
    templates = {name: f"{{{name}}}" for name in TEMPLATES if name in columns}
    separator = LABEL_SEPARATOR if several else ""
    return build(TableReader, {"table": path.name, "delimiter": delimiter, "label_separator": separator, **templates})
