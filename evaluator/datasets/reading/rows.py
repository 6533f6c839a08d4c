"""A row of a dataset's files, column -> text, and the files that rows come from.

Paths are relative to the dataset's folder, with forward slashes. Rows come in the order of the files, and files sorted
by path. Hidden files are never read.
"""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import spellings
from evaluator.datasets.reading.globbing import visible

# What libsndfile 1.2 reads, by file name: https://libsndfile.github.io/libsndfile/formats.html
_SUFFIXES = "wav wave rf64 w64 flac ogg oga opus mp3 aif aiff aifc au snd caf voc sph nist"
AUDIO_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())
# What phones, recorders and websites write besides: sound too, but nothing that libsndfile reads.
_OTHERS = "m4a m4b mp4 aac 3gp amr awb wma wv wac w4v ape tta tak mka mkv webm weba mov ac3 eac3 dts dsf dff ra rm mpc shn gsm"
OTHER_AUDIO_SUFFIXES = tuple(f".{suffix}" for suffix in _OTHERS.split())


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row, and where it stands, for sentences about it."""

    where: str
    values: dict[str, str]

    @property
    def own_columns(self) -> list[str]:
        """Without those that tell of the table itself."""
        return [name for name in self.values if not name.startswith(("table.", "file."))]


def path_columns(path: str, prefix: str = "") -> dict[str, str]:
    """The columns `path`, `folder` and `stem` of a file, with a prefix such as `table.` before their names."""
    folder, _, name = path.rpartition("/")
    columns = {"path": path, "folder": folder, "stem": name.rpartition(".")[0] or name}
    return {f"{prefix}{column}": value for column, value in columns.items()}


def matching_files(root: Path, name: str, tally: Tally | None = None) -> Iterator[str]:
    """The one file under `root` that `name` is, or, if it is a glob, the files that fit it, sorted.

    Raises:
        UsageError: Files fit two spellings of the name.
    """
    if (root / name).is_file():  # also one that is called like a glob
        yield name
    elif glob.has_magic(name):
        yield from sorted(visible(root, name, tally))
    else:
        there = {spelling: [spelling] * (root / spelling).is_file() for spelling in spellings.paths_of(name)}
        yield from spellings.files_of(there, str(root))
