"""Tested clips that hold audio of others: every such pair is found, and bears a caveat in the run itself."""

import math
import shutil

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.datasets import overlap
from evaluator.datasets.splits import Fold

RATE = 16_000


def fold(roles: np.ndarray) -> Fold:
    return Fold("f", *(np.flatnonzero(roles == role) for role in (0, 1, 2)))


@pytest.mark.parametrize("seed", range(20))
def test_every_clip_that_has_a_partner_on_the_other_side_is_found(seed):
    """Against a look at all pairs: of clips inside others, abutting ones, whole recordings and several folds."""
    draw = np.random.default_rng(seed)
    n_clips = 40
    starts = draw.integers(0, 20, n_clips) / 2
    ends = [math.inf if draw.random() < 0.1 else start + draw.integers(1, 12) / 2 for start in starts]
    spans = [*zip(starts.tolist(), ends, strict=True)]
    recordings = [f"r{number}" for number in draw.integers(0, 6, n_clips)]
    roles = draw.integers(0, 3, (int(draw.integers(1, 4)), n_clips))

    def leak(one: int, other: int) -> bool:
        both = recordings[one] == recordings[other] and max(starts[one], starts[other]) < min(ends[one], ends[other])
        return both and any({row[one] == 2, row[other] == 2} == {True, False} for row in roles)

    found = overlap.across([fold(row) for row in roles], spans, recordings)
    order = sorted(range(n_clips), key=lambda number: (starts[number], number))
    assert all(leak(*pair) for pair in found)
    later = {other for n, other in enumerate(order) if any(leak(one, other) for one in order[:n])}
    assert {other for _, other in found} == later and len(found) == len(later)


def test_a_long_stretch_overlaps_with_what_does_not_follow_it_at_once():
    """The neighbour in between ends before the tested one begins."""
    spans = [(0.0, 10.0), (1.0, 2.0), (5.0, 6.0), (10.0, 11.0), (10.9995, 12.0)]
    assert overlap.across([fold(np.array([0, 0, 2, 2, 0]))], spans, ["r"] * 5) == [(0, 2)]


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
    assert told.startswith("2 clips hold audio of another one") and "0.wav and 4.wav for one" in told


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
    assert "11.wav#0-0.4 and 11.wav#0.3-0.8 for one" in told
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
