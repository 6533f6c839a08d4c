"""The kind `table`: delimited files with one line a row, below one header line, several, or none.

Columns of a row: the header's, and `table.path`, `table.folder` and `table.stem` of the file.
"""

import codecs
import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import headers, spellings
from evaluator.datasets.reading.delimited import read_table
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import SourceRow, matching_files, path_columns
from evaluator.datasets.reading.shape import TEMPLATES, columns_of
from evaluator.errors import UsageError
from evaluator.typed import fixed_key, key


@dataclass(frozen=True, kw_only=True)
class TableReader(RowReader):
    """Clips are lines of a delimited file, or of several; columns with their start and end are in seconds."""

    kind: str = fixed_key("table", "Clips are lines of delimited files.")
    table: str = key("File, or a glob of several, relative to the dataset's folder.")
    delimiter: str = key("Character between the values of a line.", default=",")
    header: int = key(
        "Lines at the top that name the columns; of several, the names are joined by `.`.", default=1, min=0, max=9
    )
    encoding: str = key("Encoding of the text, such as `utf-8`, `cp1252` or `utf-16`.", default="utf-8")
    columns: tuple[str, ...] = key("Names of the columns, where no line gives them (header: 0).", default=())

    @property
    def columns_vary(self) -> bool:
        """Whether there are several tables, each with columns of its own."""
        return glob.has_magic(self.table)

    @property
    def renamed_columns(self) -> dict[str, str]:
        """Field of a clip -> the column of another name that it is taken from as it stands."""
        taken = {name: columns_of(getattr(self, name)) for name in TEMPLATES}
        return {name: columns[0] for name, columns in taken.items() if len(columns) == 1 and columns[0] != name}

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the fields beyond their types: (key, sentence) pairs."""
        if len(self.delimiter) != 1:
            yield "delimiter", f"is {self.delimiter!r}, but should be one character"
        if (self.header == 0) != bool(self.columns):
            yield "columns", "name the columns of a table without header (header: 0), and of no other"
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            yield "encoding", f"{self.encoding!r} is no encoding that Python knows, such as utf-8 or cp1252"
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

    def read_rows(self, root: Path, tally: Tally) -> Iterator[SourceRow]:
        """A row for each line, in the order of the tables and their lines."""
        names = list(matching_files(root, self.table, tally))
        if not names:
            raise UsageError(f"{root / self.table}: there is no such file")
        used = {spelling for column in self.used_columns for spelling in (column, *spellings.columns_of(column))}
        filled = [name for name in TEMPLATES if getattr(self, name)]
        unused: dict[str, str] = {}
        for name in names:
            if self.encoding != "utf-8":
                tally.note("encoding", name, detail=self.encoding)
            about = path_columns(name, "table.")
            table = root / name  # outside the loop: joining paths takes longer than reading a line
            columns, lines = read_table(table, self.delimiter, self.header, self.columns, self.encoding)
            unused |= {column: str(table) for column in columns if column and column not in used}
            for line, values in lines:
                yield SourceRow(f"{table}:{line}", {**about, **dict(zip(columns, values, strict=True))})
        if unused:
            tally.note("unused_columns", next(iter(unused)), len(unused), headers.with_hints(list(unused), filled))
