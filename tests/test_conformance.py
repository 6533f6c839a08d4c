"""The contract checks find each broken promise and pass a good module."""

from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.embedding.conformance import validate
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec

MODULES = Path(__file__).parent / "modules"


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
