"""Tested clips that hold audio of others: every such pair is found, and bears a caveat in the run itself."""

import dataclasses
import math
import re
import shutil

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.datasets import overlap
from evaluator.datasets.splits import Fold

RATE = 16_000


TRAINS, VALIDATES, TESTED, BOTH = range(4)


def fold(roles: np.ndarray) -> Fold:
    train, valid = (np.flatnonzero(np.isin(roles, wanted)) for wanted in ((TRAINS, BOTH), (VALIDATES,)))
    return Fold("f", train, valid, np.flatnonzero(np.isin(roles, (TESTED, BOTH))))


@pytest.mark.parametrize("seed", range(20))
def test_every_tested_clip_that_holds_audio_of_a_trained_one_is_found(seed):
    """Against a look at all pairs: of clips inside others, abutting ones, whole recordings, several folds, and clips that do both."""
    draw = np.random.default_rng(seed)
    n_clips = 40
    starts = draw.integers(0, 20, n_clips) / 2
    ends = [math.nan if draw.random() < 0.1 else start + draw.integers(1, 12) / 2 for start in starts]
    spans = [*zip(starts.tolist(), ends, strict=True)]
    recordings = [f"r{number}" for number in draw.integers(0, 6, n_clips)]
    roles = draw.choice(4, (int(draw.integers(1, 4)), n_clips), p=[0.4, 0.2, 0.38, 0.02])
    skipped = set(draw.integers(0, n_clips, 4).tolist())

    def leaks(one: int, other: int) -> bool:
        last = min(math.inf if math.isnan(ends[number]) else ends[number] for number in (one, other))
        both = recordings[one] == recordings[other] and max(starts[one], starts[other]) < last
        return both and any(row[one] in (TESTED, BOTH) and row[other] != TESTED for row in roles)

    found = overlap.across([fold(row) for row in roles], spans, recordings, skipped)
    assert all(leaks(*pair) for pair in found.items())
    there = sorted({*range(n_clips)} - skipped)
    assert set(found) == {one for one in there if any(leaks(one, other) for other in there)}


def test_a_long_stretch_overlaps_with_what_does_not_follow_it_at_once():
    """The neighbour in between ends before the tested one begins; what shares a rounding of a table's times shares nothing."""
    spans = [(0.0, 10.0), (1.0, 2.0), (5.0, 6.0), (10.0, 11.0), (10.999, 12.0)]
    assert overlap.across([fold(np.array([0, 0, 2, 2, 0]))], spans, ["r"] * 5) == {2: 0}


@pytest.fixture
def calls(tmp_path):
    """Three groups of eight clips of noise of two classes, in folds of their own."""
    draw = np.random.default_rng(0)
    folder = tmp_path / "calls"
    folder.mkdir()
    rows = []
    for number in range(24):
        soundfile.write(folder / f"{number}.wav", draw.normal(0, 0.05 * (1 + number % 2), 4000), RATE)
        rows.append([f"{number}.wav", "ab"[number % 2], str(number % 3), f"g{number % 6}"])
    return folder, rows


def written(folder, rows, header="path,label,fold,group"):
    table = folder / "mine.csv"
    table.write_text("\n".join([header, *(",".join(row) for row in rows)]))
    return str(table)


def kinds(table, protocol, cache, profile="clean"):
    (result,) = ev.run("hear_ssl.duration_loudness", table, protocol=protocol, profile=profile, cache=cache, out=None)
    return {each.kind: each.text for each in result.caveats}


@pytest.mark.parametrize("protocol", ["knn", "retrieval", "clustering"])
def test_a_copy_under_another_name_is_a_caveat_of_the_run(calls, tmp_path, protocol):
    """On the other side of a split, or compared with itself; not inside one fold, where knn neither trains nor tests against it."""
    folder, rows = calls
    table = written(folder, rows)
    assert "shared_audio" not in kinds(table, protocol, tmp_path / "cache")
    shutil.copy(folder / "0.wav", folder / "6.wav")  # of one fold and one group
    one_fold = kinds(table, protocol, tmp_path / "cache")
    assert ("shared_audio" in one_fold) == (protocol == "clustering")
    shutil.copy(folder / "0.wav", folder / "4.wav")
    told = kinds(table, protocol, tmp_path / "cache")["shared_audio"]
    assert told.startswith("3 of 24 tested clips hold audio of") and re.search(r"0\.wav and [46]\.wav for one", told)


