"""`ensemble:A+B`: several modules as one, opened by the evaluator itself.

What is asked and the options decide how it is answered, and nothing else does:

| asked | how |
|---|---|
| scene embeddings, merged from the members' own | member by member: each is opened alone, embeds what its own store lacks, and is closed before the next |
| frames, layers, or scenes merged from frames (`scene=merged`, `time_groups`) | together: shard by shard, the members' timestamp embeddings are put on one time grid and merged; only what is merged is kept |

Either way a member is opened as any module is, and hears every file resampled once to its own rate. The time grid is
that of the first member that shows several layers (a transformer), else of the first. Members' scene embeddings are
found again when a member is evaluated alone.
"""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from evaluator.audio.decoded import Decoded
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import behaviour, contamination, guard, loaded_files, members, merging, proofs, rounding, uses
from evaluator.embedding.claims import POLL_SECONDS
from evaluator.embedding.embed import Progress, Workers, embed_with, have_made
from evaluator.embedding.extract import to_make
from evaluator.embedding.extraction import Extraction, keyed, recall, seconds_of
from evaluator.embedding.identity import identity
from evaluator.embedding.module import open_module
from evaluator.embedding.plan import clips_of, planned
from evaluator.embedding.precomputed import Precomputed
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store, StoredClip
from evaluator.embedding.together import MemberFrames, Together, of_member
from evaluator.embedding.views import Row, over_time
from evaluator.embedding.work import PLANNED_FRAME_RATE, keep
from evaluator.errors import EvaluationError
from evaluator.module_names import PRECOMPUTED


@contextlib.contextmanager
def open_any(spec: ModuleSpec) -> Iterator[Module]:
    """As `open_module`; an ensemble's members are opened when they are needed, a table of vectors is read instead.

    What it embeds of each clip is a scene (size,), or frames (n_frames, size).

    Raises:
        UsageError: The module, or a member, cannot be loaded.
    """
    if spec.name.startswith(members.PREFIX):
        yield MemberwiseEnsemble(spec)
    elif spec.name.startswith(PRECOMPUTED):
        yield Precomputed(spec)
    else:
        with open_module(spec) as module:
            yield module


def embed(
    spec: ModuleSpec,
    module: Module,
    views: str,
    recordings: Recordings,
    cache: Path,
    progress: Progress,
    workers: Workers | None = None,
) -> tuple[Store, Extraction]:
    """A module's embeddings of clips: where they are, and what became of each clip; what is missing is made.

    Args:
        spec, module: The module, as asked for and opened by `open_any`.
        views: "scene", "layers" or "frames".
        recordings: The clips.
        cache: Folder of all stores.
        progress: Called with a title and a number of clips, gives what is called with the number of clips done.
        workers: Who makes what is missing first; None for nobody.

    Raises:
        UsageError: The module cannot be loaded, or has no such views.
        EvaluationError: The module fails.
    """
    if isinstance(module, MemberwiseEnsemble):
        return module.embed(views, recordings, cache, progress, workers)
    if isinstance(module, Precomputed):
        return module.embed(views, recordings, cache, progress)
    return embed_with(spec, module, views, recordings, cache, progress, workers)


