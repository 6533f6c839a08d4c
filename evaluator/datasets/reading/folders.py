"""The kind `folders`: one sub-folder a class, audio at any depth in it.

Columns of a row: `label`, and `path`, `folder` and `stem` of the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.globbing import is_hidden, visible
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES, SourceRow, path_columns
from evaluator.errors import UsageError
from evaluator.typed import fixed_key


@dataclass(frozen=True, kw_only=True)
class FoldersReader(RowReader):
    """Clips are audio files; their label is the sub-folder that they lie in."""

    kind: str = fixed_key("folders", "Clips are audio files, and their label is the sub-folder that they lie in.")

    @property
    def implied(self) -> tuple[str, ...]:
        """The path and the label."""
        return ("path", "label")

    def traces(self, root: Path) -> tuple[str, bool]:
        """Whether there is a visible sub-folder."""
        return "one sub-folder a class", root.is_dir() and bool(class_folders(root))

    def read_rows(self, root: Path, tally: Tally) -> Iterator[SourceRow]:
        """A row for each audio file, (n_clips,), sub-folders and paths sorted; an empty sub-folder is told, one of other files refused."""
        files_of: dict[str, list[str]] = {folder.name: [] for folder in class_folders(root)}
        for path in visible(root, "*/**/*", tally):
            files_of[path.partition("/")[0]].append(path)
        for name, files in files_of.items():
            audio = [path for path in sorted(files) if Path(path).suffix.lower() in AUDIO_SUFFIXES]
            if not files:
                tally.note("empty_folders", name)
                continue
            if not audio:
                seen = sorted({Path(path).suffix or Path(path).name for path in files})
                raise UsageError(
                    f"{root / name}: holds no audio, only {', '.join(seen)}; every sub-folder is a class and "
                    f"needs clips in one of {' '.join(AUDIO_SUFFIXES)}: fill it or move it away"
                )
            for path in audio:
                yield SourceRow(path, {**path_columns(path), "label": name})


def class_folders(root: Path) -> list[Path]:
    """The visible folders in `root`, sorted by name, (n_classes,)."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not is_hidden(path.name))
