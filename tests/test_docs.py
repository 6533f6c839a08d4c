"""The commands of README, docs and the pages that are generated for the website: all of them parse, and those after `<!-- run -->`
run, in a folder of tones.

Those after `<!-- run with NAME -->` run where the package NAME is installed.

`<!-- file: NAME -->` before a fenced block puts its text into that folder as NAME. Pages run from top to bottom, each in a
folder of its own that holds `my_recordings/CLASS/INDIVIDUAL_N.wav` and a `mine.csv` that names every clip; `MAKERS` adds to it.

`<!-- python -->` before a fenced block runs it there too. `<!-- shows -->` before a fenced block says that each of its lines is
one that what ran so far printed: word by word, but that `...` stands for anything, spaces are as wide as they like, and
numbers with a decimal point may differ by a clip or two, as they do between computers.
"""

import ast
import csv
import difflib
import glob
import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import field_recordings
import site_parts
import tiny_checkpoints
import tiny_onnx
from evaluator import cli
from evaluator.schema import names_in
from hear_ssl.pretraining import cli as pretraining

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
GENERATED = site_parts.part("pages").generated() if (CHECKOUT / "docs").is_dir() else {}
_HISTORY = "changelog.md"  # may name what is no more
TEXTS = {**{path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}, **GENERATED}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (CHECKOUT / "docs").is_dir(), reason="not run from a checkout")]


def commands(text, program="hear-eval"):
    """Lines of indented blocks that begin with the program, as lists of words; continued lines are one."""
    joined = re.sub(r"\$\([^)]*\)", "FILES", re.sub(r"\\\n\s*", " ", text))  # what the shell puts there are words
    return [shlex.split(line, comments=True) for line in re.findall(rf"^    ({program} .*)$", joined, re.MULTILINE)]


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


def pieces(text):
    """What a page runs and what it says was printed, from top to bottom: (run, commands), (python, code), (shows, lines)."""
    for piece in re.split(r"^(?=<!-- )", text, flags=re.MULTILINE):
        code = re.match(r"<!-- (python|shows) -->\n\n```\w*\n(.*?)```", piece, re.DOTALL)
        if code:
            yield code[1], code[2] if code[1] == "python" else [line for line in code[2].splitlines() if line.strip()]
        elif runnable(piece):
            yield "run", runnable(piece)


def is_printed(quoted, lines):
    """Whether a line that a page quotes is one of those that were printed."""
    parts = re.split(r"(\.\.\.|\d+\.\d+|\s+)", quoted.strip())
    pattern = re.compile("".join(map(_pattern_of, parts)))
    numbers = [float(part) for part in parts if re.fullmatch(r"\d+\.\d+", part)]
    found = filter(None, (pattern.fullmatch(line.strip()) for line in lines))
    return any(
        all(
            abs(float(now) - then) <= (2.5 if then >= 10 else 0.05 * then)
            for now, then in zip(match.groups(), numbers, strict=True)
        )
        for match in found
    )


def _pattern_of(part):
    if re.fullmatch(r"\d+\.\d+", part):
        return r"(\d+\.\d+)"
    return ".*" if part == "..." else r"\s+" if part.isspace() else re.escape(part)


@pytest.mark.parametrize("page", [page for page in TEXTS if page != _HISTORY])
def test_every_command_parses(page, capsys):
    """No command or option is invented; in a block none is left out that must be given."""
    text = TEXTS[page]
    known = cli.parser()
    in_blocks = commands(text)
    for command in [*in_blocks, *mentioned(text)]:
        try:
            known.parse_args(command[1:])
        except SystemExit:
            said = capsys.readouterr().err.splitlines()[-1]
            if command in in_blocks or "are required" not in said:  # a sentence may leave out what it is not about
                pytest.fail(f"{page}: {shlex.join(command)}: {said}")


@pytest.mark.parametrize("page", [page for page in TEXTS if page != _HISTORY])
def test_every_snippet_parses(page):
    """Commands of pre-training, Python (magic lines of notebooks apart) and YAML."""
    for command in commands(TEXTS[page], "hear-ssl"):
        pretraining.parser().parse_args(command[1:])
    for kind, text in re.findall(r"^```(python|yaml)\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE):
        if kind == "yaml":
            yaml.safe_load(text)
        else:
            ast.parse(re.sub(r"^%.*$", "", text, flags=re.MULTILINE), page)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_every_link_leads_somewhere(page):
    """Files and headings that a page links to are there."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        uri = path.relative_to(CHECKOUT / "docs").as_posix() if path.is_relative_to(CHECKOUT / "docs") else ""
        assert path.exists() or uri in GENERATED, f"{page.name}: {target}"
        there = (GENERATED.get(uri) or path.read_text(encoding="utf-8")) if heading else ""
        headings = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
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


def a_field_season(folder):
    """What the page on a field study has come home with, and a HuBERT that is tiny and knows nothing."""
    field_recordings.make(folder)
    tiny_checkpoints.save_transformer(folder / "weights", "hubert_base")


MAKERS = {"field_study": a_field_season}  # page -> what else its folder holds


@pytest.mark.parametrize("page", [page for page in PAGES if any(pieces(page.read_text()))], ids=lambda p: p.stem)
def test_what_a_page_marks_runs_and_prints_what_it_shows(page, scratch, capsys):
    """Each command ends with exit code 0, given what the page itself told to write."""
    text = page.read_text(encoding="utf-8")
    MAKERS.get(page.stem, lambda folder: None)(scratch)
    for name, content in files(text).items():
        (scratch / name).write_text(content, encoding="utf-8")
    printed, known = [], {"__name__": "__main__"}
    assert len(runnable(text)) >= text.count("<!-- run -->")
    for kind, content in pieces(text):
        if kind == "run":
            run(content, capsys, printed)
        elif kind == "python":
            exec(compile(content, page.name, "exec"), known)
            printed += capsys.readouterr().out.splitlines()
        else:
            for line in content:
                like = difflib.get_close_matches(line, printed, 3, 0.3)
                assert is_printed(line, printed), (
                    f"{page.name} shows\n{line}\nwrite what is printed now:\n{chr(10).join(like)}"
                )


def run(asked, capsys, printed):
    """Run commands, and append the lines that they print to `printed`."""
    for command in asked:
        words = [found for word in command[1:] for found in (sorted(glob.glob(word)) if "*" in word else [word])]
        code = cli.main(words)
        out, err = capsys.readouterr()
        assert code == 0, f"{shlex.join(command)}\n{err}"
        printed += [*out.splitlines(), *err.splitlines()]


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


def test_what_is_shown_is_held_against_what_was_printed():
    """Words count, widths do not; a clip more is the same score, five points are another."""
    lines = ["note     a: 3 rows  left out", "melspec  x  75.3 %  60.1 to 80.2  93/93  0.4", "p lies at 0.041"]
    for quoted in ("note a: 3 rows left out", "melspec  x  74.2 % ... 93/93 ...", "... 3 rows ...", "p lies at 0.042"):
        assert is_printed(quoted, lines)
    for quoted in ("note a: 4 rows left out", "melspec  x  69.9 % ... 93/93 ...", "note a: 3 rows", "p lies at 0.061"):
        assert not is_printed(quoted, lines)
    text = "<!-- run -->\n\n    hear-eval a\n\n<!-- shows -->\n\n```text\nb c\n\nd\n```\n\n<!-- python -->\n\n```python\nx = 1\n```\n"
    assert list(pieces(text)) == [("run", [["hear-eval", "a"]]), ("shows", ["b c", "d"]), ("python", "x = 1\n")]
