"""`ensemble:A+B`: several modules as one, opened by the evaluator itself.

What is asked decides how it is answered, and nothing else does:

| asked | how |
|---|---|
| scene embeddings, merged from the members' own | member by member: each is opened alone, hears every file resampled once to its own rate, embeds what its own store lacks, and is closed before the next |
| frames, layers, or scenes merged from frames (`scene=merged`, `time_groups`) | together, by `hear_ssl.ensemble`, which puts the members' frames on one time grid |

Each member's own embeddings are found again when it is evaluated alone.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import merging
from evaluator.embedding.embed import Progress, embed_with
from evaluator.embedding.extract import Extraction
from evaluator.embedding.identity import identity
from evaluator.embedding.merging import MERGES, SceneMerge
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import KINDS, Module, ModuleSpec
from evaluator.embedding.store import Store, StoredClip, shard_plan
from evaluator.errors import EvaluationError, UsageError

PREFIX = "ensemble:"
# Options that need no frames, and those that are about frames only.
_BY_SCENES = {"merge": MERGES, "interleave": (False, True), "scene": ("", "members"), "time_groups": (None, 1)}
_OF_MEMBERS = ("member_options", "member_paths")
_OTHER_VALUES = {"align": ("stretch", "centres"), "end_padding": (True, False)}  # about frames
_OTHERS = ("width", *_OTHER_VALUES)


@contextlib.contextmanager
def open_any(spec: ModuleSpec) -> Iterator[Module]:
    """As `open_module`, where an ensemble whose scenes are its members' is not loaded as a whole.

    What it embeds of each clip is a scene (size,), or frames (n_frames, size).
    """
    if spec.name.startswith(PREFIX) and _merges_scenes(spec):
        yield MemberwiseEnsemble(spec)
    else:
        with open_module(spec) as module:
            yield module


def embed(
    spec: ModuleSpec, module: Module, views: str, recordings: Recordings, cache: Path, progress: Progress
) -> tuple[Store, Extraction]:
    """A module's embeddings of clips: where they are, and what became of each clip; what is missing is made.

    Args:
        spec, module: The module, as asked for and opened by `open_any`.
        views: "scene", "layers" or "frames".
        recordings: The clips.
        cache: Folder of all stores.
        progress: Called with a title and a number of clips, gives what is called with the number of clips done.

    Raises:
        UsageError: The module cannot be loaded, or has no such views.
        EvaluationError: The module fails.
    """
    if not isinstance(module, MemberwiseEnsemble):
        return embed_with(spec, module, views, recordings, cache, progress)
    if views == "scene":
        return module.embed_scenes(recordings, cache, progress)
    with open_module(spec) as together:
        return embed_with(spec, together, views, recordings, cache, progress)


class MemberwiseEnsemble:
    """Members that are never in memory together; of a `Module`'s calls it answers `describe` only.

    Members' scenes (n_clips, width) are merged into one (n_clips, merged width).

    Raises:
        UsageError: A member is missing or cannot be loaded, or an option or its value is unknown.
    """

    def __init__(self, spec: ModuleSpec):
        self.spec = spec
        merge, names = _members(spec)
        self.merge = SceneMerge(merge, bool(spec.options.get("interleave", False)), spec.options.get("width") or None)
        if self.merge.interleave and merge != "concatenate":
            raise UsageError(f"{spec.name}: --option interleave=true says how to concatenate, but merge is {merge!r}")
        self.specs = _member_specs(spec, names)
        self.described = [_described(each) for each in self.specs]

    def describe(self) -> dict[str, Any]:
        """Sizes of the merged embedding; for each member all that its own `describe` tells."""
        scene, timestamp = (
            self.merge.merged_width([each[f"{kind}_embedding_size"] for each in self.described])
            for kind in ("scene", "timestamp")
        )
        return {
            "scene_embedding_size": scene,
            "timestamp_embedding_size": timestamp,
            "sample_rate": [each["sample_rate"] for each in self.described],
            "extension": True,
            "n_layers": 1,
            "code": [each["code"] for each in self.described],
            "weights_sha256": [identity(*pair)["weights"] for pair in zip(self.specs, self.described, strict=True)],
            "trained_on": {
                name: f"{spec.name} on {what}"
                for spec, each in zip(self.specs, self.described, strict=True)
                for name, what in each["trained_on"].items()
            },
            "members": self.described,
        }

    def embed_scenes(self, recordings: Recordings, cache: Path, progress: Progress) -> tuple[Store, Extraction]:
        """The members' scenes merged, as `embed`; a clip that one of them refuses is refused."""
        parts = [_embed_member(each, recordings, cache, progress) for each in self.specs]
        store = Store(cache, self._identity())
        done = _joined([each.name for each in self.specs], [extraction for _, extraction in parts])
        keys = sorted(set(done.keys.values()))
        for numbers in shard_plan(range(len(keys))):
            missing = [keys[number] for number in numbers if keys[number] not in store]
            if missing:
                scenes = self.merge.merged([members.read(missing, "scene") for members, _ in parts])
                clips = [_stored_clip(key, [members.clips[key] for members, _ in parts]) for key in missing]
                store.write(clips, {"scene": scenes})
        return store, done

    def _identity(self) -> dict[str, Any]:
        """All that the merged scenes depend on beside the clip: the members, each as by itself, and how they are merged."""
        return {
            **identity(self.spec, self.describe()),
            "members": [identity(*pair) for pair in zip(self.specs, self.described, strict=True)],
            "merge": {**asdict(self.merge), "code": hashlib.sha256(Path(merging.__file__).read_bytes()).hexdigest()},
        }

    def refuse(self, audio: Any) -> Any:
        """Of members that are not loaded nothing can be asked.

        Raises:
            EvaluationError: Always.
        """
        raise EvaluationError(f"{self.spec.name}: its members are never loaded together; open_module loads them so")

    scene = timestamps = clips = refuse

    def raw_facts(self) -> dict[str, Any]:
        """Nothing was answered."""
        return {}


