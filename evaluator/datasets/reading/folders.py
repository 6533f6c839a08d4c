"""The kind `folders`: one sub-folder a class, audio at any depth in it.

Columns of a row: `label`, and `path`, `folder` and `stem` of the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES, SourceRow, path_columns, visible
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

    def read_rows(self, root: Path) -> Iterator[SourceRow]:
        """A row for each audio file, (n_clips,), sub-folders and paths sorted; a sub-folder without audio is refused."""
        for folder in class_folders(root):
            files = sorted(f"{folder.name}/{path}" for path in visible(folder, "**/*"))
            audio = [path for path in files if Path(path).suffix.lower() in AUDIO_SUFFIXES]
            if not audio:
                seen = sorted({Path(path).suffix or path for path in files})
                raise UsageError(
                    f"{folder}: holds no audio, only {', '.join(seen) or 'nothing'}; every sub-folder is a class and needs "
                    f"clips in one of {' '.join(AUDIO_SUFFIXES)}: fill it or move it away"
                )
            for path in audio:
                yield SourceRow(path, {**path_columns(path), "label": folder.name})


def class_folders(root: Path) -> list[Path]:
    """The visible folders in `root`, sorted by name, (n_classes,)."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
