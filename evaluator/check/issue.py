"""What a check reports: an issue with a task's data."""

from dataclasses import dataclass

LEVELS = ("error", "warning", "note")  # the gravest first


@dataclass(frozen=True)
class Issue:
    """One issue.

    level: `error` (scores would be wrong or impossible), `warning` or `note`.
    what: A sentence.
    where: The clips, files or classes that it is about, (n_places,).
    """

    level: str
    what: str
    where: tuple[str, ...] = ()
