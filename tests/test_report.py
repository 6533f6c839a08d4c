"""The report's page, as a browser shows it: nothing is fetched, no name becomes markup, tables sort and filter, clips play."""

import hashlib
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluator.cli import main
from evaluator.report import budget, page
from evaluator.results import alike, on_disk
from evaluator.results.caveats import Caveat
from evaluator.results.result import CurvePoint
from evaluator.scoring import intervals

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
HOSTILE = [
    "</script><script>document.title='run'</script>",
    '"><img src=x onerror=document.title="run">',
    "{{7*7}}{% raw %}",
]
SECONDS, RATE = 0.4, 16000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of two modules on tones, and a made-up task where all that can be named is named by an enemy."""
    root = tmp_path_factory.mktemp("report")
    random = np.random.default_rng(0)
    for number, name in enumerate(("high", "low", "middle")):
        (root / "tones" / name).mkdir(parents=True)
        for which in range(10):
            times = np.arange(int(SECONDS * RATE)) / RATE
            tone = 0.3 * np.sin(2 * np.pi * (300 + 40 * number + 7 * which) * times) + 0.2 * random.standard_normal(
                len(times)
            )
            soundfile.write(root / "tones" / name / f"{which}.wav", tone, RATE)
    options = ["--task", str(root / "tones"), "--protocol", "logistic", "--cache", str(root / "cache")]
    assert main(["run", "hear_ssl.melspec", "hear_ssl.byol_a_mini", *options, "--out", str(root / "results")]) == 0
    for number, path in enumerate(sorted((root / "results").rglob("*.json"))):
        result = on_disk.read(path)
        curve = [
            CurvePoint(HOSTILE[n], 0.5 + 0.1 * n, 0.4 + 0.1 * n, 0.6 + 0.1 * n, None, None, HOSTILE[n], n)
            for n in range(3)
        ]
        hostile = replace(
            result,
            module=HOSTILE[number],
            task=HOSTILE[0],
            dataset=HOSTILE[1],
            classes=HOSTILE,
            curve=curve,
            folds=[replace(fold, point=2) for fold in result.folds],
            chosen=HOSTILE[2],
            notes=HOSTILE,
            caveats=[Caveat("few_groups", name) for name in HOSTILE],
            failed={HOSTILE[1]: HOSTILE[0]},
            n_failed=1,
            options={HOSTILE[0]: HOSTILE[1]},
            weights=HOSTILE[2],
            test_clips=[[f"{HOSTILE[1]}{clip}" for clip in fold] for fold in result.test_clips],
            provenance={**result.provenance, "protocol_says": HOSTILE[0]},
            environment={**result.environment, "command": HOSTILE},
        )
        on_disk.write(hostile, root / "results")
    broken = root / "results" / HOSTILE[1]
    broken.mkdir()
    (broken / "half.json").write_text('{"schema_version": 5, "module"')
    return root


@pytest.fixture(scope="module")
def report(folder):
    """The page of these results."""
    out = folder / "report.html"
    assert main(["report", str(folder / "results"), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def chromium():
    """A browser without a screen."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as started:
        path = CHROMIUM or started.chromium.executable_path  # what `playwright install` leaves
        if not Path(path).exists():
            pytest.skip("there is no Chromium here")
        browser = started.chromium.launch(executable_path=path, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, report):
    """The page opened from disk; afterwards it has asked for nothing, run nothing and complained of nothing."""
    shown = chromium.new_page()
    requests, messages = [], []
    shown.on("request", lambda request: requests.append(request.url))
    shown.on("console", lambda message: messages.append(message.text))
    shown.on("pageerror", lambda error: messages.append(str(error)))
    shown.goto(report.as_uri())
    yield shown
    strangers = [url for url in requests if not url.startswith(("file:", "data:"))]
    assert (strangers, messages) == ([], [])
    assert [url for url in requests if url.startswith("file:")] == [report.as_uri()]
    assert shown.title() == "Audio embeddings, evaluated"
    shown.close()