def _merges_scenes(spec: ModuleSpec) -> bool:
    """Whether an ensemble's scenes are merged from its members' own; decided by its options alone.

    Raises:
        UsageError: An option is unknown.
    """
    known = (*_BY_SCENES, *_OF_MEMBERS, *_OTHERS)
    if strange := sorted(set(spec.options) - set(known)):
        raise UsageError(f"{spec.name}: --option {strange[0]} is none of {', '.join(known)}")
    width = spec.options.get("width")
    if width is not None and (isinstance(width, bool) or not isinstance(width, int) or width < 1):
        raise UsageError(f"{spec.name}: --option width={width!r}: a whole number from 1 is wanted")
    for name, values in _OTHER_VALUES.items():
        if spec.options.get(name, values[0]) not in values:
            raise UsageError(
                f"{spec.name}: --option {name}={spec.options[name]!r}: give {' or '.join(map(str, values))}"
            )
    return all(spec.options.get(name, values[0]) in values for name, values in _BY_SCENES.items())


def _members(spec: ModuleSpec) -> tuple[str, list[str]]:
    """How members are merged, and their names.

    Raises:
        UsageError: A name is missing, or the merge is said twice.
    """
    text = spec.name.removeprefix(PREFIX)
    merge, colon, rest = text.partition(":")
    if colon and merge in MERGES:
        text = rest
        if spec.options.get("merge", merge) != merge:
            raise UsageError(f"{spec.name}: --option merge={spec.options['merge']} says another merge; leave one out")
    else:
        merge = spec.options.get("merge", MERGES[0])
    names = [name.strip() for name in text.split("+")]
    if PREFIX in text:
        raise UsageError(f"{spec.name}: an ensemble cannot be a member of another; list all members once")
    head = names[0].partition(":")[0]
    if ":" in names[0] and len(head) > 1 and head.isidentifier() and head not in KINDS:
        raise UsageError(f"{spec.name}: {schema.unknown('merge', head, MERGES)}")
    if len(names) < 2 or not all(names):
        raise UsageError(
            f"{spec.name}: write ensemble:MODULE+MODULE, such as ensemble:hear_ssl.melspec+hear_ssl.crepe_tiny, with "
            f"{' or '.join(f'{name}:' for name in MERGES)} before the members if you like"
        )
    return merge, names


def _member_specs(spec: ModuleSpec, names: Sequence[str]) -> list[ModuleSpec]:
    """Each member as a module of its own.

    Raises:
        UsageError: Weights are given, or an option does not name members.
    """
    if spec.weights:
        raise UsageError(f"{spec.name}: whose weights is --weights {spec.weights}? Say --option member_paths={{...}}")
    by_member: dict[str, Mapping[str, Any]] = {}
    for option in _OF_MEMBERS:
        value = spec.options.get(option) or {}
        kind = dict if option == "member_options" else str
        if (
            not isinstance(value, dict)
            or set(value) - set(names)
            or not all(isinstance(each, kind) for each in value.values())
        ):
            raise UsageError(f'{spec.name}: --option {option}={value!r}: write it as {{"MEMBER": ...}}')
        by_member[option] = value
    return [
        replace(
            spec,
            name=name,
            weights=str(by_member["member_paths"].get(name, "")),
            options=by_member["member_options"].get(name, {}),
        )
        for name in names
    ]


def _described(spec: ModuleSpec) -> dict[str, Any]:
    """What a member tells of itself; it is closed when this returns."""
    with open_module(spec) as member:
        return member.describe()


def _embed_member(
    spec: ModuleSpec, recordings: Recordings, cache: Path, progress: Progress
) -> tuple[Store, Extraction]:
    """One member's scenes, as `embed`; it is closed when this returns."""
    with open_module(spec) as member:
        return embed_with(spec, member, "scene", recordings, cache, progress)


def _stored_clip(key: str, members: Sequence[StoredClip]) -> StoredClip:
    """What is remembered of a clip that every member has in its store."""
    return StoredClip(key, all(each.silent for each in members), max(each.padded_to for each in members))


def _joined(names: Sequence[str], extractions: Sequence[Extraction]) -> Extraction:
    """What became of each clip over all members."""
    done = Extraction(keys=dict(extractions[0].keys))
    for name, each in zip(names, extractions, strict=True):
        for number, why in each.failed.items():
            done.keys.pop(number, None)
            done.failed.setdefault(number, f"{name}: {why}")
        done.notes += [f"{name}: {note}" for note in each.notes]
        done.n_embedded += each.n_embedded
        done.padded = sorted({*done.padded, *each.padded})
        for stage, seconds in each.seconds.items():
            done.seconds[stage] += seconds
    done.silent = [number for number in extractions[0].silent if number in done.keys]
    done.padded = [number for number in done.padded if number in done.keys]
    return done
