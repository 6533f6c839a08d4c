"""`precomputed:F`: vectors that were computed elsewhere, looked up for each clip by recording, start and end (`row_lookup`)."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio.clip_rule import ClipRule
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import guard
from evaluator.embedding.embed import Progress
from evaluator.embedding.extraction import Extraction, keyed, recall
from evaluator.embedding.measure import ROUNDING
from evaluator.embedding.row_lookup import RowLookup
from evaluator.embedding.spec import ModuleSpec
from evaluator.embedding.store import Store, StoredClip
from evaluator.errors import EvaluationError, UsageError
from evaluator.module_names import PRECOMPUTED
from evaluator.vectors.reading import VectorTable, read_table

UNCHANGING = "is a table, whose vectors do not change with sounds; robustness takes modules"
ANOTHER = "two clips with the very same sound have different vectors"
SHARD_BYTES = 64 << 20  # of vectors that are held at once
COMPARED = 1024  # pairs of clips at once


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
        found = RowLookup(table, recordings, self.folder)
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
