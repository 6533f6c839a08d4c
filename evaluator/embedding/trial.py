"""What embedding some clips will take, told from a few of the batches that they will be embedded in.

A trial goes the real way, files, module and store, but into a store that is gone when it ends. Batches are drawn over the lengths of
the clips, so that each stands for an equal share of the audio; what is asked of a module once (its first call, clips that a run
looks at again) is measured apart from them.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from evaluator.embedding import guard, spent
from evaluator.embedding.claims import Claim
from evaluator.embedding.embed import store_of
from evaluator.embedding.ensemble import MemberwiseEnsemble
from evaluator.embedding.extraction import Extraction, seconds_of
from evaluator.embedding.missing import LONGEST_SECONDS, Clips, Missing
from evaluator.embedding.module import open_module
from evaluator.embedding.plan import Batches, clips_of, planned
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store
from evaluator.embedding.work import Work
from evaluator.errors import EvaluationError

N_BATCHES = 8  # that are tried, fewer where they take longer than
ENOUGH_SECONDS = 20.0  # of wall time, once
LEAST_BATCHES = 3  # were tried


@dataclass(frozen=True)
class Estimate:
    """A number of seconds, as a trial's batches tell: in the mean, and if all were as its fastest and slowest."""

    mean: float
    low: float
    high: float

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(self.mean + other.mean, self.low + other.low, self.high + other.high)


@dataclass(frozen=True)
class Trial:
    """What embedding the clips that a store lacks will take.

    n_stored: Clips that it has, or that are the same audio as another one's.
    lacking_seconds: Of audio that it lacks.
    n_tried, tried_seconds: Clips that were embedded to know it, and their audio.
    n_failed, why_failed: Clips of the trial that could not be embedded, and why the first of them could not.
    too_long_seconds: Audio of clips so long that none of them was tried; what they take is told by the rate of the others.
    processor, wall: Seconds; wall time without what decoding ahead saves.
    store_bytes: That it will grow by.
    peak_bytes: The most memory held so far, with the module and the batches that were tried; 0 if not known.
    """

    n_stored: int
    lacking_seconds: float
    n_tried: int
    tried_seconds: float
    processor: Estimate
    wall: Estimate
    store_bytes: float
    peak_bytes: int
    n_failed: int = 0
    why_failed: str = ""
    too_long_seconds: float = 0.0


def tried(spec: ModuleSpec, module: Module, views: str, clips: Clips, cache: Path) -> Trial:
    """Try a few batches of the clips that a module's store lacks.

    Args:
        spec, module: The module, as asked for and opened; no ensemble.
        views: "scene", "layers" or "frames".
        clips: The clips, (n_clips,).
        cache: Folder of all stores; nothing is embedded into it.

    Raises:
        EvaluationError: The module fails, or no clip that was tried can be embedded.
    """
    home = cache if spec.session is None else Path(spec.session.name)
    found: list[Store] = []
    opening = _seconds(
        lambda: found.append(store_of(spec, module, views, home, begin=False, wanted=clips.wanted))
    )  # a module may be asked for its answers
    missing = clips.missing(found[0])
    n_stored = clips.n_keyed - missing.n_clips
    if not missing.n_clips:
        nothing = Estimate(0.0, 0.0, 0.0)
        return Trial(n_stored, 0.0, 0, 0.0, nothing, nothing, 0.0, spent.now().peak_bytes)
    with tempfile.TemporaryDirectory(prefix="hear-eval-trial-") as folder:
        shelf = store_of(spec, module, views, Path(folder))
        work = Work(module, missing.some, shelf, Extraction(keys=dict(missing.keys)))
        seconds = partial(seconds_of, missing.some)
        lacking = _lacking(planned(missing.keys, seconds, work.bytes_of, work.limits), missing)
        short = _short(lacking, seconds)
        chosen = _drawn(short, seconds)
        once, costs = _measured(work, shelf, chosen)
        if not work.done.n_embedded:
            raise EvaluationError(f"{spec.name}: none of the clips that were tried can be embedded")
        kept = sum(path.stat().st_size for path in Path(folder).rglob("*.safetensors"))
    return _trial_of(work, missing, n_stored, opening + once, costs, chosen[: len(costs)], short, kept)


def _trial_of(
    work: Work,
    missing: Missing,
    n_stored: int,
    once: np.ndarray,
    costs: np.ndarray,
    batches: Batches,
    short: Batches,
    kept: int,
) -> Trial:
    """What a trial tells: of wall and processor seconds that come once, (2,), and of each batch, (n_tried, 2), and the bytes they take."""
    seconds = partial(seconds_of, missing.some)
    shares = np.array([_audio([batch], seconds) for batch in batches])
    processor, wall = (_estimate(once[kind], costs[:, kind] / shares, missing.seconds) for kind in (1, 0))
    numbers = sorted(set(clips_of(batches)))
    tried_seconds = sum(map(seconds, numbers))
    larger = work.bytes_for(missing.n_clips, missing.seconds) / work.bytes_for(len(numbers), tried_seconds)
    failed = work.done.failed
    return Trial(
        n_stored,
        missing.seconds,
        len(numbers),
        tried_seconds,
        processor,
        wall,
        kept * larger,
        spent.now().peak_bytes,
        len(failed),
        next(iter(failed.values()), ""),
        missing.seconds - _audio(short, seconds) if _is_long(short[0], seconds) else missing.too_long_seconds,
    )


