"""Selections of several channels: a task hears one of them or their mix, never each selection's own."""

from bisect import bisect_left, insort
from collections import defaultdict
from typing import NamedTuple

from evaluator.datasets.intake import Tally
from evaluator.errors import UsageError

Stretch = tuple[str, str, str]  # recording, start and end as they are written
_TOGETHER = 0.5  # share of the shorter stretch beyond which two sound at the same time


class _Span(NamedTuple):
    """A marked stretch in seconds, and where it stands."""

    start: float
    end: float
    where: str
    channel: str
    label: str

    @classmethod
    def of(cls, stretch: Stretch, where: str, channel: str, label: str) -> "_Span | None":
        """A stretch with its times as numbers; None if they are none, which is refused elsewhere."""
        try:
            return cls(float(stretch[1]), float(stretch[2]), where, channel, label)
        except ValueError:
            return None


class Channels:
    """What the rows of one table say of channels; stretches begin and end in seconds."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._usual: str | None = None
        self._first: dict[Stretch, tuple[str, str, str]] = {}  # where it stands, channel and label
        self._spans: dict[str, list[_Span]] = defaultdict(list)  # of each recording
        self._longest: dict[str, float] = defaultdict(float)  # of these, in seconds

    def repeats(self, where: str, stretch: Stretch, channel: str, label: str) -> bool:
        """Whether a row marks in another channel what is marked with the same label already; it is noted.

        Args:
            where: The row.
            stretch: What it marks.
            channel, label: As they are written, the channel "" for none.

        Raises:
            UsageError: In another channel that stretch, or half of it, has another label: mixed, they could not be told apart.
        """
        self._usual = channel if self._usual is None else self._usual
        first, other, theirs = self._first.setdefault(stretch, (where, channel, label))
        if channel != other and label != theirs:
            raise _at_once(where, label, channel, first, theirs, other)
        if channel:
            self._refuse_overlap(stretch, _Span.of(stretch, where, channel, label))
        if channel != other:
            self.tally.rows += 1  # read, but handed on to nobody who would count it
            self.tally.note("other_channels", where)
            return True
        if channel != self._usual:
            self.tally.note("several_channels", where, detail=f"{channel} beside {self._usual}")
        return False

    def _refuse_overlap(self, stretch: Stretch, span: "_Span | None") -> None:
        """Refuse a stretch of which half sounds together with another label's in another channel."""
        if span is None:
            return
        spans, longest = self._spans[stretch[0]], self._longest[stretch[0]]
        for other in spans[bisect_left(spans, (span.start - longest,)) :]:
            if other.start >= span.end:
                break
            together = min(span.end, other.end) - max(span.start, other.start)
            shorter = min(span.end - span.start, other.end - other.start)
            if span.channel != other.channel and span.label != other.label and together > _TOGETHER * shorter:
                raise _at_once(span.where, span.label, span.channel, other.where, other.label, other.channel)
        insort(spans, span)
        self._longest[stretch[0]] = max(longest, span.end - span.start)


def _at_once(where: str, label: str, channel: str, first: str, theirs: str, other: str) -> UsageError:
    return UsageError(
        f"{where}: marks {label!r} in channel {channel} at the time at which {first} marks {theirs!r} in channel {other}, but a task "
        "hears one channel or the mix; keep those of one channel in a YAML file (`where` by its column, and `channel`)"
    )
