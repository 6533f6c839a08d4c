"""Readers whose files hold rows: their rows are shaped into clips, and their fields checked, in one way for all kinds."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import checks, shaping
from evaluator.datasets.reading.delimited import read_table
from evaluator.datasets.reading.rows import SourceRow
from evaluator.datasets.reading.shape import RowShape
from evaluator.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class RowReader(RowShape):
    """A reader whose files hold rows, each of which becomes a clip (or an event, where windows are cut)."""

    @abstractmethod
    def read_rows(self, root: Path, tally: Tally) -> Iterator[SourceRow]:
        """The rows that the files under `root` hold, in their order; what is odd about them is noted in `tally`."""

    def read_clips(self, root: Path, tally: Tally | None = None) -> list[Clip]:
        """The clips under `root` in the order of their rows, (n_clips,)."""
        tally = tally or Tally()
        return shaping.clips(self.read_rows(root, tally), root, self, tally)

    def read_classes(self, root: Path) -> tuple[str, ...]:
        """The classes that the fields or the vocabulary fix, in their order, (n_classes,); else empty."""
        if self.vocabulary is None:
            return self.classes or self.label_columns
        table = root / self.vocabulary.table
        columns, lines = read_table(table, self.vocabulary.delimiter, self.vocabulary.header, self.vocabulary.columns)
        if self.vocabulary.label not in columns:
            raise UsageError(
                f"{table}: there is no column {self.vocabulary.label!r}; its columns are {', '.join(columns)}"
            )
        index = columns.index(self.vocabulary.label)
        return tuple(values[index] for _, values in lines)

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the fields beyond their types: (key, sentence) pairs."""
        return checks.problems(self)
