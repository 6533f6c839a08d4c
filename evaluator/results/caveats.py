"""Caveats: facts that limit what a score means, what each kind does to a number and to a comparison, and how they are shown.

Every caveat marks its number with `DAGGER`, wherever the number is shown. Some falsify a comparison with other modules on the same
test clips: then there is no verdict, no rank and no bold, and the reason is said instead.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAGGER = "†"  # beside every number with a caveat
ALWAYS, UNLESS_SHARED, NEVER = "always", "unless shared", "never"


@dataclass(frozen=True)
class Caveat:
    """A fact that limits what a score means.

    kind: One of `CAVEATS`.
    text: The fact, as a sentence without its full stop.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class CaveatKind:
    """What a caveat of one kind is about, and what it does to a comparison.

    meaning: What it says.
    falsifies: Whether it falsifies a comparison with other results on the same test clips: `ALWAYS`, `UNLESS_SHARED` (only with results
        that are without it), or `NEVER`.
    by_text: Whether two results share it only where the text is the same, as where it counts clips.
    """

    meaning: str
    falsifies: str = NEVER
    by_text: bool = False


# By kind. The comment says why a comparison is falsified, or why not, where that does not go without saying.
CAVEATS: Mapping[str, CaveatKind] = {
    # The score is of recordings that the module knows; how much that flatters differs from module to module.
    "pre_trained_on_data": CaveatKind(
        "the module was pre-trained on recordings of this dataset: contamination", ALWAYS
    ),
    # Nobody tells whether it is so: a verdict may rest on recordings that one of the two knows.
    "possibly_pre_trained_on_data": CaveatKind(
        "the module may have been pre-trained on recordings of this dataset: possible contamination", ALWAYS
    ),
    # Whoever compares knows where they come from; nothing shows that they are better or worse for it.
    "not_computed_here": CaveatKind(
        "the vectors come from a table that was made elsewhere: nobody can check here what they depend on"
    ),
    # Probes learned from another part; the test clips alone are the same.
    "partial_data": CaveatKind(
        "other numbers of clips or classes than the published dataset has", UNLESS_SHARED, by_text=True
    ),
    # Interval and p say themselves what so few groups can tell.
    "few_groups": CaveatKind(
        "too few individuals, sites, recordings or clips for an interval, or for a verdict on a difference"
    ),
    "interval_hangs_on": CaveatKind(
        "the interval depends mostly on one group, on classes with hardly any test clips, or on clips without a group"
    ),
    # Comparisons are made anew from the predictions.
    "old_interval": CaveatKind(
        "the interval was made by an earlier version: a bootstrap, too narrow where groups are few or named"
    ),
    # A choice is made on known individuals, the test is not.
    "validation_on_known": CaveatKind(
        "validation clips come from individuals or recordings that train, those tested do not"
    ),
    # Who is divided the same way flatters all modules; another split of the same clips asks for new individuals, or for other ones.
    "groups_divided": CaveatKind(
        "the split tests individuals, sites or recordings that it trains on, so that the score is not of new ones",
        UNLESS_SHARED,
        by_text=True,
    ),
    "groups_not_used": CaveatKind(
        "file names seem to name individuals, sites or recordings, which the split, or the measure, does not keep apart",
        UNLESS_SHARED,
    ),
    "groups_compared": CaveatKind(
        "clips of one individual, site or recording are compared with each other, so that the score is not of new ones",
        UNLESS_SHARED,
        by_text=True,
    ),
    # Where training clips differ, so may what is known of the same test clips.
    "shared_audio": CaveatKind(
        "tested clips hold audio of clips that train, or that they are compared with: the same file again, or stretches that overlap",
        UNLESS_SHARED,
        by_text=True,
    ),
    # Probes learned from other clips, or others were tested.
    "failed_clips": CaveatKind(
        "clips that could not be read or embedded, which are not in the score", UNLESS_SHARED, by_text=True
    ),
    # Of other sounds under the same names.
    "degraded_clips": CaveatKind(
        "test clips were made worse on purpose, to see how far the score falls", UNLESS_SHARED, by_text=True
    ),
    "silent_clips": CaveatKind("clips whose samples are all 0"),
    # A module's own way with short clips, batches and errors is part of what is compared.
    "padded_clips": CaveatKind("clips that the module takes only after zero-padding"),
    "batch_dependent": CaveatKind(
        "embeddings depend on the other clips of the batch, so clips were embedded one by one"
    ),
    "second_try": CaveatKind("clips that failed were answered when the module was asked again"),
    # Another run would have given another score; no interval counts that.
    "unrepeatable": CaveatKind(
        "embeddings differ a lot when the module is asked again: they depend on more than the clip, and a probe may even read the "
        "labels from the order",
        ALWAYS,
    ),
    # By less than a hundredth of the standard deviation between clips.
    "slightly_unrepeatable": CaveatKind("embeddings differ a little when the module is asked again"),
    # A suspicion; a module that really keeps an old answer scores worse for it.
    "equal_embeddings": CaveatKind("clips that sound different have exactly the same embedding"),
    # Far less than what tells modules apart; the text says how far.
    "reduced_precision": CaveatKind("embeddings were computed in less than float32, and differ a little from it"),
    "odd_times": CaveatKind("the module's timestamps are no centres of frames in ms: event tasks refuse them"),
    # Who heard another channel, or files at another pace, heard other sounds under the same names.
    "channels_cancel": CaveatKind(
        "channels that are lost when they are averaged, as with opposite phase", UNLESS_SHARED
    ),
    "dead_channels": CaveatKind(
        "channels without sound, which make the others quieter when they are averaged", UNLESS_SHARED
    ),
    "time_expansion": CaveatKind("files that play at different paces, some slowed down and others not", UNLESS_SHARED),
    "over_full_scale": CaveatKind("samples far beyond full scale, louder than modules were trained for"),
    "near_silent_clips": CaveatKind("clips that are nearly silent"),
    "constant_offset": CaveatKind("clips that are an offset from zero (DC) more than a sound"),
    # What a module cannot hear at its rate is a true fact of it, which a comparison should show.
    "energy_not_heard": CaveatKind("much of the sound lies above the highest frequency that the module can hear"),
    # Of the same folds all have it; of others those without it had an easier task.
    "untrained_classes": CaveatKind(
        "classes that are tested without a single training clip", UNLESS_SHARED, by_text=True
    ),
    # The more layers, the more a choice on the test clips flatters; among those that all chose so, as papers do, it is a rule.
    "chosen_on_test": CaveatKind("a layer or setting was chosen by the score on the test clips", UNLESS_SHARED),
    # Near an optimum answers hardly change; far from it the module is scored too low.
    "unsettled_probe": CaveatKind("a probe whose solver did not arrive at its optimum"),
    # Whatever was edited, the score may be.
    "edited": CaveatKind("its file was edited after it was written", ALWAYS),
    "class_weights_unused": CaveatKind("the protocol weights classes, which is not defined for several labels a clip"),
    # What its members bear, it bears as well.
    "derived": CaveatKind("the score is of several results together, not of a run of one module"),
}

