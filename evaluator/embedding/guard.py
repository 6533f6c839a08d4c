"""A run that checks itself: some clips are embedded again, and what comes must be what is stored.

A module that remembers earlier clips, mixes the clips of a batch or draws random numbers gives embeddings that hang on
the order of things; a probe may even read the labels from them. So of the shards that a task uses and that were not looked at yet a
handful of clips is embedded again, the first among them, alone in another order and in company. How far the answers are
from the stored ones counts in standard deviations between clips. What was seen lies beside the shards (`proofs/`), and comes
back with every later run that reads them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from evaluator.audio import unheard
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.datasets.recordings import Recordings
from evaluator.embedding.extraction import Extraction, seconds_of
from evaluator.embedding.plain import Row
from evaluator.embedding.spec import WorkerEnded
from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError
from evaluator.files import write_whole

N_AGAIN = 4  # clips that are embedded again
AGAIN_SECONDS = 60.0  # most audio of them together, but where every clip is longer than that
MAX_FRAMES = 500  # of a clip that are compared
N_SPREAD = 32  # clips whose standard deviation is the measure
REFUSED_ABOVE = 0.01  # standard deviations between clips
TOLD_ABOVE = 1e-4
UNHEARD_ABOVE = 0.1  # share of the power
ROUNDING = 1e-5  # of an embedding's own RMS: what another order of additions may do

REMEMBERS = "the same clip gives another embedding later: the module remembers earlier clips"
IN_COMPANY = "a clip's embedding depends on the clips beside it"
RANDOM = "the same clip gives another embedding each time it is asked for: the module is random"
REFUSES = "a clip that it took before is refused now"


class Asked(Protocol):
    """Who can be asked again for clips.

    sample_rate: Of the audio that it takes, in Hz.
    recordings: The clips.
    """

    sample_rate: int
    recordings: Recordings

    def again(self, numbers: Sequence[int]) -> list[Row]:
        """Views of clips, by their numbers, asked for together: {view: (size,) or (n, size)} each."""


@dataclass(frozen=True)
class Proof:
    """What was seen when some clips of some shards were embedded again.

    Attributes:
        shards: File names of the shards.
        change: The largest difference from what is stored, in standard deviations between clips.
        seen: What that means, a sentence; "" where nothing is wrong.
        remarks: Kind and sentence of what else is to be known of the embeddings in these shards.
    """

    shards: tuple[str, ...]
    change: float
    seen: str
    remarks: tuple[tuple[str, str], ...]


def watch(asked: Asked, store: Store, shards: Iterable[Sequence[int]], done: Extraction) -> None:
    """Look again at shards that no one has looked at, and note in `done` what is known of all that hold its clips.

    Args:
        asked: Who embedded them.
        store: Where they are.
        shards: The numbers of the clips of each, (n_clips,), in the order in which they were made.
        done: What became of the clips.

    Raises:
        WorkerEnded: The module is gone.
        AudioError: A file is gone, or was changed since.
    """
    shard_of = {number: store.locations[key][0].name for number, key in done.keys.items()}
    needed = set(shard_of.values())
    proofs = [proof for folder in store.folders for proof in _proofs(folder) if needed & set(proof.shards)]
    unproven = needed.difference(*(proof.shards for proof in proofs))
    numbers = [number for shard in shards for number in shard if shard_of.get(number) in unproven]
    if numbers:
        chosen = _handful(asked, done.keys, numbers)
        change, seen = _look_again(asked, store, done.keys, numbers, chosen)
        done.remarks += _unheard(asked, chosen)
        proofs.append(Proof(tuple(sorted(unproven)), change, seen, tuple(done.remarks)))
        _keep(proofs[-1], store.folder)
    for proof in proofs:
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
    asked: Asked, store: Store, keys: Mapping[int, str], numbers: Sequence[int], chosen: Sequence[int]
) -> tuple[float, str]:
    """The largest change of the `chosen` clips' embeddings, in standard deviations between clips, and what it means."""
    mixed = [*chosen[1:], chosen[0]]
    stored = {number: _stored(store, keys[number]) for number in chosen}
    sample = sorted({keys[number] for number in numbers})[:N_SPREAD]
    scale = _spread([_stored(store, key) for key in sample])
    try:
        alone = max(_change(asked.again([number])[0], stored[number], scale) for number in reversed(chosen))
        repeated = [asked.again(chosen[:1])[0] for _ in range(3)] if alone > TOLD_ABOVE else []
        rows = asked.again(mixed) if len(mixed) > 1 else []
    except (WorkerEnded, AudioError):
        raise
    except EvaluationError:
        return np.inf, REFUSES
    company = max((_change(row, stored[number], scale) for number, row in zip(mixed, rows, strict=False)), default=0.0)
    change = max(alone, company)
    if change <= TOLD_ABOVE:
        return change, ""
    if alone <= TOLD_ABOVE:
        return change, IN_COMPANY
    unsteady = max(_change(one, other, scale) for one, other in pairwise(repeated))
    return change, RANDOM if unsteady > alone / 10 and not _drifts(repeated) else REMEMBERS


