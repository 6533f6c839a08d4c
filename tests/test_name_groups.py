"""Individuals in file names: seen where they are clear, told where a split divides them, and silent about all that only counts."""

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.audio.clip import Clip
from evaluator.datasets import manifest, name_groups, own_split, splits
from evaluator.experiment import catalogue

SPEAKERS = ("anna", "bo", "cy2", "d")


def clips(*paths, label=lambda path: path.split("/")[0]):
    return [Clip(path, (label(path),)) for path in paths]


def names(found):
    return None if found is None else found.names


@pytest.mark.parametrize(
    "form",
    [
        "{label}/{who}_{take}.wav",
        "{label}/{who}{take}.wav",
        "{label}/{who} {take}.wav",
        "{label}/{label}-{who}-{take}.wav",
        "{label}/{who}/{take}.wav",
        "{label}/2_{take}_{who}.wav",
        "all/{label}/rest/{who}.{take}.wav",
        "{who}/{label}_{take}.wav",
    ],
)
def test_names_that_come_back_are_seen(form):
    """In folders and names, wherever they stand: what is constant, the class, one digit or a count is passed over."""
    who = [name for name in SPEAKERS if "{who}{take}" not in form or name != "cy2"]
    several = [
        Clip(form.format(label=label, who=name, take=f"{number * 7 + take:02d}"), (label,))
        for label in ("robin", "wren")
        for number, name in enumerate(who)
        for take in range(3)
    ]
    found = name_groups.find(several)
    assert names(found) == sorted(who)
    assert all(f"{clip.group}" in clip.path for clip in found.clips) and found.clips[0].group == "anna"


@pytest.mark.parametrize(
    "paths",
    [
        [f"{label}/clip_{n:03d}.wav" for label in "ab" for n in range(12)],  # running numbers, anew in each class
        [f"{label}/{n}.wav" for label in "ab" for n in range(12)],
        [f"{label}/{label}_take{n % 4}_{n}.wav" for label in "ab" for n in range(12)],  # takes
        [f"{label}/202405{d:02d}_{h:02d}0000.wav" for label in "ab" for d in range(1, 5) for h in range(6)],  # dates
        [f"{label}/{s}_{text}_{label}.wav" for label in "ab" for s in range(1001, 1006) for text in ("IEO", "TIE")],
        [f"{part}/{label}/x{n}.wav" for part in ("train", "valid", "test") for label in "ab" for n in range(4)],
        [f"{n}-{100_000 + 37 * k}-A.wav" for k in range(12) for n in (1, 2)][:13],  # a number a clip, or nearly
    ],
)
def test_what_only_counts_is_no_name(paths):
    """Nor are takes, dates, numbers of sentences, and parts of a split."""
    label = (lambda path: path.split("/")[-2]) if "/" in paths[0] else (lambda path: path[0])
    assert names(name_groups.find(clips(*paths, label=label))) is None


def test_numbers_of_a_collection_are_names():
    """Where they are long and far apart, and come back."""
    ids = (100_032, 7_000_383, 13_230, 99_812)
    paths = [f"{label}/{n % 2}-{each}-{n}.wav" for label in "ab" for each in ids for n in range(2)]
    assert names(name_groups.find(clips(*paths))) == sorted(map(str, ids))


def test_stretches_of_one_recording_belong_together():
    """Where names tell nothing higher."""
    several = [Clip(f"{n}.wav", ("ab"[part % 2],), float(part), part + 1.0) for n in range(4) for part in range(3)]
    assert names(name_groups.find(several)) == [f"{n}.wav" for n in range(4)]


def test_only_a_split_that_divides_them_is_told():
    """Folds that happen to keep them whole are right; groups that are known are told otherwise."""
    several = clips(*(f"{label}/{who}_{take}.wav" for label in "ab" for who in SPEAKERS for take in range(3)))
    whole = splits.make({"by": "group", "valid": "next"}, name_groups.find(several).clips)
    mixed = splits.make(own_split.drawn(grouped=False), several)
    assert name_groups.divided_by(whole, several) is None
    found, both = name_groups.divided_by(mixed, several)
    assert names(found) == both == list(SPEAKERS)
    assert name_groups.divided_by(mixed, name_groups.find(several).clips) is None


@pytest.fixture
def folder(tmp_path):
    """Two words said by four speakers, who differ far more than the words do."""
    draw = np.random.default_rng(0)
    for number, who in enumerate(SPEAKERS):
        for label in ("yes", "no"):
            for take in range(4):
                tone = np.sin(2 * np.pi * 300 * (number + 1) * np.arange(1600) / 16_000) + draw.normal(0, 0.1, 1600)
                path = tmp_path / "words" / label / f"{who}_{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, 0.3 * tone, 16_000)
    return tmp_path / "words"


