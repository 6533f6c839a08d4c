"""Every dataset, on a miniature in its true layout: the clips, labels and parts that its authors' files mean.

The expectations beside the miniatures (`tests/miniatures_*.py`) are written by hand, not by the readers. This file
walks over all datasets: one that is added without a miniature fails here, and the message says what to write.
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator import schema
from evaluator.datasets import dataset, manifest
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from miniature import Expected
from miniatures import FAMILIES, MINIATURES, make_all

NAMES = [name for name in schema.names_in("datasets") if dataset.read(name).access != "made"]
VARIANTS = [(name, variant) for name in NAMES for variant in ("", *dataset.variants(name))]
EXPECTED: dict[tuple[str, str], Expected] = {
    (name, variant): expected
    for name, each in MINIATURES.items()
    for variant, expected in {"": each.expected, **each.variants}.items()
}
WITH_EXPECTATION = [pair for pair in VARIANTS if pair in EXPECTED]
WITH_MINIATURE = [name for name in NAMES if name in MINIATURES]

NO_MINIATURE = """\
tasks/datasets/{name}.yaml has no miniature. Write into a file tests/miniatures_FAMILY.py ({families}, or a new one)

    def {name}(root: Path) -> None:
        \"""What is special about its layout.\"""
        sound(root / "PATH.wav")  # a few short sounds where the true files lie; `text` writes tables

and into its dictionary MINIATURES

    "{name}": Miniature({name}, Expected(clips=N, classes=("A", "B"), labels={{"PATH.wav": ("A",)}})),
"""
NO_EXPECTATION = """\
tasks/datasets/{name}.yaml has a variant {variant!r} of which nothing is expected. Write into the miniature's entry in \
tests/{family}.py

    variants={{"{variant}": Expected(clips=N, classes=("A", "B"), labels={{"PATH.wav": ("A",)}})}}
"""


def ids(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"{name}-{variant}" for name, variant in pairs]


@pytest.fixture(scope="session")
def miniatures(tmp_path_factory) -> Path:
    """A folder with every miniature, each under its dataset's name."""
    return make_all(tmp_path_factory.mktemp("miniatures"))


def any_task(name: str, variant: str = "") -> catalogue.Task:
    """A task on the dataset that puts no conditions on labels."""
    return catalogue.Task("any", dataset.read(name, variant), {"by": "split"}, None, "multi", "map", "arch", "")


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=ids(VARIANTS))
def test_every_dataset_has_a_miniature(name, variant):
    """And each of its variants an expectation."""
    if name not in MINIATURES:
        pytest.fail(NO_MINIATURE.format(name=name, families=", ".join(FAMILIES)), pytrace=False)
    if (name, variant) not in EXPECTED:
        family = next(family for family, members in FAMILIES.items() if name in members)
        pytest.fail(NO_EXPECTATION.format(name=name, variant=variant, family=family), pytrace=False)


def test_every_miniature_has_a_dataset():
    """And every expectation a variant: what was renamed or removed leaves nothing behind."""
    left = [f"{name} {variant}".strip() for name, variant in EXPECTED if (name, variant) not in VARIANTS]
    if left:
        pytest.fail(
            f"no dataset or variant of tasks/datasets/ for {', '.join(left)}: remove the miniature", pytrace=False
        )


@pytest.mark.parametrize(("name", "variant"), WITH_EXPECTATION, ids=ids(WITH_EXPECTATION))
def test_the_clips_are_those_that_the_layout_means(name, variant, miniatures, tmp_path):
    """Clips, classes in order, labels, splits, folds, groups and events."""
    expected = EXPECTED[name, variant]
    read = manifest.read(any_task(name, variant), miniatures, tmp_path)
    by_name = {clip.name: clip for clip in read.clips}
    assert len(read.clips) == len(by_name) + expected.repeated == expected.clips
    assert read.classes == expected.classes
    assert {clip: by_name[clip].labels for clip in expected.labels} == dict(expected.labels)
    for part in ("split", "fold"):
        counts = getattr(expected, f"{part}s") or {"": expected.clips}
        assert dict(Counter(getattr(clip, part) for clip in read.clips)) == counts
    if expected.groups is not None:
        assert len({clip.group for clip in read.clips}) == expected.groups
    assert {clip: by_name[clip].group for clip in expected.group_of} == dict(expected.group_of)
    assert {clip: tuple(map(tuple, by_name[clip].events)) for clip in expected.events} == dict(expected.events)
    assert all((read.root / clip.path).is_file() for clip in read.clips)


@pytest.mark.parametrize("name", WITH_MINIATURE)
def test_the_manifest_is_the_same_each_time_and_knows_a_change(name, miniatures, tmp_path):
    """Its hash is part of every result, so it may depend on nothing but the clips."""
    read = manifest.read(any_task(name), miniatures, tmp_path)
    again = manifest.read(any_task(name), miniatures / name, tmp_path)
    assert read.sha256 == again.sha256 and read.clips == again.clips
    other = replace(read, clips=(replace(read.clips[0], group="someone else"), *read.clips[1:]))
    assert other.sha256 != read.sha256


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("name", WITH_MINIATURE)
def test_it_is_found_a_folder_further_down(name, miniatures, tmp_path):
    """In a folder of any name, as unpacking makes it; the clips are the same."""
    (tmp_path / "unpacked").symlink_to(miniatures / name / dataset.read(name).folder)
    read = manifest.read(any_task(name), tmp_path, tmp_path / "cache")
    assert read.root == tmp_path / "unpacked"
    assert read.sha256 == manifest.read(any_task(name), miniatures, tmp_path / "cache").sha256


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_introduces_itself(name):
    """Licence, citation, what to expect, and how it is come by; checksums in their form (`dataset.read` refuses others)."""
    read = dataset.read(name)
    lacking = [field for field in ("licence", "title", "citation", "notes") if not getattr(read, field)]
    lacking += [] if read.url.startswith(("https://", "http://")) else ["url (https://...)"]
    if not read.expected["classes"] and "not known beforehand" not in read.notes:
        lacking.append("expected.classes, or the words `not known beforehand` in notes")
    lacking += [] if read.download or read.instructions else ["download or instructions"]
    if not read.expected["clips"] and "not known beforehand" not in read.notes:
        lacking.append("expected.clips, or the words `not known beforehand` in notes")
    assert not lacking, f"tasks/datasets/{name}.yaml: write {', '.join(lacking)}"
    for kind in ("folds", "splits"):
        total = sum(read.expected.get(kind, {}).values())
        assert not total or abs(total - read.expected["clips"]) <= read.expected["tolerance"], (
            f"tasks/datasets/{name}.yaml: the clips of expected.{kind} are {total} together, "
            f"but expected.clips is {read.expected['clips']}"
        )
    for item in read.download:
        assert all(part.url.startswith(("https://", "http://")) for part in item.parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_layout_that_is_missing_is_named(name, tmp_path):
    """An empty folder is no dataset, and the sentence says where to get it."""
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=rf"^{name}: .* not found in .*; .*licence"):
        manifest.read(any_task(name), tmp_path, tmp_path)
