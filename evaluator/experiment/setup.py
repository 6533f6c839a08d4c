"""What a task under a protocol asks of a module: how clips are heard, which of its embeddings are judged, and the question."""

from collections.abc import Sequence

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.task import Task
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.spec import Module
from evaluator.embedding.store import Store
from evaluator.errors import UsageError
from evaluator.experiment.task_targets import ClipQuestion, EventQuestion, Question
from evaluator.probes import features
from evaluator.probes.features import Candidate
from evaluator.probes.protocol import Protocol
from evaluator.probes.settings import Network
from evaluator.scoring.events import PostProcessing
from evaluator.scoring.metrics import METRICS


def adapted(task: Task, protocol: Protocol) -> Protocol:
    """The protocol with what the task changes of its suite's own one.

    Raises:
        UsageError: The task asks when events are heard, and the protocol judges whole clips; or the other way round.
    """
    if protocol.name == task.protocol:
        protocol = protocol.adapted(task.probe, task.events, task.name)
    if task.labels == "events" and not protocol.events:
        raise UsageError(
            f"{task.name} asks when events are heard, and the protocol {protocol.name} judges whole clips; take --protocol hear"
        )
    if METRICS[task.metric].of_events != (task.labels == "events"):
        raise UsageError(f"{task.name}: the metric {task.metric} does not fit its labels, which are {task.labels}")
    return protocol


def clip_rule(task: Task, protocol: Protocol) -> ClipRule:
    """How much of each clip is heard: the task's length, applied as the protocol says."""
    seconds = None if protocol.clip == "whole" else task.clip_seconds
    pad = protocol.clip == "cut_and_pad" and seconds is not None
    return ClipRule(seconds, pad, protocol.min_seconds, protocol.fill, protocol.peak)


def wanted(module: Module, name: str, task: Task, protocol: Protocol, said: str) -> tuple[str, str]:
    """Which layers are judged, and which views of clips that takes ("scene", "layers" or "frames").

    Args:
        module, name: The module, and what it is called.
        task, protocol: What is asked.
        said: What the user said about layers; "" for nothing.

    Raises:
        UsageError: The module, the task or the probe cannot answer that.
    """
    layers = features.parse(said or protocol.layers)
    if said:
        features.refuse_plain(layers, module.describe(), name)
    if layers == "weighted" and not isinstance(protocol.probe, Network):
        raise UsageError(
            f"--layers weighted: the protocol {protocol.name} learns no weights; take arch, sarkar, ogg or hear"
        )
    if task.labels == "events":
        if layers != "scene":
            raise UsageError(f"{task.name}: events are asked of the module's timestamp embeddings; leave --layers out")
        return layers, "frames"
    return layers, "scene" if layers == "scene" else "layers"


def ask(
    task: Task,
    protocol: Protocol,
    layers: str,
    store: Store,
    keys: Sequence[str],
    heard: Sequence[Clip],
    clips: Manifest,
) -> tuple[Question, list[Matrix], list[Candidate]]:
    """The question, the features that answer it and what can be judged of them.

    Args:
        task, protocol, layers: What is asked of which layers.
        store: Where embeddings are.
        keys, heard: The clips that have some.
        clips: All, for the names of the classes.
    """
    if task.labels == "events":
        frames, times, rows = store.read_frames(keys)
        choices = [PostProcessing(*pair) for pair in protocol.events]
        question = EventQuestion(heard, clips.classes, task.metric, times, rows, choices)
        return question, [frames], [Candidate("")]
    matrices, candidates = features.read(store, keys, layers, protocol.pooling)
    return ClipQuestion(heard, clips.classes, task.labels, task.metric), matrices, candidates
