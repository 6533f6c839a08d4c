"""The website: what is generated says what code and data say, what is written by hand is held against them, and the built pages stand alone."""

import configparser
import csv
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import evaluator as ev
import site_parts
from evaluator import cli
from evaluator.experiment.catalogue import list_tasks
from evaluator.results.caveats import Caveat
from evaluator.results.hearing import Hearing
from evaluator.results.result import CurvePoint, FoldResult
from test_docs import is_printed

CHECKOUT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not (CHECKOUT / "docs").is_dir(), reason="not run from a checkout")


@pytest.fixture(scope="module")
def pages():
    """Every generated page, Markdown by its path on the site."""
    return site_parts.part("pages").generated()


def rows_of(text, heading):
    """Keys of the first table below a heading, and which of them are there only sometimes."""
    section = re.split(rf"^#+ {heading}$", text, flags=re.MULTILINE)[1]
    table = re.search(r"\| key \| holds \|\n\|[-|]+\|\n((?:\|.*\n)+)", section)[1]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)
    return {name for name, _ in rows}, {name for name, meaning in rows if meaning.startswith("(sometimes)")}


def test_the_page_of_result_files_describes_every_key(tmp_path):
    """What a run writes, and what an ensemble and several seeds add, is on the page, and nothing else but what is there sometimes."""
    draw = np.random.default_rng(0)
    for number, species in enumerate(("wren", "robin")):
        (tmp_path / "calls" / species).mkdir(parents=True)
        for clip in range(10):
            wave = np.sin(np.arange(8000) * (0.1 + 0.2 * number)) + 0.1 * draw.normal(size=8000)
            soundfile.write(tmp_path / "calls" / species / f"{clip}.wav", 0.3 * wave, 16000)
    ev.run(
        "hear_ssl.duration_loudness", tmp_path / "calls", protocol="knn", cache=tmp_path / "cache", out=tmp_path / "out"
    )
    path = next((tmp_path / "out").rglob("*.json"))
    result = json.loads(path.read_text())
    page = (CHECKOUT / "docs" / "result_files.md").read_text(encoding="utf-8")
    parts = {
        "The JSON": result,
        "A point of the curve": result["curve"][0],
        "A fold": result["folds"][0],
        "Hearing": result["hearing"],
        "Provenance": result["provenance"],
        "Environment": result["environment"],
        "The predictions": {re.sub(r"_\d+$", "_N", name) for name in np.load(path.with_suffix(".npz")).files},
    }
    for heading, fields in parts.items():
        described, sometimes = rows_of(page, heading)
        assert set(fields) - described == set(), f"docs/result_files.md, {heading}: describe these keys"
        assert described - sometimes - set(fields) == set(), (
            f"docs/result_files.md, {heading}: no result has these keys"
        )
    for heading, kind in (("A point of the curve", CurvePoint), ("A fold", FoldResult), ("Hearing", Hearing)):
        assert rows_of(page, heading)[0] == set(kind.__dataclass_fields__)
    assert {"kind", "text"} == set(Caveat.__dataclass_fields__)  # of which the page speaks in a sentence


def test_every_printed_number_is_on_its_suites_page(pages):
    """Cell by cell, read from the papers' CSV by another way than the pages are made."""
    suites = {task.name: task.name.partition("/")[0] for task in list_tasks()}
    n_found = 0
    for path in sorted((CHECKOUT / "tasks" / "recipes").glob("*.yaml")):
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, table in recipe.get("tables", {}).items():
            if not isinstance(table, dict) or not table.get("printed"):
                continue
            with (path.parent / table["printed"]).open(encoding="utf-8", newline="") as file:
                lines = list(csv.DictReader(file))
            for line in (each for each in lines if each["value"] != "-"):
                column = line[table["column"]]
                text = pages[f"suites/{suites[table['columns'][column]]}.md"].replace("\\", "")
                section = text.split(f"### {recipe['name']}, {name}\n")[1].split("\n### ")[0]
                head = next(each for each in section.splitlines() if each.startswith("| as printed |"))
                row = " ".join(line[key] for key in table["row"])
                [cells] = [each.split(" | ") for each in section.splitlines() if each.startswith(f"| {row} | ")]
                assert cells[head.strip("| ").split(" | ").index(column)].strip("| ") == line["value"]
                n_found += 1
    assert n_found > 500


def test_generated_pages_name_all_that_there_is(pages):
    """Each command and option, public name, module, suite and task."""
    for name, module in cli.COMMANDS.items():
        assert f"## `hear-eval {name}`" in pages["reference/commands.md"], module
    options = {option for action in _actions(cli.parser()) for option in action.option_strings} - {"-h"}
    assert [option for option in options if option not in pages["reference/commands.md"]] == []
    for name in set(ev.__all__) - {"__version__"}:
        assert re.search(rf"^::: evaluator\.[\w.]+\.{name}$", pages["reference/python.md"], re.MULTILINE), name
    for path in (CHECKOUT / "hear_ssl").glob("[a-z]*.py"):
        assert f"## `hear_ssl.{path.stem}`" in pages["models.md"]
    for task in list_tasks():
        assert f"| `{task.name}` |" in pages[f"suites/{task.name.partition('/')[0]}.md"]


