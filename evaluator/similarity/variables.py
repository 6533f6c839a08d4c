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
from evaluator.files import sweep, write_whole
from evaluator.own_cache import own_folder
from evaluator.similarity import correlations, descriptors


@dataclass(frozen=True)
class Variable:
    """Something known about clips beside their embeddings.

    name: As tables and figures call it.
    kind: `descriptor` or `metadata`.
    values: Of each clip: numbers (n_clips,), NaN where it is not defined; or labels, 0 or 1, (n_clips, n_labels).
    """

    name: str
    kind: str
    values: np.ndarray

    @property
    def defined(self) -> np.ndarray:
        """Of which clips it is known, (n_clips,), bool; of labels, clips that have one."""
        return np.asarray(self.values.any(axis=1) if self.values.ndim == 2 else ~np.isnan(self.values))

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """Dissimilarities (n_pairs,) of every two of the clips with these numbers, (n,)."""
        values = self.values[rows]
        return correlations.absolute_differences(values) if values.ndim == 1 else correlations.label_distances(values)


def _metadata_variables(clips: Sequence[Clip], classes: Sequence[str]) -> list[Variable]:
    """Labels of clips, and their groups where they have some."""
    variables = [Variable("label", "metadata", label_matrix([clip.labels for clip in clips], classes))]
    names = sorted({clip.group for clip in clips} - {""})
    if names:
        groups = [(clip.group,) if clip.group else () for clip in clips]
        variables.append(Variable("group", "metadata", label_matrix(groups, names)))
    return variables


def _descriptor_variables(
    root: Path,
    clips: Sequence[Clip],
    facts: Mapping[str, FileFacts | AudioError],
    rule: ClipRule,
    memories: Sequence[Path],
    advance: Callable[[int], object],
) -> list[Variable]:
    """Acoustic descriptors of clips.

    Args:
        root: Folder that the clips' paths are relative to.
        clips: The clips.
        facts: Header and content hash of each recording (`audio.file_facts`).
        rule: Which channel is heard, how slowly, and how much of the start of each clip, in seconds.
        memories: JSON files of descriptors that were computed before; the last can be written.
        advance: Called with 1 for every clip.

    Raises:
        AudioError: A clip cannot be read.
    """
    by_key = {key: values for memory in memories for key, values in _remembered(memory).items()}
    rows, n_new = [], 0
    heard = ClipRule(rule.seconds, channel=rule.channel, expand=rule.expand)
    for clip in clips:
        file_facts = facts[clip.path]
        if isinstance(file_facts, AudioError):
            raise file_facts
        key = clip_key(file_facts, clip, heard)
        if key not in by_key:
            rate = file_facts.sample_rate / heard.slower(file_facts.expansion)
            by_key[key] = descriptors.describe(root / clip.path, clip, rate, heard)
            n_new += 1
        rows.append(by_key[key])
        advance(1)
    if n_new:
        write_whole(memories[-1], json.dumps(by_key).encode())
    return [Variable(name, "descriptor", values) for name, values in descriptors.as_columns(rows).items()]


def _remembered(memory: Path) -> dict[str, dict[str, float]]:
    """What is remembered of clips by their keys; nothing if it cannot be read."""
    names = {each.name for each in descriptors.list_descriptors()}
    try:
        document = json.loads(memory.read_text(encoding="utf-8"))
        return {key: values for key, values in document.items() if set(values) == names}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def variables_of(sample: Setup, numbers: Sequence[int], options: SampleOptions) -> list[Variable]:
    """Descriptors, labels and groups of some clips of a sample; descriptors that were computed before are remembered.

    Args:
        sample: A task's clips.
        numbers: Which of them, (n_clips,); the variables' values are in this order.
        options: Where the cache is, and who is shown how far the descriptors are.

    Raises:
        AudioError: A clip cannot be read.
    """
    clips = [sample.recordings.clips[number] for number in numbers]
    root_hash = hashlib.sha256(str(sample.recordings.manifest.root.resolve()).encode()).hexdigest()[:16]
    name = f"{root_hash}-{descriptors.version()}.json"
    own = own_folder(options.cache, "descriptors")
    sweep(own)
    memories = [options.cache / "descriptors" / name, own / name]
    advance = options.progress(f"{sample.task.name}: descriptors", len(clips))
    acoustic = _descriptor_variables(
        sample.recordings.manifest.root,
        clips,
        sample.recordings.facts,
        sample.recordings.rule,
        memories,
        advance,
    )
    return [*acoustic, *_metadata_variables(clips, sample.recordings.manifest.classes)]
