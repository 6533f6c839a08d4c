"""`precomputed:F`: vectors that were computed elsewhere, looked up for each clip by recording, start and end.

A recording of the table is one of the data's if its path is that below the data's folder, or leads to the very file, or if one of the
two paths ends in the other from a folder's border on, and neither fits a second time. Nothing is guessed beyond that: what is not
found fails, what could be two is refused.
"""

import os
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import FileFacts
from evaluator.datasets.reading.globbing import visible
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import guard
from evaluator.embedding.embed import Progress
from evaluator.embedding.extraction import Extraction, keyed, recall
from evaluator.embedding.measure import ROUNDING
from evaluator.embedding.spec import ModuleSpec
from evaluator.embedding.store import Store, StoredClip
from evaluator.errors import EvaluationError, UsageError
from evaluator.module_names import PRECOMPUTED
from evaluator.vectors.reading import VectorTable, read_table

NEAR = 0.0015  # seconds within which two times are the same: tables are rounded to a millisecond
UNCHANGING = "is a table, whose vectors do not change with sounds; robustness takes modules"
ANOTHER = "two clips with the very same sound have different vectors"
SHARD_BYTES = 64 << 20  # of vectors that are held at once
COMPARED = 1024  # pairs of clips at once
SHOWN = 3


def file_of(name: str) -> Path:
    """The file or folder of a table of vectors, (n_rows, width), by its name as a module."""
    return Path(name.removeprefix(PRECOMPUTED)).expanduser()


