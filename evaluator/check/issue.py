"""What a check reports: an issue with a task's data."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

LEVELS = ("error", "warning", "note")  # the gravest first
MAX_PLACES = 100  # examples that an issue names


@dataclass(frozen=True)
class Issue:
    """One kind of issue.

    level: `error` (scores would be wrong or impossible), `warning` or `note`.
    what: A sentence, with the number of places where there are several.
    where: The clips, files or classes that it is about, (n_places,); the first `MAX_PLACES` of them.
    """

    level: str
    what: str
    where: tuple[str, ...] = ()


def issue(level: str, what: str, places: Iterable[str] = ()) -> Issue:
    """An issue with the first of its places, (n_places,), so that a fault in every clip is told in bounded memory."""
    return Issue(level, what, tuple(islice(places, MAX_PLACES)))
