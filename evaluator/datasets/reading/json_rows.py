"""Rows in JSON: one object a line, or one object whose keys name the rows, nested lists expanded."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evaluator.errors import UsageError


def values(file: Path, form: str) -> Iterator[tuple[str, str, Any]]:
    """Where a value stands, its key ("" if it has none), and the value.

    Args:
        file: The file.
        form: "object", whose keys name the values, or "lines", with one value each.

    Raises:
        UsageError: It is not JSON of that form.
    """
    if form == "object":
        whole = parsed(str(file), file)
        if not isinstance(whole, dict):
            raise UsageError(f"{file}: holds {type(whole).__name__}, but should be one object with a key for each row")
        yield from ((f"{file}: {key}", key, value) for key, value in whole.items())
        return
    with file.open(encoding="utf-8") as text:
        for line, entry in enumerate(text, start=1):
            if entry.strip():
                yield f"{file}:{line}", "", parsed(f"{file}:{line}", entry)


def parsed(where: str, text: str | Path) -> Any:
    """What a file, or a line of one that stands at `where`, holds.

    Raises:
        UsageError: It is no JSON.
    """
    try:
        return json.loads(text.read_text(encoding="utf-8") if isinstance(text, Path) else text)
    except ValueError as error:
        raise UsageError(f"{where}: not readable as JSON: {error}") from error


def expanded(where: str, value: Any, each: str, blank: list[str]) -> Iterator[dict[str, str]]:
    """The columns of every element of the list `each`; without such a list, one row without more columns.

    An empty list gives no row, or one with the columns `blank` empty, if there are any.

    Raises:
        UsageError: `each` is no list there.
    """
    if not each:
        yield {}
        return
    found = value.get(each) if isinstance(value, dict) else value
    if not isinstance(found, list):
        raise UsageError(f"{where}: has no list {each!r} to expand")
    if blank and not found:
        yield {f"{each}.{name}": "" for name in blank}
    for element in found:
        yield (
            {f"{each}.{name}": text for name, text in flat(element).items()}
            if isinstance(element, dict)
            else {each: as_text(element)}
        )


def flat(value: Mapping[str, Any]) -> dict[str, str]:
    """The scalars of an object as text, nested ones as `outer.inner`; lists are left out."""
    found = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            found.update({f"{name}.{below}": text for below, text in flat(inner).items()})
        elif not isinstance(inner, list):
            found[name] = as_text(inner)
    return found


def as_text(scalar: Any) -> str:
    """A scalar as it stands in a table; nothing for null."""
    return "" if scalar is None else scalar if isinstance(scalar, str) else json.dumps(scalar)
