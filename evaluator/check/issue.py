"""What a check has to say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One finding.

    level: `error` (scores would be wrong or impossible), `warning` or `note`.
    what: A sentence.
    where: The clips, files or classes that it is about.
    """

    level: str
    what: str
    where: tuple[str, ...] = ()
