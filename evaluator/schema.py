"""YAML files as plain, checked values: what a field may hold stands once, as data, and every mistake gets a sentence.

Here too: where our own files lie (`tasks_folder`).

A file is described by a mapping from field names to `Field`. The sentence about a mistake names the file, the line, the
field, the value and what would have been right:
`tasks/suites/arch.yaml:14: tasks.esc50.metric: unknown metric 'mapp'; did you mean 'map'? Known: accuracy, map`.

The files are inert: one document of safe YAML, in which anchors, repeated keys and keys that are no text are refused.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluator import yaml_bounds
from evaluator.errors import UsageError

# The loader in C reads a big code table ten times faster; where PyYAML came without it, the other reads the same.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    type(None): "empty",
}


@dataclass(frozen=True)
class Field:
    """What one field of a file may hold.

    kind: the Python type, or several. float takes whole numbers too; bool is no int; text that looks like a number or
        like true and false has to be quoted in YAML, and the sentence says so.
    required: whether the field has to be there; if not, `default` stands in.
    choices: the only values allowed, if any.
    min, max: bounds of a number, both allowed.
    fields: for a mapping, its known keys.
    each: for a mapping with free keys, or for a list, what every value has to be.
    meaning: one sentence for the reference of keys (docs/yaml_keys.md), with the unit where there is one.
    """

    kind: type | tuple[type, ...]
    required: bool = True
    default: Any = None
    choices: tuple[Any, ...] = ()
    min: float | None = None
    max: float | None = None
    fields: "Mapping[str, Field] | None" = None
    each: "Field | None" = None
    meaning: str = ""


@dataclass(frozen=True)
class Document:
    """One YAML file as read: its value, and the line (from 1) on which the field at a path of keys stands."""

    path: Path
    value: Any
    lines: Mapping[tuple[str, ...], int]

    def error(self, keys: tuple[str, ...], sentence: str) -> UsageError:
        """The exception that puts file, line and field in front of `sentence`."""
        known = next((self.lines[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in self.lines), 1)
        return UsageError(f"{self.path}:{known}: {'.'.join(keys) + ': ' if keys else ''}{sentence}")

    def check(
        self, fields: Mapping[str, Field], keys: tuple[str, ...] = (), strange: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The mapping at `keys`, checked against `fields`, absent fields filled with their defaults.

        Fields named in `strange` belong to somebody else and are passed over.
        """
        value = self.at(keys)
        if strange and isinstance(value, dict):
            value = {name: item for name, item in value.items() if name in fields or name not in strange}
        return _check_mapping(self, keys, value, fields)

    def check_variant(
        self, variants: Mapping[str, Mapping[str, Field]], chooser: str, keys: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The mapping at `keys`, checked against the fields of the variant that its own field `chooser` names."""
        value = self.at(keys)
        if not isinstance(value, dict):
            raise self.error(keys, f"is {_describe(value)}, but should be a mapping with the field {chooser!r}")
        chosen = value.get(chooser)
        if not isinstance(chosen, str) or chosen not in variants:
            raise self.error((*keys, chooser), unknown(chooser, chosen, variants))
        return self.check(variants[chosen], keys)

    def at(self, keys: tuple[str, ...]) -> Any:
        """What stands at a path of keys; the elements of a list go by their number, as text."""
        value = self.value
        for key in keys:
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value


def tasks_folder() -> Path:
    """The folder that holds `datasets/`, `suites/` and `protocols/`: inside the installed package, else in the checkout."""
    inside = Path(__file__).parent / "tasks"
    beside = Path(__file__).parents[1] / "tasks"
    for folder in (inside, beside):
        if (folder / "suites").is_dir():
            return folder
    raise UsageError(
        f"the task files are missing: neither {inside} nor {beside} has a folder suites; install hear-ssl again"
    )


def names_in(folder: str) -> list[str]:
    """The names of our YAML files in `datasets`, `suites` or `protocols`, sorted, (n_files,)."""
    return sorted(path.stem for path in (tasks_folder() / folder).glob("*.yaml"))


def read(path: Path, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The YAML file at `path`, checked against `fields`, absent fields filled with their defaults.

    Raises:
        UsageError: The file is missing, is no YAML, or does not fit; the sentence says where and why.
    """
    return parse(path).check(fields)


def parse(path: Path) -> Document:
    """The YAML file at `path`, not yet checked against any fields."""
    text = yaml_bounds.read_text(path)
    try:
        yaml_bounds.refuse_too_much(path, text, _Loader)
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[tuple[str, ...], int] = {}
        _note_lines(path, node, (), lines, seen=set())
        value = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    return Document(path, value, lines)


def unknown(what: str, name: Any, known: Iterable[str], listed_by: str = "") -> str:
    """A sentence about a name that is not among `known`: the nearest names, and all of them, or which command lists them.

    >>> unknown("metric", "mapp", ["map", "accuracy"])
    "unknown metric 'mapp'; did you mean 'map'? Known: accuracy, map"
    >>> unknown("task", "esc11", ["arch/esc50", "esc10", "esc50"], "`hear-eval list tasks`")
    "unknown task 'esc11'; did you mean 'esc10' or 'esc50'? `hear-eval list tasks` shows all of them"
    """
    names = sorted(map(str, known))
    near = nearest(name, names)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ";"
    if listed_by:
        return f"unknown {what} {name!r}{hint} {listed_by} shows all of them"
    return f"unknown {what} {name!r}{hint} {'Known' if near else 'known'}: {', '.join(names) or 'none'}"


def nearest(name: Any, known: Iterable[str]) -> list[str]:
    """Up to two of the known names that are nearly spelt as this one, the nearest first."""
    return difflib.get_close_matches(str(name), sorted(known), n=2, cutoff=0.6)


def _note_lines(
    path: Path, node: Any, keys: tuple[str, ...], lines: dict[tuple[str, ...], int], seen: set[int]
) -> None:
    """Write the line of every field below `node` into `lines`, and refuse what YAML allows but we do not."""
    if node is None:
        return
    line = node.start_mark.line + 1
    if id(node) in seen:  # an alias is the very node that its anchor named
        raise UsageError(
            f"{path}:{lines[keys]}: {'.'.join(keys)}: anchors and aliases are not used here; repeat the value"
        )
    seen.add(id(node))
    lines.setdefault(keys, line)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*keys, str(key.value))
            key_line = key.start_mark.line + 1
            if name in lines:
                raise UsageError(f"{path}:{key_line}: {'.'.join(name)}: stands twice, first on line {lines[name]}")
            if key.tag != "tag:yaml.org,2002:str":
                raise UsageError(f"{path}:{key_line}: {'.'.join(name)}: the key is no text to YAML; put it in quotes")
            lines[name] = key_line
            _note_lines(path, value, name, lines, seen)
    elif isinstance(node, yaml.ScalarNode):
        yaml_bounds.refuse_scalar(path, node, keys)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*keys, str(index))] = value.start_mark.line + 1
            _note_lines(path, value, (*keys, str(index)), lines, seen)


