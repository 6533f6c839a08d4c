"""Slips in YAML files are named: the file, the line, the field, the value and what would have been right."""

from pathlib import Path

import pytest
import yaml

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.schema import Field

FIELDS = {
    "name": Field(str),
    "share": Field(float, required=False, default=0.5, min=0.0, max=1.0),
    "metric": Field(str, required=False, default="map", choices=("map", "accuracy")),
    "sizes": Field(list, required=False, default=[], each=Field(int)),
    "table": Field(dict, required=False, default={}, each=Field(str)),
    "inner": Field(dict, required=False, default={}, fields={"on": Field(bool)}),
    "seconds": Field((float, type(None)), required=False),
}


def read(tmp_path: Path, text: str) -> dict:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    return schema.read(tmp_path / "mine.yaml", FIELDS)


def test_what_is_absent_gets_its_default(tmp_path):
    """Only required fields have to be there."""
    assert read(tmp_path, "name: a") == {
        "name": "a",
        "share": 0.5,
        "metric": "map",
        "sizes": [],
        "table": {},
        "inner": {},
        "seconds": None,
    }


def test_whole_numbers_are_numbers(tmp_path):
    """`share: 1` means 1.0, as a reader of the file would think."""
    value = read(tmp_path, "name: a\nshare: 1\nseconds:\n")["share"]
    assert value == 1.0 and isinstance(value, float)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    """Files saved by Windows editors read the same."""
    assert read(tmp_path, "\ufeffname: a")["name"] == "a"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("share: 0.1", r"mine\.yaml:1: lacks the field 'name' \(text\)"),
        (
            "name: a\nmetrik: map",
            r"mine\.yaml:2: metrik: unknown field 'metrik'; did you mean 'metric'\? Known: inner, ",
        ),
        (
            "name: a\nmetric: mapp",
            r"mine\.yaml:2: metric: unknown metric 'mapp'; did you mean 'map'\? Known: accuracy, map",
        ),
        ("name: a\nmetric: loudness", r"unknown metric 'loudness'; known: accuracy, map"),
        ("name: 12", r"mine\.yaml:1: name: is a whole number \(12\), but should be text \(put it in quotes\)"),
        ("name: no", r"name: is true or false \(False\), but should be text \(put it in quotes\)"),
        ("name: a\nshare: 1.5", r"share: is 1.5, but should be a number, at least 0, at most 1"),
        ("name: a\nseconds: .inf", r"seconds: is inf, but should be a number or empty, not infinite"),
        ("name: a\nshare: .nan", r"share: is nan, but should be a number"),
        (
            "name: a\nsizes: [1, true]",
            r"mine\.yaml:2: sizes\.1: is true or false \(True\), but should be a whole number",
        ),
        ("name: a\ntable:\n  x: y\n  z: 3", r"mine\.yaml:4: table\.z: is a whole number \(3\), but should be text"),
        ("name: a\ninner: {one: true}", r"inner\.one: unknown field 'one'; did you mean 'on'"),
        ("name: a\ninner: [1]", r"inner: is a list, but should be a mapping"),
        ("name: a\nseconds: five", r"seconds: is text \('five'\), but should be a number or empty"),
        ("- name", r"is a list, but should be a mapping of name, share"),
        ("", r"mine\.yaml:1: is empty, but should be a mapping"),
    ],
)
def test_every_slip_has_its_sentence(tmp_path, text, sentence):
    """Unknown, missing and wrong fields are told apart, at the line where they stand."""
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a\nname: b", r"mine\.yaml:2: name: stands twice, first on line 1"),
        ("name: &x a\ntable: {b: *x}", "anchors and aliases are not used here"),
        ("name: a\ntable: {001: dog}", r"table\.001: the key is no text to YAML; put it in quotes"),
        ("name: [a", r"mine\.yaml:2: not valid YAML: did not find expected"),
        ("name: a\n---\nname: b", "not valid YAML"),
        ("name: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_what_yaml_allows_but_we_do_not(tmp_path, text, sentence):
    """Repeated keys, anchors, unquoted number keys, several documents and code are refused."""
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "name: " + "[" * 5000,
            r"mine\.yaml:1: (a value lies inside 31 others, but 30 are enough|.*maximum nesting depth)",
        ),
        ("name: " + "[" * 31 + "]" * 31, "a value lies inside 31 others"),
        ("".join(" " * n + "a:\n" for n in range(300)), r"mine\.yaml:31: a value lies inside 31 others"),
        (
            "".join(f"k{n}: 1\n" for n in range(51_000)),
            r"mine\.yaml:\d{3,}: has more than \d+000 keys and values; put long",
        ),
        ("name: [" + "1," * 100_000 + "]", r"has more than \d+000 keys and values"),
        ("name: '" + "x" * 2_000_000 + "'", "has more than 2 MB, which"),
        (
            "name: a\nshare: " + "9" * 5000,
            r"mine\.yaml:2: share: is a number of 5000 digits \(99999999999999999999\.\.\.\)",
        ),
        ("share: " + "9" * 400, "is a number of 400 digits"),
        ("share: 0x" + "f" * 400, "is a number of 402 digits"),
        ("name: 2020-99-99", r"mine\.yaml:1: name: is a date to YAML \(2020-99-99\); put it in quotes"),
        ("name: &a [*a]", "anchors and aliases are not used here"),
        (
            "a: &a [x, x]\n"
            + "".join(
                f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghijklmnopqrstuvwxy", "bcdefghijklmnopqrstuvwxyz")
            ),
            r"mine\.yaml:\d: b\.0: anchors and aliases are not used here",
        ),
    ],
    ids=[
        "flow",
        "closed",
        "blocks",
        "keys",
        "list",
        "bytes",
        "digits",
        "float",
        "hexadecimal",
        "date",
        "itself",
        "billion",
    ],
)
@pytest.mark.parametrize("loader", ["C", "Python"])
def test_what_would_take_the_readers_stack_time_or_memory_is_a_sentence(tmp_path, monkeypatch, loader, text, sentence):
    """With the loader in C and with the one in Python, which would recurse."""
    monkeypatch.setattr(schema, "_Loader", yaml.SafeLoader if loader == "Python" else schema._Loader)
    if loader == "Python":
        monkeypatch.setattr("evaluator.yaml_bounds._MAX_EVENTS", 1000)  # it is slow
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path, text)


