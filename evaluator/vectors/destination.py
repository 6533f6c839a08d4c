"""Where a table of embeddings goes: in which form, and whether what is there already may be replaced."""

import glob
import json
import os
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import UsageError
from evaluator.files import discard
from evaluator.vectors.csv_file import CSV_SHA256, CsvWriter, beside, sha256_of
from evaluator.vectors.folder import INDEX, OURS, SAID, FolderWriter
from evaluator.vectors.npy import NpzWriter
from evaluator.vectors.parquet import ParquetWriter, pyarrow
from evaluator.vectors.rows import PROVENANCE, Writer

FILES: Mapping[str, Callable[[Path], Writer]] = {".parquet": ParquetWriter, ".csv": CsvWriter, ".npz": NpzWriter}
ASKED = "asked"  # the part of a provenance that is the request
PLACES, WHERE = (
    "places",
    "where",
)  # in it: files, folders and tasks as they were given; how files and folders lie beside the table
LEFT_SECONDS = 86400.0  # between two writes of a slow module's embeddings lie hours
_LEFT = re.compile(r"\.\d+\.[0-9a-f]{8}\.part$")  # as `files.aside_of` names them


@dataclass(frozen=True)
class Destination:
    """A file or folder that a table of embeddings, (n_rows, width), goes into.

    Attributes:
        path: Of the file or folder.
        kind: Its ending, of `FILES`; "" for a folder.
    """

    path: Path
    kind: str

    def open(self) -> Writer:
        """What writes there.

        Raises:
            UsageError: The library that it takes is not installed.
            EvaluationError: It cannot be written.
        """
        self.clear()
        return FILES[self.kind](self.path) if self.kind else FolderWriter(self.path)

    def clear(self) -> None:
        """Remove what a killed process left half-written under a hidden name of this one, if nobody wrote to it for a day."""
        for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.part"):
            if _LEFT.search(left.name) and time.time() - left.lstat().st_mtime > LEFT_SECONDS:
                discard(left)

    def refuse_other(self, asked: Mapping[str, Any]) -> None:
        """Refuse to replace what is there, unless the very same request made it.

        Args:
            asked: The request, as JSON holds it.

        Raises:
            UsageError: It was made by another one, or by who knows what.
        """
        if not self.path.exists():
            return
        before = (said_of(self.path) or {}).get(ASKED)
        if not isinstance(before, dict):
            raise UsageError(
                f"--out {self.path}: is there already, and does not say that embed made it; give another name, or --overwrite"
            )
        plain = json.loads(json.dumps(asked))
        other = [name for name in sorted({*plain, *before}) if plain.get(name) != before.get(name)]
        if other == [PLACES] and len(plain.get(WHERE) or ()) == len(plain[PLACES]):
            raise UsageError(
                f"--out {self.path}: is there already, and holds the same files and folders, given in other words ({before[PLACES]!r}, now "
                f"{plain[PLACES]!r}), which its column path repeats; give them in the same words, another name, or --overwrite"
            )
        if other:
            name = other[0]
            raise UsageError(
                f"--out {self.path}: is there already, and holds what another request made ({name}: {before.get(name)!r}, now "
                f"{plain.get(name)!r}); give another name, or --overwrite"
            )


def destination(out: str | Path, frames: bool = False) -> Destination:
    """Where a table of embeddings goes, or frames, (n_frames, width) a clip; looked at before the work.

    Args:
        out: A file that ends in one of `FILES`, or a folder: a name without ending, or with a slash at its end.
        frames: Whether it is to hold frames, which only a folder does.

    Raises:
        UsageError: It cannot be written so, or a library is missing.
    """
    path = Path(out).expanduser()
    kind = "" if str(out).endswith(("/", os.sep)) or path.is_dir() else path.suffix.lower()
    if kind and kind not in FILES:
        raise UsageError(
            f"--out {out}: give a name that ends in {', '.join(FILES)}, or a folder (no ending, or a slash at its end)"
        )
    if frames and kind:
        raise UsageError(
            f"--out {out}: frames are many, and go into a folder of files of bounded size; give a folder, such as {path.with_suffix('')}/"
        )
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {path.parent}")
    if not kind and path.is_file():
        raise UsageError(f"--out {out}: is a file, not a folder; give another name")
    if not kind and path.is_dir():
        _refuse_foreign(path, out)
    if kind in ("", ".parquet"):
        pyarrow()
    return Destination(path, kind)


def _refuse_foreign(path: Path, out: str | Path) -> None:
    """Refuse a folder that holds what `embed` did not write, since writing there replaces the folder.

    Raises:
        UsageError: It holds such a file or folder.
    """
    foreign = sorted(each.name for each in path.iterdir() if not OURS.fullmatch(each.name))
    if foreign:
        raise UsageError(
            f"--out {out}: the folder holds {foreign[0]}, which embed did not write, and would be replaced; give a new folder"
        )


def said_of(path: Path) -> dict[str, Any] | None:
    """The provenance that a table of embeddings holds; None where it holds none that can be read.

    Args:
        path: Of the file or folder of vectors (n_rows, width).
    """
    try:
        if path.is_dir():
            text = (path / SAID).read_text(encoding="utf-8") if (path / INDEX).is_file() else ""
        elif path.suffix.lower() == ".parquet":
            text = (pyarrow().parquet.read_metadata(path).metadata or {})[PROVENANCE.encode()].decode()
        elif path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                text = str(arrays["provenance"])
        else:
            text = beside(path).read_text(encoding="utf-8")
        said = json.loads(text)
    except (OSError, ValueError, KeyError, RecursionError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    if not isinstance(said, dict):
        return None
    if path.suffix.lower() == ".csv" and said.get(CSV_SHA256) != sha256_of(path):
        return None  # the table was written by somebody else since
    return said