def kinds(result):
    return {each.kind: each.text for each in result.caveats}


def test_a_run_says_what_it_does_not_keep_apart(folder):
    """The folder bears the caveat with its way out; the YAML file that `init` writes does not, nor does one that says otherwise."""
    given = {"protocol": "knn", "cache": folder.parent / "cache", "out": None}
    (result,) = ev.run("hear_ssl.melspec", str(folder), **given)
    told = kinds(result)["groups_not_used"]
    assert "seem to name 4 individuals, sites or recordings (anna, bo, cy2, ...), such as anna in no/anna_0.wav" in told
    assert "and all of them have clips in the test and outside it" in told
    assert "hear-eval init writes" in told and str(folder) not in told
    written = ev.write_task(folder, folder.parent / "t.yaml")
    (reader,) = catalogue.find(str(written))[0].dataset.readers
    assert f"(pattern: '{reader.pattern}')" in told
    (grouped,) = ev.run("hear_ssl.melspec", str(written), **given)
    assert not {"groups_not_used", "groups_divided"} & set(kinds(grouped)) and grouped.n_units == 4
    (measured,) = ev.run("hear_ssl.melspec", str(folder), **{**given, "protocol": "retrieval"})
    assert "all of them have several clips that are compared with each other" in kinds(measured)["groups_not_used"]
    assert not {"groups_divided", "untrained_classes"} & set(kinds(measured))
    (apart,) = ev.run("hear_ssl.melspec", str(written), **{**given, "protocol": "retrieval"})
    assert not {"groups_not_used", "groups_compared"} & set(kinds(apart))
    plain = folder.parent / "plain.yaml"
    plain.write_text(
        "name: p\ndataset: {root: words, reader: {kind: folders}}\nlabels: single\nmetric: accuracy\nclip_seconds:\nprotocol: knn\n"
        "split: {by: random, folds: 5, seed: 42, stratify: true, valid: {share: 0.2, seed: 42}}\n"
    )
    (said,) = ev.run("hear_ssl.melspec", str(plain), **given)
    assert "groups_not_used" not in kinds(said) and any(
        "data: file names seem to name 4" in note for note in said.notes
    )


def test_check_warns_and_names_the_way_out(folder):
    """Of a table it names the column too; of a YAML file it notes it."""
    found = ev.check_tasks(str(folder), cache=folder.parent / "cache")["words"]
    (told,) = [issue for issue in found if "seem to name" in issue.what]
    assert told.level == "warning" and "take the YAML file that hear-eval init writes (pattern: " in told.what
    table = folder.parent / "mine.csv"
    rows = [f"words/{path.parent.name}/{path.name},{path.parent.name}" for path in sorted(folder.rglob("*.wav"))]
    table.write_text("\n".join(["path,label", *rows]))
    (told,) = [
        issue
        for issue in ev.check_tasks(str(table), cache=folder.parent / "cache")["mine"]
        if "seem to name" in issue.what
    ]
    assert "name them in a column group, or take the YAML file" in told.what
    (task,) = catalogue.find(str(ev.write_task(table, folder.parent / "t.yaml")))
    assert {clip.group for clip in manifest.read(task, None, folder).clips} == set(SPEAKERS)


def test_a_split_that_divides_known_groups_is_a_caveat(folder):
    """Of a user's own column; where the group is the class, each has to be on both sides."""
    rows = [
        f"words/{label}/{who}_{take}.wav,{label},{who},{('train', 'train', 'valid', 'test')[take]}"
        for label in ("yes", "no")
        for who in SPEAKERS
        for take in range(4)
    ]
    table = folder.parent / "mine.csv"
    table.write_text("\n".join(["path,label,group,split", *rows]))
    given = {"protocol": "knn", "cache": folder.parent / "cache", "out": None}
    (result,) = ev.run("hear_ssl.melspec", str(table), **given)
    assert (
        kinds(result)["groups_divided"]
        == "4 of 4 groups train and are tested, anna for one: the score is not of new ones"
    )
    table.write_text("\n".join(["path,group,label,split", *(row.replace(",yes,", ",no,") for row in rows)]))
    who = "\n".join(f"{p},{g},{g},{s}" for p, _, g, s in (row.split(",") for row in rows))
    table.write_text(f"path,label,group,split\n{who}")
    (own,) = ev.run("hear_ssl.melspec", str(table), **given)
    assert "groups_divided" not in kinds(own)