class MemberwiseEnsemble:
    """Members that are opened when they are needed; of a `Module`'s calls it answers `describe` only.

    Members' scenes (n_clips, width) are merged into one (n_clips, merged width), or their frames (n_frames, width).

    Raises:
        UsageError: A member is missing or cannot be loaded, or an option or its value is unknown.
    """

    def __init__(self, spec: ModuleSpec):
        self.spec = spec
        self.merge, self.specs = members.read(spec)
        opened = [_described(each) for each in self.specs]
        self.described, self.answers = [each for each, _, _ in opened], [given for _, given, _ in opened]
        self.places = [places for _, _, places in opened]
        layered = [number for number, each in enumerate(self.described) if each["n_layers"] > 1]
        self.reference = layered[0] if layered else 0

    def describe(self) -> dict[str, Any]:
        """Sizes of the merged embedding; for each member all that its own `describe` tells."""
        scene, timestamp = (
            self.merge.merged_width([each[f"{kind}_embedding_size"] for each in self.described])
            for kind in ("scene", "timestamp")
        )
        return {
            "scene_embedding_size": scene if self.merge.scene == "members" else timestamp * self.merge.time_groups,
            "timestamp_embedding_size": timestamp,
            "sample_rate": [each["sample_rate"] for each in self.described],
            "extension": True,
            "n_layers": 1,
            "code": [each["code"] for each in self.described],
            "identity": None,
            "weights_sha256": [identity(*pair)["weights"] for pair in zip(self.specs, self.described, strict=True)],
            "trained_on": contamination.of_members(
                (spec.name, each["trained_on"]) for spec, each in zip(self.specs, self.described, strict=True)
            ),
            "heard": sorted({sound for each in self.described for sound in each["heard"]}),
            "members": self.described,
        }

    def read_from(self) -> list[str] | None:
        """Absolute paths of all that decides what the members are loaded from; None where one of them does not say."""
        said = [places for places in self.places if places is not None]
        return sorted({place for places in said for place in places}) if len(said) == len(self.places) else None

    def embed(
        self, views: str, recordings: Recordings, cache: Path, progress: Progress, workers: Workers | None = None
    ) -> tuple[Store, Extraction]:
        """As `embed`; a clip that one of the members refuses is refused."""
        if self.merges_scenes(views):
            return self.embed_scenes(recordings, cache, progress, workers)
        return self.embed_frames(views, recordings, cache, progress, workers)

    def merges_scenes(self, views: str) -> bool:
        """Whether what is asked for is merged from the members' own scenes, (n_clips, width) each."""
        return views == "scene" and self.merge.scene == "members"

    def embed_scenes(
        self, recordings: Recordings, cache: Path, progress: Progress, workers: Workers | None
    ) -> tuple[Store, Extraction]:
        """The members' own scenes merged."""
        shared = replace(recordings, decoded=recordings.decoded or Decoded())
        parts = [_embed_member(each, shared, cache, progress, workers) for each in self.specs]
        done = Extraction(keys=dict(parts[0][1].keys))
        wanted = set(done.keys.values())
        store = Store(cache, self._identity(cache, "scene"), kept_as=self.spec.kept_as, wanted=wanted)
        self._join(done, [extraction for _, extraction in parts])
        keys = sorted(set(done.keys.values()))
        store.verify(keys)
        for shard in planned(dict(enumerate(keys)), lambda number: 0.0, lambda number: 0.0):
            missing = [keys[number] for number in clips_of(shard) if keys[number] not in store]
            if missing:
                scenes = self.merge.merged([member.read(missing, "scene") for member, _ in parts])
                clips = [_stored_clip(key, [member.clips[key] for member, _ in parts]) for key in missing]
                store.write(clips, {"scene": scenes})
        uses.note(store, self.spec.name, recordings.name, keys)
        recall(done, store)
        return store, done

    def embed_frames(
        self, views: str, recordings: Recordings, cache: Path, progress: Progress, workers: Workers | None
    ) -> tuple[Store, Extraction]:
        """The members' merged frames, or what is made of them."""
        part, done = "" if views == "scene" else views, keyed(recordings)
        wanted = set(done.keys.values())
        store = Store(cache, self._identity(cache, views), part, kept_as=self.spec.kept_as, wanted=wanted)
        widths = sum(each["timestamp_embedding_size"] for each in self.described)
        done.count_in(have_made(workers, store, self.spec, views, recordings, cache, progress))
        store.verify(done.keys.values())
        seconds = partial(seconds_of, recordings)
        shards = planned(done.keys, seconds, lambda number: 4 * PLANNED_FRAME_RATE * seconds(number) * widths)
        advance = progress(f"{self.spec.name} {recordings.name}: clips", len(recordings.clips))
        together = Together(self.specs, self, partial(self.merge_clip, views), recordings, done.keys)
        with together:
            for claim in to_make(store, shards, done, advance):
                if claim is None:
                    time.sleep(POLL_SECONDS)
                    continue
                with claim:
                    path = keep(store, [made for made in together.merged(claim.batches) if made])
                    if path is not None:
                        proofs.note_down(path, together.remarks())
                advance(len(clips_of(claim.batches)))
            if together.works:
                self._join(done, [work.done for work in together.works])
            guard.watch(together, store, map(clips_of, shards), done)
        uses.note(store, self.spec.name, recordings.name, done.keys.values())
        recall(done, store)
        for spec, described in zip(self.specs, self.described, strict=True):
            done.remarks += rounding.unmeasured(spec, described)
        guard.refuse(self.spec.name, done, self.spec.allow_unrepeatable)
        return store, done

    def merge_clip(self, views: str, seconds: float, key: str, held: Sequence[MemberFrames]) -> tuple[StoredClip, Row]:
        """What is kept of a clip, from its frames by every member."""
        timed = [each.within(key, 1000 * seconds) for each in held]
        frames, times = self.merge.merged_frames(timed, self.reference)
        clip = _stored_clip(key, [each.clips[key] for each in held])
        if views == "frames":
            return replace(clip, n_frames=len(frames)), {"frames": frames, "times": times}
        return clip, over_time(frames) if views == "layers" else {"scene": self.merge.scene_of(frames)}

    def _join(self, done: Extraction, parts: Sequence[Extraction]) -> None:
        """Note what became of the clips over all members."""
        for spec, each in zip(self.specs, parts, strict=True):
            for number, why in each.failed.items():
                done.keys.pop(number, None)
                done.failed.setdefault(number, f"{spec.name}: {why}")
            done.remarks += of_member(spec, dict.fromkeys(each.remarks))
            if each.change > done.change:
                done.change, done.seen = each.change, f"{spec.name}: {each.seen}"
            done.refused = {**each.refused, **done.refused}
            done.count_in(each)

    def _identity(self, cache: Path, views: str) -> dict[str, Any]:
        """All that merged views depend on beside the clip: the members, each as by itself, and how they are merged."""
        scenes = self.merges_scenes(views)
        named = [
            identity(spec, described, "scene" if scenes else "frames")
            for spec, described in zip(self.specs, self.described, strict=True)
        ]
        return {
            "ensemble": [
                each if given is None else behaviour.settle(cache, each, given)
                for each, given in zip(named, self.answers, strict=True)
            ],
            "scenes_from": [each["identity"] and each["identity"]["scene_from"] for each in self.described],
            "merge": {**asdict(self.merge), "code": hashlib.sha256(Path(merging.__file__).read_bytes()).hexdigest()},
        }

    def refuse(self, audio: Any) -> Any:
        """An ensemble as a whole cannot be asked: each member hears files at its own rate.

        Raises:
            EvaluationError: Always.
        """
        raise EvaluationError(f"{self.spec.name}: its members are opened one by one; `embed` asks them")

    scene = timestamps = clips = reuses_memory = refuse

    def raw_facts(self) -> dict[str, Any]:
        """Nothing was answered."""
        return {}


def _described(spec: ModuleSpec) -> tuple[dict[str, Any], behaviour.Answers | None, Sequence[str] | None]:
    """What a member tells of itself, what one that is not ours answers to fixed sounds, and what it was loaded from.

    It is closed when this returns.
    """
    with open_module(spec) as member:
        described = member.describe()
        given = behaviour.answers(member) if behaviour.is_asked(described) else None
        return described, given, loaded_files.places_of(member)


def _embed_member(
    spec: ModuleSpec, recordings: Recordings, cache: Path, progress: Progress, workers: Workers | None
) -> tuple[Store, Extraction]:
    """One member's scenes, as `embed`; it is closed when this returns."""
    with open_module(spec) as member:
        return embed_with(spec, member, "scene", recordings, cache, progress, workers)


def _stored_clip(key: str, members: Sequence[StoredClip]) -> StoredClip:
    """What is remembered of a clip that every member has in its store."""
    return StoredClip(
        key,
        silent=all(each.silent for each in members),
        padded_to=max(each.padded_to for each in members),
        odd=members[0].odd,  # of the same audio
        unheard=min(each.unheard for each in members),
    )