RECENT = ("shared_audio", "groups_compared")  # kinds that results of schema 6 may not have been asked for
OLDER = " (not said of the other one, which has to be run again if it is older)"

Shared = frozenset[tuple[str, str]]
"""What has to be shared for a comparison to hold: kinds of caveats and, where that matters, their details."""


def mark(caveats: Sequence[Caveat]) -> str:
    """The dagger for a number with these caveats; "" for one without."""
    return DAGGER if caveats else ""


def footnotes(caveats: Iterable[tuple[str, Sequence[Caveat]]], said: str) -> str:
    """What the daggers in a sentence mean, each once, but for what was said already.

    Args:
        caveats: Of each name in it, (n_names,).
        said: Where a footnote that stands in it is left out.
    """
    told = dict.fromkeys(f"{name}: {caveat.text}" for name, several in caveats for caveat in several)
    return "".join(f"; {DAGGER} {each}" for each in told if each not in said)


def with_facts(caveat: Caveat) -> dict[str, str]:
    """A caveat for programs: kind, text, and whether it falsifies a comparison."""
    return {"kind": caveat.kind, "text": caveat.text, "falsifies": falsifies(caveat)}


def falsifies(caveat: Caveat) -> str:
    """`ALWAYS`, `UNLESS_SHARED` or `NEVER`; a kind that is not known, as of a later version, is taken for the gravest."""
    return CAVEATS[caveat.kind].falsifies if caveat.kind in CAVEATS else ALWAYS


def is_grave(caveat: Caveat) -> bool:
    """Whether it falsifies every comparison."""
    return falsifies(caveat) == ALWAYS


def has_to_be_shared(result: Any) -> Shared:
    """What a result may only be compared with if the other has the same: caveats that falsify `UNLESS_SHARED`.

    Failed clips are told by their names, where the result has them, (n_failed,).
    """
    details = set()
    for caveat in result.caveats:
        if falsifies(caveat) == UNLESS_SHARED:
            by_text = caveat.text if CAVEATS[caveat.kind].by_text else ""
            names = "\n".join(sorted(result.failed)) if caveat.kind == "failed_clips" else ""
            details.add((caveat.kind, names or by_text))
    return frozenset(details)


def why_no_verdict(names: Sequence[str], results: Sequence[Any]) -> str:
    """Why two results cannot be told from each other, whatever their scores; "" if nothing forbids it.

    Args:
        names: What the two are called.
        results: On the same test clips, (n_clips,).
    """
    one, other = (has_to_be_shared(each) for each in results)
    reasons = []
    for name, result, beside, alien in zip(names, results, results[::-1], (one - other, other - one), strict=True):
        kinds = {kind for kind, _ in alien}
        for caveat in result.caveats:
            if is_grave(caveat) or caveat.kind in kinds:
                unasked = caveat.kind in RECENT and not any(each.kind == caveat.kind for each in beside.caveats)
                reasons.append(f"{name}: {caveat.text}{OLDER if unasked else ''}")
    return "; ".join(dict.fromkeys(reasons))


def why_no_rank(results: Sequence[Any], shared: Sequence[Shared]) -> list[str]:
    """For each of several results why it gets no rank; "" for those that are ranked with each other.

    Those are ranked that nothing falsifies and that share what has to be shared: the most that agree, the freest of caveats where as
    many agree otherwise.

    Args:
        results: On the same test clips, (n_results,).
        shared: `has_to_be_shared` of each.
    """
    always = [[each for each in result.caveats if is_grave(each)] for result in results]
    counted = Counter(each for each, grave in zip(shared, always, strict=True) if not grave)
    usual = max(counted, key=lambda each: (counted[each], -len(each), sorted(each)), default=frozenset())
    reasons = []
    for result, own, grave in zip(results, shared, always, strict=True):
        alien = {kind for kind, _ in own - usual}
        said = [each.text for each in (*grave, *(each for each in result.caveats if each.kind in alien))]
        if not said and own != usual:
            lacking = sorted({CAVEATS[kind].meaning for kind, _ in usual - own})
            said = [f"not so for it, but for those with a rank: {', '.join(lacking)}"]
        reasons.append("; ".join(dict.fromkeys(said)))
    return reasons
