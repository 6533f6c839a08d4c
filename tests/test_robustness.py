"""Scores of degraded clips: the probes of the clean run, test clips alone made worse, and nothing taken for a clean result."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator as ev
from commands import run_command  # noqa: F401
from evaluator.report import robustness as section
from evaluator.report import themed
from evaluator.results import on_disk
from evaluator.results.robustness import curves_of

RATE = 16_000
N = 12  # clips of each class


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pitches in three seconds each, high and low, with a level that says nothing."""
    home = tmp_path_factory.mktemp("robustness")
    random = np.random.default_rng(0)
    for name, frequency in (("low", 300.0), ("high", 3000.0)):
        (home / "sounds" / name).mkdir(parents=True)
        for number in range(N):
            times = np.arange(RATE) / RATE
            tone = np.sin(2 * np.pi * frequency * random.uniform(0.9, 1.1) * times) * random.uniform(0.05, 0.4)
            soundfile.write(home / "sounds" / name / f"{number}.wav", tone + 0.02 * random.standard_normal(RATE), RATE)
    return home


@pytest.fixture(scope="module")
def measured(folder):
    """Log-mel under probes of logistic regression, with what matters to two pitches and what does not."""
    (made,) = ev.measure_robustness(
        "hear_ssl.melspec",
        folder / "sounds",
        snr=[60, -30],
        noise="white",
        low_pass=[1000, 8000],
        sample_rate=[2000],
        protocol="logistic",
        cache=folder / "cache",
        out=folder / "out",
    )
    return made


def points(made):
    return {(curve.series, point.level): point for curve in made.curves for point in curve.points}


def test_the_clean_score_is_that_of_a_run(folder, measured):
    """The same run by name, question and predictions, as if nothing had been degraded beside it."""
    (run,) = ev.run("hear_ssl.melspec", folder / "sounds", protocol="logistic", cache=folder / "cache", out=None)
    assert run.run == measured.clean.run and run.score == measured.clean.score
    for ours, theirs in zip(measured.clean.test_probabilities, run.test_probabilities, strict=True):
        assert np.allclose(ours, theirs, atol=1e-6)
    assert run.environment["n_embedded"] == 0


def test_scores_fall_where_the_sound_that_matters_is_gone(measured):
    """A pitch of 3 kHz is lost below 1 kHz and at 2 kHz; a little noise loses nothing, and much of it all."""
    at = points(measured)
    assert measured.clean.score > 0.9 and at["white noise", 60].result.score > 0.8
    assert at["white noise", -30].result.score < 0.7
    assert min(at["low-pass", 1000].result.score, at["sample rate", 2000].result.score) < measured.clean.score
    change = at["white noise", -30].change
    assert (
        change.value == pytest.approx(at["white noise", -30].result.score - measured.clean.score)
        and change.low <= change.value <= change.high
    )


def test_what_changes_nothing_gives_the_very_same_predictions(measured):
    """A low-pass at half the sample rate: the same keys, the same numbers; and it is said."""
    idle = points(measured)["low-pass", 8000].result
    for ours, theirs in zip(measured.clean.test_probabilities, idle.test_probabilities, strict=True):
        assert np.array_equal(ours, theirs)
    assert f"{2 * N} of {2 * N} are as they were" in idle.caveats[0].text and idle.run != measured.clean.run


def test_every_level_is_a_result_of_its_own(folder, measured):
    """With its own run, task, audio and caveat, and readable; `verify` finds nothing wrong with it."""
    results = [point.result for curve in measured.curves for point in curve.points]
    assert len({each.run for each in (measured.clean, *results)}) == 6 == len(measured.written)
    assert {each.caveats[0].kind for each in results} == {"degraded_clips"}
    assert [on_disk.read(path).run for path in measured.written] == [
        measured.clean.run,
        *(each.run for each in order(results)),
    ]
    assert all(each.ok for each in ev.verify(folder / "out"))
    white = points(measured)["white noise", -30].result
    assert white.task == f"{measured.clean.task}, white noise, -30 dB"
    facts = white.provenance["degradation"]
    assert (facts["kind"], facts["level"], facts["noise"], facts["training"]) == ("noise", -30, "white", "clean")
    assert facts["clean_run"] == measured.clean.run and facts["of"] == measured.clean.task


