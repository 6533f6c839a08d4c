"""What MkDocs is told beside `mkdocs.yml`: the generated pages, links out of docs/, pages that the navigation does not name."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import checks
import pages


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put every page of docs/ that the navigation does not name under "How-to", and every suite under "Tasks"."""
    nav: list[dict[str, Any]] = list(config.nav or [])
    named = set(_named(nav))
    found = sorted(path.name for path in Path(config.docs_dir).glob("*.md"))
    _section(nav, "How-to").extend(name for name in found if name not in named)
    _section(nav, "Tasks").extend(uri for uri in sorted(pages.generated()) if uri.startswith("suites/"))
    return config


def _named(entries: list[Any]) -> list[str]:
    """Pages that a part of the navigation names."""
    names = []
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        names += _named(value) if isinstance(value, list) else [value]
    return names


def _section(nav: list[dict[str, Any]], title: str) -> list[Any]:
    return next(section[title] for section in nav if title in section)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written from code and data."""
    for uri, text in pages.generated().items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files outside docs/ lead to their pages."""
    if page.file.generated_by:
        return markdown
    try:
        return pages.for_site(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)
    except ValueError as error:
        raise PluginError(str(error)) from error


def on_post_build(config: MkDocsConfig) -> None:
    """Look through what was built: every link and anchor, and nothing that a browser would fetch from elsewhere."""
    problems = checks.problems(Path(config.site_dir))
    if problems:
        raise PluginError("the built site has faults:\n" + "\n".join(problems))
