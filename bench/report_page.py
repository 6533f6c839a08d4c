"""What a page is like in a browser: python bench/report_page.py PAGE... [--pictures FOLDER].

Prints of each page its size, its height in screens and pixels at 1400 and 390 pixels of width, in light and dark; what the console said and what
was asked of a network (goal: nothing); failures of the accessibility rules of axe-core (goal: none, so a contrast of at least 4.5); and how
many of its controls the Tab key reaches in turn, each with a visible outline, and whether Enter opens what is folded. Needs playwright, a
Chromium (`CHROMIUM` names another than that in the PATH) and, for the rules, axe-playwright-python. With --pictures the screens are kept to be
looked at.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

SIZES = {"wide": {"width": 1400, "height": 850}, "phone": {"width": 390, "height": 780}}
N_TABS = 400  # more presses of Tab than that are not tried
FOCUSABLE = "a[href], button, input, select, summary, audio[controls], [tabindex='0']"
FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    if (one === document.body) return null;
    one.dataset.reached = "yes";
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    const own = one.matches("audio");  // draws the outline around the one of its buttons that has the focus
    return [one.outerHTML.slice(0, 90), own || seen || style.boxShadow !== "none", box.width > 0 && box.height > 0];
}"""


def rules(shown: Any) -> list[str]:
    """What of the page fails a rule of axe-core that WCAG 2.2 A or AA asks for, a line a rule."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        return ["not tried: axe-playwright-python is not installed"]
    found = Axe().run(shown, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}).response
    return [
        f"{each['id']} ({each['impact']}): {len(each['nodes'])} times, {each['nodes'][0]['html'][:150]}"
        for each in found["violations"]
    ]


def by_keyboard(shown: Any) -> str:
    """Press Tab until it comes round; say what could be reached, and whether what is folded opens with Enter."""
    unseen, n_reached = [], 0
    for _ in range(N_TABS):
        shown.keyboard.press("Tab")
        shown.wait_for_timeout(20)  # a table gets its buttons when it comes into view
        focused = shown.evaluate(FOCUSED)
        if focused is None:
            break
        n_reached += 1
        if not all(focused[1:]):
            unseen.append(focused[0])
    missed = shown.evaluate(
        "(focusable) => [...document.querySelectorAll(focusable)].filter((one) => one.checkVisibility() && !one.dataset.reached)"
        ".map((one) => one.outerHTML.slice(0, 90))",
        FOCUSABLE,
    )
    folded = shown.locator("details:not([open]) > summary").first
    opens = "nothing is folded"
    if folded.count():
        handle = folded.element_handle()
        handle.focus()
        shown.keyboard.press("Enter")
        opens = "Enter opens" if handle.evaluate("(one) => one.parentElement.open") else "Enter does NOT open"
    told = f"{n_reached} controls, without a visible outline {len(unseen)}, not reached {len(missed)}; {opens}"
    return "\n      ".join([told, *unseen[:3], *missed[:3]])


def look(browser: Any, page: Path, pictures: Path | None) -> None:
    """Print what one page is like at each size and in each colour."""
    print(f"{page}: {page.stat().st_size / 1e6:.2f} MB")
    for name, size in SIZES.items():
        for scheme in ("light", "dark"):
            shown = browser.new_page(viewport=size, color_scheme=scheme)
            said: list[str] = []
            asked: list[str] = []
            shown.on("console", lambda message, said=said: said.append(message.text))
            shown.on("pageerror", lambda error, said=said: said.append(str(error)))
            shown.on("request", lambda request, asked=asked: asked.append(request.url))
            shown.goto(page.resolve().as_uri())
            shown.wait_for_timeout(500)
            height, width = shown.evaluate(
                "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
            )
            asked = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
            print(f"  {name} {scheme}: {height} px, {height / size['height']:.1f} screens", end="")
            print(f"{'' if width <= size['width'] else f', {width} px WIDE'}; console {said}, requests {asked}")
            if pictures:
                shown.screenshot(path=pictures / f"{page.stem}-{name}-{scheme}.png", full_page=True)
            for line in rules(shown):
                print(f"    {line}")
            if scheme == "light":
                print(f"    Tab: {by_keyboard(shown)}")
            shown.close()


def main() -> None:
    """Parse the arguments and look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--pictures", type=Path)
    parsed = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("there is no Chromium here")
    if parsed.pictures:
        parsed.pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in parsed.pages:
            look(browser, page, parsed.pictures)
        browser.close()


if __name__ == "__main__":
    main()
