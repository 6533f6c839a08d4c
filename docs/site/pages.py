"""The pages of the website that are written from code and data, so that no copy of these facts exists, and links of all pages.

`python docs/site/pages.py FOLDER` writes them into a folder, to look at; the website gets them from `hooks.py`.
"""

import argparse
import ast
import json
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import evaluator
from evaluator import cli, schema
from evaluator.api import listing
from evaluator.reproduction import recipe as recipes
from evaluator.reproduction.recipe import Recipe, RecipeTable

CHECKOUT = Path(__file__).parents[2]

# Files of the repository outside docs/ that are pages of the site: path -> page.
OF_REPOSITORY = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "hear_ssl/weights/byol_a_mini.md": "weights/byol_a_mini.md",
}
NOTEBOOK = "docs/tutorials/notebook.ipynb"
_PLACES = {**OF_REPOSITORY, NOTEBOOK: "tutorials/notebook.md"}
_TITLES = {"README.md": "The whole on one page"}  # instead of the file's own
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_SHORT = (
    60  # characters: the longest value of a column in the table of modules; longer ones stand in the module's section
)


def generated() -> dict[str, str]:
    """Every generated page, Markdown by its path on the site."""
    pages = {page: _of_repository(path) for path, page in OF_REPOSITORY.items()}
    pages |= {f"suites/{name}.md": suite_page(name) for name in schema.names_in("suites")}
    return pages | {
        "reference/commands.md": commands_page(),
        "reference/python.md": python_page(),
        "reference/hear_modules.md": HEAR_MODULES,
        "models.md": models_page(),
        "citing.md": citing_page(),
        _PLACES[NOTEBOOK]: notebook_page(),
    }


def for_site(markdown: str, path: str, page: str) -> str:
    """A page with its links as the site has them.

    Args:
        markdown: What the file holds, with links relative to it.
        path: Of the file in the repository, such as `docs/modules.md`.
        page: What the file is on the site, such as `modules.md`.

    Raises:
        ValueError: A link leads to a file that is no page of the site.
    """

    def on_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1]))
        there = _PLACES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else "")
        if not there:
            raise ValueError(f"{path}: a link leads to {target}, which is no page of the site; name the file instead")
        return posixpath.relpath(there, posixpath.dirname(page) or ".") + (link[2] or "")

    return _LINK.sub(on_site, markdown)


def _of_repository(path: str) -> str:
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    if path in _TITLES:
        text = re.sub(r"^# .*$", f"# {_TITLES[path]}", text, count=1, flags=re.MULTILINE)
    text = re.sub(r"\[([^]]*)\]\(\w+\.csv\)", r"`\1`", text)  # a table beside the page, which is none
    return for_site(text, path, OF_REPOSITORY[path])


# Commands


def commands_page() -> str:
    """Every command with its arguments, read from the parser."""
    introduction = (
        "# Every command\n\nRead from the parser itself when this site was built; `hear-eval COMMAND --help` says the same. "
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated (SIGTERM).\n"
    )
    return "\n".join([introduction, *_command(cli.parser(), level=1)])


def _command(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    """A command as a section, and those inside it."""
    if level > 1:
        yield f"{'#' * level} `{parser.prog}`\n"
    if level > 1 and parser.description:
        yield f"{_sentence(parser.description)}\n"
    for title, shown in _groups(parser).items():
        if title:
            yield f"**{_sentence(title).rstrip('.')}**\n"
        yield _table(("argument", "meaning"), [_argument(action, parser) for action in shown])
    if level > 1 and parser.epilog:
        yield from _epilog(parser.epilog)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in dict.fromkeys(action.choices.values()):
                yield from _command(sub, level + 1)


def _groups(parser: argparse.ArgumentParser) -> dict[str, list[argparse.Action]]:
    """Arguments that have a row, by the group that they stand in; the commands inside have sections instead."""
    groups: dict[str, list[argparse.Action]] = {}
    for group in parser._action_groups:
        title = "" if group.title in (None, "positional arguments", "options") else str(group.title)
        for action in group._group_actions:
            hidden = action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction)
            if not hidden and "--help" not in action.option_strings:
                groups.setdefault(title, []).append(action)
    return groups


def _argument(action: argparse.Action, parser: argparse.ArgumentParser) -> tuple[str, str]:
    """An argument and what it means, as cells."""
    formatter = parser.formatter_class(parser.prog)
    value = formatter._format_args(action, formatter._get_default_metavar_for_optional(action))
    if action.option_strings:
        name = ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")
    else:
        name = formatter._format_args(action, formatter._get_default_metavar_for_positional(action))
    meaning = formatter._expand_help(action) if action.help else ""
    needed = " (needed)" if action.option_strings and action.required else ""
    return _code(name), _escape(meaning) + needed


def _epilog(text: str) -> Iterator[str]:
    """What stands below the arguments: examples as code, sentences as they are."""
    for line in text.strip("\n").splitlines():
        is_code = re.match(r"\s+\S|hear-eval ", line)
        yield (
            f"    {line.strip()}" if is_code else f"\n{_escape(line[:1].upper() + line[1:])}\n" if line.strip() else ""
        )
    yield ""


