"""Names that are different texts and most likely the same thing: `Robin` and `robin`, `1` and `1.0`, two Unicode forms."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from evaluator.audio.clip import Clip
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


def twins(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Sets of paths that differ in their suffix only: one recording in two formats, each sorted, (n_sets,).

    >>> twins(["a/1.wav", "a/1.flac", "b/1.wav"])
    [('a/1.flac', 'a/1.wav')]
    """
    sets: dict[str, list[str]] = defaultdict(list)
    for path in sorted(set(paths)):
        sets[path[: -len(PurePosixPath(path).suffix) or None]].append(path)
    return [tuple(each) for each in sets.values() if len(each) > 1]


def note(tally: Tally, labels: Mapping[str, int], clips: Sequence[Clip]) -> None:
    """Note labels, groups and folds that look alike, empty or like several labels, and recordings in two formats.

    Args:
        tally: Where it is noted.
        labels: Label -> number of clips.
        clips: All of them, (n_clips,).
    """
    groups, folds = {clip.group for clip in clips} - {""}, {clip.fold for clip in clips} - {""}
    for kind, names in (("alike_labels", labels), ("alike_groups", groups), ("alike_folds", folds)):
        sets = alike(names)
        _note(
            tally,
            kind,
            [name for each in sets for name in each],
            [" and ".join(_quoted(n, labels) for n in each) for each in sets],
            "; ",
        )
    for kind, names in (("empty_like_labels", labels), ("empty_like_groups", groups)):
        empty = [name for name in sorted(names) if name.strip().lower() in _EMPTY]
        _note(tally, kind, empty, [_quoted(name, labels) for name in empty])
    several = joined(labels)
    _note(tally, "joined_labels", several, [_quoted(name, labels) for name in several])
    doubled = twins(clip.path for clip in clips)
    _note(tally, "two_formats", [each[0] for each in doubled], [" and ".join(each) for each in doubled])


def _note(tally: Tally, kind: str, names: Sequence[str], shown: Sequence[str], between: str = ", ") -> None:
    """Note so many names, of which the first few sets are shown."""
    more = f"{between}..." * (len(shown) > _SHOWN)
    tally.note(kind, names[0] if names else "", len(names), between.join(shown[:_SHOWN]) + more)


def _quoted(name: str, counts: Mapping[str, int]) -> str:
    """A name so that differences show, such as two ways to write an accent, with its number of clips."""
    shown = repr(name) if name == unicodedata.normalize("NFC", name) else ascii(name)
    return shown + (f" ({counts[name]})" if name in counts else "")