class Precomputed:
    """A table of vectors in the place of a module; of a `Module`'s calls it answers `describe` only.

    Its vectors are (n_rows, width), or (n_rows, n_layers, width) of a table with a column `layer`.

    Raises:
        UsageError: The table cannot be read, or is to be loaded with weights or options.
    """

    def __init__(self, spec: ModuleSpec):
        given = (
            ["--weights"] * bool(spec.weights) + ["--option"] * bool(spec.options) + ["--python"] * bool(spec.python)
        )
        if given:
            raise UsageError(f"{spec.name}: is a table, which nothing is loaded into; leave {given[0]} out")
        self.spec = spec
        self.folder = Path(spec.table_folder)
        self.table: VectorTable = read_table(self.folder / file_of(spec.name))
        self.n_layers = 1 if self.table.layer is None else int(self.table.layer.max()) + 1

    def describe(self) -> dict[str, Any]:
        """Sizes, and what the table says of the module that made it."""
        table, said = self.table, self.table.provenance
        rate, trained_on, heard = said.get("sample_rate"), said.get("trained_on"), said.get("heard")
        made_by, names = said.get("asked"), table.vector_names
        return {
            "scene_embedding_size": table.width,
            "timestamp_embedding_size": 0,
            "sample_rate": rate if isinstance(rate, (int, list)) else 0,
            "extension": True,
            "n_layers": self.n_layers if self.n_layers > 1 else 0,
            "code": "",
            "identity": None,
            "weights_sha256": table.sha256,
            "trained_on": dict(trained_on) if isinstance(trained_on, dict) else {},
            "heard": [str(sound) for sound in heard] if isinstance(heard, list) else [],
            "licence": licence if isinstance(licence := said.get("licence"), str) else "",
            "precomputed": {
                "file": table.place.name,
                "sha256": table.sha256,
                "made_by": made_by.get("module", "") if isinstance(made_by, dict) else "",
                "vector": f"{names[0]} to {names[-1]}" if len(names) > 1 else names[0],
                "ignored": list(table.ignored),
            },
        }

    def embed(self, views: str, recordings: Recordings, cache: Path, progress: Progress) -> tuple[Store, Extraction]:
        """The vectors of clips, and which have none; arguments as those of `ensemble.embed`.

        They are put into a store that goes with its last reader: what is looked up hangs on the data's folder, and is soon done again.

        Raises:
            UsageError: The table has no such views.
            EvaluationError: A recording or a row could be two, or a vector holds NaN or infinite values.
        """
        table = self.table
        self._refuse_unheard(recordings.rule)
        if views == "frames":
            raise UsageError(f"{self.spec.name}: holds a vector a clip; event tasks need the frames of a module")
        if views == "scene" and self.n_layers > 1:
            raise UsageError(
                f"{self.spec.name}: holds layers 0 to {self.n_layers - 1} and none that stands for all; say --layers all, last, mean "
                "or numbers, such as 6, 1,6,12 or 0-4"
            )
        done = keyed(recordings)
        found = _Found(table, recordings, self.folder)
        rows: dict[int, np.ndarray] = {}
        for number in sorted(done.keys):
            own = found.rows_of(recordings.clips[number], self.n_layers)
            if isinstance(own, str):
                done.failed[number] = own
                done.absent.add(number)
                del done.keys[number]
            else:
                rows[number] = own
        store = _temporary(table, set(done.keys.values()), self.spec.kept_as)
        advance = progress(f"{self.spec.name} {recordings.name}: clips", len(recordings.clips))
        self._fill(store, done, rows, recordings)
        self._compare(done, rows, recordings)
        advance(len(recordings.clips))
        recall(done, store)
        guard.refuse(self.spec.name, done, self.spec.allow_unrepeatable)
        return store, done

    def _refuse_unheard(self, rule: ClipRule) -> None:
        """Refuse what can only be done to sounds, unless the table says that it was done to those that its vectors are of.

        Raises:
            UsageError: Clips are to be degraded, or heard on another channel or at another pace.
        """
        if rule.degradation is not None:
            raise UsageError(f"{self.spec.name}: {UNCHANGING}")
        asked = self.table.provenance.get("asked")
        made_with = asked if isinstance(asked, dict) else {}
        for name, value, usual in (("channel", rule.channel, "mix"), ("expand", rule.expand, None)):
            if value != usual and str(made_with.get(name)) != str(value):
                raise UsageError(
                    f"{self.spec.name}: is a table, and says nothing of --{name} {value}; leave it out, or embed with it"
                )

    def refuse(self, audio: Any) -> Any:
        """A table cannot be asked for sounds.

        Raises:
            EvaluationError: Always.
        """
        raise EvaluationError(
            f"{self.spec.name}: is a table of vectors, which nothing can be asked of but to look up clips"
        )

    scene = timestamps = clips = reuses_memory = refuse

    def raw_facts(self) -> dict[str, Any]:
        """Nothing was answered."""
        return {}

    def _fill(self, store: Store, done: Extraction, rows: Mapping[int, np.ndarray], recordings: Recordings) -> None:
        """Put the vectors of the clips into a store in the order of the table, so that a large one is read once and is never in memory."""
        owner: dict[str, int] = {}
        for number in sorted(done.keys):
            owner.setdefault(done.keys[number], number)
        numbers = sorted(owner.values(), key=lambda number: int(rows[number][0]))
        size = max(1, SHARD_BYTES // (4 * self.table.width * self.n_layers))
        for begin in range(0, len(numbers), size):
            part = sorted(numbers[begin : begin + size], key=done.keys.__getitem__)  # as every shard is ordered
            vectors = self._vectors(part, rows, recordings)
            views = {"layers_mean": vectors, **({"scene": vectors[:, 0]} if self.n_layers == 1 else {})}
            store.write([StoredClip(done.keys[number]) for number in part], views)

    def _compare(self, done: Extraction, rows: Mapping[int, np.ndarray], recordings: Recordings) -> None:
        """Note the first two clips with the very same sound whose vectors, (n_layers, width), differ by more than rounding."""
        owner: dict[str, int] = {}
        pairs = [(owner.setdefault(done.keys[number], number), number) for number in sorted(done.keys)]
        pairs = [pair for pair in pairs if pair[0] != pair[1]]
        for begin in range(0, len(pairs), COMPARED):
            firsts, seconds = zip(*pairs[begin : begin + COMPARED], strict=True)
            one, other = (self._vectors(numbers, rows, recordings) for numbers in (firsts, seconds))
            differ = np.abs(one - other).max(axis=(1, 2)) > ROUNDING * np.abs(one).max(axis=(1, 2))
            if differ.any():
                place = int(differ.argmax())
                names = " and ".join(recordings.clips[each[place]].name for each in (firsts, seconds))
                done.change, done.seen = np.inf, f"{ANOTHER}: {names}"
                return

    def _vectors(self, numbers: Sequence[int], rows: Mapping[int, np.ndarray], recordings: Recordings) -> np.ndarray:
        """Vectors of clips, (n_clips, n_layers, width) float32.

        Raises:
            EvaluationError: One holds NaN or infinite values.
        """
        wanted = np.concatenate([rows[number] for number in numbers])
        distinct, inverse = np.unique(wanted, return_inverse=True)
        vectors = self.table.take(distinct)[inverse].reshape(len(numbers), self.n_layers, -1)
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=(1, 2)))
        if len(bad):
            place = np.argwhere(~np.isfinite(vectors[bad[0]]))[0]
            raise EvaluationError(
                f"{self.table.place}: the vector of {recordings.clips[numbers[bad[0]]].name} holds "
                f"{vectors[bad[0]][tuple(place)]} (dimension {place[1] + 1} of {self.table.width}); mend the table"
            )
        return vectors


def _temporary(table: VectorTable, wanted: set[str], kept_as: str) -> Store:
    """A store in a temporary folder, which goes with the object."""
    folder = tempfile.TemporaryDirectory(prefix="hear-eval-precomputed-")
    store = Store(Path(folder.name), {"precomputed": table.sha256}, kept_as=kept_as, wanted=wanted)
    store.home = folder
    return store


@dataclass
class _Found:
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
