"""A run that checks itself: some clips are embedded again, and what comes must be what is stored.

A module that remembers earlier clips, mixes the clips of a batch or draws random numbers gives embeddings that hang on
the order of things; a probe may even read the labels from them. So of the shards that a task uses and that were not looked at yet a
handful of clips is embedded again, the first among them, alone in another order and in company. How far the answers are
from the stored ones counts in standard deviations between clips. What was seen lies beside the shards (`proofs/`), and comes
back with every later run that reads them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from evaluator.audio.decode import AudioError
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import measure, proofs
from evaluator.embedding.extraction import Extraction, seconds_of
from evaluator.embedding.proofs import Proof
from evaluator.embedding.spec import WorkerEnded
from evaluator.embedding.store import Store
from evaluator.embedding.views import Row
from evaluator.errors import EvaluationError

N_AGAIN = 3  # clips that are embedded again, alone and in company
AGAIN_SECONDS = 60.0  # most audio of them together, but where every clip is longer than that
MAX_AGAIN = 28  # clips that one module is asked for again in a process, beside the fixed sounds (`behaviour.py`)
N_EQUAL = 200  # clips that are searched for equal embeddings
N_SPREAD = 32  # clips whose standard deviation is the measure
REFUSED_ABOVE = 0.01  # standard deviations between clips
TOLD_ABOVE = 1e-4

REMEMBERS = (
    "the same clip gives another embedding when it is asked for again: the module remembers earlier clips, or answers "
    "otherwise in larger batches"
)
IN_COMPANY = "a clip's embedding depends on the clips beside it"
RANDOM = "the same clip gives another embedding each time it is asked for: the module is random"

_spent: "WeakKeyDictionary[Any, int]" = WeakKeyDictionary()  # clips that each module was asked for again


class AsksAgain(Protocol):
    """Who can be asked again for clips.

    module: What is asked in the end, which describes itself.
    recordings: The clips.
    """

    module: Any
    recordings: Recordings

    def again(self, numbers: Sequence[int]) -> list[Row]:
        """Views of clips, by their numbers, asked for together: {view: (size,), (n_layers, size) or (n_frames, size)} each."""


def watch(asked: AsksAgain, store: Store, shards: Iterable[Sequence[int]], done: Extraction) -> None:
    """Look again at shards that no one has looked at, and note in `done` what is known of all that hold its clips.

    A module is asked for at most `MAX_AGAIN` clips more than there are; shards that are left then are looked at by the next run.

    Args:
        asked: Who embedded them.
        store: Where they are.
        shards: The numbers of the clips of each, (n_clips,), in the order in which they were made.
        done: What became of the clips.

    Raises:
        WorkerEnded: The module is gone.
        AudioError: A file is gone, or was changed since.
        EvaluationError: The module refuses a clip that it took before.
    """
    shard_of = {number: store.locations[key][0].name for number, key in done.keys.items()}
    needed = set(shard_of.values())
    known = [proof for folder in store.folders for proof in proofs.read(folder) if needed & set(proof.shards)]
    unproven = needed.difference(*(proof.shards for proof in known if proof.looked))
    numbers = [number for shard in shards for number in shard if shard_of.get(number) in unproven]
    chosen = _handful(asked, done.keys, numbers) if numbers else []
    if chosen:
        change, seen = _look_again(asked, store, done.keys, numbers, chosen)
        done.remarks += _equal(asked, store, done.keys, numbers)
        known.append(Proof(tuple(sorted(unproven)), True, change, seen, tuple(done.remarks)))
        proofs.keep(known[-1], store.folder)
    for proof in known:
        done.remarks += [remark for remark in proof.remarks if remark not in done.remarks]
        if proof.change > done.change:
            done.change, done.seen = proof.change, proof.seen


def refuse(name: str, done: Extraction, allowed: bool) -> None:
    """Refuse embeddings that hang on more than the clip.

    A change is in standard deviations between clips.

    Args:
        name: Of the module.
        done: What is known of them.
        allowed: Whether the user insists.

    Raises:
        EvaluationError: They differ by more than `REFUSED_ABOVE` when they are asked for again.
    """
    if done.change > REFUSED_ABOVE and not allowed:
        raise EvaluationError(
            f"{name}: {describe(done)}. A score of such embeddings says little: mend the module (docs/own_model.md), or "
            "insist with --allow-unrepeatable"
        )


def describe(done: Extraction) -> str:
    """What was seen, with the change in % of the standard deviation between clips."""
    size = (
        ""
        if not np.isfinite(done.change)
        else f" (by {100 * done.change:.3g} % of the standard deviation between clips)"
    )
    return f"{done.seen}{size}"


def _look_again(
    asked: AsksAgain, store: Store, keys: Mapping[int, str], numbers: Sequence[int], chosen: Sequence[int]
) -> tuple[float, str]:
    """The largest change of the `chosen` clips' embeddings, in standard deviations between clips, and what it means."""
    mixed = [*chosen[1:], chosen[0]]
    stored = {number: measure.stored_row(store, keys[number]) for number in chosen}
    sample = sorted({keys[number] for number in numbers})[:N_SPREAD]
    scale = measure.spread([measure.stored_row(store, key) for key in sample])
    rounding = measure.rounding_of(store)
    alone = max(measure.change(_again(asked, [n])[0], stored[n], scale, rounding) for n in reversed(chosen))
    repeated = [_again(asked, chosen[:1])[0] for _ in range(3)] if alone > TOLD_ABOVE else []
    rows = _again(asked, mixed) if len(mixed) > 1 else []
    company = max(
        (measure.change(row, stored[number], scale, rounding) for number, row in zip(mixed, rows, strict=False)),
        default=0.0,
    )
    change = max(alone, company)
    if change <= TOLD_ABOVE:
        return change, ""
    if alone <= TOLD_ABOVE:
        return change, IN_COMPANY
    unsteady = max(measure.change(one, other, scale) for one, other in pairwise(repeated))
    return change, RANDOM if unsteady > alone / 10 and not _drifts(repeated) else REMEMBERS