def _actions(parser):
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for sub in action.choices.values():
                yield from _actions(sub)


def test_links_of_the_repository_become_links_of_the_site():
    """From pages in folders and out of docs/; what is no page is refused by name."""
    for_site = site_parts.part("pages").for_site
    text = (
        "[a](../README.md#install), [b](own_data.md), [c](#here), [d](https://example.org/x.md), ![e](pictures/e.png)"
    )
    assert for_site(text, "docs/modules.md", "modules.md") == text.replace("../README.md", "overview.md")
    text = "[a](../../CONTRIBUTING.md) [b](../own_data.md#a-csv) [c](notebook.ipynb)"
    expected = "[a](../contributing.md) [b](../own_data.md#a-csv) [c](notebook.md)"
    assert for_site(text, "docs/tutorials/x.md", "tutorials/x.md") == expected
    with pytest.raises(ValueError, match=r"docs/x.md: a link leads to hear_ssl/crepe.py, which is no page"):
        for_site("[a](../hear_ssl/crepe.py)", "docs/x.md", "x.md")


def test_faults_of_a_built_site_are_found(tmp_path):
    """Dead links and anchors, and what a browser would fetch from elsewhere; a link to elsewhere is none."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="sub/b.html#there">x</a> <a href="sub/b.html#gone">x</a> <a href="c.html">x</a> <a href="https://a.b">x</a>'
        '<script src="https://a.b/x.js"></script> <link rel="canonical" href="https://a.b"><img src="data:,x" alt="">'
    )
    (tmp_path / "sub" / "b.html").write_text('<p id="there"><a href="../index.html">x</a><a href="#there">x</a>')
    (tmp_path / "a.css").write_text("@import url(https://fonts.example/x)")
    assert site_parts.part("checks").problems(tmp_path) == [
        "index.html: an image without a text, data:,x",
        "index.html: a link leads to sub/b.html#gone, which has no such place",
        "index.html: a link leads to c.html, which is not there",
        "index.html: a browser would fetch https://a.b/x.js",
        "a.css: fetches https://fonts.example/x",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("nbclient"), reason="needs nbclient")
def test_the_notebook_runs_and_shows_what_it_showed(tmp_path, monkeypatch):
    """From top to bottom in an empty folder; lines of text are those of the file, numbers within a clip or two."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    part = site_parts.part("run_notebook")
    shown = {cell["id"]: cell for cell in json.loads(part.NOTEBOOK.read_text(encoding="utf-8"))["cells"]}
    for cell in part.executed(tmp_path).cells:
        now = _lines(cell.get("outputs", []))
        for line in _lines(shown[cell["id"]].get("outputs", [])):
            assert is_printed(line, now), f"run python docs/site/run_notebook.py: {line!r} is now among {now}"
    assert (tmp_path / "report.html").is_file()


def _lines(outputs):
    texts = [
        each.get("text", each.get("data", {}).get("text/plain", ""))
        for each in outputs
        if "image/png" not in each.get("data", {})
    ]
    return [line for text in texts for line in "".join(text).splitlines() if line.strip()]


def test_the_citation_file_says_what_setup_cfg_and_recipes_say():
    """Version and licence are the package's; the papers are those of the recipes."""
    cff = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"))
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    assert (cff["version"], cff["license"]) == (setup["metadata"]["version"], setup["metadata"]["license"])
    assert cff["authors"] == [{"name": setup["metadata"]["author"]}]
    recipes = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CHECKOUT / "tasks/recipes").glob("*.yaml")]
    cited = [each["citation"] for each in recipes if "citation" in each]
    assert len(cff["references"]) == len(cited)
    for reference in cff["references"]:
        [text] = [each for each in cited if reference["title"].lower() in each.lower()]
        assert f"({reference['year']})" in text and reference.get("url", "") in text
        assert all(f"{each['family-names']}, {each['given-names']}" in text for each in reference["authors"])


def test_the_description_for_the_index_has_no_link_that_leads_nowhere_there():
    """A page of a package index is not beside our files."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    text = (CHECKOUT / setup["metadata"]["long_description"].removeprefix("file: ")).read_text(encoding="utf-8")
    assert [target for target in re.findall(r"\]\(([^)]*)\)", text) if not target.startswith("https://")] == []
    named = re.findall(r"`([\w/]+(?:\.md|\.cff|/))`", text)
    kept = (CHECKOUT / "MANIFEST.in").read_text(encoding="utf-8").split()
    assert named and all((CHECKOUT / name).exists() and name.split("/")[0] in kept for name in named)


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("mkdocs"), reason="needs mkdocs; tox -e docs builds it too")
def test_the_website_builds_without_a_warning(tmp_path):
    """Strictly, with all checks."""
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "-f",
        site_parts.SITE / "mkdocs.yml",
        "-d",
        tmp_path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    assert (tmp_path / "reference" / "commands.html").is_file()
