"""Which columns of a table are the vector: those that are called alike but for a number at their end.

They are counted from 0 or 1 without gaps: v0, v1, ...; V1, V2, ... of R; dim_1, ...
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator.errors import UsageError
from evaluator.vectors.rows import COLUMNS, LAYER

NUMBERED = re.compile(r"(.*?)(\d+)$", re.DOTALL)
KNOWN = (*COLUMNS, LAYER, "file", "row")


def family(place: Path, names: Sequence[str]) -> list[str]:
    """The columns of the vector, (width,), in the order of their numbers.

    Raises:
        UsageError: There are none, or several kinds that could be it.
    """
    numbered: dict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        found = NUMBERED.fullmatch(name)
        if found and name not in KNOWN:
            before = numbered[found[1]].setdefault(int(found[2]), name)
            if before != name:
                raise UsageError(f"{place}: {before} and {name} have the same number; a vector has each dimension once")
    whole = {
        prefix: [by_number[n] for n in sorted(by_number)]
        for prefix, by_number in numbered.items()
        if min(by_number) in (0, 1) and max(by_number) - min(by_number) + 1 == len(by_number)
    }
    if len(whole) > 1:
        longest = sorted(whole.values(), key=len)
        said = " and ".join(f"{each[0]} to {each[-1]}" for each in longest[-2:])
        raise UsageError(
            f"{place}: the vector could be {said}; keep one of them, or call the others without a number at the end"
        )
    if not whole:
        gaps = f"; {next(iter(numbered))!r} has numbers with gaps" if numbered else ""
        raise UsageError(
            f"{place}: no columns look like a vector: call them v0, v1, ... (any name, numbered from 0 or 1 without gaps); it has "
            f"{some(names)}{gaps}"
        )
    ((prefix, vector),) = whole.items()
    wider = [other for other, by_number in numbered.items() if other != prefix and len(by_number) >= len(vector)]
    if wider:
        gap = next(n for n in range(min(numbered[wider[0]]), max(numbered[wider[0]])) if n not in numbered[wider[0]])
        raise UsageError(
            f"{place}: the vector could be {vector[0]} to {vector[-1]}, or {wider[0]}0, {wider[0]}1, ..., of which {wider[0]}{gap} is missing; "
            "mend the one, or call the other without a number at the end"
        )
    return vector


def some(names: Sequence[str] | Mapping[str, Any]) -> str:
    """The first few of (n_names,) names, as a sentence has them."""
    several = list(names)
    return ", ".join(map(repr, several[:8])) + (f" and {len(several) - 8} more" if len(several) > 8 else "")
