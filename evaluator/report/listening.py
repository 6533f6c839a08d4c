"""The clips of a section that can be heard: those on which modules differ most, while there is room on the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.report.page import Heard
from evaluator.report.room import Drawer
from evaluator.results import Result


@dataclass(frozen=True)
class Listening:
    """How many clips are wanted, and where their sounds lie; None for where each result says."""

    most: int
    data: Path | None

    def heard(self, titles: Sequence[str], found: Sequence[Result], drawer: Drawer) -> Heard:
        """The clips of a task, with what each module says."""
        return Heard()
