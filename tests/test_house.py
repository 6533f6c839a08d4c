"""What keeps the house in order: who imports whom, what is shipped, and that README and CI say the same."""

import ast
import configparser
import re
from pathlib import Path

import pytest

import evaluator
import hear_ssl
from evaluator import schema
from evaluator.api import listing

CHECKOUT = Path(__file__).parents[1]
INSTALLED = {"hear_ssl": Path(hear_ssl.__file__).parent, "evaluator": Path(evaluator.__file__).parent}


def imported(path):
    """Names of the modules that a file imports, at the top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: import from the whole name of the package, not relatively"
            yield node.module or ""
            if node.module == "evaluator":
                yield from (f"evaluator.{alias.name}" for alias in node.names)


def test_models_and_evaluator_never_import_each_other():
    """The HEAR API is the only door between them."""
    for package, other in (("hear_ssl", "evaluator"), ("evaluator", "hear_ssl")):
        for path in INSTALLED[package].rglob("*.py"):
            assert not [name for name in imported(path) if name.split(".")[0] == other], path


def test_the_core_imports_no_torchaudio():
    """Only the guard tries it, to see whether it works."""
    for folder in INSTALLED.values():
        for path in folder.rglob("*.py"):
            assert not [name for name in imported(path) if name.split(".")[0] in ("torchaudio", "torchcrepe")], path


# The floors of docs/architecture.md, from the top: a room imports only rooms that stand in a line below its own.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("commands",),
    ("api",),
    ("reproduction", "mapping", "doctor"),
    ("similarity",),
    ("experiment", "report"),
    ("probes", "check"),
    ("embedding", "results"),
    ("datasets", "scoring"),
    ("download", "audio"),
    ("typed", "key_tables"),
    ("schema", "tables", "figure", "own_cache", "vectors"),
    ("files", "pieces", "yaml_bounds"),
    ("module_names", "errors", "words"),
)


def rooms():
    """Every import between two rooms (folders and single files) of the evaluator: (room, room that it imports, file)."""
    home = INSTALLED["evaluator"]
    for path in sorted(home.rglob("*.py")):
        parts = path.relative_to(home).with_suffix("").parts
        if parts == ("__init__",):
            continue  # the lazy names of the public interface
        for name in imported(path):
            if name.startswith("evaluator.") and name.split(".")[1] != parts[0]:
                yield parts[0], name.split(".")[1], "/".join(parts)


def test_no_room_imports_one_above_it():
    """Imports go down the floors of docs/architecture.md, also those inside functions."""
    floor = {room: number for number, line in enumerate(FLOORS) for room in line}
    for room, other, path in rooms():
        for each in (room, other):
            assert each in floor, (
                f"evaluator/{each} is on no floor: put it into FLOORS here and in docs/architecture.md"
            )
        assert floor[room] < floor[other], f"evaluator/{path}.py imports {other}, which is not below {room}"


@pytest.mark.skipif(not (CHECKOUT / "docs").is_dir(), reason="not run from a checkout")
def test_the_architecture_page_has_the_same_floors():
    """Whoever adds a room says there what it is for."""
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for number, line in enumerate(FLOORS, start=1):
        cells = [cell for cell in page.splitlines() if cell.startswith(f"| {number} | ")]
        rooms_of = re.findall(r"`(\w+)/?`", cells[0].split("|")[2]) if cells else []
        assert tuple(rooms_of) == line, (
            f"docs/architecture.md: floor {number} should name {', '.join(line)}, with what they hold"
        )


@pytest.mark.skipif(not (CHECKOUT / "setup.cfg").is_file(), reason="not run from a checkout")
def test_the_package_list_names_every_folder():
    """setup.cfg lists the packages by hand; none is forgotten."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    listed = set(setup["options"]["packages"].split()) - {"evaluator.tasks"}
    folders = {
        ".".join(path.parent.relative_to(CHECKOUT).parts)
        for package in INSTALLED
        for path in (CHECKOUT / package).rglob("__init__.py")
    }
    assert listed == folders
    assert not list((CHECKOUT / "tasks").rglob("*.py"))  # a user's tasks.py must never meet one of ours


@pytest.mark.skipif(not (CHECKOUT / "tasks").is_dir(), reason="not run from a checkout")
def test_every_task_file_is_installed():
    """The YAML that the program reads is the checkout's, file by file."""
    found = {path.relative_to(schema.tasks_folder()) for path in schema.tasks_folder().rglob("*.yaml")}
    assert found == {path.relative_to(CHECKOUT / "tasks") for path in (CHECKOUT / "tasks").rglob("*.yaml")}


@pytest.mark.skipif(not (CHECKOUT / ".ci" / "run").is_file(), reason="not run from a checkout")
def test_ci_runs_the_readmes_test_command():
    """The last line of .ci/run is a command of the README."""
    command = (CHECKOUT / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert f"    {command}\n" in (CHECKOUT / "README.md").read_text()


@pytest.mark.skipif(not (CHECKOUT / "README.md").is_file(), reason="not run from a checkout")
def test_the_docs_show_the_tasks_as_they_are():
    """Their table is what `hear-eval list tasks --markdown` prints."""
    page = (CHECKOUT / "docs" / "tasks.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- tasks -->\n")[2].partition("\n<!-- end of tasks -->")[0]
    if shown.strip() != listing.tasks_as_markdown():
        lines = set(listing.tasks_as_markdown().splitlines()) ^ set(shown.strip().splitlines())
        differing = "\n".join(sorted(lines))
        pytest.fail(
            "put what `hear-eval list tasks --markdown` prints between the marks in docs/tasks.md; these lines differ:\n"
            f"{differing}",
            pytrace=False,
        )
