"""What limits a score, as data, and what else a reader should know of how it came about."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator.audio import oddities
from evaluator.audio.sounds import digests as sounds_of
from evaluator.datasets import own_split
from evaluator.embedding import contamination, guard
from evaluator.embedding.extraction import Extraction
from evaluator.experiment import from_clips
from evaluator.experiment.evaluation import Choice, Evaluation, Key
from evaluator.experiment.experiment import Experiment
from evaluator.experiment.setup import Setup
from evaluator.results.caveats import Caveat
from evaluator.words import counted


def on_module(setup: Setup, described: Mapping[str, Any], cache: Path) -> Iterator[Caveat]:
    """Whether vectors come from elsewhere, and whether the module says that its weights were trained on this dataset or its recordings.

    Args:
        setup: The task, of (n_clips,) clips.
        described: What the module says (`Module.describe`): `trained_on`, dataset -> which recordings, and `heard`.
        cache: Folder in which hashes of recordings are remembered.
    """
    if "precomputed" in described:
        yield Caveat("not_computed_here", _elsewhere(described["precomputed"]))
    trained_on, heard = described["trained_on"], set(described["heard"])
    recordings = setup.recordings
    sounds = sounds_of(recordings.manifest.root, recordings.facts, cache) if heard else {}
    again = [clip.name for clip in recordings.clips if sounds.get(clip.path) in heard]
    if again:
        yield Caveat(
            "pre_trained_on_data",
            f"contamination: {len(again)} of {len(recordings.clips)} clips {'is' if len(again) == 1 else 'are'} from recordings that the module was pre-trained "
            f"on, {again[0]} for one, so its score here is no estimate for new recordings",
        )
    elif setup.task.dataset.name in trained_on:
        yield _contamination(trained_on[setup.task.dataset.name])


def _contamination(what: str) -> Caveat:
    """The caveat of a dataset that the module knows, or may know, by what it says of it."""
    if contamination.is_possible(what):
        return Caveat(
            "possibly_pre_trained_on_data",
            f"possible contamination: the module {what}, so its score here may be no estimate for new recordings",
        )
    return Caveat(
        "pre_trained_on_data",
        f"contamination: the module was pre-trained on {what}, so its score here is no estimate for new recordings",
    )


def _elsewhere(table: Mapping[str, Any]) -> str:
    """What is known of vectors that were looked up."""
    made_by = (
        f"which says that {table['made_by']} made them" if table["made_by"] else "which does not say what made them"
    )
    return (
        f"the vectors were not computed here but looked up in {table['file']} ({table['vector']}; SHA-256 {table['sha256'][:16]}), {made_by}: what they hang "
        "on, how clips were cut and what was heard in training cannot be checked"
    )


UNHEARD_ABOVE = 0.1  # share of the power


def on_sound(setup: Setup, extraction: Extraction, sample_rate: int) -> Iterator[Caveat]:
    """What modules hear otherwise than people would: odd levels and paces, and power above half a module's rate in Hz."""
    clips = setup.recordings.clips
    for kind, numbers in sorted(extraction.odd.items()):
        yield Caveat(kind, oddities.of_clips(kind, [clips[number].name for number in numbers]))
    pace = oddities.paces(setup.recordings.facts, setup.recordings.rule)
    if pace:
        yield Caveat("time_expansion", pace)
    if extraction.unheard > UNHEARD_ABOVE:
        yield Caveat(
            "energy_not_heard",
            f"{100 * extraction.unheard:.3g} % of the power of the clips (mean over {len(extraction.keys)}) lies above "
            f"{sample_rate / 2000:g} kHz, where a module of {sample_rate / 1000:g} kHz hears nothing",
        )


def on_clips(setup: Setup, extraction: Extraction) -> Iterator[Caveat]:
    """How the clips went through: failed, silent and lengthened ones, and batches that change an embedding."""
    clips = setup.recordings.clips
    for kind, text in extraction.remarks:
        yield Caveat(kind, text)
    if extraction.change > guard.TOLD_ABOVE:
        kind = "unrepeatable" if extraction.change > guard.REFUSED_ABOVE else "slightly_unrepeatable"
        yield Caveat(kind, guard.describe(extraction))
    if extraction.failed:
        first = clips[min(extraction.failed)].name
        yield Caveat(
            "failed_clips", f"{len(extraction.failed)} of {len(clips)} clips could not be used, {first} for one"
        )
    if extraction.silent:
        first = clips[extraction.silent[0]].name
        yield Caveat(
            "silent_clips",
            f"{counted(len(extraction.silent), 'clips are silent')} (all samples 0), {first} for one, and counted like others",
        )
    if extraction.padded:
        yield Caveat(
            "padded_clips",
            f"{counted(len(extraction.padded), 'clips were zero-padded')} because the module refuses them as they are, "
            f"{clips[extraction.padded[0]].name} for one",
        )


def on_groups(few: Sequence[str], rare: Sequence[str]) -> Iterator[Caveat]:
    """What so few (n_groups,) cannot tell, and which groups or classes the interval depends on."""
    yield from (Caveat("few_groups", text) for text in few)
    yield from (Caveat("interval_hangs_on", text) for text in rare)


