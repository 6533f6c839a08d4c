"""`in_turn:A+B`: several modules whose scene embeddings stand beside each other, loaded one after another.

For members that memory cannot hold together: each is opened by itself, embeds what its own store lacks, and is closed
before the next. What is stored is what `ensemble:A+B` gives, if members share a sample rate
(else an ensemble resamples by way of the highest, and a member in turn is given the file at its own), and each member's own
embeddings are found again when it is judged alone.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.datasets.manifest import Manifest
from evaluator.embedding.extract import Extraction, extract, part_of
from evaluator.embedding.identity import identity
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store, StoredClip, shard_plan
from evaluator.errors import EvaluationError, UsageError

PREFIX = "in_turn:"
OPTIONS = ("member_options", "member_paths")
Progress = Callable[[str, int], Callable[[int], object]]


@dataclass(frozen=True)
class Hearing:
    """What modules hear of a task: its clips, how long each is heard, and what its recordings hold."""

    task: str
    clips: Manifest
    rule: ClipRule
    facts: Mapping[str, FileFacts | AudioError]


@contextlib.contextmanager
def opened(spec: ModuleSpec) -> Iterator[Module]:
    """As `open_module`, for members in turn too."""
    if spec.name.startswith(PREFIX):
        yield InTurn(spec)
    else:
        with open_module(spec) as module:
            yield module


def stored(
    spec: ModuleSpec, module: Module, views: str, hearing: Hearing, cache: Path, progress: Progress
) -> tuple[Store, Extraction]:
    """A module's embeddings of clips: where they are, and what became of each clip; what is missing is made.

    Args:
        spec, module: The module, as asked for and opened by `opened`.
        views: "scene", "layers" or "frames".
        hearing: The clips.
        cache: Folder of all stores.
        progress: As in `run.Settings`.

    Raises:
        UsageError: Members in turn are asked for more than scenes.
        EvaluationError: The module fails.
    """
    if isinstance(module, InTurn):
        if views != "scene":
            raise UsageError(f"{spec.name}: members in turn have scene embeddings only; run ensemble:{module.members}")
        return module.stored(hearing, cache, progress)
    store = Store(cache, identity(spec, module.describe()), part_of(views, module))
    advance = progress(f"{spec.name} {hearing.task}: clips", len(hearing.clips.clips))
    return store, extract(module, hearing.clips, hearing.rule, hearing.facts, store, advance, views=views)


class InTurn:
    """Members that are never in memory together; of a `Module`'s calls it knows `describe` only.

    Raises:
        UsageError: A member is missing or cannot be loaded, or the options are none of `OPTIONS`.
    """

    def __init__(self, spec: ModuleSpec):
        self.spec, self.members = spec, spec.name.removeprefix(PREFIX)
        self.specs = member_specs(spec)
        self.described = [described(each) for each in self.specs]

    def describe(self) -> dict[str, Any]:
        """Sizes of all members together; for each of them all that its own `describe` tells."""
        return {
            "scene_embedding_size": sum(each["scene_embedding_size"] for each in self.described),
            "timestamp_embedding_size": 0,
            "sample_rate": [each["sample_rate"] for each in self.described],
            "extension": True,
            "n_layers": 0,
            "code": [each["code"] for each in self.described],
            "weights_sha256": [identity(*pair)["weights"] for pair in zip(self.specs, self.described, strict=True)],
            "trained_on": {
                name: f"{spec.name} on {what}"
                for spec, each in zip(self.specs, self.described, strict=True)
                for name, what in each["trained_on"].items()
            },
            "members": self.described,
        }

    def stored(self, hearing: Hearing, cache: Path, progress: Progress) -> tuple[Store, Extraction]:
        """The members' scenes beside each other, as `stored`; a clip that one of them refuses is refused."""
        parts = [alone(each, hearing, cache, progress) for each in self.specs]
        together = Store(cache, identity(self.spec, self.describe()))
        done = joined([each.name for each in self.specs], [extraction for _, extraction in parts])
        keys = sorted(set(done.keys.values()))
        for numbers in shard_plan(range(len(keys))):
            missing = [keys[number] for number in numbers if keys[number] not in together]
            if missing:
                rows = np.concatenate([store.read(missing, "scene") for store, _ in parts], axis=1)
                together.write(
                    [remembered(key, [store.clips[key] for store, _ in parts]) for key in missing], {"scene": rows}
                )
        return together, done

    def refuse(self, audio: Any) -> Any:
        """Of members that are not loaded nothing can be asked.

        Raises:
            EvaluationError: Always.
        """
        raise EvaluationError(f"{self.spec.name}: its members are never loaded together; take ensemble:{self.members}")

    scene = timestamps = clips = refuse

    def raw_facts(self) -> dict[str, Any]:
        """Nothing was answered."""
        return {}


def described(spec: ModuleSpec) -> dict[str, Any]:
    """What a member tells of itself; it is gone when this returns."""
    with open_module(spec) as member:
        return member.describe()


def alone(spec: ModuleSpec, hearing: Hearing, cache: Path, progress: Progress) -> tuple[Store, Extraction]:
    """One member's scenes, as `stored`; it is gone when this returns."""
    with open_module(spec) as member:
        return stored(spec, member, "scene", hearing, cache, progress)


def remembered(key: str, each: list[StoredClip]) -> StoredClip:
    """What is remembered of a clip that every member has in its store."""
    return StoredClip(key, all(one.silent for one in each), max(one.padded_to for one in each))


def member_specs(spec: ModuleSpec) -> list[ModuleSpec]:
    """Each member as a module of its own.

    Raises:
        UsageError: A name is missing, or other weights or options are given than those of single members.
    """
    names = [name.strip() for name in spec.name.removeprefix(PREFIX).split("+")]
    if len(names) < 2 or not all(names):
        raise UsageError(
            f"{spec.name}: write in_turn:MODULE+MODULE, such as in_turn:hear_ssl.melspec+hear_ssl.crepe_tiny"
        )
    if spec.weights:
        raise UsageError(f"{spec.name}: whose weights is --weights {spec.weights}? Say --option member_paths={{...}}")
    if strange := sorted(set(spec.options) - set(OPTIONS)):
        raise UsageError(f"{spec.name}: --option {strange[0]} is none of {', '.join(OPTIONS)}")
    given = {}
    for name in OPTIONS:
        given[name] = spec.options.get(name) or {}
        if not isinstance(given[name], dict) or set(given[name]) - set(names):
            raise UsageError(f'{spec.name}: --option {name}={given[name]!r}: write it as {{"MEMBER": ...}}')
    return [
        replace(
            spec,
            name=name,
            weights=str(given["member_paths"].get(name, "")),
            options=given["member_options"].get(name, {}),
        )
        for name in names
    ]


def joined(names: list[str], extractions: list[Extraction]) -> Extraction:
    """What became of each clip in all members' hands."""
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