# Python


def python_page() -> str:
    """Every public name of `evaluator`, by the file that it is in."""
    homes: dict[str, list[str]] = {}
    for name in evaluator.__all__:
        home = evaluator._HOME_OF[name]
        homes.setdefault(home if home.startswith("evaluator.api.") else "", []).append(name)
    text = (
        "# Python: `evaluator`\n\nWhat `import evaluator as ev` gives ([how it is used](../python.md)). All else in the package is internal "
        "and may change.\n"
    )
    for home, names in sorted(homes.items(), key=lambda item: (not item[0], item[0])):
        documented = [name for name in names if not name.startswith("__")]
        if documented:
            title, words = _title(home) if home else ("Types", "What the functions take and give.")
            blocks = "\n\n".join(f"::: {evaluator._HOME_OF[name]}.{name}" for name in documented)
            text += f"\n## {title}\n\n{words}\n\n{blocks}\n"
    return text


def _title(module: str) -> tuple[str, str]:
    """A heading for a module of the package, and the first line of its docstring."""
    path = CHECKOUT.joinpath(*module.split(".")).with_suffix(".py")
    words = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    return module.rpartition(".")[2].capitalize(), words


HEAR_MODULES = """\
# Python: `hear_ssl`

Each module of `hear_ssl` ([all of them](../models.md)) has `load_model` and the functions below; [the overview](../overview.md#use-a-module-by-itself)
shows how one is used by itself.

## A model and its embeddings

::: hear_ssl.encoders.api.get_scene_embeddings

::: hear_ssl.encoders.api.get_timestamp_embeddings

::: hear_ssl.encoders.api.get_clip_embeddings

::: hear_ssl.encoders.api.Model
    options:
      members: false

## A checkpoint of wav2vec 2.0, HuBERT, WavLM or data2vec

::: hear_ssl.encoders.checkpoint.Checkpoint
    options:
      members: [load_model]

## An ensemble

::: hear_ssl.ensemble.build
"""


# Models


def models_page() -> str:
    """Every module of ours: a table of what is short, and a section each with the rest."""
    rows = listing.list_modules()
    names = [name for name in rows[0] if name != "module"]
    short = [name for name in names if max(len(_cell(row[name])) for row in rows) <= _SHORT]
    lines = [[f"[`{row['module']}`](#{_anchor(row['module'])})", *(_cell(row[name]) for name in short)] for row in rows]
    text = (
        f"# The modules\n\nWhat `hear-eval list modules` lists, {len(rows)} of them; [how they are used, and ensembles of them](modules.md). "
        "Any other HEAR module can be evaluated as well: [yours](own_model.md), [other people's](third_party.md), and checkpoints "
        "(`hf:ORG/MODEL`).\n\n"
    )
    if not short:
        lines = [[*line, _cell(row["what"])] for line, row in zip(lines, rows, strict=True)]
        return text + _table(("module", "is"), lines) + _sections(rows, [])
    return text + _table(("module", *short), lines) + _sections(rows, [name for name in names if name not in short])


