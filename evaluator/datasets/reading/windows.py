"""Clips of one length cut from longer stretches: from labelled spans, or from whole recordings with events.

`of: spans` gives windows that lie inside a span and have its label. `of: recordings` divides every recording into
chunks, every chunk into windows, and labels a window with the events that it hears enough of, by the rule of BEANS
(earthspecies/beans, `beans/datasets.py` at 340128e): an event counts if more than 20 % of the shorter of the two is
in both, or if it covers the window.
"""

import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.datasets.reading import rows
from evaluator.errors import UsageError
from evaluator.schema import Field

_ENOUGH = 0.2  # of the shorter of window and event
_MICROSECONDS = 6  # decimals of a second to which times are rounded, so that 0.01 s steps give what they say

FIELDS = {
    "of": Field(str, choices=("spans", "recordings")),
    "seconds": Field(float, min=0.001),
    "hop": Field(float, min=0.001),  # seconds from one window to the next
    # Of spans only: at most so many windows of each recording and label in a split, a seeded sample.
    "most": Field(dict, required=False, default={}, each=Field(int, min=1)),
    "seed": Field(int, required=False, default=0, min=0),
    # Of recordings only: all of them, as a glob, also those without an event; the length of a chunk in seconds (else
    # whole recordings), every how many-th of them is used, and up to which share of its recording's chunks a chunk
    # belongs to a split.
    "recordings": Field(str, required=False, default=""),
    "chunk": Field((float, type(None)), required=False, min=0.001),
    "every": Field(int, required=False, default=1, min=1),
    "splits": Field(dict, required=False, default={}, each=Field(float, min=0, max=1)),
}


def mistakes(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What does not go together in the options: (field, sentence) pairs."""
    if not options:
        return
    foreign = ("recordings", "chunk", "splits") if options["of"] == "spans" else ("most",)
    for name in foreign:
        if options[name]:
            yield "windows", f"{name} has no meaning for windows of {options['of']}"
    if options["of"] == "recordings" and not options["recordings"]:
        yield (
            "windows",
            "lacks recordings: a glob of all recordings, such as */*.wav, so that those without events count",
        )


def of_spans(spans: Iterable[Clip], options: Mapping[str, Any]) -> list[Clip]:
    """Windows of `seconds` every `hop` inside each span; a span that is shorter gives none.

    Args:
        spans: Clips with start and end.
        options: As in `FIELDS`.
    """
    seconds, hop = options["seconds"], options["hop"]
    found: dict[tuple[str, tuple[str, ...], str], list[tuple[Clip, float]]] = defaultdict(list)
    for span in spans:
        if span.start is None or span.end is None:
            raise UsageError(f"clip {span.name}: windows inside spans need a start and an end")
        for number in range(_count(span.end - span.start, seconds, hop)):
            start = round(span.start + number * hop, _MICROSECONDS)
            found[span.path, span.labels, span.split].append((span, start))
    clips = []
    for (path, labels, split), starts in found.items():
        most = options["most"].get(split, len(starts))
        for place in _sample(len(starts), most, (options["seed"], zlib.crc32(f"{path} {labels}".encode()))):
            span, start = starts[place]
            clips.append(replace(span, start=start, end=round(start + seconds, _MICROSECONDS)))
    return sorted(clips, key=lambda clip: (clip.path, clip.start))


def _count(length: float, seconds: float, hop: float) -> int:
    """How many windows fit: floor((length - seconds) / hop) + 1, in spite of rounding."""
    return max(0, math.floor(round((length - seconds) / hop, _MICROSECONDS)) + 1)


def _sample(n: int, most: int, seed: tuple[int, int]) -> Sequence[int]:
    """`most` of the numbers below n, all of them if there are no more; sorted."""
    if n <= most:
        return range(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False)).tolist()


def of_recordings(events: Iterable[Clip], root: Path, options: Mapping[str, Any]) -> list[Clip]:
    """Windows over every recording, each with the labels of the events that it hears; the group is the recording.

    A recording that cannot be read becomes one clip as it is, which then fails with its reason, and is counted.

    Args:
        events: Clips whose path is the recording, whose start and end are the event's, with one label; one without a
            label stands for a recording without events. A split that they name is their recording's; recordings that
            none names are left out then.
        root: Folder that the recordings lie in.
        options: As in `FIELDS`.
    """
    of_path: dict[str, list[tuple[float, float, str]]] = {
        path: [] for path in rows.visible(root, options["recordings"])
    }
    split_of: dict[str, str] = {}
    if not of_path:
        raise UsageError(f"{root}: there are no recordings like {options['recordings']}")
    for event in events:
        if event.path not in of_path:
            raise UsageError(
                f"{root / event.path}: has events, but is not among the recordings {options['recordings']}"
            )
        split_of[event.path] = event.split
        if event.labels and (event.start is None or event.end is None):
            raise UsageError(f"event in {event.name}: has no start or no end")
        of_path[event.path] += [(event.start or 0.0, event.end or 0.0, label) for label in event.labels]
    clips: list[Clip] = []
    for path in sorted(of_path):
        try:
            seconds = decode.recording_seconds(root / path)
        except decode.AudioError:
            labels = tuple(dict.fromkeys(label for _, _, label in of_path[path]))
            clips.append(Clip(path, labels, split=next(iter(options["splits"]), ""), group=path))
            continue
        clips += _windows(path, seconds, of_path[path], options)
    if any(split_of.values()):  # lists of recordings: one that is in none belongs to no part
        return [replace(clip, split=split_of[clip.path]) for clip in clips if split_of.get(clip.path)]
    return clips


def _windows(
    path: str, seconds: float, events: Sequence[tuple[float, float, str]], options: Mapping[str, Any]
) -> Iterator[Clip]:
    chunk = options["chunk"] or seconds
    n_chunks = math.ceil(seconds / chunk)
    for number in range(0, n_chunks, options["every"]):
        start, end = number * chunk, min((number + 1) * chunk, seconds)
        inside = [
            (max(onset, start), min(offset, end), label)
            for onset, offset, label in events
            if onset < end and offset > start
        ]
        # BEANS truncates towards zero here, so that a chunk up to one hop shorter than a window still gives one.
        for window in range(int((end - start - options["seconds"]) / options["hop"]) + 1):
            first = round(start + window * options["hop"], _MICROSECONDS)
            after = round(min(first + options["seconds"], end), _MICROSECONDS)
            labels = (
                label for onset, offset, label in inside if _hears(first, first + options["seconds"], onset, offset)
            )
            split = next((name for name, limit in options["splits"].items() if number / n_chunks < limit), "")
            yield Clip(path, tuple(dict.fromkeys(labels)), first, after, split=split, group=path)


def _hears(first: float, after: float, onset: float, offset: float) -> bool:
    """Whether a window counts as having heard an event."""
    if onset <= first and after <= offset:
        return True
    if not (first <= onset <= after or first <= offset <= after) or offset <= onset:
        return False
    return (min(after, offset) - max(first, onset)) / min(after - first, offset - onset) > _ENOUGH
