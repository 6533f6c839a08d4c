"""Names that releases of one data set spell in several ways, written `song_id|track_id` in a YAML file.

A column: `{song_id|track_id}`. A folder or file: `Part2/IRTestingData-Part2|Part2/*.wav`, alternatives of one part of a path,
where nothing at all is one too (`audio/Medley-solos-DB|/*.wav`: with that folder or without). The first that is there
counts; if several are there, that is refused, since they could hold different things.
"""

import itertools
import re
from collections.abc import Collection, Mapping, Sequence

from evaluator.errors import UsageError

# Not inside {COLUMN|OTHER}, which is about columns, nor inside [|], which is a glob's way to mean the character.
_BAR = re.compile(r"\|(?![^{\[]*[}\]])")


def paths_of(path: str) -> tuple[str, ...]:
    """The ways in which a path, glob or template of a path may be spelled, (n_spellings,), the first written first.

    >>> paths_of("audio|/{id|key}.wav")
    ('audio/{id|key}.wav', '{id|key}.wav')
    """
    if not _BAR.search(path):
        return (path,)
    parts = [_BAR.split(part) for part in path.split("/")]
    return tuple(
        "/".join(name for name, others in zip(names, parts, strict=True) if name or len(others) == 1)
        for names in itertools.product(*parts)
    )


def columns_of(name: str) -> tuple[str, ...]:
    """The columns that a name means, (n_columns,), the first written first."""
    return tuple(name.split("|"))


def column_in(name: str, columns: Collection[str], where: str) -> str:
    """The one column that a name means; "" if none of its spellings is there.

    Args:
        name: Of a column, or several spellings of one.
        columns: Those that are there.
        where: What has them, for the sentence.

    Raises:
        UsageError: Several spellings are there.
    """
    if name in columns:
        return name
    return one_of([each for each in columns_of(name) if each in columns], f"{where}: has the columns")


def one_of(there: Sequence[str], has: str) -> str:
    """The one spelling that is there; "" if none is.

    Args:
        there: Spellings that are there, (n_there,).
        has: What has them, the beginning of a sentence.

    Raises:
        UsageError: There are several.
    """
    if len(there) > 1:
        raise UsageError(f"{has} {' and '.join(there)}, which are two spellings of one thing; remove or rename one")
    return there[0] if there else ""


def files_of(found: Mapping[str, Sequence[str]], where: str) -> list[str]:
    """The files of the one spelling of a glob that found any, (n_files,).

    Args:
        found: For each spelling, the files that fit it. Where a disk takes both spellings for one, they are the same files.
        where: The folder that they lie in, for the sentence.

    Raises:
        UsageError: Several spellings found files of their own.
    """
    there = {spelling: files for spelling, files in found.items() if files}
    if len(set(map(frozenset, there.values()))) > 1:
        one_of(list(there), f"{where}: has files like")
    return list(next(iter(there.values()), ()))
