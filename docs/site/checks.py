"""Whether a built website stands by itself: links and anchors lead somewhere, and a browser fetches nothing from elsewhere.

`python docs/site/checks.py FOLDER` looks through a built site; exit code 1 if anything is wrong.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "audio": "src", "video": "src"}
_NOT_FETCHED = (
    "canonical",
    "alternate",
    "author",
    "license",
    "prev",
    "next",
)  # kinds of <link> that a browser only notes


class _Page(HTMLParser):
    """Names, links and fetched files of one page."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = {"", "top"}
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.without_text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") not in _NOT_FETCHED:
            self.fetched.append(values.get("href", ""))
        if tag in _FETCHED and _FETCHED[tag] in values:
            self.fetched.append(values[_FETCHED[tag]])
        if tag == "img" and not values.get("alt"):
            self.without_text.append(values.get("src", ""))


def problems(site: Path) -> list[str]:
    """What is wrong with a built site, a sentence each, (n_problems,)."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name}: an image without a text, {each}" for each in page.without_text]
        for target in (*page.links, *page.fetched):
            found += [f"{name}: {why}" for why in _of_link(site, path, target, target in page.fetched, pages)]
    for style in sorted(site.rglob("*.css")):
        text = style.read_text(encoding="utf-8")
        found += [
            f"{style.relative_to(site)}: fetches {each}" for each in re.findall(r"url\(['\"]?(https?:[^)]*)", text)
        ]
    return found


def _of_link(site: Path, path: Path, target: str, is_fetched: bool, pages: dict[Path, _Page]) -> list[str]:
    """What is wrong with one link of a page: nothing, or one sentence."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        is_remote = parts.scheme in ("http", "https") or bool(parts.netloc)
        return [f"a browser would fetch {target}"] if is_fetched and is_remote else []
    base = site if parts.path.startswith("/") else path.parent
    goal = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
    if goal.is_dir():
        goal /= "index.html"
    if not goal.is_file():
        return [f"a link leads to {target}, which is not there"]
    if goal in pages and unquote(parts.fragment) not in pages[goal].ids:
        return [f"a link leads to {target}, which has no such place"]
    return []


if __name__ == "__main__":
    faults = problems(Path(sys.argv[1]).resolve())
    print("\n".join(faults) or "no fault")
    sys.exit(bool(faults))
