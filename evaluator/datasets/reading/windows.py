"""Clips of one length cut from longer stretches: from labelled spans, or from whole recordings with events.

`of: spans` gives windows that lie inside a span and have its label. `of: recordings` divides every recording into
chunks, every chunk into windows, and labels a window with the events that it overlaps enough, by the rule of BEANS
(earthspecies/beans, `beans/datasets.py` at 340128e): an event counts if more than 20 % of the shorter of the two is
in both, or if it covers the window. All times are in seconds.
"""

import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.globbing import visible
from evaluator.errors import UsageError
from evaluator.typed import key

_MIN_OVERLAP = 0.2  # of the shorter of window and event
_SLACK = 0.05  # seconds that an event may reach beyond its recording, as a clip may: tables are rounded
_MICROSECONDS = 6  # decimals of a second to which times are rounded, so that 0.01 s steps give what they say
_NEAR_HALF = 0.01  # microseconds, far more than a product of times of less than years is rounded by


class _Event(NamedTuple):
    """A labelled stretch of a recording in seconds, and where its row stands."""

    onset: float
    offset: float
    label: str
    where: str


@dataclass(frozen=True, kw_only=True)
class WindowOptions:
    """How windows are cut: their length and hop in seconds, and which of them are kept."""

    of: Literal["spans", "recordings"] = key("What windows are cut from: the clips' spans, or whole recordings.")
    seconds: float = key("Length of a window, in seconds.", min=0.001)
    hop: float = key("Seconds from the start of one window to the next.", min=0.001)
    max_windows: Mapping[str, int] = key(
        "Of spans only: for each split, the largest number of windows of one recording and label, a seeded sample.",
        default={},
        min=1,
        yaml="max",
    )
    seed: int = key("Seed of that sample.", default=0, min=0)
    recordings: str = key(
        "Of recordings only: a glob of all recordings, also those without an event, such as `*/*.wav`.", default=""
    )
    chunk: float | None = key(
        "Of recordings only: length of a chunk, in seconds; empty for whole recordings.", default=None, min=0.001
    )
    every: int = key("Of recordings only: every how many-th chunk is used.", default=1, min=1)
    splits: Mapping[str, float] = key(
        "Of recordings only: for each split, up to which share of its recording's chunks a chunk belongs to it.",
        default={},
        min=0,
        max=1,
    )

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not go together in the options: (key of the reader, sentence) pairs."""
        meaningless: Mapping[str, Mapping[str, object]] = {
            "spans": {"recordings": self.recordings, "chunk": self.chunk, "splits": self.splits},
            "recordings": {"max": self.max_windows},
        }
        for name, value in meaningless[self.of].items():
            if value:
                yield "windows", f"{name} has no meaning for windows of {self.of}"
        if self.of == "recordings" and not self.recordings:
            yield (
                "windows",
                "lacks recordings: a glob of all recordings, such as */*.wav, so that those without events count",
            )


def of_spans(spans: Iterable[Clip], options: WindowOptions) -> list[Clip]:
    """Windows of `options.seconds` every `options.hop` seconds inside each span; a shorter span gives none.

    Args:
        spans: Clips with start and end.
        options: How windows are cut.
    """
    starts_of: dict[tuple[str, tuple[str, ...], str], list[tuple[Clip, float]]] = defaultdict(list)
    for span in spans:
        if span.start is None or span.end is None:
            raise UsageError(f"clip {span.name}: windows inside spans need a start and an end")
        for start in starts(span.start, span.end, options.seconds, options.hop):
            starts_of[span.path, span.labels, span.split].append((span, start))
    clips = []
    for (path, labels, split), found in starts_of.items():
        n_kept = options.max_windows.get(split, len(found))
        for index in _sample(len(found), n_kept, (options.seed, zlib.crc32(f"{path} {labels}".encode()))):
            span, start = found[index]
            clips.append(replace(span, start=start, end=end_of(start, options.seconds)))
    return sorted(clips, key=lambda clip: (clip.path, clip.start))


def starts(begin: float, end: float, seconds: float, hop: float) -> Iterator[float]:
    """Where windows of a length in seconds begin, every `hop` seconds, that lie inside a stretch from `begin` to `end`."""
    for number in range(count(end - begin, seconds, hop)):
        yield start_of(number, begin, hop)


def start_of(number: int, begin: float, hop: float) -> float:
    """Where a window begins, by its number from 0 on, every `hop` seconds from `begin` on."""
    return round(begin + number * hop, _MICROSECONDS)


def end_of(start: float, seconds: float) -> float:
    """Where a window ends, in seconds."""
    return round(start + seconds, _MICROSECONDS)


def count(length: float, seconds: float, hop: float) -> int:
    """How many windows fit: floor((length - seconds) / hop) + 1, in spite of rounding."""
    return max(0, math.floor(round((length - seconds) / hop, _MICROSECONDS)) + 1)


def spans(begin: float, hop: float, seconds: float, first: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends in seconds, (after - first,) float64 each, of windows by their numbers: to the bit those of `start_of` and `end_of`."""
    start = _rounded(begin + np.arange(first, after) * hop)
    return start, _rounded(start + seconds)


def _rounded(times: np.ndarray) -> np.ndarray:
    """`round(time, _MICROSECONDS)` of each; numpy's own rounds what lies half way after a product that is rounded itself."""
    scaled = times * 10**_MICROSECONDS
    made = np.rint(scaled) / 10**_MICROSECONDS
    for near in np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < _NEAR_HALF):
        made[near] = round(float(times[near]), _MICROSECONDS)
    return made