def section(shown, task):
    """The section of a task, in sight, its tables ready to be sorted."""
    of_task = shown.locator("section.task", has=shown.locator("h2", has_text=re.compile(f"^{task}")))
    of_task.locator("table").first.scroll_into_view_if_needed()
    of_task.locator("th .dt-column-order").first.wait_for(state="attached")
    return of_task


def expect_rows(table, names):
    """The modules of a table are these, from the top, now or in a moment."""
    sync_api = pytest.importorskip("playwright.sync_api")
    sync_api.expect(table.locator("tbody th")).to_have_text(names)


def test_a_heading_sorts_its_column(opened):
    """By keyboard and by mouse, up and down; scores as numbers, the largest first; its state is there for who cannot see it."""
    table = section(opened, "tones").locator("table").first
    heading = table.locator("thead th").nth(1)
    heading.get_by_role("button").focus()
    opened.keyboard.press("Enter")
    expect_rows(table, ["hear_ssl.byol_a_mini", "hear_ssl.melspec"])
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.click()
    expect_rows(table, ["hear_ssl.melspec", "hear_ssl.byol_a_mini"])
    table.locator("thead th").nth(2).click()
    expect_rows(table, ["hear_ssl.melspec", "hear_ssl.byol_a_mini"])
    table.locator("thead th").nth(2).click()
    expect_rows(table, ["hear_ssl.byol_a_mini", "hear_ssl.melspec"])


def test_the_filter_keeps_rows_that_hold_a_word(opened):
    """Of the four modules of the overview, hostile ones among them, and back; how many are left stands beside it."""
    overview = opened.locator("#overview")
    box = overview.get_by_role("searchbox")
    box.fill("byol_a")
    expect_rows(overview.locator("table"), ["hear_ssl.byol_a_mini"])
    assert "1 row" in overview.locator(".dt-info").inner_text()
    hostile = [re.compile(re.escape(f"{name} (")) for name in HOSTILE]  # with options, in which the word is too
    box.fill("</script>")
    expect_rows(overview.locator("table"), [hostile[1], hostile[0]])
    box.fill("")
    expect_rows(overview.locator("table"), [hostile[1], "hear_ssl.melspec", hostile[0], "hear_ssl.byol_a_mini"])


def test_a_summary_opens_by_the_keyboard(opened):
    """The recall of each class, figure and table, which were hidden."""
    folded = section(opened, "tones").locator("details", has_text="Recall of each class")
    assert not folded.locator("table").is_visible()
    folded.locator("summary").focus()
    opened.keyboard.press("Enter")
    folded.locator("table").wait_for()
    assert folded.locator("svg.lane").first.is_visible()


def test_cells_of_confusions_show_shares_or_counts(opened):
    """One of the two at a time, by the keyboard, and without a script: the switch is two radio buttons."""
    folded = section(opened, "tones").locator("details", has_text="Which classes are taken")
    folded.locator("summary").click()
    share, count = folded.locator("figure.share").first, folded.locator("figure.count").first
    assert share.is_visible() and not count.is_visible()
    folded.get_by_label("share").focus()
    opened.keyboard.press("ArrowRight")
    assert count.is_visible() and not share.is_visible()


def test_a_link_opens_what_it_leads_to(opened, report):
    """The address of a module's row on a leaderboard brings it into sight."""
    link = section(opened, "tones").locator("tbody th a.anchor").first
    opened.goto(f"{report.as_uri()}{link.get_attribute('href')}")
    row = opened.locator(link.get_attribute("href").replace("#", "[id='") + "']")
    assert row.evaluate(
        "(each) => each.getBoundingClientRect().top >= 0 && each.getBoundingClientRect().top < innerHeight"
    )


def test_a_clip_plays(opened):
    """Its time moves on, although nothing may be loaded from elsewhere."""
    player = section(opened, "tones").locator("audio").first
    player.scroll_into_view_if_needed()
    player.evaluate("(each) => each.readyState > 0 || new Promise((known) => (each.onloadedmetadata = known))")
    assert player.evaluate("(each) => each.duration") == pytest.approx(SECONDS, abs=0.05)  # before it plays
    player.evaluate("(each) => { each.muted = true; each.loop = true; return each.play(); }")
    moved = "new Promise((moved) => (each.ontimeupdate = () => each.currentTime > 0 && moved(true)))"
    assert player.evaluate(f"(each) => each.currentTime > 0 || {moved}")


