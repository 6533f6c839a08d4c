"""Selections of several channels: a task hears one of them or their mix, never each selection's own."""

from evaluator.datasets.intake import Tally
from evaluator.errors import UsageError

Stretch = tuple[str, str, str]  # recording, start and end as they are written


class Channels:
    """What the rows of one table say of channels."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._usual: str | None = None
        self._first: dict[Stretch, tuple[str, str, str]] = {}  # where it stands, channel and label

    def repeats(self, where: str, stretch: Stretch, channel: str, label: str) -> bool:
        """Whether a row marks in another channel what is marked with the same label already; it is noted.

        Args:
            where: The row.
            stretch: What it marks.
            channel, label: As they are written, the channel "" for none.

        Raises:
            UsageError: In another channel that stretch has another label: mixed, they could not be told apart.
        """
        self._usual = channel if self._usual is None else self._usual
        first, other, theirs = self._first.setdefault(stretch, (where, channel, label))
        if channel != other and label != theirs:
            raise UsageError(
                f"{where}: marks {label!r} in channel {channel} what {first} marks {theirs!r} in channel {other}, but a task hears one "
                f"channel or the mix; keep those of one channel in a YAML file (`where` by its column, and `channel`)"
            )
        if channel != other:
            self.tally.rows += 1  # read, but handed on to nobody who would count it
            self.tally.note("other_channels", where)
            return True
        if channel != self._usual:
            self.tally.note("several_channels", where, detail=f"{channel} beside {self._usual}")
        return False
