"""The contract checks find each broken promise and pass a good module."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import evaluator as ev
from evaluator.cli import main
from evaluator.embedding import conformance
from evaluator.embedding.conformance import validate
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec

MODULES = Path(__file__).parent / "modules"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, where logs go."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))


def broken(spec):
    """The checks that a module fails, by name."""
    with open_module(replace(spec, in_process=True)) as module:
        return {check.name: check for check in validate(module) if not check.passed}


@pytest.mark.parametrize("name", [str(MODULES / "good.py"), "hear_ssl.melspec", "hear_ssl.crepe_tiny"])
def test_good_modules_pass(name):
    """No finding about a module that keeps its promises."""
    assert broken(ModuleSpec(name)) == {}


@pytest.mark.parametrize(
    ("ill", "name", "level"),
    [
        ("seconds", "timestamps are in milliseconds", "error"),
        ("falling", "timestamps rise in equal steps, the same in a batch", "error"),
        ("from_12", "timestamps lie inside the clip", "error"),
        ("float64", "embeddings are float32", "error"),
        ("training", "load_model leaves the model in evaluation mode", "warning"),
        ("batch", "embeddings do not depend on the batch", "warning"),
        ("refuses_short", "very short clips work", "warning"),
        ("nan_for_silence", "silence gives finite embeddings", "error"),
        ("order", "the same call gives the same embedding", "error"),
        ("wrong_size", "embeddings have the declared shapes and no NaN", "error"),
        ("no_frames", "embeddings have the declared shapes and no NaN", "error"),
        ("batch_times", "timestamps rise in equal steps, the same in a batch", "error"),
        ("stretched", "timestamps do not drift", "error"),
        ("gaps", "timestamps are at most 50 ms apart", "warning"),
    ],
)
def test_each_ill_is_found(ill, name, level):
    """The broken promise is named, with its gravity."""
    found = broken(ModuleSpec(str(MODULES / "ill.py"), options={"ill": ill}))
    assert found[name].level == level and found[name].detail
    assert found[name].found != name


def test_the_command_says_what_was_found(capsys):
    """The promise where it is kept, else its contrary, not both as one line."""
    assert main(["validate", str(MODULES / "ill.py"), "--quick", "--option", "ill=batch"]) == 1
    out = capsys.readouterr().out
    assert re.search("^WARNING  embeddings depend on the batch: a clip alone and with two others differ", out, re.M)
    assert re.search("^ERROR    silence gives no finite embeddings: .* NaN or infinite", out, re.M)
    assert "ok       timestamps lie inside the clip\n" in out and "do not depend" not in out


def found(module, **fields):
    """What `validate` finds, by name of the check: level and detail."""
    return {check.name: (check.level, check.detail) for check in ev.validate(module, **fields) if not check.passed}


BORDER, TORCH = str(MODULES / "border.py"), str(MODULES / "border_torch.py")


@pytest.mark.parametrize(
    ("ill", "name", "detail"),
    [
        ("odd_rate", "the sample rate is one of HEAR's", "sample_rate is 256000 Hz; .* resamples to any rate"),
        ("no_frame_size", "it gives timestamp embeddings", "event tasks and --layers need them"),
        (
            "wants_three_seconds",
            "clips of any length work",
            "takes windows of 3 s only: the evaluator zero-pads shorter",
        ),
    ],
)
def test_what_scene_tasks_can_do_without_is_a_warning(ill, name, detail):
    """Other rates, fixed windows, no frames: nothing else is found about such a module."""
    ((what, (level, said)),) = found(BORDER, depth="quick", options={"ill": ill}, in_process=True).items()
    assert (what, level) == (name, "warning") and re.search(detail, said)


def test_checks_come_as_soon_as_they_are_done():
    """Whoever watches has the first before the last is made."""
    with open_module(ModuleSpec(BORDER, options={"ill": "none"}, in_process=True)) as module:
        each = conformance.checks(module)
        first = next(each)
        module.driver.module.get_scene_embeddings = None
        assert first.passed and not all(check.passed for check in each)


def test_quick_takes_a_few_seconds_of_audio():
    """No long clips are asked for, and yet each ill of the times is found."""
    lengths = []
    with open_module(ModuleSpec(BORDER, options={"ill": "times_seconds"}, in_process=True)) as module:
        scene = module.scene
        module.scene = lambda audio: lengths.append(audio.shape[1]) or scene(audio)
        checks = validate(module, quick=True)
    assert sum(lengths) / 16000 < 20 and max(lengths) <= 24000
    assert [check.name for check in checks if not check.passed and check.level == "error"] == [
        "timestamps are in milliseconds"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "options", "name", "detail"),
    [
        (BORDER, {"ill": "buffer"}, "answers keep their values", "uses the memory of its answer again"),
        (TORCH, {"ill": "buffer"}, "answers keep their values", "uses the memory of its answer again"),
        (TORCH, {"ill": "active_dropout"}, "no chance is at work in a call", "is dropout active"),
        (TORCH, {"ill": "drawn_anew"}, "a fresh process gives the same embedding", "are weights drawn anew"),
    ],
)
def test_deep_finds_chance_and_memory_used_again(path, options, name, detail):
    """What the usual checks cannot see, since the border copies every answer and sets generators back."""
    assert name not in found(path, options=options, depth="full", in_process=True)
    assert detail in found(path, options=options, depth="deep", in_process=True)[name][1]


@pytest.mark.slow
@pytest.mark.parametrize("module", ["hear_ssl.melspec", BORDER])
def test_deep_finds_nothing_about_good_modules(module):
    """Ours and others', loaded twice."""
    assert found(module, depth="deep") == {}


def test_an_unknown_depth_is_refused():
    """The known ones are named."""
    with pytest.raises(ev.UsageError, match="unknown depth 'thorough'"):
        ev.validate("hear_ssl.melspec", depth="thorough")