def _sections(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A section a module: its docstring, its citation, and values that are too long for the table."""
    text = ""
    for row in rows:
        name = row["module"].rpartition(".")[2]
        tree = ast.parse((CHECKOUT / "hear_ssl" / f"{name}.py").read_text(encoding="utf-8"))
        facts = {each: _cell(row[each]) for each in names if each != "what"} or dict(_checkpoint(tree))
        listed = "".join(f"- {each}: {value}\n" for each, value in facts.items() if value)
        text += f"\n## `{row['module']}`\n\n{_docstring(tree)}\n\n{listed}"
    return text


def _docstring(tree: ast.Module) -> str:
    """What a module's file says of it; indented lines stay code."""
    return _escape(ast.get_docstring(tree) or "", pipes=False)


def _checkpoint(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a module's file says of its checkpoint, in its own words."""
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    for node in keywords:
        if node.arg in ("hub_id", "revision", "licence", "citation") and isinstance(node.value, ast.Constant):
            yield node.arg.replace("_", " "), str(node.value.value)


# Suites


def suite_page(name: str) -> str:
    """A suite: its tasks, what its published code does otherwise, and the numbers that papers printed for it."""
    suite = yaml.safe_load((schema.tasks_folder() / "suites" / f"{name}.yaml").read_text(encoding="utf-8"))
    rows = [row for row in listing.list_tasks() if row["task"].startswith(f"{name}/")]
    clean = [row for row in rows if row["profile"] != "published"]
    head = ("task", "dataset", "clips", "classes", "hours", "split", "metric")
    lines = [[_code(row["task"]), *(_cell(row[each]) for each in head[1:])] for row in clean]
    text = f"# {name}: {_escape(suite['title'])}\n\n{_escape(suite['citation'])}\n\n"
    text += f"Source: {_escape(suite['source'])}. Protocol: [`{suite['protocol']}`](../protocols.md).\n\n"
    text += f"    hear-eval run hear_ssl.hubert_base --task {name} --data data --plan\n\n"
    text += f"## Tasks\n\n{_table(head, lines)}\n"
    text += "How data is fetched and checked: [the built-in tasks](../tasks.md#getting-their-data).\n"
    differs = {row["task"]: row["differs"] for row in rows if row["profile"] == "published" and row["differs"]}
    if differs:
        said = "\n".join(f"- `{task}`: {_escape(why, pipes=False)}" for task, why in differs.items())
        text += f"\n## What the published code does otherwise\n\n`--profile published` repeats it.\n\n{said}\n"
    return text + _published(name)


def _published(suite: str) -> str:
    """The numbers that papers printed for a suite's tasks."""
    text = "\n## Published numbers\n\n"
    found = False
    for each in recipes.names():
        recipe = recipes.read(each)
        for table in recipe.tables:
            columns = [column for column, task in table.columns.items() if task.startswith(f"{suite}/")]
            if columns and table.printed:
                found = True
                text += _printed(recipe, table, columns)
    if not found:
        text += "This package holds no printed numbers of this suite.\n"
    return text


def _printed(recipe: Recipe, table: RecipeTable, columns: Sequence[str]) -> str:
    """One printed table, those of its columns that are of the suite, with what is known of its cells."""
    lines = [
        [_escape(row), *(table.printed.get((row, column), "") for column in columns)]
        for row in table.rows
        if any(table.printed.get((row, column)) for column in columns)
    ]
    head = [_escape(row) for row in columns]
    tasks = "; ".join(f"{_escape(column)} is `{table.columns[column]}`" for column in columns)
    text = f"### {recipe.name}, {table.name}\n\n{_escape(table.title)}. {_escape(recipe.citation)}\n\n"
    text += _table(("as printed", *head), lines)
    text += f"\n{tasks}.\n\n"
    notes = [
        note
        for note in recipe.footnotes
        if note.concerns(table.name) and (not note.columns or set(note.columns) & set(columns))
    ]
    for note in notes:
        about = ", ".join([*note.rows, *(column for column in note.columns if column in columns)])
        text += f"- {f'{_escape(about)}: ' if about else ''}{_escape(note.text, pipes=False)}\n"
    text += f"\nMade again by [`hear-eval reproduce {recipe.name}`](../reproducing.md); put beside yours:\n\n"
    return text + f"    hear-eval report results --published {recipe.name}\n\n"


# The rest


def citing_page() -> str:
    """How the software and the papers behind it are cited, from CITATION.cff."""
    cff = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"))
    text = f"# Citing\n\n{cff['message']}\n\n{_reference(cff)}\n\n## The papers\n\n"
    text += "".join(f"- {_reference(each)}\n" for each in cff["references"])
    text += "\nModules and datasets have authors of their own: see [each module](models.md), and `hear-eval download TASK --dry-run`.\n"
    return text + "\nAll this is in the file `CITATION.cff`, which reference managers and `cffconvert` read.\n"


def _reference(entry: Mapping[str, Any]) -> str:
    people = "; ".join(
        each.get("name") or f"{each['family-names']}, {each['given-names']}" for each in entry["authors"]
    )
    where = entry.get("journal") or entry.get("collection-title") or f"version {entry.get('version', '')}"
    year = f" ({entry['year']})" if "year" in entry else ""
    link = next((f" <https://doi.org/{entry[name]}>" for name in ("doi",) if name in entry), "")
    link = link or (f" <{entry['url']}>" if "url" in entry else "")
    return f"{people}{year}. *{entry['title']}*. {where}.{link}"


def notebook_page() -> str:
    """The notebook's cells, one below the other, with what they print and draw."""
    cells = json.loads((CHECKOUT / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    texts = []
    for cell in cells:
        source = "".join(cell["source"])
        texts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        texts += [_output(each) for each in cell.get("outputs", [])]
    return for_site("\n\n".join(texts) + "\n", NOTEBOOK, _PLACES[NOTEBOOK])


def _output(output: Mapping[str, Any]) -> str:
    """What a cell showed: a picture, else text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![What the code above draws](data:image/png;base64,{''.join(data['image/png']).strip()})"
    return f"```text\n{''.join(output.get('text', data.get('text/plain', ''))).rstrip()}\n```"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    """A value of a listing as the cell of a table."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return _escape(", ".join(map(str, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else _escape(str(value))


def _code(text: str) -> str:
    return f"`{text}`"


def _sentence(text: str) -> str:
    """A summary as a sentence."""
    text = _escape(text.strip(), pipes=False)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', ':', '?')) else '.'}"


def _escape(text: str, pipes: bool = True) -> str:
    """Text as Markdown that shows it as it is, but for code between backquotes; in cells of tables pipes are escaped, too."""
    parts = re.split(r"(`[^`]*`)", text)
    plain = (re.sub(r"([<*_\[\]])", r"\\\1", part) if number % 2 == 0 else part for number, part in enumerate(parts))
    joined = "".join(plain)
    return re.sub(r"\s+", " ", joined.replace("|", "\\|")) if pipes else joined


def _anchor(heading: str) -> str:
    """What a heading is called in links."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    for uri, content in generated().items():
        place = Path(sys.argv[1]) / uri
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
