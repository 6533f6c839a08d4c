"""Takes the pictures of the website from real results: python bench/site_pictures.py DATA [--work DIR] [--out docs/pictures].

DATA holds ESC-10 and the spoken digits as their authors ship them (`hear-eval download quick --data DATA`). Modules that need no download
are scored, the commands `report` and `map` make their pages, and a headless Chromium photographs these (`CHROMIUM` names another than that in
the PATH). Needs playwright. A quarter of an hour the first time, less than a minute with the cache and results in `--work`. Run it again when
a page looks otherwise than it does now, and look at the pictures.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from evaluator import cli

CHECKOUT = Path(__file__).parents[1]
MODULES = ("hear_ssl.melspec", "hear_ssl.byol_a_mini", "hear_ssl.crepe_tiny")
TASKS = ("quick/esc10", "quick/fsdd", "demo/calls")
FIGURES = {  # figures that `report` writes, by the end of their names, and what they are called here
    "report-files/*quick-esc10-logistic-clean-confusion-2-share.svg": "confusion.svg",
    "report-files/*quick-fsdd-logistic-clean-groups.svg": "speakers.svg",
    "few-files/*-shots.svg": "few_shots.svg",
}
WIDE, PHONE = {"width": 1400, "height": 850}, {"width": 390, "height": 780}
COLOURS = 96  # of a picture: few make a small file, and the pages have few


def prepare(data: Path, work: Path) -> None:
    """Score, and write the pages and figures into `work`; what is there already is not made again."""
    tasks = [word for task in TASKS for word in ("--task", task)]
    shared = ("--data", data, "--cache", work / "cache")
    _command("run", *MODULES, "--baselines", *tasks, "--protocol", "logistic", *shared, "--out", work / "results")
    _command("run", *MODULES, "--task", "quick/esc10", "--protocol", "fewshot", *shared, "--out", work / "few")
    _command("report", work / "results", "--out", work / "report.html", "--format", "svg")
    _command("report", work / "few", "--out", work / "few.html", "--format", "svg", "--clips", "0")
    _command("map", *MODULES[:2], "--task", "quick/esc10", "--method", "tsne", *shared, "--out", work / "maps")


def _command(*words: Any) -> None:
    if cli.main(list(map(str, words))):
        sys.exit(f"{' '.join(map(str, words))} failed")


def photograph(work: Path, out: Path) -> None:
    """Pictures of the pages in `work`, and copies of the figures beside them, in `out`."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    maps = next(work.glob("maps/**/*.html"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=WIDE, color_scheme="light")
        _shot(page, work / "report.html", "", out / "report_first_screen.png")
        clips = "section[id*='quick-esc10'] h3:has-text('Clips on which')"
        _shot(page, work / "report.html", clips, out / "report_clips.png")
        _shot(page, maps, "", out / "map.png")
        page = browser.new_page(viewport=PHONE, color_scheme="dark", device_scale_factor=1)
        _shot(page, work / "report.html", "", out / "report_phone.png")
        browser.close()
    for pattern, name in FIGURES.items():
        found = sorted(work.glob(pattern))
        if not found:
            sys.exit(f"{work}: no figure {pattern}; name another in FIGURES")
        shutil.copy(found[0], out / name)


def _shot(page: Any, path: Path, selector: str, out: Path) -> None:
    """What the window shows of a page, from an element on; with few colours.

    Args:
        page: A window of the browser.
        path: The HTML file.
        selector: Of the element, opened and scrolled to; "" for the first screen.
        out: The picture.
    """
    page.goto(path.resolve().as_uri())
    page.wait_for_load_state("networkidle")
    if selector:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        place = page.locator(selector).first
        place.evaluate("each => { each.scrollIntoView({block: 'start'}); window.scrollBy(0, -20) }")
        page.wait_for_timeout(500)
    page.screenshot(path=out)
    Image.open(out).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    """Make what is missing, take the pictures, and print the size of each in kB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "hear-ssl-pictures")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "pictures")
    parser.add_argument("--only-photographs", action="store_true", help="of pages that lie in --work already")
    parsed = parser.parse_args()
    parsed.work.mkdir(parents=True, exist_ok=True)
    if not parsed.only_photographs:
        prepare(parsed.data.resolve(), parsed.work)
    photograph(parsed.work, parsed.out)
    for path in sorted(parsed.out.iterdir()):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
