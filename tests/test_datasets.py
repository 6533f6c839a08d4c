"""Every dataset, on a miniature in its true layout: the clips, labels and parts that its authors' files mean.

The expectations beside the miniatures (`tests/miniatures_*.py`) are written by hand, not by the readers. This file
walks over all datasets: one that is added without a miniature fails here.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator import schema
from evaluator.datasets import dataset, manifest
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from miniature import Expected
from miniatures import MINIATURES, make_all

MADE = {"calls"}
NAMES = sorted(set(schema.names_in("datasets")) - MADE)
VARIANTS = [(name, variant) for name in NAMES for variant in ("", *dataset.variants(name))]


@pytest.fixture(scope="session")
def miniatures(tmp_path_factory) -> Path:
    """A folder with every miniature, each under its dataset's name."""
    return make_all(tmp_path_factory.mktemp("miniatures"))


def any_task(found: dataset.Dataset) -> catalogue.Task:
    """A task that puts no conditions on labels."""
    return catalogue.Task("any", found, {"by": "split"}, None, "multi", "map", "arch", "")


def test_every_dataset_has_a_miniature():
    """And every miniature a dataset, and each of its variants an expectation."""
    assert sorted(MINIATURES) == NAMES
    assert {(name, variant) for name, each in MINIATURES.items() for variant in ("", *each.variants)} == set(VARIANTS)


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=[f"{name}-{variant}" for name, variant in VARIANTS])
def test_the_clips_are_those_that_the_layout_means(name, variant, miniatures, tmp_path):
    """Clips, classes in order, labels, splits, folds, groups and events."""
    each = MINIATURES[name]
    expected: Expected = each.variants[variant] if variant else each.expected
    found = manifest.read(any_task(dataset.read(name, variant)), miniatures, tmp_path)
    by_name = {clip.name: clip for clip in found.clips}
    assert len(found.clips) == len(by_name) + expected.repeated == expected.clips
    assert found.classes == expected.classes
    assert {clip: by_name[clip].labels for clip in expected.labels} == dict(expected.labels)
    for part in ("split", "fold"):
        wanted = getattr(expected, f"{part}s")
        assert dict(Counter(getattr(clip, part) for clip in found.clips)) == (wanted or {"": expected.clips})
    if expected.groups is not None:
        assert len({clip.group for clip in found.clips}) == expected.groups
    assert {clip: by_name[clip].group for clip in expected.group_of} == dict(expected.group_of)
    assert {clip: tuple(map(tuple, by_name[clip].events)) for clip in expected.events} == dict(expected.events)
    assert all((found.root / clip.path).is_file() for clip in found.clips)


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_is_the_same_each_time_and_knows_a_change(name, miniatures, tmp_path):
    """Its hash is part of every result, so it may depend on nothing but the clips."""
    read = manifest.read(any_task(dataset.read(name)), miniatures, tmp_path)
    again = manifest.read(any_task(dataset.read(name)), miniatures / name, tmp_path)
    assert read.sha256 == again.sha256 and read.clips == again.clips
    other = replace(read, clips=(replace(read.clips[0], group="someone else"), *read.clips[1:]))
    assert other.sha256 != read.sha256


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_introduces_itself(name):
    """Licence, citation, what to expect, and how it is come by; checksums in their form (`dataset.read` refuses others)."""
    found = dataset.read(name)
    assert found.licence and found.title and found.citation and found.notes
    assert found.url.startswith("https://") or found.url.startswith("http://")
    assert found.expected["classes"] and (found.expected["clips"] or "not known beforehand" in found.notes)
    for kind in ("folds", "splits"):
        total = sum(found.expected.get(kind, {}).values())
        assert not total or abs(total - found.expected["clips"]) <= found.expected["tolerance"]
    assert found.download or found.instructions
    for item in found.download:
        assert all(part.url.startswith(("https://", "http://")) for part in item.parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_layout_that_is_missing_is_named(name, tmp_path):
    """An empty folder is no dataset, and the sentence says where to get it."""
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=rf"^{name}: .* not found in .*; .*licence"):
        manifest.read(any_task(dataset.read(name)), tmp_path, tmp_path)
