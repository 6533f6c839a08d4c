"""What is known about clips beside their embeddings: how they sound, their labels, and where they come from."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts, clip_key
from evaluator.experiment.sample import SampleOptions
from evaluator.experiment.setup import Setup
from evaluator.experiment.targets import label_matrix
from evaluator.files import write_whole
from evaluator.similarity import correlations, descriptors


@dataclass(frozen=True)
class Variable:
    """Something known about clips beside their embeddings.

    name, kind: What it is called; `descriptor` or `metadata`.
    values: Of each clip: numbers (n_clips,), NaN where it is not defined; or labels, 0 or 1, (n_clips, n_labels).
    """

    name: str
    kind: str
    values: np.ndarray

    @property
    def defined(self) -> np.ndarray:
        """Of which clips it is known, (n_clips,), bool; of labels, clips that have one."""
        return np.asarray(self.values.any(axis=1) if self.values.ndim == 2 else ~np.isnan(self.values))

    def unlike(self, rows: np.ndarray) -> np.ndarray:
        """How unlike every two of some clips are in this, (n_pairs,)."""
        values = self.values[rows]
        return correlations.differences(values) if values.ndim == 1 else correlations.unlike(values)


def _labelled(clips: Sequence[Clip], classes: Sequence[str]) -> list[Variable]:
    """Labels of clips, and their groups where they have some."""
    found = [Variable("label", "metadata", label_matrix([clip.labels for clip in clips], classes))]
    names = sorted({clip.group for clip in clips} - {""})
    if names:
        belongs = [(clip.group,) if clip.group else () for clip in clips]
        found.append(Variable("group", "metadata", label_matrix(belongs, names)))
    return found


def _described(
    root: Path,
    clips: Sequence[Clip],
    facts: Mapping[str, FileFacts | AudioError],
    seconds: float | None,
    memory: Path,
    advance: Callable[[int], object],
) -> list[Variable]:
    """Acoustic descriptors of clips.

    Args:
        root: Folder that the clips' paths are relative to.
        clips: The clips.
        facts: Header and content hash of each recording (`audio.file_facts`).
        seconds: So much of the start of each clip is described; None for all.
        memory: JSON file of descriptors that were made before.
        advance: Called with 1 for every clip.

    Raises:
        AudioError: A clip cannot be read.
    """
    known, rows, n_new = _recalled(memory), [], 0
    for clip in clips:
        its_facts = facts[clip.path]
        if isinstance(its_facts, AudioError):
            raise its_facts
        key = clip_key(its_facts, clip, ClipRule(seconds))
        if key not in known:
            known[key] = descriptors.describe(root / clip.path, clip, its_facts.sample_rate, seconds)
            n_new += 1
        rows.append(known[key])
        advance(1)
    if n_new:
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_whole(memory, json.dumps(known).encode())
    return [Variable(name, "descriptor", values) for name, values in descriptors.table(rows).items()]


def _recalled(memory: Path) -> dict[str, dict[str, float]]:
    """What is remembered of clips by their keys; nothing if it cannot be read."""
    names = {each.name for each in descriptors.listed()}
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
        return {key: values for key, values in found.items() if set(values) == names}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def known_of(sample: Setup, numbers: Sequence[int], options: SampleOptions) -> list[Variable]:
    """Descriptors, labels and groups of some clips of a sample; descriptors that were made before are remembered."""
    clips = [sample.recordings.clips[number] for number in numbers]
    place = hashlib.sha256(str(sample.recordings.manifest.root.resolve()).encode()).hexdigest()[:16]
    memory = options.cache / "descriptors" / f"{place}-{descriptors.version()}.json"
    advance = options.progress(f"{sample.task.name}: descriptors", len(clips))
    acoustic = _described(
        sample.recordings.manifest.root, clips, sample.recordings.facts, sample.recordings.rule.seconds, memory, advance
    )
    return [*acoustic, *_labelled(clips, sample.recordings.manifest.classes)]