def _again(asked: AsksAgain, numbers: Sequence[int]) -> list[Row]:
    """As `AsksAgain.again`, with a second try: a passing error says nothing of the embeddings.

    Raises:
        EvaluationError: The module refuses them twice.
    """
    _spent[asked.module] = _spent.get(asked.module, 0) + len(numbers)
    try:
        return asked.again(numbers)
    except (WorkerEnded, AudioError):
        raise
    except EvaluationError:
        try:
            return asked.again(numbers)
        except (WorkerEnded, AudioError):
            raise
        except EvaluationError as error:
            raise EvaluationError(f"a clip that the module took before is refused now: {error}; run again") from error


def _drifts(rows: Sequence[Row]) -> bool:
    """Whether answers to one clip move on in one direction, as with a counter or running statistics, rather than about a point."""
    first, second, third = (np.concatenate([view.ravel() for view in row.values()]).astype(np.float64) for row in rows)
    one, other = second - first, third - second
    return float(one @ other) > 0.9 * float(np.linalg.norm(one) * np.linalg.norm(other))


def _equal(
    asked: AsksAgain, store: Store, keys: Mapping[int, str], numbers: Sequence[int]
) -> Iterator[tuple[str, str]]:
    """A remark where clips that sound different have the very same embedding, as with a cache that forgets what it is asked."""
    if store.part == "frames" or asked.module.describe()["identity"] is not None:
        return
    distinct = sorted({keys[number] for number in numbers if not store.clips[keys[number]].silent})[:N_EQUAL]
    rows = [b"".join(view.tobytes() for view in measure.stored_row(store, key).values()) for key in distinct]
    n_equal = len(rows) - sum(count == 1 for count in Counter(rows).values())
    if n_equal:
        yield (
            "equal_embeddings",
            f"{n_equal} of {len(rows)} clips that were looked at have exactly the embedding of another clip, though they "
            "sound different",
        )


def _handful(asked: AsksAgain, keys: Mapping[int, str], numbers: Sequence[int]) -> list[int]:
    """The first clip, and others that a hash of their keys picks, each key once; of long ones only as many as take a minute.

    None where the module was asked for enough.
    """
    n_left = min(N_AGAIN, (MAX_AGAIN - _spent.get(asked.module, 0)) // 2)
    owner = {keys[number]: number for number in reversed(numbers)}
    others = sorted(owner, key=lambda key: hashlib.sha256(key.encode()).digest())
    chosen: list[int] = []
    seconds = 0.0
    for key in dict.fromkeys([keys[numbers[0]], *others]):
        length = seconds_of(asked.recordings, owner[key])
        if len(chosen) < n_left and seconds + length <= AGAIN_SECONDS:
            chosen.append(owner[key])
            seconds += length
    if n_left > 0 and not chosen:
        return [min(owner.values(), key=lambda number: seconds_of(asked.recordings, number))]
    return chosen