def test_hostile_names_stay_text(opened):
    """Modules, tasks, classes, clips, reasons, options, notes and commands, after tables were sorted and filtered as well."""
    opened.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    for table in opened.locator("table").all():
        table.scroll_into_view_if_needed()
    opened.get_by_role("searchbox").first.fill(HOSTILE[1])
    text = opened.locator("main").inner_text()
    for name in HOSTILE:
        assert name in text
    assert opened.locator("script").count() == len([*(Path(page.__file__).parent / "assets").glob("*.js")])
    assert opened.locator("img:not([src^='data:'])").count() == 0
    assert "49" not in opened.locator("main h2").all_inner_texts()


@pytest.mark.parametrize("width", [390, 1400])
def test_scores_and_their_scale_are_seen_whole(chromium, report, width):
    """On the first screen of a phone and of a desk: every mark within the page, words of 12 pixels at least, the score as text."""
    shown = chromium.new_page(viewport={"width": width, "height": 844})
    shown.goto(report.as_uri())
    panel = shown.locator("section.panel", has_text="tones")
    panel.scroll_into_view_if_needed()
    edges = panel.evaluate(
        "(each) => [...each.querySelectorAll('use, text, .text')].map((one) => one.getBoundingClientRect()).map((one) => [one.left, one.right])"
    )
    assert len(edges) >= 6 and all(left >= 0 and right <= width for left, right in edges)
    sizes = panel.evaluate(
        "(each) => [...each.querySelectorAll('text, li span')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 12
    assert re.search(r"\d+\.\d", panel.locator(".rows .text").first.inner_text())
    shown.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_scrolling_sideways(chromium, report, scheme):
    """At 390 pixels tables scroll within their own boxes; ink and paper contrast by 7 to 1 in light and dark (WCAG 2.2, 1.4.6)."""
    shown = chromium.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    shown.goto(report.as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    ink, paper = (
        luminance(shown.evaluate(f"getComputedStyle(document.body).{name}")) for name in ("color", "backgroundColor")
    )
    assert (ink < paper) == (scheme == "light")
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7
    shown.close()


def luminance(colour):
    """Relative luminance of `rgb(r, g, b)`, 0 to 1 (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_page_reads_without_scripts(chromium, report):
    """Tables stand as written, best first, and details open."""
    context = chromium.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(report.as_uri())
    tones = shown.locator("section.task", has=shown.locator("h2", has_text=re.compile("^tones")))
    tones.scroll_into_view_if_needed()
    expect_rows(tones.locator("table").first, ["hear_ssl.melspec", "hear_ssl.byol_a_mini"])
    folded = tones.locator("details", has_text="Recall of each class")
    folded.locator("summary").click()
    assert folded.locator("table").is_visible()
    context.close()


def test_print_shows_what_is_folded(chromium, report):
    """In light colours, whatever the screen's are, and no wider than the paper."""
    shown = chromium.new_page(color_scheme="dark")
    shown.goto(report.as_uri())
    folded = shown.locator("section.task details table").first
    assert not folded.is_visible()
    shown.emulate_media(media="print")
    assert folded.is_visible()
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown.set_viewport_size({"width": 700, "height": 1000})  # A4 less its margins
    assert shown.evaluate("document.documentElement.scrollWidth") == 700
    shown.close()


class Tags(HTMLParser):
    """Start tags and their attributes, and which ids and headings of tables there are."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_the_page_holds_all_it_needs(report):
    """No attribute names another file or address, every id is there once, and every inner link has an end."""
    tags = Tags(report.read_text(encoding="utf-8")).tags
    targets = [
        (tag, value)
        for tag, attrs in tags
        for name, value in attrs.items()
        if name in ("src", "href", "srcset", "action")
    ]
    assert [each for each in targets if not each[1].startswith(("data:", "#"))] == []
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _, value in targets if value.startswith("#")} <= set(ids)
    assert not [attrs for _, attrs in tags if any(name.startswith("on") or name == "style" for name in attrs)]


def test_the_page_can_be_heard_by_a_screen_reader(report):
    """Each table has a caption, each of its headings a scope, each player and figure a name, and the page a language."""
    tags = Tags(report.read_text(encoding="utf-8")).tags
    count = [tag for tag, _ in tags].count
    assert count("table") == count("caption") > 5
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in tags if tag == "th")
    assert all(attrs.get("aria-label") for tag, attrs in tags if tag in ("audio", "svg"))
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    assert dict(tags)["html"]["lang"] == "en" and count("main") == count("h1") == 1


def test_caveats_lead_from_every_score_to_their_sentences(report):
    """A dagger in the overview and on the leaderboard, with the sentence itself; none beside scores without a caveat."""
    tags = Tags(report.read_text(encoding="utf-8")).tags
    daggers = [attrs for tag, attrs in tags if tag == "a" and attrs.get("class") == "caveat"]
    ends = {attrs["id"] for _, attrs in tags if attrs.get("id", "").endswith("-caveats")}
    assert len(daggers) == 4 and len(ends) == 1  # two hostile modules, twice each; the tones have none
    for attrs in daggers:
        assert attrs["href"][1:] in ends and HOSTILE[1] in attrs["title"] and HOSTILE[1] in attrs["aria-label"]


def test_what_is_missing_and_broken_is_said(report, folder, capsys):
    """On the page, and the broken file on standard error, with exit code 0."""
    assert main(["report", str(folder / "results"), "--out", str(folder / "again.html"), "--clips", "0"]) == 0
    printed = capsys.readouterr()
    assert "half.json" in printed.err and "half.json" in report.read_text()
    assert printed.out == f"written: {folder / 'again.html'}\n"
    text = (folder / "again.html").read_text()
    assert "4 results missing" in text and "could not be used" in text and "<audio" not in text


def test_the_same_results_make_the_same_page(report, folder):
    """Byte by byte."""
    again = folder / "twice.html"
    assert main(["report", str(folder / "results"), "--out", str(again)]) == 0
    assert again.read_bytes() == report.read_bytes()


def test_tables_and_figures_lie_beside_the_page(folder, capsys):
    """In every kind that was asked for; the page is the same as without them."""
    one, bare, full = folder / "results" / "hear_ssl.melspec", folder / "bare.html", folder / "full.html"
    formats = [word for kind in (*budget.TABLE_KINDS, *budget.FIGURE_KINDS) for word in ("--format", kind)]
    assert main(["report", str(one), "--clips", "0", "--out", str(bare)]) == 0
    assert main(["report", str(one), "--clips", "0", "--out", str(full), *formats]) == 0
    beside = sorted((folder / "full-files").iterdir())
    assert f"written: {len(beside)} files in {folder / 'full-files'}" in capsys.readouterr().out
    assert {path.suffix for path in beside} == {".csv", ".md", ".tex", ".svg", ".png"}
    assert "hear_ssl.melspec" in (folder / "full-files" / "overview.csv").read_text()
    assert full.read_bytes() == bare.read_bytes()


def test_a_module_alone_beats_nobody(folder):
    """No rank, nothing bold, no word about ranks in any caption or table, beside or on the page."""
    out = folder / "alone.html"
    assert (
        main(
            [
                "report",
                str(folder / "results" / "hear_ssl.melspec"),
                "--clips",
                "0",
                "--out",
                str(out),
                "--format",
                "md",
            ]
        )
        == 0
    )
    page_of_one = out.read_text().partition('id="reading"')[0].partition("<body>")[2]
    assert 'class="best"' not in page_of_one and "number best" not in page_of_one and "rank" not in page_of_one.lower()
    assert "(1)" not in (folder / "alone-files" / "overview.md").read_text()


def test_an_edited_score_is_left_out_and_told(folder, capsys, tmp_path):
    """On the page, with a link from its top, and on standard error, with both numbers; it is in no table."""
    for path in (folder / "results" / "hear_ssl.melspec").rglob("*.json"):
        made = on_disk.read(path)
        on_disk.write(made, tmp_path)
        on_disk.write(replace(made, module="forged", score=made.score - 0.25), tmp_path)
    out = tmp_path / "edited.html"
    assert main(["report", str(tmp_path), "--clips", "0", "--out", str(out), "--format", "csv"]) == 0
    sentence = f"but {made.score:.4g} by its predictions"
    text = out.read_text()
    above, _, below = text.partition('id="told"')
    told, _, sections = below.partition('class="task')
    assert sentence in capsys.readouterr().err and sentence in told and 'href="#told"' in above
    assert "forged" not in above and "forged" not in sections
    assert all("forged" not in path.read_text() for path in (tmp_path / "edited-files").iterdir())


def test_what_lies_beside_the_page_from_before_is_told(folder, capsys, tmp_path):
    """Tables of an earlier report with the same name, on standard error; they are not removed."""
    everything, one = folder / "results", folder / "results" / "hear_ssl.melspec"
    options = ["--clips", "0", "--out", str(tmp_path / "r.html"), "--format", "csv"]
    assert main(["report", str(everything), *options]) == 0
    assert "of an earlier one" not in capsys.readouterr().err
    n_before = len(list((tmp_path / "r-files").iterdir()))
    assert main(["report", str(one), *options]) == 0
    assert "files that are not of this report" in capsys.readouterr().err
    assert len(list((tmp_path / "r-files").iterdir())) >= n_before


def test_predictions_that_a_shell_names_are_passed_over(folder, capsys, tmp_path):
    """`report DIR/*` gives the .npz as well; and no name turns the direction of the words about it."""
    for path in (folder / "results" / "hear_ssl.melspec").rglob("*.json"):
        on_disk.write(replace(on_disk.read(path), module="\u202eno\u2066", notes=["\u202e note"]), tmp_path)
    out = tmp_path / "turned.html"
    given = [str(path) for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert len(given) == 2 and main(["report", *given, "--clips", "0", "--out", str(out)]) == 0
    assert capsys.readouterr().err == ""
    body = out.read_text().partition("<body>")[2].partition("<script>")[0]
    assert not set(body) & set("\u202e\u2066") and "\ufffdno" in body


def test_a_folder_of_audio_that_is_not_there_is_refused(folder, capsys):
    """With exit code 2 and a sentence, rather than clip by clip."""
    options = ["--out", str(folder / "gone.html"), "--data", str(folder / "gone")]
    assert main(["report", str(folder / "results"), *options]) == 2
    assert "there is no such folder" in capsys.readouterr().err and not (folder / "gone.html").exists()


def test_clips_are_looked_for_where_the_user_says(folder, capsys):
    """That none is heard is said once, with the first of them, on the page and on standard error; a folder that holds the data's will do."""
    (folder / "elsewhere" / "mine").mkdir(parents=True)
    out = folder / "moved.html"
    options = ["--out", str(out), "--data", str(folder / "elsewhere"), "--clips", "2"]
    arguments = ["report", str(folder / "results" / "hear_ssl.melspec"), *options]
    (folder / "tones").rename(folder / "gone")
    assert main(arguments) == 0
    text, said = out.read_text(), capsys.readouterr().err
    assert (
        text.count("2 clips cannot be heard, since their recordings are not in ") == 1
        and '<ol class="clips">' not in text
    )
    assert "<audio" not in text and "What they are, and what each module predicts" in text
    assert (
        said.count("2 of 2 clips on the page cannot be heard, since their recordings are not in ") == 1
        and "--data names" in said
    )
    name = re.search(r"are not in \S+: (\S+), ", said)[1]
    (folder / "elsewhere" / "tones" / name).parent.mkdir(parents=True)
    shutil.copy(folder / "gone" / name, folder / "elsewhere" / "tones" / name)
    assert main(arguments) == 0
    text = out.read_text()
    assert text.count("<audio") == text.count('<ol class="clips">') == 1
    assert (
        "1 clip cannot be heard, since its recording is not in " in text and "1 of 2 clips" in capsys.readouterr().err
    )
    shutil.rmtree(folder / "elsewhere" / "tones")
    (folder / "gone").rename(folder / "elsewhere" / "tones")
    assert main(arguments) == 0
    assert out.read_text().count("<audio") == 2 and "cannot be heard" not in capsys.readouterr().err
    (folder / "elsewhere" / "tones").rename(folder / "tones")


def test_captions_of_one_task_under_two_protocols_differ(folder, tmp_path):
    """They name the protocol, and the metric as people call it; so do heads of tables and axes."""
    for result in (on_disk.read(path) for path in sorted((folder / "results" / "hear_ssl.melspec").rglob("*.json"))):
        points = [CurvePoint(f"layer {n}", 0.5 + 0.1 * n, 0.4, 0.9, n, None, f"layer {n}", n) for n in range(3)]
        scored = {
            "metric": "macro_f1",
            "score": intervals.mean_score(alike.tested(result), "macro_f1", result.over_folds),
        }
        for protocol in ("logistic", "knn"):
            on_disk.write(replace(result, curve=points, protocol=protocol, **scored), tmp_path / "results")
    assert main(["report", str(tmp_path / "results"), "--out", str(tmp_path / "two.html"), "--clips", "0"]) == 0
    page = (tmp_path / "two.html").read_text(encoding="utf-8")
    captions = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<figcaption>(.*?)</figcaption>", page, re.DOTALL)]
    captions = [each for each in captions if not each.startswith("Lengths")]  # of the same clips
    assert len(captions) > 6 and len(set(captions)) == len(captions)
    assert all("under knn (clean)" in each or "under logistic (clean)" in each for each in captions)
    assert any(each.startswith("Macro F1 under knn (clean) with 95 % intervals") for each in captions)
    assert "macro F1 (%)" in page and "macro_f1 (%)" not in page


def test_a_pair_of_a_module_that_is_not_there_is_refused(folder, capsys):
    """With exit code 2, the name, and those that are there."""
    options = ["--out", str(folder / "pair.html"), "--pair", "hear_ssl.melspec", "hear_ssl.melspek"]
    assert main(["report", str(folder / "results" / "hear_ssl.melspec"), *options]) == 2
    assert "no result of hear_ssl.melspek; there are results of hear_ssl.melspec" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "sentence"),
    [("report.pdf", "ends with .html"), ("none/report.html", "there is no folder"), (".", "ends with .html")],
)
def test_a_page_that_cannot_be_written_is_refused_first(folder, out, sentence, capsys):
    """With exit code 2 and a sentence."""
    assert main(["report", str(folder / "results"), "--out", str(folder / out)]) == 2
    assert sentence in capsys.readouterr().err


def test_nothing_to_report_is_a_sentence(tmp_path, capsys):
    """An empty folder, with exit code 2 and no page."""
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "report.html")]) == 2
    assert "no result" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_what_does_not_fit_is_named(folder, monkeypatch):
    """With bytes for one figure at most, the others are said to be left out."""
    from evaluator.report import build

    monkeypatch.setattr(build, "PAGE_BYTES", 15_000)
    out = folder / "small.html"
    assert main(["report", str(folder / "results" / "hear_ssl.melspec"), "--out", str(out)]) == 0
    text = out.read_text()
    assert len(text) < 15_000 + 170_000 and "Left out, to keep this page small" in text
    assert "<audio" not in text


def test_datatables_is_as_its_makers_ship_it():
    """The file has the SHA-256 that its README tells."""
    assets = Path(page.__file__).parent / "assets"
    checksum = re.search(r"SHA-256 `([0-9a-f]{64})`", (assets / "README.md").read_text())
    assert hashlib.sha256((assets / "dataTables.min.js").read_bytes()).hexdigest() == checksum[1]
    assert "MIT" in (assets / "dataTables.LICENSE.txt").read_text()