def _check_mapping(
    document: Document, keys: tuple[str, ...], value: Any, fields: Mapping[str, Field]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise document.error(keys, f"is {_describe(value)}, but should be a mapping of {', '.join(fields)}")
    for name in value:
        if name not in fields:
            raise document.error((*keys, name), unknown("field", name, fields))
    missing = [name for name, field in fields.items() if field.required and name not in value]
    if missing:
        raise document.error(keys, f"lacks the field {missing[0]!r} ({_wanted(fields[missing[0]])})")
    return {
        name: _check_value(document, (*keys, name), value[name], field) if name in value else field.default
        for name, field in fields.items()
    }


def _check_value(document: Document, keys: tuple[str, ...], value: Any, field: Field) -> Any:
    kinds = field.kind if isinstance(field.kind, tuple) else (field.kind,)
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds and int not in kinds:
        value = float(value)
    if not any(type(value) is kind for kind in kinds):
        quoted = (
            " (put it in quotes)" if str in kinds and not isinstance(value, (dict, list)) and value is not None else ""
        )
        if isinstance(value, str) and float in kinds and re.fullmatch(r"[-+]?[0-9]+[eE][-+]?[0-9]+", value):
            quoted = f" (YAML wants a point in it: {value.lower().replace('e', '.0e')})"
        raise document.error(keys, f"is {_describe(value)}, but should be {_wanted(field)}{quoted}")
    if field.choices and value not in field.choices and not isinstance(value, (dict, list)):
        raise document.error(keys, unknown(keys[-1], value, field.choices))
    if isinstance(value, float) and math.isinf(value):
        raise document.error(keys, f"is {value}, but should be {_wanted(field)}, not infinite")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        below = field.min is not None and not value >= field.min  # so that NaN is outside
        above = field.max is not None and not value <= field.max
        if below or above:
            raise document.error(keys, f"is {value}, but should be {_wanted(field)}")
    if isinstance(value, dict):
        if field.fields is not None:
            return _check_mapping(document, keys, value, field.fields)
        if field.each is not None:
            return {name: _check_value(document, (*keys, name), item, field.each) for name, item in value.items()}
    if isinstance(value, list) and field.each is not None:
        return [_check_value(document, (*keys, str(index)), item, field.each) for index, item in enumerate(value)]
    return value


def _wanted(field: Field) -> str:
    kinds = field.kind if isinstance(field.kind, tuple) else (field.kind,)
    words = " or ".join(_WORDS[kind] for kind in kinds)
    if field.choices:
        words += " among " + ", ".join(map(str, field.choices))
    if field.min is not None:
        words += f", at least {field.min:g}"
    if field.max is not None:
        words += f", at most {field.max:g}"
    return words


def _describe(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _WORDS[type(value)]
    return "empty" if value is None else f"{_WORDS.get(type(value), type(value).__name__)} ({value!r})"