def test_a_file_that_is_not_utf_8_says_how_to_save_it(tmp_path):
    """Notepad's "Unicode" is UTF-16."""
    (tmp_path / "mine.yaml").write_bytes("name: a".encode("utf-16"))
    with pytest.raises(UsageError, match=r"mine\.yaml: cannot be read as UTF-8 text: .*; save it as UTF-8"):
        schema.read(tmp_path / "mine.yaml", FIELDS)


def test_a_missing_file_is_named(tmp_path):
    """The path is in the sentence."""
    with pytest.raises(UsageError, match=r"nowhere\.yaml: there is no such file"):
        schema.read(tmp_path / "nowhere.yaml", FIELDS)


def test_a_variant_is_chosen_by_its_own_field(tmp_path):
    """The fields that are allowed depend on the kind."""
    (tmp_path / "v.yaml").write_text("shape: {kind: round, radius: 2}")
    document = schema.parse(tmp_path / "v.yaml")
    kinds = {
        "round": {"kind": Field(str), "radius": Field(float)},
        "square": {"kind": Field(str), "side": Field(float)},
    }
    assert document.check_variant(kinds, "kind", ("shape",)) == {"kind": "round", "radius": 2.0}
    with pytest.raises(UsageError, match=r"shape\.kind: unknown kind 'round'; known: square"):
        document.check_variant({"square": kinds["square"]}, "kind", ("shape",))
