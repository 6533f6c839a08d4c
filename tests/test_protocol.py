"""Protocols as data, in two profiles."""

import pytest
import yaml

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.probes import protocol


def test_arch_is_what_its_code_does():
    """The numbers of the published runs, and what the clean profile changes."""
    published, clean = protocol.load("arch", "published"), protocol.load("arch")
    probe = published.probe
    assert (probe.learning_rate, probe.epochs, probe.batch_size) == (1e-3, 200, 32)
    assert (probe.weight_decay, probe.warmup_share, probe.optimiser) == (0.01, 0.1, "adamw")
    assert (published.clip, probe.weights, probe.extra_step_per_epoch) == ("cut_and_pad", "last", True)
    assert (clean.clip, clean.probe.weights, clean.probe.extra_step_per_epoch) == ("cut", "best", False)
    assert published.sha256 != clean.sha256


def test_every_file_loads_in_both_profiles():
    """Each protocol introduces itself and says what sets its profiles apart."""
    for each in protocol.list_protocols():
        assert each.title and each.citation and each.source and each.differs


def test_titles_do_not_decide():
    """The hash follows the numbers, not the words."""
    import dataclasses

    arch = protocol.load("arch")
    assert dataclasses.replace(arch, title="other").sha256 == arch.sha256
    other = dataclasses.replace(arch.probe, epochs=100)
    assert dataclasses.replace(arch, probe=other).sha256 != arch.sha256


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"probe": {"epochs": 0}}, "probe.epochs"),
        ({"probe": {"learning_rat": 1}}, "probe.learning_rat"),
        ({"probe": {"optimiser": "sgd"}}, "sgd.*adamw"),
        ({"probe": {"kind": "knn"}}, "probe.kind: unknown kind 'knn'"),
        ({"probe": {"weights": "last"}}, "probe.weights: stands under probe too"),
        ({"probe": {"norm": "batch", "batch_size": 1}}, "probe.batch_size: is 1, but batch norm needs two"),
        ({"layers": "foo"}, "layers: is 'foo', but should be scene, all"),
        ({"probe": {"learning_rate": float("inf")}}, "probe.learning_rate: is inf, but should be"),
        ({"probe": {"learning_rate": "1e-3"}}, "YAML wants a point in it: 1.0e-3"),
        ({"profiles": {"clean": {}}}, "published|differs"),
    ],
)
def test_a_wrong_file_is_told_with_file_and_field(tmp_path, change, sentence):
    """A user's own protocol file is checked like ours."""
    fields = yaml.safe_load((schema.tasks_folder() / "protocols" / "arch.yaml").read_text())
    path = tmp_path / "mine.yaml"
    change["probe"] = {**fields["probe"], **change.get("probe", {})}
    path.write_text(yaml.safe_dump({**fields, **change}))
    with pytest.raises(UsageError, match=f"mine.yaml.*({sentence})"):
        protocol.load(str(path))


@pytest.mark.parametrize(
    ("name", "profile", "sentence"),
    [("arhc", "clean", "did you mean 'arch'"), ("arch", "dirty", "'dirty'.*clean"), ("no.yaml", "clean", "no such")],
)
def test_unknown_names_are_told_with_the_known_ones(name, profile, sentence):
    """A misspelt protocol or profile."""
    with pytest.raises(UsageError, match=sentence):
        protocol.load(name, profile)
