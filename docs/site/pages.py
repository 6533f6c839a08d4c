"""The pages of the website that are written from code and data, so that no copy of these facts exists, and links of all pages.

`python docs/site/pages.py FOLDER` writes them into a folder, to look at; the website gets them from `hooks.py`.
"""

import ast
import json
import posixpath
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import command_pages
import list_pages
import yaml

import evaluator
from evaluator import schema

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


def generated() -> dict[str, str]:
    """Every generated page, Markdown by its path on the site."""
    pages = {page: _of_repository(path) for path, page in OF_REPOSITORY.items()}
    pages |= {f"suites/{name}.md": list_pages.suite_page(name) for name in schema.names_in("suites")}
    return pages | {
        "reference/commands.md": command_pages.commands_page(),
        "reference/python.md": python_page(),
        "reference/hear_modules.md": HEAR_MODULES,
        "models.md": list_pages.models_page(),
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


if __name__ == "__main__":
    for uri, content in generated().items():
        place = Path(sys.argv[1]) / uri
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
