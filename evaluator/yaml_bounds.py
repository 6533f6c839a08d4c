"""Bounds of the YAML that is read: what would take the reader minutes, its stack or its memory is a sentence instead."""

from pathlib import Path
from typing import Any

import yaml

from evaluator.errors import UsageError

_MAX_BYTES = 2_000_000  # of a file; our longest has 30,000
_MAX_DEPTH = 30  # lists and mappings inside each other; what is known has fewer than 10
_MAX_EVENTS = 100_000  # keys, values, and beginnings and ends of lists and mappings: some seconds
_MAX_DIGITS = 100  # of a number


def read_text(path: Path) -> str:
    """The text of a file of at most 2 MB.

    Raises:
        UsageError: It is missing, longer, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if len(content) > _MAX_BYTES:
        raise UsageError(
            f"{path}: has more than {_MAX_BYTES / 1e6:g} MB, which no task, dataset or protocol needs; put long lists into a table"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text: {error}; save it as UTF-8") from error


def refuse_too_much(path: Path, text: str, loader: Any) -> None:
    """Refuse what would take minutes or the stack, before anything is made of it: the parser goes on step by step.

    Args:
        path: Of the file, for the sentence.
        text: What is in it.
        loader: A class of PyYAML's.

    Raises:
        UsageError: Lists and mappings lie too deep inside each other, or there are too many values.
    """
    depth = 0
    for number, event in enumerate(yaml.parse(text, loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            what = f"a value lies inside {depth} others, but {_MAX_DEPTH} are enough for all that is asked"
        elif number > _MAX_EVENTS:
            what = f"has more than {_MAX_EVENTS} keys and values; put long lists into a table"
        else:
            continue
        where = f"{path}:{event.start_mark.line + 1}" if event.start_mark else str(path)
        raise UsageError(f"{where}: {what}")


def refuse_scalar(path: Path, node: yaml.ScalarNode, keys: tuple[str, ...]) -> None:
    """Refuse what YAML takes for a number or a date, and Python cannot make one of.

    Args:
        path: Of the file, for the sentence.
        node: The value.
        keys: Where it stands, from the outermost one on, (n_keys,).

    Raises:
        UsageError: It is one.
    """
    where = f"{path}:{node.start_mark.line + 1}: {'.'.join(keys)}"
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and len(node.value) > _MAX_DIGITS:
        raise UsageError(
            f"{where}: is a number of {len(node.value)} digits ({node.value[:20]}...); put it in quotes if it is text"
        )
    if node.tag == "tag:yaml.org,2002:timestamp":
        raise UsageError(f"{where}: is a date to YAML ({node.value}); put it in quotes")
