"""A stretch of a recording as an annotation program marked it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mark:
    """A marked stretch as its table has it.

    line: Where it stands, from 1.
    start, end: In seconds from the start of the recording, as text.
    label: As it is written; "" for none.
    recording: As the table names it, with the folders that it names; "" where the table's own name stands for it.
    columns: All values of its row.
    label_column: The one of them that the label is from; "" if it is from none.
    channel: Of the recording, as it is written; "" where the program does not say.
    """

    line: int
    start: str
    end: str
    label: str
    recording: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    label_column: str = ""
    channel: str = ""
