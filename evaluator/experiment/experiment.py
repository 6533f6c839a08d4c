"""One module on one task under one protocol, prepared: what is embedded, and which of its layers are evaluated."""

from dataclasses import dataclass
from pathlib import Path

from evaluator.embedding import ensemble
from evaluator.embedding.embed import Progress, Workers
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store
from evaluator.errors import UsageError
from evaluator.experiment import usable
from evaluator.experiment.setup import Setup
from evaluator.probes import features


@dataclass(frozen=True)
class Experiment:
    """One module on one task under one protocol.

    spec: The module, as asked for.
    setup: Task, protocol, clips, folds, file facts and clip rule.
    layers: Which layers are evaluated (`features.parse`).
    views: Which embeddings that takes: "scene", "layers" or "frames".
    """

    spec: ModuleSpec
    setup: Setup
    layers: str
    views: str

    @property
    def title(self) -> str:
        """What it is called in progress bars."""
        return f"{self.spec.name} {self.setup.task.name}"


@dataclass(frozen=True)
class Embedded:
    """The embeddings of an experiment: where they are, and what became of each clip.

    Scenes are (n_clips, width), layers (n_layers, n_clips, width), frames (n_frames, width) with times in ms.
    """

    store: Store
    extraction: Extraction


def prepare(spec: ModuleSpec, module: Module, setup: Setup, layers: str = "") -> Experiment:
    """The experiment of an open module on a task that is set up.

    Args:
        spec, module: The module, as asked for and opened.
        setup: The task under its protocol.
        layers: What the user says about layers; "" for what the protocol says.

    Raises:
        UsageError: The module, the task or the probe has no such layers.
    """
    chosen = layers_of(setup, layers)
    if layers and chosen == "all" and module.describe()["n_layers"] < 2:
        chosen = layers_of(
            setup, ""
        )  # all that it shows: the same as without the option, beside modules that have more
    elif layers:
        features.refuse_plain(chosen, module.describe(), spec.name)
    reads_frames = setup.task.labels == "events" or setup.protocol.probe.READS_FRAMES
    views = "frames" if reads_frames else "scene" if chosen == "scene" else "layers"
    return Experiment(spec, setup, chosen, views)


def layers_of(setup: Setup, layers: str) -> str:
    """Which layers are evaluated (`features.parse`), as far as that can be told without the module.

    Args:
        setup: The task, of (n_clips,) clips, under its protocol.
        layers: What the user says; "" for what the protocol says.

    Raises:
        UsageError: It names none, or the probe or the task has no use for them.
    """
    task, protocol = setup.task, setup.protocol
    chosen = features.parse(layers or protocol.layers)
    if chosen == "weighted" and not protocol.probe.MIXES_LAYERS:
        raise UsageError(
            f"--layers weighted: the protocol {protocol.name} learns no weights; take arch, sarkar, ogg or hear"
        )
    if task.labels == "events" and chosen != "scene":
        raise UsageError(f"{task.name}: events need the module's timestamp embeddings; leave --layers {chosen} out")
    if protocol.probe.READS_FRAMES and chosen != "scene":
        raise UsageError(
            f"{protocol.name}: reads the module's timestamp embeddings, of the layer that the module's own option names; give --option layer={chosen} "
            f"in place of --layers {chosen}"
        )
    return chosen


def embed(
    experiment: Experiment,
    module: Module,
    cache: Path,
    progress: Progress,
    allow_failed: float = 0.0,
    workers: Workers | None = None,
) -> Embedded:
    """The embeddings of an experiment's clips; what the store lacks is made.

    Audio reaches the module as (n_clips, n_samples) at its own sample rate in Hz.

    Args:
        experiment, module: What is embedded, by which open module.
        cache: Folder of all stores.
        progress: Shows how many clips are done.
        allow_failed: Share of clips that may be unreadable, 0 to 1.
        workers: Other processes that make what is missing first; None for nobody.

    Raises:
        UsageError: The module has no such embeddings, or there are no such workers.
        EvaluationError: More clips lack their file than that (nothing is embedded then), or failed (what could be embedded is
            kept), or the module fails.
    """
    usable.refuse_missing(experiment.setup, allow_failed)
    recordings = experiment.setup.recordings
    asked = experiment.spec, module, experiment.views
    store, extraction = ensemble.embed(*asked, recordings, cache, progress, workers)
    usable.refuse_failures(experiment.setup, extraction, allow_failed)
    return Embedded(store, extraction)