def tried_members(ensemble: MemberwiseEnsemble, clips: Clips, cache: Path) -> Trial:
    """Try each member of an ensemble whose scenes, (n_clips, width), are merged from the members' own.

    As in a run, they are opened one after another, once more than to be described. Merging takes moments, and is not told.

    Args:
        ensemble: Its members.
        clips, cache: As for `tried`.

    Raises:
        UsageError: A member cannot be loaded.
        EvaluationError: It fails, or no clip that was tried can be embedded.
    """
    trials = []
    for spec in ensemble.specs:
        opened = spent.now()
        with open_module(spec) as member:
            ready = spent.now()
            each = tried(spec, member, "scene", clips, cache)
        wall, processor = ready.wall - opened.wall, ready.processor - opened.processor
        if each.n_tried:
            each = replace(each, processor=each.processor + _certain(processor), wall=each.wall + _certain(wall))
        trials.append(each)
    longest = max(trials, key=lambda each: each.lacking_seconds)
    failed = [each for each in trials if each.n_failed]
    merged = 4 * ensemble.describe()["scene_embedding_size"] * (clips.n_keyed - longest.n_stored)
    return replace(
        longest,
        processor=sum((each.processor for each in trials), _certain(0.0)),
        wall=sum((each.wall for each in trials), _certain(0.0)),
        store_bytes=sum(each.store_bytes for each in trials) + merged,
        peak_bytes=max(each.peak_bytes for each in trials),
        n_failed=sum(each.n_failed for each in failed),
        why_failed=failed[0].why_failed if failed else "",
    )


def _certain(seconds: float) -> Estimate:
    return Estimate(seconds, seconds, seconds)


def _lacking(shards: Sequence[Batches], missing: Missing) -> Batches:
    """What of each batch the store lacks."""
    left = [[n for n in batch if missing.keys[n] in missing.missing_keys] for each in shards for batch in each]
    return [batch for batch in left if batch]


def _audio(batches: Batches, seconds: Callable[[int], float]) -> float:
    """Seconds of audio of the clips of some batches."""
    return sum(map(seconds, clips_of(batches)))


def _short(batches: Batches, seconds: Callable[[int], float]) -> Batches:
    """Those that can be tried; the shortest where all are too long."""
    short = [batch for batch in batches if not _is_long(batch, seconds)]
    return short or [min(batches, key=lambda batch: _audio([batch], seconds))]


def _is_long(batch: list[int], seconds: Callable[[int], float]) -> bool:
    """Whether trying it would take too long."""
    return _audio([batch], seconds) > LONGEST_SECONDS


def _drawn(batches: Batches, seconds: Callable[[int], float]) -> Batches:
    """Batches from the shortest clips' to the longest ones', each for an equal share of the audio, in a drawn order; some may come twice."""
    ordered = sorted(batches, key=lambda batch: max(map(seconds, batch)))
    ends = np.cumsum([_audio([batch], seconds) for batch in ordered])
    n_drawn = min(N_BATCHES, len(ordered))
    middles = (np.arange(n_drawn) + 0.5) / n_drawn * ends[-1]
    places = np.searchsorted(ends, middles).clip(max=len(ordered) - 1)
    return [ordered[place] for place in np.random.default_rng(0).permutation(places)]


def _measured(work: Work, shelf: Store, batches: Batches) -> tuple[np.ndarray, np.ndarray]:
    """Wall and processor seconds of what comes once, (2,), and of each batch that was tried, (n_tried, 2)."""

    def run(batch: list[int]) -> np.ndarray:
        work.done.keys.update({number: keys[number] for number in batch})
        return _seconds(lambda: work.run([Claim([list(batch)], None)], lambda n_clips: None))

    keys = dict(work.done.keys)
    first, until = run(batches[0]), time.perf_counter() + ENOUGH_SECONDS
    costs = []
    for number, batch in enumerate(batches):
        costs.append(run(batch))
        if number + 1 >= LEAST_BATCHES and time.perf_counter() > until:
            break
    there = {number for batch in batches[: len(costs)] for number in batch if number in work.done.keys}
    looked = Extraction(keys={number: keys[number] for number in there})
    watched = [[number for number in batch if number in there] for batch in batches[: len(costs)]]
    again = _seconds(lambda: guard.watch(work, shelf, watched, looked)) if there else np.zeros(2)
    return again + np.maximum(0.0, first - costs[0]), np.array(costs)


def _seconds(what: Callable[[], object]) -> np.ndarray:
    """Wall and processor seconds that a call takes, (2,)."""
    begun = spent.now()
    what()
    ended = spent.now()
    return np.array([ended.wall - begun.wall, ended.processor - begun.processor])


def _estimate(once: float, rates: Sequence[float] | np.ndarray, seconds: float) -> Estimate:
    """Seconds for so many of audio, from what comes once and the rates of (n_tried,) batches."""
    mean, low, high = (float(once + rate * seconds) for rate in (np.mean(rates), np.min(rates), np.max(rates)))
    return Estimate(mean, low, high)
