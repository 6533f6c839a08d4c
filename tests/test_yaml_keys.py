"""The reference of YAML keys is written from the code, and every key of it has its sentence."""

from pathlib import Path

import pytest

from evaluator import key_tables
from evaluator.api import yaml_keys
from evaluator.schema import Field

PAGE = Path(__file__).parents[1] / "docs" / "yaml_keys.md"


@pytest.mark.skipif(not PAGE.parent.is_dir(), reason="not run from a checkout")
def test_the_page_is_what_the_code_says():
    """It is never edited by hand."""
    written = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    if written != yaml_keys.page():
        pytest.fail(
            f"{PAGE.name} is not what the code says; write it anew: "
            "python -m evaluator.api.yaml_keys > docs/yaml_keys.md",
            pytrace=False,
        )


def test_every_key_has_a_meaning():
    """A key that is added brings its sentence with it."""
    lacking = key_tables.without_meaning(yaml_keys.sections())
    if lacking:
        pytest.fail(f"write `meaning=...` at the field of: {', '.join(lacking)}", pytrace=False)


def test_a_table_shows_type_bounds_default_and_meaning():
    """Keys inside a value follow it; a bar does not end a cell."""
    fields = {
        "name": Field(str, meaning="A | B."),
        "form": Field(str, required=False, default="", choices=("", "lines"), meaning="C."),
        "inner": Field((str, dict), choices=("next",), fields={"n": Field(int, min=1, max=2**32 - 1)}),
        "each": Field(list, required=False, default=[], each=Field(dict, fields={"on": Field(bool, False, True)})),
        "free": Field(dict, required=False, default={}, each=Field(float, max=0.5)),
        "seconds": Field((float, type(None)), required=False),
    }
    assert key_tables.table(fields).splitlines()[2:] == [
        "| `name` | text | required | A \\| B. |",
        "| `form` | `lines` |  | C. |",
        "| `inner` | `next` or mapping | required |  |",
        "| `inner.n` | whole number, at least 1, at most 4294967295 | required |  |",
        "| `each` | list |  |  |",
        "| `each[].on` | true or false | `true` |  |",
        "| `free` | mapping from text to number, at most 0.5 |  |  |",
        "| `seconds` | number or empty |  |  |",
    ]
    assert key_tables.without_meaning([("Own", {"a": Field(str), "b": Field(str, meaning="B.")})]) == ["Own: a"]


def test_other_rooms_can_add_their_keys():
    """Those of tasks and protocols, which stand above datasets."""
    page = yaml_keys.page([("A protocol", {"layers": Field(str, meaning="Which layers.")})])
    assert page.startswith(yaml_keys.page())
    assert "## A protocol\n" in page and page.endswith("| `layers` | text | required | Which layers. |\n")
