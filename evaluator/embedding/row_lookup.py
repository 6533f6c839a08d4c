"""The rows of a table of vectors that are a clip's, by recording, start and end.

A recording of the table is one of the data's if its path is that below the data's folder, or leads to the very file, or if one of the
two paths ends in the other from a folder's border on, and neither fits a second time. Nothing is guessed beyond that: what is not
found fails, what could be two is refused.
"""

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.audio.decode import FileFacts
from evaluator.datasets.reading.globbing import visible
from evaluator.datasets.recordings import Recordings
from evaluator.errors import EvaluationError
from evaluator.vectors.reading import VectorTable

NEAR = 0.0015  # seconds within which two times are the same: tables are rounded to a millisecond
SHOWN = 3  # paths in a sentence


@dataclass
class RowLookup:
    """The rows of a table, found by clips of recordings; times in seconds.

    folder: Which relative paths of the table may begin from.
    """

    table: VectorTable
    recordings: Recordings
    folder: Path

    @cached_property
    def rows_by_path(self) -> dict[str, np.ndarray]:
        """Numbers of the rows of each recording of the table."""
        by_path: dict[str, list[int]] = defaultdict(list)
        for number, path in enumerate(self.table.path):
            by_path[_plain(path)].append(number)
        return {path: np.array(numbers) for path, numbers in by_path.items()}

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """The table's paths, by their last part."""
        by_name: dict[str, list[str]] = defaultdict(list)
        for path in self.rows_by_path:
            by_name[path.rpartition("/")[2]].append(path)
        return by_name

    @cached_property
    def on_disk(self) -> dict[str, list[str]]:
        """Paths of all files under the data's folder, by their last part."""
        by_name: dict[str, list[str]] = defaultdict(list)
        for path in map(_plain, visible(self.recordings.manifest.root, "**/*")):
            by_name[path.rpartition("/")[2]].append(path)
        return by_name

    @cached_property
    def path_of(self) -> dict[str, str]:
        """The table's path of each recording that it has, by the recording's own.

        Raises:
            EvaluationError: It could be two, or two recordings it.
        """
        found: dict[str, str] = {}
        for path in dict.fromkeys(clip.path for clip in self.recordings.clips):
            known = self._path(path)
            if known is not None:
                found[path] = known
        for path in self._of_others(found):
            del found[path]
        users: dict[str, list[str]] = defaultdict(list)
        for path, known in found.items():
            users[known].append(path)
        for known, paths in users.items():
            if len(paths) > 1:
                raise EvaluationError(
                    f"{self.table.place}: its path {known} could be {' or '.join(paths[:SHOWN])}; write paths as they are below "
                    f"{self.recordings.manifest.root}"
                )
        shorter = {known: paths for known, paths in users.items() if len(known) < len(_plain(paths[0]))}
        if shorter:
            self._refuse_shared(shorter)
        return found

    def _of_others(self, found: Mapping[str, str]) -> list[str]:
        """Recordings whose path ends that of the table, which is nearer to another recording under the data's folder."""
        root = self.recordings.manifest.root
        longer = {path: known for path, known in found.items() if len(known) > len(_plain(path))}
        longer = {
            path: known for path, known in longer.items() if _absolute(self.folder / known) != _absolute(root / path)
        }
        if not longer:
            return []
        return [
            path
            for path, known in longer.items()
            if any(
                len(each) > len(_plain(path)) and (known == each or known.endswith(f"/{each}"))
                for each in self.on_disk[known.rpartition("/")[2]]
            )
        ]

    def _path(self, path: str) -> str | None:
        plain = _plain(path)
        if plain in self.rows_by_path:
            return plain
        whole = _absolute(self.recordings.manifest.root / path)
        among = self.by_name.get(plain.rpartition("/")[2], [])
        same = [each for each in among if _absolute(self.folder / each) == whole]
        fitting = same or [each for each in among if each.endswith(f"/{plain}") or whole.endswith(f"/{each}")]
        if len(fitting) > 1:
            raise EvaluationError(
                f"{self.table.place}: the recording {path} could be {' or '.join(fitting[:SHOWN])}; write paths as they are below "
                f"{self.recordings.manifest.root}"
            )
        return fitting[0] if fitting else None

    def _refuse_shared(self, shorter: Mapping[str, Sequence[str]]) -> None:
        """Refuse a path of the table that ends the path of more than one recording under the data's folder."""
        ends: Counter[str] = Counter()
        for name in {known.rpartition("/")[2] for known in shorter}:
            for path in self.on_disk[name]:
                parts = path.split("/")
                ends.update("/".join(parts[first:]) for first in range(len(parts)))
        shared = [known for known, paths in shorter.items() if len(paths) > 1 or ends[known] > 1]
        if shared:
            among = self.on_disk[shared[0].rpartition("/")[2]]
            could = [path for path in among if path == shared[0] or path.endswith(f"/{shared[0]}")]
            raise EvaluationError(
                f"{self.table.place}: its path {shared[0]} could be {' or '.join(could[:SHOWN])}; write paths as they are below "
                f"{self.recordings.manifest.root}"
            )

    def rows_of(self, clip: Clip, n_layers: int) -> np.ndarray | str:
        """The rows of a clip, one for each layer in their order, or why there are none.

        Raises:
            EvaluationError: There are two of one kind.
        """
        where = self.table.place.name
        path = self.path_of.get(clip.path)
        if path is None:
            return f"{clip.name}: {where} has no row of this recording (its first path is {self.table.path[0]})"
        facts = self.recordings.facts[clip.path]
        length = facts.frames / facts.sample_rate if isinstance(facts, FileFacts) else np.nan
        rows = self.rows_by_path[path]
        starts, ends = self.table.start[rows], self.table.end[rows]
        starts, ends = np.where(np.isnan(starts), 0.0, starts), np.where(np.isnan(ends), length, ends)
        begin, heard = self.recordings.span(clip)
        end = length if clip.end is None else clip.end
        fitting = [rows[(np.abs(starts - begin) <= NEAR) & (np.abs(ends - each) <= NEAR)] for each in (heard, end)]
        own = fitting[0] if len(fitting[0]) else fitting[1]  # as embed writes a clip that is cut, or as the data has it
        if not len(own):
            there = f"{starts[0]:g} to {ends[0]:g} s" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
            return f"{clip.name}: {where} has the recording, but no row from {begin:g} to {end:g} s; it has {there}"
        if self.table.layer is not None:
            own = own[np.argsort(self.table.layer[own], kind="stable")]
            if len(own) < n_layers:
                return f"{clip.name}: {where} has {len(own)} of its {n_layers} layers"
        if len(own) != n_layers or len(set(self._layers(own))) < n_layers:
            raise EvaluationError(f"{self.table.place}: has {clip.name} twice; keep one row of each stretch and layer")
        return own

    def _layers(self, rows: np.ndarray) -> Iterator[int]:
        yield from [0] * len(rows) if self.table.layer is None else self.table.layer[rows].tolist()


def _plain(path: str) -> str:
    """A path in one Unicode form, without `./` at its beginning."""
    return unicodedata.normalize("NFC", path.removeprefix("./"))


def _absolute(path: Path) -> str:
    return _plain(Path(os.path.abspath(path)).as_posix())
