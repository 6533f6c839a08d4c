"""A dataclass is the one place that says what a YAML key may hold, what it is by default and what it means."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from typing import Literal

import pytest

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.schema import Field
from evaluator.typed import build, fields_of, fixed_key, key, replaced


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A mapping with known keys."""

    source: str = key("Where from.", yaml="from")
    share: float = key("A share.", default=0.5, min=0, max=1)


@dataclass(frozen=True, kw_only=True)
class Outer:
    """One key of each kind."""

    kind: str = fixed_key("outer", "Which one.")
    files: str | tuple[str, ...] = key("One or several.")
    form: Literal["lines", "object"] = key("A choice.", default="lines")
    steps: tuple[Inner, ...] = key("Several of them.", default=())
    inner: Inner | None = key("One or none.", default=None)
    counts: Mapping[str, int] = key("Free keys.", default={}, min=1)
    where: Mapping[str, tuple[str, ...]] = key("Lists below free keys.", default={})
    seconds: float | None = key("May be empty.", default=None, min=0.001)


def test_the_annotation_gives_the_type():
    """With bounds on every number in a value, and the meaning beside it."""
    inner = {
        "from": Field(str, meaning="Where from."),
        "share": Field(float, required=False, default=0.5, min=0, max=1, meaning="A share."),
    }
    assert fields_of(Outer) == {
        "kind": Field(str, choices=("outer",), meaning="Which one."),
        "files": Field((str, list), each=Field(str), meaning="One or several."),
        "form": Field(str, required=False, default="lines", choices=("lines", "object"), meaning="A choice."),
        "steps": Field(list, required=False, default=(), each=Field(dict, fields=inner), meaning="Several of them."),
        "inner": Field((dict, type(None)), required=False, fields=inner, meaning="One or none."),
        "counts": Field(dict, required=False, default={}, each=Field(int, min=1), meaning="Free keys."),
        "where": Field(
            dict, required=False, default={}, each=Field(list, each=Field(str)), meaning="Lists below free keys."
        ),
        "seconds": Field((float, type(None)), required=False, min=0.001, meaning="May be empty."),
    }


def read(tmp_path, text: str) -> Outer:
    (tmp_path / "mine.yaml").write_text(text)
    return build(Outer, schema.read(tmp_path / "mine.yaml", fields_of(Outer)))


def test_checked_values_become_the_dataclass(tmp_path):
    """Lists are tuples, mappings with known keys dataclasses, and what is absent is at its default."""
    text = "{kind: outer, files: [a, b], steps: [{from: x}], inner: {from: y, share: 1}, where: {c: [d]}}"
    outer = read(tmp_path, text)
    assert outer == Outer(
        files=("a", "b"), steps=(Inner(source="x"),), inner=Inner(source="y", share=1.0), where={"c": ("d",)}
    )
    assert (outer.kind, outer.form, outer.counts, outer.seconds) == ("outer", "lines", {}, None)
    with pytest.raises(FrozenInstanceError):
        outer.form = "object"


def test_some_values_can_be_replaced(tmp_path):
    """As a variant of a dataset does; the others stay."""
    outer = read(tmp_path, "{kind: outer, files: a, seconds: 2}")
    changed = replaced(outer, {"files": ["b"], "inner": {"from": "x", "share": 0.25}})
    assert changed == Outer(files=("b",), seconds=2.0, inner=Inner(source="x", share=0.25))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{kind: outer}", "lacks the field 'files'"),
        ("{kind: outer, files: a, form: line}", r"form: unknown form 'line'; did you mean 'lines'"),
        ("{kind: outer, files: a, counts: {b: 0}}", r"counts\.b: is 0, but should be a whole number, at least 1"),
        ("{kind: outer, files: a, steps: [{source: x}]}", r"steps\.0\.source: unknown field 'source'"),
        ("{kind: outer, files: a, inner: x}", r"inner: is text \('x'\), but should be a mapping or empty"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, sentence):
    """By the key that the YAML has."""
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path, text)
