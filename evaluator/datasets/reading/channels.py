"""Selections of several channels: the evaluator mixes channels, so that a clip of one channel holds what the others have too."""

from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.errors import UsageError

Stretch = tuple[str, str, str]  # recording, start and end as they are written


class Channels:
    """What the rows of one table say of channels."""

    def __init__(self, path: Path, tally: Tally) -> None:
        self.path, self.tally = path, tally
        self._usual: str | None = None
        self._first: dict[Stretch, tuple[int, str, str]] = {}  # line, channel and label

    def repeats(self, line: int, stretch: Stretch, channel: str, label: str) -> bool:
        """Whether a row marks in another channel what is marked with the same label already; it is noted.

        Args:
            line: Where the row stands.
            stretch: What it marks.
            channel, label: As they are written; "" for none.

        Raises:
            UsageError: In another channel that stretch has another label: mixed, they could not be told apart.
        """
        if not label:
            return False
        self._usual = channel if self._usual is None else self._usual
        first, other, theirs = self._first.setdefault(stretch, (line, channel, label))
        if channel != other and label != theirs:
            raise UsageError(
                f"{self.path}:{line}: marks {label!r} in channel {channel} where line {first} marks {theirs!r} in channel {other}, but "
                "channels are mixed here; save each channel as a recording with a table of its own"
            )
        if channel != other:
            self.tally.rows += 1  # read, but handed on to nobody who would count it
            self.tally.note("other_channels", f"{self.path.name}:{line}")
            return True
        if channel != self._usual:
            self.tally.note("several_channels", f"{self.path.name}:{line}", detail=f"{channel} beside {self._usual}")
        return False