def order(results):
    """In the order in which they were asked for."""
    asked = [("noise", 60), ("noise", -30), ("low_pass", 1000), ("low_pass", 8000), ("sample_rate", 2000)]
    return sorted(
        results, key=lambda each: asked.index(tuple(each.provenance["degradation"][name] for name in ("kind", "level")))
    )


def test_probes_that_saw_degraded_clips_do_better_on_them(folder, measured):
    """With --degrade-training each level has probes of its own."""
    (other,) = ev.measure_robustness(
        "hear_ssl.melspec",
        folder / "sounds",
        low_pass=[1000],
        snr=[-30],
        noise="white",
        degrade_training=True,
        protocol="logistic",
        cache=folder / "cache",
        out=None,
    )
    assert {curve.training for curve in other.curves} == {"degraded"} and other.written == []
    levels = points(other)
    assert levels["low-pass", 1000].result.score >= points(measured)["low-pass", 1000].result.score
    assert levels["low-pass", 1000].result.run != points(measured)["low-pass", 1000].result.run


def test_all_modules_hear_the_same_noise(folder, measured):
    """The audio of a level is named alike for modules of any rate, so that they can be compared on it."""
    (other,) = ev.measure_robustness(
        "hear_ssl.duration_loudness",
        folder / "sounds",
        snr=[-30],
        noise="white",
        protocol="logistic",
        cache=folder / "cache",
        out=None,
    )
    ours, theirs = points(measured)["white noise", -30].result, points(other)["white noise", -30].result
    assert ours.provenance["audio_sha256"] == theirs.provenance["audio_sha256"]
    assert ev.compare([ours, theirs])[0].withheld == ""


def test_a_degraded_result_is_never_taken_for_a_clean_one(measured):
    """Comparisons refuse the pair, and a rerun says what to do instead."""
    white = points(measured)["white noise", -30].result
    with pytest.raises(ev.UsageError, match="differ in task"):
        ev.compare([measured.clean, white])
    path = next(path for path in measured.written if "white-noise---30" in str(path) or "30-dB" in str(path))
    with pytest.raises(ev.UsageError, match="run hear-eval robustness again"):
        ev.rerun(path, out=None)


def test_the_change_is_over_the_same_units_by_hand():
    """Two probes, ten clips each in a unit of its own: value, and an interval by Student's t over the clips' differences."""
    from test_report_figures import random_result

    clean = random_result(3, n_clips=40, seed=1, folds=random_result(3).folds)
    clean = replace(clean, test_groups=[[""] * 40], score=accuracy(clean), caveats=[])
    facts = {
        "kind": "gain",
        "level": -20.0,
        "noise": None,
        "seed": 0,
        "training": "clean",
        "of": clean.task,
        "clean_run": clean.run,
    }
    worse = [np.roll(each, 1, axis=1) for each in clean.test_probabilities]
    degraded = replace(
        clean, test_probabilities=worse, task="other", provenance={**clean.provenance, "degradation": facts}
    )
    degraded = replace(degraded, score=accuracy(degraded))
    (curve,) = curves_of(clean, [degraded])
    right = [hits(each).mean(axis=0) for each in (degraded, clean)]  # (n_clips,), mean over both trainings
    apart = right[0] - right[1]
    of_training = hits(degraded).mean(axis=1) - hits(clean).mean(axis=1)
    error = np.sqrt(apart.var(ddof=1) / 40 + of_training.var(ddof=1) / 2)
    (point,) = curve.points
    assert point.change.value == pytest.approx(apart.mean())
    assert point.change.error == pytest.approx(error, rel=0.02)