def on_probe(experiment: Experiment, choice: Choice, evaluations: Mapping[Key, Evaluation]) -> Iterator[Caveat]:
    """What the probe could not do, a choice that saw the test clips, and solvers that did not arrive."""
    task, protocol = experiment.setup.task, experiment.setup.protocol
    if protocol.probe.weights_classes and task.labels != "single":
        yield Caveat(
            "class_weights_unused",
            "class weights are for tasks with one label a clip; here every label counts the same",
        )
    if protocol.choose_layer == "test" and len({candidate for candidate, _ in evaluations}) > 1:
        yield Caveat("chosen_on_test", f"{choice.name} was chosen by its TEST score")
    outcomes = [outcome for fold in choice.evaluation.outcomes for outcome in fold]
    unsettled = [outcome.unsettled for outcome in outcomes if outcome.unsettled]
    if unsettled:
        yield Caveat(
            "unsettled_probe",
            f"the solver of {len(unsettled)} of {len(outcomes)} probes did not arrive at the optimum "
            f"({', '.join(unsettled[0])} for one): raise the protocol's max_iter",
        )


def notes(
    experiment: Experiment, choice: Choice, evaluations: Mapping[Key, Evaluation], one_seed_tells_all: bool
) -> list[str]:
    """How the score came about: what it is over, and of which features or setting.

    Args:
        experiment, choice, evaluations: What was evaluated, and what stands for it.
        one_seed_tells_all: Whether several seeds were asked of a probe that draws nothing, or whose draws are fixed.
    """
    protocol = experiment.setup.protocol
    sentences = [*_on_fit(experiment), *_on_choice(experiment, choice, evaluations), *intake(experiment.setup)]
    sentences += [f"data: {text}" for text, _ in oddities.headers(experiment.setup.recordings.facts)]
    sentences += [f"data: {text}" for text in _unused_groups(experiment.setup)]
    sentences += from_clips.note(experiment.spec, experiment.setup)
    if experiment.spec.instance is not None:
        kept = "; its embeddings last for this session, since nothing names its code and weights"
        sentences.append(
            f"the module was given as a Python object and ran in this process{kept if experiment.spec.session else ''}"
        )
    if experiment.spec.kept_as == "float16":
        sentences.append(
            "embeddings were kept as float16, within 5e-4 of each number, or 6e-8 of the largest of its clip and layer (--store float16)"
        )
    if one_seed_tells_all:
        why = f"fixes its draws in the {protocol.profile} profile" if protocol.probe.SEEDED else "draws nothing"
        sentences.append(f"{protocol.name} {why}, so that one seed tells all")
    return sentences


_NOT_FREE = re.compile(r"\bnc\b|non-?commercial|research", re.IGNORECASE)


def on_licence(described: Mapping[str, Any]) -> Iterator[str]:
    """Of weights that may not be used commercially, which licence says so; of an ensemble's members each one once.

    Args:
        described: What the module says (`Module.describe`): `licence`, in words, and of an ensemble `members`.
    """
    said = dict.fromkeys(each.get("licence", "") for each in described.get("members", [described]))
    yield from (f"licence: the weights are not for commercial use ({each})" for each in said if _NOT_FREE.search(each))


def intake(setup: Setup) -> Iterator[str]:
    """What became of the files and rows of the data: of a user's own all of it, else only what is not by design."""
    taken = setup.recordings.manifest.intake
    own = setup.task.dataset.access == "own"
    if own:
        yield f"data: {taken.summary}"
    for difference in taken.differences if own else taken.unexpected():
        yield f"data: {difference.text}"


def _unused_groups(setup: Setup) -> Iterator[str]:
    """Groups that names seem to tell, where a YAML file of the user's own says how the data is meant: no caveat then."""
    if setup.task.by_table or setup.protocol.probe.measures:
        return
    unused = own_split.groups_not_used(setup.task, setup.folds, setup.recordings.clips)
    if unused:
        yield unused


def _on_fit(experiment: Experiment) -> Iterator[str]:
    """Which clips the tested probes were fitted to, if not to training clips alone, and which labels they take, if not all."""
    if taken := experiment.setup.protocol.probe.takes(experiment.setup.task.labels):
        yield taken
    if experiment.setup.protocol.probe.refits:
        yield "validation clips chose the setting of the probe, which was then fitted to training and validation clips together"


def _on_choice(experiment: Experiment, choice: Choice, evaluations: Mapping[Key, Evaluation]) -> Iterator[str]:
    which = "layers" if experiment.layers == "all" else "of them"
    if len(evaluations) == 1:
        if experiment.layers == "all" and choice.name == "":
            yield "the module shows one layer only"
    elif experiment.setup.protocol.probe.measures:
        yield f"the score is of {choice.name}, the last one: nothing validates where nothing is trained; the curve has all layers"
    elif len({candidate for candidate, _ in evaluations}) == 1:
        yield f"the score is of {choice.name}; the others are in the curve"
    elif not choice.same:
        names = ", ".join(each.name for each in choice.by_fold)
        yield f"each fold chose its layer by its validation clips: {names}; the curve has all {which}"
    elif experiment.setup.protocol.choose_layer == "valid":
        yield f"{choice.name} was chosen by its validation score in every fold; the curve has all {which}"
    else:
        yield f"the score is of {choice.name}; the curve has all {which}"
