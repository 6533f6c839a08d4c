"""Checked YAML mappings as frozen dataclasses: the type, default, bounds and meaning of a key stand once, at its field.

    @dataclass(frozen=True, kw_only=True)
    class Windows:
        seconds: float = key("Length of a window, in seconds.", min=0.001)

`fields_of(Windows)` is what `schema` checks the YAML against and what the reference of all keys is written from;
`build(Windows, values)` makes the dataclass of the values that were checked. The annotation gives the type: text, numbers,
truth values, `Literal` for choices, `tuple[X, ...]` for a list, `Mapping[str, X]` for a mapping with free keys, another
such dataclass for a mapping with known ones, and `X | Y` where several will do. Bounds hold for every number in a value.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from evaluator.schema import Field

T = TypeVar("T")
_ABSENT: Any = dataclasses.MISSING


def key(
    meaning: str, *, default: Any = _ABSENT, min: float | None = None, max: float | None = None, yaml: str = ""
) -> Any:
    """A field of a dataclass that is read from YAML.

    Args:
        meaning: One sentence for the reference of keys, with the unit where there is one.
        default: Its value where the YAML does not have the key; without one, the key has to be there.
        min, max: Bounds of the numbers in it, both allowed.
        yaml: The key in YAML, where it cannot be the field's name.
    """
    metadata = {"meaning": meaning, "min": min, "max": max, "yaml": yaml}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def fixed_key(value: str, meaning: str) -> Any:
    """A key by which a dataclass is chosen, as `kind` is: it has to be in the YAML, and has this one value.

    Args:
        value: The one value.
        meaning: One sentence for the reference of keys.
    """
    return dataclasses.field(init=False, default=value, metadata={"meaning": meaning})


@cache
def fields_of(record: type) -> Mapping[str, Field]:
    """The keys of a dataclass in YAML and what each may hold, in the order of its fields."""
    types = get_type_hints(record)
    return {_yaml_name(each): _described(each, types[each.name]) for each in dataclasses.fields(record)}


def build(record: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass of checked values, keys as in YAML; lists become tuples and mappings with known keys dataclasses."""
    return record(**_arguments(record, values))


def from_plain(record: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass that `dataclasses.asdict` made these values of, also after they were written as JSON and read again."""
    return record(**_arguments(record, values, by_field=True))


def replaced(instance: T, values: Mapping[str, Any]) -> T:
    """A copy of the dataclass with some checked values in place of its own, keys as in YAML."""
    changes = _arguments(type(instance), values)
    return dataclasses.replace(instance, **changes)  # type: ignore[type-var]  # mypy cannot know that T is a dataclass


def _arguments(record: Any, values: Mapping[str, Any], by_field: bool = False) -> dict[str, Any]:
    """Values by the names of the dataclass's fields, which they may have already (`by_field`)."""
    types = get_type_hints(record)
    names = {each.name: each.name if by_field else _yaml_name(each) for each in dataclasses.fields(record) if each.init}
    return {name: _converted(types[name], values[key], by_field) for name, key in names.items() if key in values}


def _yaml_name(field: "dataclasses.Field[Any]") -> str:
    return field.metadata.get("yaml") or field.name


def _described(field: "dataclasses.Field[Any]", annotation: Any) -> Field:
    """What the YAML key of a dataclass's field may hold."""
    factory: Any = field.default_factory
    default = field.default if factory is _ABSENT else factory()
    kind = _field(annotation, field.metadata.get("min"), field.metadata.get("max"))
    meaning = field.metadata["meaning"]
    if not field.init:
        return dataclasses.replace(kind, choices=(default,), meaning=meaning)
    if default is _ABSENT:
        return dataclasses.replace(kind, meaning=meaning)
    return dataclasses.replace(kind, required=False, default=default, meaning=meaning)


def _field(annotation: Any, low: float | None, high: float | None) -> Field:
    """What a value of this type may be, without default and meaning."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        parts = [_field(part, low, high) for part in inner]
        kinds = tuple(part.kind for part in parts if isinstance(part.kind, type))
        # Of several types at most one holds others.
        holder = next((part for part in parts if part.fields or part.each or part.choices), parts[0])
        return dataclasses.replace(holder, kind=kinds, min=parts[0].min, max=parts[0].max)
    if origin is Literal:
        return Field(type(inner[0]), choices=inner)
    if origin is tuple:
        return Field(list, each=_field(inner[0], low, high))
    if origin is Mapping:
        return Field(dict, each=_field(inner[1], low, high))
    if dataclasses.is_dataclass(annotation):
        return Field(dict, fields=fields_of(annotation))  # type: ignore[arg-type]  # a class, never an instance
    return Field(annotation, min=low, max=high) if annotation in (int, float) else Field(annotation)


def _converted(annotation: Any, value: Any, by_field: bool) -> Any:
    """A checked value as its dataclass holds it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        fitting = [part for part in inner if part is not NoneType and _holds(part, value)]
        return _converted(fitting[0], value, by_field) if fitting else value
    if isinstance(value, list):
        return tuple(_converted(inner[0], each, by_field) for each in value)
    if isinstance(value, dict):
        if dataclasses.is_dataclass(annotation):
            record: Any = annotation  # a class, never an instance
            return record(**_arguments(record, value, by_field))
        return {name: _converted(inner[1], each, by_field) for name, each in value.items()}
    return value


def _holds(annotation: Any, value: Any) -> bool:
    """Whether a value with others inside is of this type."""
    if isinstance(value, list):
        return get_origin(annotation) is tuple
    return isinstance(value, dict) and (get_origin(annotation) is Mapping or dataclasses.is_dataclass(annotation))
