"""What of a task's clips and folds limits every score on them, whatever the module: what tested clips know already, and what is missing."""

from collections.abc import Collection, Iterator, Mapping

from evaluator.check.check import counts
from evaluator.check.compared import MEET, Compared
from evaluator.datasets import overlap, own_split, splits
from evaluator.experiment.setup import Setup
from evaluator.results.caveats import Caveat
from evaluator.words import counted


def on_data(setup: Setup, silent: Collection[int] = ()) -> Iterator[Caveat]:
    """What tested clips know already (classes, groups, audio), or each other; other numbers of clips than were published.

    Args:
        setup: The task under its protocol, of (n_clips,) clips.
        silent: Numbers of clips that hold no sound, or are not in the score: what they have in common tells nothing.
    """
    if setup.protocol.probe.measures:
        yield from _on_compared(setup, silent)
    else:
        yield from _on_untrained(setup)
        yield from _on_known_groups(setup)
        yield from _on_known_audio(setup, silent)
    yield from _on_absent(setup)
    for finding in counts(setup.task, setup.recordings.manifest):
        if finding.level != "note":
            yield Caveat("partial_data", finding.what)


def _on_untrained(setup: Setup) -> Iterator[Caveat]:
    """Classes without training clips, by fold."""
    for fold in setup.folds:
        labels = splits.untrained(fold, setup.recordings.clips)
        if labels:
            yield Caveat(
                "untrained_classes",
                f"fold {fold.name} tests {counted(len(labels), 'classes without a training clip')}, {labels[0]} for one",
            )


def _on_known_groups(setup: Setup) -> Iterator[Caveat]:
    """Groups that train, or validate, and are tested as well; those that names seem to tell count unless a YAML file tells otherwise."""
    clips = setup.recordings.clips
    if own_split.validates_on_known(setup.task, setup.folds, clips):
        yield Caveat("validation_on_known", own_split.VALIDATION_ON_KNOWN)
    both = splits.leaking_groups(setup.folds, clips)
    if both:
        n = len({clip.group for clip in clips} - {""})
        some = f"{both[0]} for one" if n > 1 else both[0]
        yield Caveat(
            "groups_divided", f"{len(both)} of {n} groups train and are tested, {some}: the score is not of new ones"
        )
    unused = own_split.groups_not_used(setup.task, setup.folds, clips) if setup.task.by_table else ""
    if unused:
        yield Caveat("groups_not_used", unused)


def _on_known_audio(setup: Setup, silent: Collection[int]) -> Iterator[Caveat]:
    """Audio that trains, or validates, and is tested as well: copies of a file, and stretches that overlap in time."""
    recordings = setup.recordings
    found = overlap.across(setup.folds, recordings.spans(), recordings.contents(), silent)
    if found:
        yield Caveat(
            "shared_audio",
            f"{_holding(setup, found)} clips that train, {_pair(setup, found)} for one (the same file again, or stretches that overlap): the score is not of new "
            "sounds",
        )


def _on_compared(setup: Setup, silent: Collection[int]) -> Iterator[Caveat]:
    """What clips that a measure compares have in common beside their class: audio, and the individual, site or recording."""
    recordings, task = setup.recordings, setup.task
    exclude = getattr(setup.protocol.probe, "exclude", "")
    compared = Compared(recordings.clips, setup.folds, exclude or "none")
    found = compared.sharing(recordings, silent)
    if found:
        yield Caveat(
            "shared_audio",
            f"{_holding(setup, found)} others that they are compared with, {_pair(setup, found)} for one (the same file again, or stretches that overlap): such "
            "pairs are alike whatever the module",
        )
    if not exclude:
        return  # clusters are of all clips, and no clip looks for its own group
    known = compared.divided()
    if known:
        yield Caveat(
            "groups_compared",
            f"{counted(len(known), f'groups have several {MEET}')}, {known[0]} for one: the score is not of new ones",
        )
    unused = compared.unused(task) if task.by_table else ""
    if unused:
        yield Caveat("groups_not_used", unused)


def _holding(setup: Setup, found: Mapping[int, int]) -> str:
    """How many of the tested clips hold audio of others."""
    n_tested = len({number for fold in setup.folds for number in fold.test.tolist()})
    return f"{len(found)} of {n_tested} tested clips {'holds' if len(found) == 1 else 'hold'} audio of"


def _pair(setup: Setup, found: Mapping[int, int]) -> str:
    """The first clip that holds audio of another one, and that one; once where it is the same."""
    names = [setup.recordings.clips[number].name for number in min(found.items())]
    return " and ".join(dict.fromkeys(names))


def _on_absent(setup: Setup) -> Iterator[Caveat]:
    """Rows that were left out for want of their file, unless the dataset is known to have so many clips without them."""
    whole, expected = setup.recordings.manifest, setup.task.dataset.expected
    known = expected.get("clips")
    if known and abs(len(whole.clips) - known) <= expected.get("tolerance", 0):
        return
    yield from (Caveat("partial_data", each.text) for each in whole.intake.differences if each.kind == "not_on_disk")
