"""What the page on a field study shows beside its commands, which `test_docs.py` runs: rows and pictures."""

import importlib.util
import re
from pathlib import Path

import pytest

import field_recordings

CHECKOUT = Path(__file__).parents[1]
PICTURES = CHECKOUT / "docs" / "pictures"
MOST_BYTES = 120_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHECKOUT / "bench").is_dir() or not PICTURES.is_dir(), reason="not run from a checkout"),
]


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """The recordings that the page is about."""
    folder = tmp_path_factory.mktemp("season")
    field_recordings.make(folder)
    return folder


def drawing():
    """The module that draws the pictures, which is in no package."""
    spec = importlib.util.spec_from_file_location("doc_pictures", CHECKOUT / "bench" / "doc_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_row_that_the_page_shows_is_of_a_table(season):
    """It stands in the table that the picture is of, column by column."""
    page = (CHECKOUT / "docs" / "field_study.md").read_text(encoding="utf-8")
    header, shown = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.search(r"^(\| Selection .*)\n\|[-|]+\n(.*)$", page, re.MULTILINE).groups()
    )
    table = season / "field" / f"{drawing().RECORDING}.Table.1.selections.txt"
    lines = table.read_text(encoding="utf-8").splitlines()
    assert header == lines[0].split("\t") and "\t".join(shown) in lines


def test_all_pictures_can_be_drawn_again(season, tmp_path, monkeypatch):
    """The script makes those that are there, small enough for a page."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    drawn = drawing().draw(season, tmp_path / "pictures")
    page = (CHECKOUT / "docs" / "field_study.md").read_text(encoding="utf-8")
    assert (
        {path.name for path in drawn}
        == set(re.findall(r"pictures/([\w.]+)", page))
        <= {path.name for path in PICTURES.iterdir()}
    )
    for path in [*drawn, *PICTURES.iterdir()]:
        assert 1000 < path.stat().st_size < MOST_BYTES, path
    boxes = (tmp_path / "pictures" / "individuals.svg").read_text(encoding="utf-8")
    assert all(name in boxes for name in field_recordings.INDIVIDUALS)