def _sample(n: int, n_kept: int, seed: tuple[int, int]) -> Sequence[int]:
    """`n_kept` of the numbers below n, all of them if there are no more; sorted."""
    if n <= n_kept:
        return range(n)
    return np.sort(np.random.default_rng(seed).choice(n, n_kept, replace=False)).tolist()


def of_recordings(
    events: Iterable[tuple[str, Clip]], root: Path, options: WindowOptions, tally: Tally | None = None
) -> list[Clip]:
    """Windows over every recording, each with the labels of the events that it overlaps; the group is the recording.

    A recording that cannot be read becomes one clip as it is, which then fails with its reason, and is counted.

    Args:
        events: Where a row stands, and a clip whose path is the recording, whose start and end (in seconds) are the event's,
            with one label; one without a label stands for a recording without events. A split that they name is their
            recording's; recordings that none names are left out then.
        root: Folder that the recordings lie in.
        options: How windows are cut.
        tally: Where events that cannot be are noted.

    Raises:
        UsageError: There are no recordings, or an event is of another one, or lacks a start or end.
    """
    tally = tally or Tally()
    events_of, split_of = _by_recording(events, root, options, tally)
    clips: list[Clip] = []
    for path in sorted(events_of):
        try:
            seconds = decode.recording_seconds(root / path)
        except decode.AudioError:
            labels = tuple(dict.fromkeys(event.label for event in events_of[path]))
            clips.append(Clip(path, labels, split=next(iter(options.splits), ""), group=path))
            continue
        for event in events_of[path]:
            if not _can_be(event, seconds):
                tally.note(
                    "impossible_events", f"{event.where} ({event.onset:g} to {event.offset:g} s of {seconds:.5g} s)"
                )
        clips += _windows(path, seconds, events_of[path], options)
    if any(split_of.values()):  # lists of recordings: one that is in none belongs to no part
        return [replace(clip, split=split_of[clip.path]) for clip in clips if split_of.get(clip.path)]
    return clips


def _by_recording(
    events: Iterable[tuple[str, Clip]], root: Path, options: WindowOptions, tally: Tally
) -> tuple[dict[str, list[_Event]], dict[str, str]]:
    """The events of every recording, and the split that they name; as `of_recordings`."""
    events_of: dict[str, list[_Event]] = {path: [] for path in visible(root, options.recordings, tally)}
    split_of: dict[str, str] = {}
    if not events_of:
        raise UsageError(f"{root}: there are no recordings like {options.recordings}")
    strange: list[str] = []
    for where, marked in events:
        if marked.path not in events_of:
            strange.append(marked.path)
            continue
        split_of[marked.path] = marked.split
        if marked.labels and (marked.start is None or marked.end is None):
            raise UsageError(f"event in {marked.name}: has no start or no end")
        start, end = marked.start or 0.0, marked.end or 0.0
        events_of[marked.path] += [_Event(start, end, label, where or marked.name) for label in marked.labels]
    if strange:
        raise UsageError(
            f"{root}: {len(set(strange))} of {len(set(strange) | set(events_of))} recordings have events, but are not there or not "
            f"among {options.recordings}, {strange[0]} for one; get them, or leave those rows out (leave_out, or on_disk: true)"
        )
    listed = any(split_of.values())  # then what no list names is no clip
    without = sorted(path for path, marked in events_of.items() if not marked and (not listed or split_of.get(path)))
    tally.note("eventless_recordings", "".join(without[:1]), len(without), str(len(events_of)))
    return events_of, split_of


def _can_be(event: _Event, seconds: float) -> bool:
    """Whether an event has a length and lies in a recording of so many seconds, but for what tables round; NaN does not."""
    return -_SLACK <= event.onset < event.offset <= seconds + _SLACK


def _windows(path: str, seconds: float, events: Sequence[_Event], options: WindowOptions) -> Iterator[Clip]:
    chunk = options.chunk or seconds
    n_chunks = math.ceil(seconds / chunk)
    for number in range(0, n_chunks, options.every):
        start, end = number * chunk, min((number + 1) * chunk, seconds)
        inside = [
            (max(onset, start), min(offset, end), label)
            for onset, offset, label, _ in events
            if onset < end and offset > start
        ]
        # BEANS truncates towards zero here, so that a chunk up to one hop shorter than a window still gives one.
        for window in range(int((end - start - options.seconds) / options.hop) + 1):
            first = round(start + window * options.hop, _MICROSECONDS)
            after = round(min(first + options.seconds, end), _MICROSECONDS)
            labels = (
                label for onset, offset, label in inside if _overlaps(first, first + options.seconds, onset, offset)
            )
            split = next((name for name, limit in options.splits.items() if number / n_chunks < limit), "")
            yield Clip(path, tuple(dict.fromkeys(labels)), first, after, split=split, group=path)


def _overlaps(first: float, after: float, onset: float, offset: float) -> bool:
    """Whether enough of an event is in a window for its label to count."""
    if onset <= first and after <= offset:
        return True
    if not (first <= onset <= after or first <= offset <= after) or offset <= onset:
        return False
    return (min(after, offset) - max(first, onset)) / min(after - first, offset - onset) > _MIN_OVERLAP