def _drifts(rows: Sequence[Row]) -> bool:
    """Whether answers to one clip move on in one direction, as with a counter or running statistics, rather than about a point."""
    first, second, third = (np.concatenate([view.ravel() for view in row.values()]).astype(np.float64) for row in rows)
    one, other = second - first, third - second
    return float(one @ other) > 0.5 * float(np.linalg.norm(one) * np.linalg.norm(other))


def _unheard(asked: Asked, numbers: Sequence[int]) -> Iterator[tuple[str, str]]:
    """A remark where much of the power of some clips lies above what the module can hear."""
    highest, shares = asked.sample_rate / 2, []
    for number in numbers:
        clip = asked.recordings.clips[number]
        facts = asked.recordings.facts[clip.path]
        if isinstance(facts, FileFacts) and facts.sample_rate > asked.sample_rate:
            path = asked.recordings.manifest.root / clip.path
            shares.append(unheard.share_above(path, clip, facts.sample_rate, highest))
    if shares and np.mean(shares) > UNHEARD_ABOVE:
        yield (
            "energy_not_heard",
            f"{100 * float(np.mean(shares)):.3g} % of the power of {len(shares)} clips that were looked at lies above "
            f"{highest / 1000:g} kHz, where a module of {asked.sample_rate / 1000:g} kHz hears nothing",
        )


def _handful(asked: Asked, keys: Mapping[int, str], numbers: Sequence[int]) -> list[int]:
    """The first clip, and others that a hash of their keys picks, each key once; of long ones only as many as take a minute."""
    owner = {keys[number]: number for number in reversed(numbers)}
    others = sorted(owner, key=lambda key: hashlib.sha256(key.encode()).digest())
    chosen: list[int] = []
    seconds = 0.0
    for key in dict.fromkeys([keys[numbers[0]], *others]):
        length = seconds_of(asked.recordings, owner[key])
        if len(chosen) < N_AGAIN and seconds + length <= AGAIN_SECONDS:
            chosen.append(owner[key])
            seconds += length
    return chosen or [min(owner.values(), key=lambda number: seconds_of(asked.recordings, number))]


def _stored(store: Store, key: str) -> Row:
    """What a store holds of a clip: {view: (n, size)}, by layer, or by frame the first `MAX_FRAMES`."""
    if store.part == "frames":
        matrix, _, (rows,) = store.read_frames([key], memory=0)
        return {"frames": matrix.take(np.arange(rows.start, min(rows.stop, rows.start + MAX_FRAMES)))}
    path = store.locations[key][0]
    return {
        view: store.read_layers([key], view)[:, 0]
        if len(tensor.shape) == 3
        else store.on_disk([key], view, [None]).all_rows()
        for view, tensor in store.shards[path].tensors.items()
    }


def _spread(rows: Sequence[Row]) -> Row:
    """RMS over features of the standard deviation over clips, by view, (n_layers,); of frames over all of them, (1,)."""
    scale = {}
    for view in rows[0]:
        if view == "frames":
            scale[view] = np.concatenate([row[view] for row in rows]).std(axis=0)[None]
        else:
            scale[view] = np.stack([row[view] for row in rows]).std(axis=0)
        scale[view] = np.sqrt(np.mean(np.square(scale[view], dtype=np.float64), axis=1))
    return scale


def _change(row: Row, stored: Row, scale: Row) -> float:
    """How far a clip's views are from the stored ones, in standard deviations between clips; infinite for other shapes."""
    worst = 0.0
    for view, before in stored.items():
        now = row[view].reshape(-1, row[view].shape[-1])
        now = np.asarray(now[:MAX_FRAMES] if view == "frames" else now, dtype=np.float64)
        if now.shape != before.shape:
            return np.inf
        difference = np.sqrt(np.mean(np.square(now - before), axis=1))
        size = np.sqrt(np.mean(np.square(before, dtype=np.float64), axis=1))
        spread = scale[view] if len(scale[view]) == len(difference) else scale[view][:1]
        measure = np.where(spread > ROUNDING * size, spread, np.where(size > 0, size, 1.0))
        worst = max(worst, float(np.max(np.where(difference > ROUNDING * size, difference / measure, 0.0))))
    return worst


def _proofs(folder: Path) -> list[Proof]:
    """What was seen of the shards in a folder; a damaged file proves nothing."""
    proofs = []
    for path in sorted((folder / "proofs").glob("*.json")):
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            remarks = tuple((str(kind), str(text)) for kind, text in plain["remarks"])
            proofs.append(Proof(tuple(plain["shards"]), float(plain["change"]), str(plain["seen"]), remarks))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return proofs


def _keep(proof: Proof, folder: Path) -> None:
    """Write a proof beside the shards that it is about, under a name that they decide."""
    name = hashlib.sha256("\n".join(proof.shards).encode()).hexdigest()[:24]
    (folder / "proofs").mkdir(exist_ok=True)
    write_whole(folder / "proofs" / f"{name}.json", (json.dumps(asdict(proof), indent=1) + "\n").encode())
