"""Whether what was read from a file is what its dataclass says: results are plain text, and people edit them."""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

_PLAIN = (int, float, str)


@functools.cache
def hints_of(kind: Any) -> Mapping[str, Any]:
    """The types of a dataclass's fields by name; found out once, since a report reads thousands of results."""
    return get_type_hints(kind)


@functools.cache
def _parts_of(kind: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """Origin and arguments of an annotation, and whether it is a dataclass."""
    return get_origin(kind), get_args(kind), dataclasses.is_dataclass(kind)


def restored(kind: Any, value: Any, where: str) -> Any:
    """A value read from JSON as a value of type `kind`; null is NaN where a number is wanted.

    Args:
        kind: An annotation: a plain type, a dataclass, `list[...]`, `tuple[..., ...]`, `dict[str, ...]`, a union or Any.
        value: What JSON held.
        where: What it is called, for the message.

    Raises:
        TypeError: It is something else; the message says where.
    """
    if kind is Any:
        return value
    origin, inner, is_record = _parts_of(kind)
    if is_record and isinstance(value, dict):
        return _record(typing.cast(Any, kind), value, where)
    if origin in (types.UnionType, typing.Union):
        fitting = [each for each in inner if each is not type(None)]
        return None if value is None and len(fitting) < len(inner) else restored(fitting[0], value, where)
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        if inner[0] in _PLAIN and set(map(type, value)) == {inner[0]}:  # nothing to convert, in long lists
            return origin(value)
        return origin(restored(inner[0], each, f"{where}[{number}]") for number, each in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {name: restored(inner[1], each, f"{where}[{name!r}]") for name, each in value.items()}
    if kind is float and value is None:
        return float("nan")
    fits = isinstance(value, (int, float)) if kind is float else origin is None and isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{where} is {value!r:.80}, no {getattr(kind, '__name__', kind)}")
    return float(value) if kind is float else value


def _record(kind: Any, fields: dict[str, Any], where: str = "") -> Any:
    """A dataclass from its fields as JSON holds them; errors as those of `restored`, or a field too many or too few."""
    hints = hints_of(kind)
    strange = sorted(set(fields) - set(hints))
    if strange:
        raise TypeError(f"{where or kind.__name__} has an unknown field {strange[0]!r}")
    prefix = f"{where}." if where else ""
    return kind(**{name: restored(hints[name], value, f"{prefix}{name}") for name, value in fields.items()})
