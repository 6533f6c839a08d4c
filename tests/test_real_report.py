"""A report of real modules on real audio, from the command line to the browser."""

import json
import re
from pathlib import Path

import pytest

from evaluator.cli import main
from test_report import chromium, section  # noqa: F401  (a fixture)
from tiny_checkpoints import model_path

DATA = Path(__file__).parents[2] / "shared" / "data"
KNOWS_THEM = "hear_ssl.byol_a_mini"  # was trained on clips of both: never ranked, so it stands below the others
MODULES = ["hear_ssl.melspec", "hear_ssl.byol_a_mini", "hear_ssl.crepe_tiny"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The page of three modules, and of a tiny random HuBERT with all its layers, on ESC-10 and FSDD; and the scores."""
    pytest.importorskip("torchcrepe")
    root = tmp_path_factory.mktemp("real")
    hubert = f"hf:{model_path('hubert_base', root / 'hubert')}"
    tasks = ["--task", "esc10", "--task", "fsdd", "--data", str(DATA), "--cache", str(root / "cache")]
    out = ["--out", str(root / "results")]
    assert main(["run", *MODULES, *tasks, *out, "--protocol", "logistic"]) == 0
    assert main(["run", hubert, *tasks, *out, "--protocol", "logistic", "--layers", "all"]) == 0
    assert main(["report", str(root / "results"), "--out", str(root / "report.html"), "--clips", "3"]) == 0
    found = [json.loads(path.read_text()) for path in (root / "results").rglob("*.json")]
    return root / "report.html", {(each["task"], each["module"]): each["score"] for each in found}


# Gives a sound's length in seconds once it plays; the promise is refused where it cannot.
PLAY = "async (sound) => { await sound.play(); return sound.duration; }"


def names_in(table):
    """The modules of a table in its order; the HuBERT's name goes on, as it alone was asked for all of its layers."""
    return [re.sub(r"\s|\(layers all\)", "", each) for each in table.locator("tbody th").all_inner_texts()]


def test_the_page_is_sorted_filtered_opened_and_played(made, chromium):  # noqa: F811
    """Its order is that of the scores, a contaminated module last; nothing is fetched, and the console is silent."""
    page, scores = made
    shown = chromium.new_page()
    requests, messages = [], []
    shown.on("request", lambda request: requests.append(request.url))
    shown.on("console", lambda message: messages.append(message.text))
    shown.on("pageerror", lambda error: messages.append(str(error)))
    shown.goto(page.as_uri())
    for task in ("quick/esc10", "quick/fsdd"):
        of_task = section(shown, re.escape(task))
        table = of_task.locator("table").first
        best_first = sorted(
            (name for where, name in scores if where == task),
            key=lambda name: (name == KNOWS_THEM, -scores[task, name]),
        )
        assert names_in(table) == best_first
        table.locator("thead th").nth(1).click()  # the names, in the order of letters
        shown.wait_for_timeout(100)
        assert names_in(table) == sorted(best_first)
        for folded in of_task.locator("details > summary").all():
            folded.click()
        assert of_task.locator("details:not([open])").count() == 0
        player = of_task.locator("audio").first
        assert player.evaluate(PLAY) > 0
    overview = shown.locator("table").first
    shown.get_by_label("Filter").first.fill("crepe")
    shown.wait_for_timeout(100)
    assert [each.strip() for each in overview.locator("tbody th").all_inner_texts()] == ["hear_ssl.crepe_tiny"]
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == [] and messages == []
    shown.close()


def test_it_says_what_a_reader_must_know(made):
    """The layers' curve of the one module that has layers, and that the mini model was pre-trained on some of this data."""
    text = made[0].read_text(encoding="utf-8")
    assert "Caveat" in text and 'class="caveat"' in text and "layer 0" in text
    assert made[0].stat().st_size < 5 << 20
