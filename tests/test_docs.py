"""The commands of README and docs: all of them parse, and those after `<!-- run -->` run, in a folder of tones.

Those after `<!-- run with NAME -->` run where the package NAME is installed.

`<!-- file: NAME -->` before a fenced block puts its text into that folder as NAME. Pages run from top to bottom, each in a
folder of its own that holds `my_recordings/CLASS/INDIVIDUAL_N.wav` and a `mine.csv` that names every clip.
"""

import csv
import glob
import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tiny_onnx
from evaluator import cli
from evaluator.schema import names_in

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (CHECKOUT / "docs").is_dir(), reason="not run from a checkout")]


def commands(text):
    """Lines of indented blocks that begin with hear-eval, as lists of words; continued lines are one."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [shlex.split(line, comments=True) for line in re.findall(r"^    (hear-eval .*)$", joined, re.MULTILINE)]


def mentioned(text):
    """Commands that stand in a sentence or a table, as lists of words; those that offer a choice are left out."""
    prose = re.sub(r"```.*?```|^    .*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    found = [code for code in re.findall(r"`(hear-eval [^`]*)`", prose) if "|" not in code]
    return [shlex.split(code) for code in found]


def runnable(text):
    """Commands of the blocks that follow `<!-- run -->`, from top to bottom."""
    blocks = re.findall(r"<!-- run(?: with (\w+))? -->\n\n((?:    .*\n|\n(?=    ))+)", text)
    there = [block for package, block in blocks if not package or importlib.util.find_spec(package)]
    return [command for block in there for command in commands(block)]


def files(text):
    """Fenced blocks that follow `<!-- file: NAME -->`, by name."""
    return dict(re.findall(r"<!-- file: (\S+) -->\n\n```\w*\n(.*?)```", text, re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_command_parses(page, capsys):
    """No command or option is invented; in a block none is left out that must be given."""
    text = page.read_text(encoding="utf-8")
    known = cli.parser()
    in_blocks = commands(text)
    for command in [*in_blocks, *mentioned(text)]:
        try:
            known.parse_args(command[1:])
        except SystemExit:
            said = capsys.readouterr().err.splitlines()[-1]
            if command in in_blocks or "are required" not in said:  # a sentence may leave out what it is not about
                pytest.fail(f"{page.name}: {shlex.join(command)}: {said}")


def test_the_readme_has_a_row_for_every_command():
    """Whoever adds a command says there what it does."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for name in cli.COMMANDS:
        assert re.search(rf"(hear-eval |`, `){name}\b", readme), (
            f"README.md: add a row for `hear-eval {name}` to its table of commands"
        )


def test_the_page_of_protocols_has_a_row_for_every_one():
    """Whoever adds a protocol says there when to take it."""
    page = (CHECKOUT / "docs" / "protocols.md").read_text(encoding="utf-8")
    for name in names_in("protocols"):
        assert f"| `{name}` |" in page, f"docs/protocols.md: add a row for `{name}` to its first table"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(page):
    """Files and headings that a page links to are there."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), f"{page.name}: {target}"
        headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
        anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not heading or heading in anchors, f"{page.name}: {target}"


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A folder with recordings of three classes by seven individuals, a CSV about them and a tiny ONNX model; the working folder."""
    draw = np.random.default_rng(0)
    rows = []
    for number, species in enumerate(("robin", "wren", "tit")):
        (tmp_path / "my_recordings" / species).mkdir(parents=True)
        for individual in ("anna", "berta", "carla", "dora", "emil", "fritz", "gerd"):
            for clip in (1, 2, 3):
                times = np.arange(int(16000 * draw.uniform(0.3, 0.5))) / 16000
                wave = np.sin(2 * np.pi * 500 * (number + 1) * draw.uniform(0.9, 1.1) * times)
                path = f"my_recordings/{species}/{individual}_{clip}.wav"
                soundfile.write(tmp_path / path, 0.3 * wave + 0.1 * draw.normal(size=len(times)), 16000)
                rows.append((path, species, individual))
    with open(tmp_path / "mine.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "group"), *rows])
    if importlib.util.find_spec("onnx"):
        tiny_onnx.write(tmp_path / "tiny.onnx")
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- run -->" in page.read_text()], ids=lambda p: p.stem)
def test_marked_commands_run(page, scratch, capsys):
    """Each ends with exit code 0, given what the page itself told to write."""
    text = page.read_text(encoding="utf-8")
    for name, content in files(text).items():
        (scratch / name).write_text(content, encoding="utf-8")
    asked = runnable(text)
    assert asked and len(asked) >= text.count("<!-- run -->")
    for command in asked:
        words = [found for word in command[1:] for found in (sorted(glob.glob(word)) if "*" in word else [word])]
        assert cli.main(words) == 0, f"{shlex.join(command)}\n{capsys.readouterr().err}"


def test_what_is_marked_is_found():
    """Blocks, comments, continued lines and files, in a text whose answer is known."""
    text = (
        "<!-- run -->\n\n    hear-eval a --b 'c d'    # why\n    hear-eval e \\\n        f\n\ntext `hear-eval g|h`, `hear-eval i j`\n\n"
        "<!-- run with json -->\n\n    hear-eval l\n\n<!-- run with no_such_package -->\n\n    hear-eval m\n\n"
        "    hear-eval k\n\n<!-- file: m.py -->\n\n```python\nx = 1\n```\n"
    )
    assert runnable(text) == [["hear-eval", "a", "--b", "c d"], ["hear-eval", "e", "f"], ["hear-eval", "l"]]
    assert commands(text) == [*runnable(text), ["hear-eval", "m"], ["hear-eval", "k"]]
    assert mentioned(text) == [["hear-eval", "i", "j"]]
    assert files(text) == {"m.py": "x = 1\n"}