def hits(result):
    return np.array(
        [each.argmax(axis=1) == result.test_targets[0].argmax(axis=1) for each in result.test_probabilities[0]]
    )


def accuracy(result):
    return float(hits(result).mean())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--snr", "1000"), "a signal-to-noise ratio is a number from -100 to 100 dB"),
        (("--gain", "-20", "-20"), "gain, -20 dB: is asked for twice"),
        (("--noise", "nowhere", "--snr", "10"), "--noise nowhere: there is no such folder"),
        (("--noise", "empty"), "--noise empty: holds no audio file"),
        (("--noise", "white", "--noise", "white"), "two sources are called white"),
        (("--length", "0.5", "--layers", "weightless"), "weightless"),
    ],
)
def test_mistakes_get_a_sentence(run_command, folder, arguments, sentence):  # noqa: F811
    """Before any module is opened."""
    Path("empty").mkdir()
    code, out, err = run_command("robustness", "no.such.module", "--task", folder / "sounds", *arguments)
    assert code == 2 and sentence in err and not out


def test_the_command_tells_levels_and_goes_on_where_one_fails(run_command, folder, monkeypatch):  # noqa: F811
    """A table by default, an object a level with --json; a recording of noise that is silent fails its level alone."""
    noise = Path("noise")
    noise.mkdir()
    soundfile.write(noise / "a.wav", np.zeros(2 * RATE), RATE)
    asked = (
        "robustness",
        "hear_ssl.melspec",
        "--task",
        folder / "sounds",
        "--protocol",
        "knn",
        "--cache",
        folder / "cache",
    )
    code, out, err = run_command(*asked, "--snr", "5", "--noise", "white", "--noise", noise)
    assert code == 1 and "noise is silent where the clip sounds" in err and "noise, 5 dB" in err
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("white")] == [["white", "noise", "5"]]
    assert "written: 2 results in robustness" in out
    code, out, err = run_command(*asked, "--gain", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [row["degradation"] for row in rows] == ["none", "gain", "gain", "gain"]
    assert {row["level"] for row in rows[1:]} == {-40, -20, 20} and rows[1]["change"] == rows[1]["score"] - rows[0][
        "score"
    ]


def test_the_report_draws_a_curve_for_each_module(folder, measured):
    """Levels have no leaderboards; curves and a table of all levels have a section, and names are escaped."""
    page = folder / "page.html"
    ev.write_report(folder / "out", page, n_clips=0)
    html = page.read_text()
    assert html.count('<section class="task"') == 1 and 'id="robustness"' in html
    assert "white noise" in html and "−30 dB" in html and "When clips are made worse" in html
    figure = section.curves("<b>$x$", [("<script>", number, measured.curves) for number in (0, 3)])
    assert sum(axes.get_visible() for axes in figure.axes) == len({curve.series for curve in measured.curves})
    for axes in filter(lambda each: each.get_visible(), figure.axes):  # every level has a place, also one that is alone
        low, high = axes.get_xlim()
        assert low < min(axes.get_xticks()) <= max(axes.get_xticks()) < high
    svg = themed.inline(figure, "label")
    assert "<script>" not in svg and svg.count("signal-to-noise ratio (dB)") == 1


def test_a_report_of_degraded_results_wants_the_clean_one(folder, measured, tmp_path):
    """Alone they have nothing to be held against: the sentence says what to give."""
    alone = tmp_path / "alone"
    for path in measured.written[1:]:
        (alone / path.parent.name).mkdir(parents=True)
        for each in (path, path.with_suffix(".npz")):
            (alone / path.parent.name / each.name).write_bytes(each.read_bytes())
    with pytest.raises(ev.UsageError, match="holds results of degraded clips only"):
        ev.write_report(alone, tmp_path / "page.html")
