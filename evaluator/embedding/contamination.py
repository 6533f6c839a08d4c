"""What modules say of datasets that their weights know: words for each dataset, certain or only possible."""

from collections.abc import Iterable, Mapping

# What is said of a dataset begins so where nobody tells whether its recordings were left out; else it completes "was pre-trained on".
POSSIBLY = "may have heard"


def is_possible(what: str) -> bool:
    """Whether it is said to be possible only.

    >>> is_possible("may have heard all of Freesound"), is_possible("ESC-50, and may have heard more")
    (True, False)
    """
    return what.startswith(POSSIBLY)


def of_members(said: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """What an ensemble knows by its members; what is certain of one of them counts before what is possible of another.

    Args:
        said: Name of a member, and what it says: dataset -> words.

    >>> of_members([("a", {"esc50": "ESC-50"}), ("b", {"esc50": "may have heard all of Freesound"})])
    {'esc50': 'ESC-50 (its member a)'}
    """
    found = [(dataset, member, what) for member, its in said for dataset, what in its.items()]
    found.sort(key=lambda each: not is_possible(each[2]))  # of one dataset the last one stays
    return {dataset: f"{what} (its member {member})" for dataset, member, what in found}
