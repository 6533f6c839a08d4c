"""Names that are different texts and most likely the same thing: `Robin` and `robin`, `1` and `1.0`, two Unicode forms."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

from evaluator.datasets.intake import Tally

_EMPTY = ("nan", "none", "null", "na", "n/a", "#n/a", "<na>", "-", "?")  # what programs write into empty cells
_QUOTES = str.maketrans(
    "\u2018\u2019\u02bc\u02b9\u00b4`\u201c\u201d", "''''''\"\""
)  # as editors write apostrophes and quotes
_HYPHEN = re.compile(r"(?<=[^\W\d])[-\u2010-\u2015](?=[^\W\d])")  # between letters
_JOINTS = re.compile(r"[,|/+&]")  # what people write between several labels in one cell, where `;` is meant
_SHOWN = 3  # sets of names that a sentence lists


def likeness(name: str) -> str:
    """What look-alike names have in common: case, Unicode form, spaces, hyphens, the shape of apostrophes, signs that cannot be
    seen, and the way in which a number is written do not count.

    >>> likeness("Red  fox") == likeness("red_fox"), likeness("1.0") == likeness("1")
    (True, True)
    """
    seen = "".join(sign for sign in name.translate(_QUOTES) if unicodedata.category(sign) != "Cf")
    plain = _HYPHEN.sub(" ", unicodedata.normalize("NFKC", seen).casefold().replace("_", " "))
    plain = " ".join(plain.split())
    try:
        number = float(plain)
    except ValueError:
        return plain
    return f"{number:.12g}" if math.isfinite(number) else plain


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Sets of names that look alike, each sorted, in the order of their first ones, (n_sets,)."""
    sets: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        sets[likeness(name)].append(name)
    return [tuple(each) for each in sets.values() if len(each) > 1]


def joined(labels: Iterable[str]) -> list[str]:
    """The labels that are other labels with something between them, sorted, (n_joined,).

    >>> joined(["robin", "wren", "robin, wren", "owl/robin"])
    ['robin, wren']
    """
    names = set(labels)
    parts = {name: [part.strip() for part in _JOINTS.split(name)] for name in names}
    return sorted(name for name, each in parts.items() if len(each) > 1 and names.issuperset(each))


def note(tally: Tally, labels: Mapping[str, int], groups: Iterable[str], folds: Iterable[str]) -> None:
    """Note labels, groups and folds that look alike, and labels that look like an empty cell or like several labels.

    Args:
        tally: Where it is noted.
        labels: Label -> number of clips.
        groups, folds: Of the clips.
    """
    for kind, names in (("alike_labels", labels), ("alike_groups", groups), ("alike_folds", folds)):
        sets = alike(names)
        shown = "; ".join(" and ".join(_quoted(name, labels) for name in each) for each in sets[:_SHOWN])
        more = "; ..." * (len(sets) > _SHOWN)
        tally.note(kind, sets[0][0] if sets else "", sum(map(len, sets)), shown + more)
    empty = [name for name in sorted(labels) if name.strip().lower() in _EMPTY]
    several = joined(labels)
    shown = ", ".join(_quoted(name, labels) for name in several[:_SHOWN]) + ", ..." * (len(several) > _SHOWN)
    tally.note("joined_labels", several[0] if several else "", len(several), shown)
    tally.note("empty_like_labels", empty[0] if empty else "", len(empty), ", ".join(_quoted(n, labels) for n in empty))


def _quoted(name: str, counts: Mapping[str, int]) -> str:
    """A name so that differences show, such as two ways to write an accent, with its number of clips."""
    shown = repr(name) if name == unicodedata.normalize("NFC", name) else ascii(name)
    return shown + (f" ({counts[name]})" if name in counts else "")
