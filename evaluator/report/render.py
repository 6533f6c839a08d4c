"""A page as one HTML file that holds all it needs and may load nothing.

Every text on it is escaped by Jinja's autoescape, since modules, classes and files are named by strangers. Marked as safe are
our own assets and what is drawn, whose makers escape names themselves (`themed.inline`, `lanes`).
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.report import lanes
from evaluator.report.page import FurtherSection, Page

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_HERE = Path(__file__).parent
# Marks that turn the direction of what follows, beyond the name that they stand in (https://www.unicode.org/reports/tr9/).
_DIRECTION_MARKS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")
_LIBRARY = "dataTables.min.js"


def render(page: Page) -> str:
    """The page as HTML text."""
    return _whole("page.html", page=page)


def render_sections(title: str, subtitle: str, further: Sequence[FurtherSection]) -> str:
    """A page of sections, (n_sections,), that are part of no report, as HTML text."""
    return _whole("sections.html", title=title, subtitle=subtitle, further=further)


def markup(folder: Path, name: str, **values: object) -> str:
    """HTML of a part of the page from a template in another folder, with every name escaped; it may use ours too."""
    return _environment(folder).get_template(name).render(**values)


def _whole(name: str, **values: object) -> str:
    """A page from a template of ours.

    Its Content-Security-Policy forbids every request, and every script and style but ours, which are known by their hashes:
    no name on the page could run or load anything even if it were not escaped (https://www.w3.org/TR/CSP3/).
    """
    from markupsafe import Markup

    # The library first, since the other scripts use it.
    scripts = [_asset(name) for name in (_LIBRARY, *(name for name in _assets(".js") if name != _LIBRARY))]
    style = "\n".join(map(_asset, _assets(".css")))
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "media-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return (
        _environment()
        .get_template(name)
        .render(
            **values,
            policy=policy,
            shapes=lanes.shapes(),
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            style=Markup(style),  # noqa: S704
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _assets(suffix: str) -> list[str]:
    """Names of our own scripts or style sheets, in order of name: each file of that suffix in `assets`."""
    return sorted(path.name for path in (_HERE / "assets").iterdir() if path.suffix == suffix)


@cache
def _asset(name: str) -> str:
    return (_HERE / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment(folder: Path | None = None) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*([folder] if folder else []), _HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_without_direction_marks,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["drawn"] = _drawn
    return environment


def _without_direction_marks(value: object) -> object:
    """What goes onto the page, without marks that turn the direction of the words around it; our own markup as it is."""
    return value.translate(_DIRECTION_MARKS) if type(value) is str else value


def _drawn(made: str) -> "Markup":
    """SVG or HTML whose maker has escaped every name in it: `themed.inline`, `lanes`, a `FurtherSection`'s own."""
    from markupsafe import Markup

    return Markup(made)  # noqa: S704


def _breakable(name: object) -> "Markup":
    """A name, escaped, that a narrow table may break after its dots, slashes, dashes and underscores."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(
        escape(part) for part in re.split(r"(?<=[._/:,-])(?=[^._/:,-])", str(name).translate(_DIRECTION_MARKS))
    )