def test_stretches_that_overlap_across_a_split_are_a_caveat_of_the_run(tmp_path):
    """By what is heard: where the task cuts clips, what lies behind the cut is in none."""
    draw = np.random.default_rng(0)
    rows = []
    for number in range(12):
        soundfile.write(tmp_path / f"{number}.wav", draw.normal(0, 0.1, 16_000), RATE)
        label = "ab"[number % 2]
        rows += [[f"{number}.wav", "0", "0.4", label, "train"], [f"{number}.wav", "0.4", "0.8", label, "test"]]
    header = "path,start,end,label,split"
    assert "shared_audio" not in kinds(written(tmp_path, rows, header), "knn", tmp_path / "cache")
    rows[-1][1] = "0.3"
    told = kinds(written(tmp_path, rows, header), "knn", tmp_path / "cache")["shared_audio"]
    assert told.startswith(
        "1 of 12 tested clips holds audio of clips that train, 11.wav#0.3-0.8 and 11.wav#0-0.4 for one"
    )
    cut = tmp_path / "cut.yaml"
    columns = ", ".join(f"{name}: '{{{name}}}'" for name in header.split(","))
    cut.write_text(
        f"name: cut\ndataset: {{root: ., reader: {{kind: table, table: mine.csv, {columns}}}}}\nlabels: single\nmetric: accuracy\n"
        "clip_seconds: 0.2\nprotocol: knn\nsplit: {by: split, valid: {share: 0.2, seed: 1, stratify: true, groups: false}}\n"
    )
    assert "shared_audio" not in kinds(str(cut), "knn", tmp_path / "cache")


def test_groups_that_retrieval_compares_are_a_caveat_where_it_does_not_keep_them_apart(calls, tmp_path):
    """The published profile finds clips of the query's own group; clusterings look for none."""
    folder, rows = calls
    table = written(folder, rows)
    told = kinds(table, "retrieval", tmp_path / "cache", "published")["groups_compared"]
    assert told.startswith("6 groups have several clips that are compared with each other, g0 for one")
    assert "groups_compared" not in kinds(table, "retrieval", tmp_path / "cache")
    assert "groups_compared" not in kinds(table, "clustering", tmp_path / "cache")


def test_clips_that_train_and_are_tested_in_one_fold_are_told(calls, tmp_path):
    """As a published split that draws its parts again has them."""
    folder, rows = calls
    written(folder, rows)
    task = folder / "again.yaml"
    task.write_text(
        "name: again\ndataset: {root: ., reader: {kind: table, table: mine.csv, path: '{path}', label: '{label}'}}\nlabels: single\n"
        "metric: accuracy\nclip_seconds:\nprotocol: knn\nsplit: {by: torch, train: 0.7, valid: 0.2, seed: 1, redrawn: true}\n"
    )
    told = kinds(str(task), "knn", tmp_path / "cache")["shared_audio"]
    n, of = map(int, re.match(r"(\d+) of (\d+) tested clips? holds? audio", told).groups())
    assert 0 < n <= of and re.search(r"clips that train, \d+\.wav for one", told)


def test_silent_and_broken_clips_share_nothing(calls, tmp_path):
    """Silence is told by itself, and what cannot be read is in no score."""
    folder, rows = calls
    for number in (0, 1, 2):
        soundfile.write(folder / f"{number}.wav", np.zeros(4000), RATE)
    table = written(folder, rows)
    said = kinds(table, "knn", tmp_path / "cache")
    assert "silent_clips" in said and "shared_audio" not in said


def test_other_leaks_of_the_same_test_clips_are_not_compared(calls, tmp_path):
    """One of the test clips known, or all of them: the two scores are not of the same question; the same leak is."""
    folder, rows = calls
    parts = [[path, label, "train" if n < 16 else "test"] for n, (path, label, *_) in enumerate(rows)]
    table = written(folder, parts, "path,label,split")
    given = {"protocol": "knn", "cache": tmp_path / "cache", "out": None}
    shutil.copy(folder / "16.wav", folder / "0.wav")
    few, beside = ev.run(["hear_ssl.duration_loudness", "hear_ssl.melspec"], table, **given)
    for number in range(1, 8):
        shutil.copy(folder / f"{16 + number}.wav", folder / f"{number}.wav")
    (many,) = ev.run("hear_ssl.melspec", table, **given)
    (fair,), (unfair,) = ev.compare([few, beside]), ev.compare([few, many])
    assert "says nothing" not in fair.reason and "such a comparison says nothing" in unfair.reason
    clean = dataclasses.replace(many, caveats=tuple(each for each in many.caveats if each.kind != "shared_audio"))
    (old,) = ev.compare([few, clean])
    assert "has to be run again if it is older" in old.reason
