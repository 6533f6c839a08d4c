"""Ranks admit ties exactly where paired tests do; an overview says what is missing; hostile or broken results stop nothing."""

import dataclasses
import itertools
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from evaluator import tables
from evaluator.errors import EvaluationError, UsageError
from evaluator.report import board_tables, collect, overview, ranking
from evaluator.results import compare, on_disk
from evaluator.results.caveats import Caveat
from evaluator.results.result import CurvePoint
from test_compare import of as of_two_classes


def of(right, groups=None, **fields):
    """A result of one fold and four classes, recognised where `right` says so."""
    return of_two_classes(right, groups, **{"classes": list("abcd"), "confusion": None, **fields})


def hits(n_right, n=200, first=0):
    """Which of n clips are recognised: n_right of them, from the first on."""
    return (np.arange(n) - first) % n < n_right


def board_of(*results):
    """The board of results in memory."""
    return ranking.board(results, [Path(f"{number}.json") for number in range(len(results))])


def ranked(board):
    """Title -> first and last rank."""
    return {entry.title: (entry.rank, entry.last_rank) for entry in board.entries}


def test_ranks_by_hand():
    """a is far above all; b and c, 2 clips of 200 apart, tie; d is far below. 1 + significantly better, n - significantly worse."""
    board = board_of(*(of(hits(n), module=name) for name, n in (("c", 118), ("d", 60), ("b", 120), ("a", 180))))
    assert [entry.title for entry in board.entries] == ["a", "b", "c", "d"]
    assert ranked(board) == {"a": (1, 1), "b": (2, 3), "c": (2, 3), "d": (4, 4)}
    assert board.significantly_better == [
        [False, True, True, True],
        [False, False, False, True],
        [False, False, False, True],
        [False, False, False, False],
    ]
    assert (board.n_clips, board.n_folds, board.over_groups) == (200, 1, False)


def test_baselines_take_no_rank_and_cost_none():
    """Six groups tell two modules apart, not three: a baseline beside them changes neither their ranks nor their mean ranks."""
    groups = [f"bird {n % 6}" for n in range(120)]
    good, poor = of(hits(110, 120), groups, module="good"), of(hits(40, 120), groups, module="poor")
    chance = of(hits(30, 120), groups, module="hear_ssl.chance")
    board = board_of(good, poor, chance)
    expected = {"good": (1, 1), "poor": (2, 2)}
    assert ranked(board_of(good, poor)) == expected
    assert ranked(board) == {**expected, "hear_ssl.chance": (None, None)}
    assert [entry.baseline for entry in board.entries] == [False, False, True]
    over_clips = board_of(of(hits(110, 120)), of(hits(30, 120), module="hear_ssl.chance"))
    assert over_clips.significantly_better == [[False, True], [False, False]]  # which is told all the same
    rows = {row.title: row for row in overview.overview([board]).rows}
    assert (rows["good"].mean_rank, rows["poor"].mean_rank, rows["hear_ssl.chance"].mean_rank) == (1, 2, None)
    alone = board_of(of(hits(60), module="hear_ssl.majority"), of(hits(50), module="hear_ssl.chance"))
    assert all(entry.rank for entry in alone.entries)  # where there is nothing but baselines, they are ranked


def test_being_tied_is_not_passed_on():
    """a ties with b and b with c, while a is significantly better than c: ranks 1 to 2, 1 to 3, 2 to 3."""
    board = board_of(*(of(hits(n), module=name) for name, n in (("a", 108), ("b", 104), ("c", 100))))
    assert ranked(board) == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_decides_as_compare_does(seed):
    """Four modules of random answers, in random order: significantly better where compare's corrected p is below 0.05."""
    random = np.random.default_rng(seed)
    easy = random.random(150)
    results = [of(easy + random.normal(0, 0.2, 150) < share, module=f"m{share}") for share in (0.5, 0.58, 0.62, 0.8)]
    random.shuffle(results)
    board = board_of(*results)
    names = [entry.title for entry in board.entries]
    better = {
        (names[row], names[column])
        for row, column in itertools.product(range(4), repeat=2)
        if board.significantly_better[row][column]
    }
    assert better == {(each.better, each.worse) for each in compare.compare(results) if each.p < 0.05}
    assert 0 < len(better) < 6


def test_groups_are_drawn():
    """30 calls of each of 12 animals: two of them say nothing sure, although 60 single clips would."""
    animals = [f"animal {n // 30}" for n in range(360)]
    one, other = hits(180, 360), hits(240, 360)
    assert ranked(board_of(of(one, animals, module="a"), of(other, animals, module="b"))) == {"b": (1, 2), "a": (1, 2)}
    assert ranked(board_of(of(one, module="a"), of(other, module="b"))) == {"b": (1, 1), "a": (2, 2)}


def test_the_lowest_error_is_best():
    """An error rate: order, ranks and who is significantly better turn round."""
    random = np.random.default_rng(0)
    n_events = random.integers(5, 30, size=(60, 1)).astype(np.float32)

    def erring(name, share):
        counts = np.round(n_events * share)[None]
        return dataclasses.replace(
            of(np.ones(60, bool), module=name, metric="segment_1s_er"),
            score=float(counts.sum() / n_events.sum()),
            test_targets=[n_events],
            test_probabilities=[counts],
        )

    board = board_of(erring("bad", 0.9), erring("good", 0.3))
    assert ranked(board) == {"good": (1, 1), "bad": (2, 2)} and board.significantly_better == [
        [False, True],
        [False, False],
    ]
    assert board_tables.leaderboard(board, "md")[1][0][:3] == ["1", "good", f"{board.entries[0].result.score:.3f}"]


def test_one_result_alone_has_no_rank_nor_has_one_without_a_score():
    """Nothing to compare; and a fold without a score, which is neither better nor worse than any."""
    assert ranked(board_of(of(hits(5)))) == {"my/odd module.py": (None, None)}
    nothing = dataclasses.replace(
        of(np.ones(20, bool), module="none", metric="event_onset_50ms_fms"),
        score=float("nan"),
        test_targets=[np.zeros((20, 1), np.float32)],
        test_probabilities=[np.zeros((1, 20, 2), np.float32)],
    )
    board = board_of(nothing)
    assert ranked(board) == {"none": (None, None)} and board_tables.ranks(board.entries[0]) == "–"


def test_more_than_ten_can_still_be_told_apart():
    """66 pairs at 1 in 1001 draws would all be chance: a normal tail tells how far beyond the draws a difference lies."""
    board = board_of(*(of(hits(40 + 13 * n), module=f"m{n:02}") for n in range(12)))
    assert ranked(board)["m11"] == (1, 1) or board.significantly_better[0][-1]
    assert sum(map(sum, board.significantly_better)) > 50
    assert all(board.significantly_better[row][column] for row in range(12) for column in range(row + 2, 12))


def test_a_tail_of_hundreds_of_modules_is_mcnemars():
    """p of a difference far out, beside the exact test of the discordant pairs: within a factor of four."""
    for only_one, only_other in ((16, 0), (30, 5), (40, 4)):
        right = np.zeros((2, 200), bool)
        right[0, :only_one], right[1, 100 : 100 + only_other] = True, True
        results = [of(each, module=name) for each, name in zip(right, "ab", strict=True)]
        (comparison,) = compare.compare(results)
        assert comparison.mcnemar is not None
        assert comparison.mcnemar / 4 < comparison.difference.p < 4 * comparison.mcnemar


def test_equal_modules_tie():
    """Over 40 boards of 12 equally good modules, at most 4 call any two different."""
    random = np.random.default_rng(5)
    alarms = 0
    for number in range(40):
        hard = random.random(100)
        results = [of(random.random(100) > hard, module=f"m{n}") for n in range(12)]
        alarms += any(map(any, board_of(*results).significantly_better))
    assert alarms <= 4


def test_two_runs_of_a_variant_are_told_apart():
    """Options in the title; other seeds by the run; the very same run twice is refused."""
    one, other = of(hits(90), module="a", options={"layer": 1}), of(hits(99), module="a", options={"layer": 2})
    assert set(ranked(board_of(one, other))) == {"a (layer=1)", "a (layer=2)"}
    again = dataclasses.replace(one, provenance={"seed": 9})
    assert all(title.startswith("a [run ") for title in ranked(board_of(one, again)))
    with pytest.raises(UsageError, match="one of them twice"):
        board_of(one, one)
    with pytest.raises(UsageError, match="b and a were not tested on the same clips|a and b were not tested"):
        board_of(of(hits(5, 20), module="a"), of(hits(5, 19), module="b"))


def written(folder, *results):
    """Results on disk, collected."""
    for each in results:
        on_disk.write(each, folder)
    return collect.collect([folder])


def test_other_clips_make_another_board(tmp_path):
    """The larger first; each says where they part. Broken results are told, and the rest goes on."""
    collection = written(
        tmp_path,
        *(of(hits(n), module=name) for name, n in (("a", 90), ("b", 150))),
        of(hits(90, 199), module="c"),
    )
    spoilt = on_disk.write(of(hits(3), module="spoilt"), tmp_path)
    spoilt.with_suffix(".npz").write_bytes(b"PK")
    unfit = on_disk.write(dataclasses.replace(of(hits(3), module="unfit"), test_groups=[["", ""]]), tmp_path)
    first, second = ranking.boards(collect.collect([tmp_path]).comparable[0])
    assert set(ranked(first)) == {"a", "b"} and set(ranked(second)) == {"c"}
    for each in (first, second):
        assert (
            "On a board of its own: c; a and c were not tested on the same clips in fold test, 199.wav" in each.notes[0]
        )
    assert [problem.split(":")[0] for problem in first.problems] == [str(spoilt), str(unfit)] and not second.problems
    assert (
        "is damaged or of another run" in first.problems[0]
        and "fold test has 200 test clips, and other numbers" in first.problems[1]
    )
    seen = overview.overview([first, second])
    assert seen.columns[1] == "demo/calls (arch, clean), clips 2" and not seen.shared
    assert f"a on {seen.columns[1]} was tested on other clips (demo/calls (arch, clean), clips 1)" in seen.missing
    assert len(collection.comparable) == 1


def test_a_board_whose_results_are_all_broken_stays(tmp_path):
    """Without entries, with a sentence for each."""
    collection = written(tmp_path, of(hits(3), module="a"))
    collection.comparable[0].headers[0].path.with_suffix(".npz").write_bytes(b"")
    (board,) = ranking.boards(collection.comparable[0])
    assert not board.entries and len(board.problems) == 1
    assert overview.overview([board]).rows == []
    for kind in tables.KINDS.values():
        assert tables.as_text(*board_tables.leaderboard(board, kind), kind)


def test_what_a_reader_should_know_is_noted():
    """Other training data, and single trainings."""
    trained = {"seeded": True, "manifest_sha256": "1"}
    results = [of(hits(n), module=name, provenance=trained) for name, n in (("a", 90), ("b", 95))]
    results.append(of(hits(99), module="c", provenance={**trained, "manifest_sha256": "2"}))
    notes = board_of(*results).notes
    assert "The data as a whole, training clips included, is not the same for all: another one for c" in notes
    assert any("Trained once, which hides its luck" in note and note.endswith("a, b, c") for note in notes)
    with pytest.raises(EvaluationError, match="fold test does not fit together"):
        board_of(dataclasses.replace(results[0], classes=["one"]))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"score": 0.99}, "its accuracy is 0.99, but 0.45 by its predictions"),
        ({"score": 0.4507}, "its accuracy is 0.4507, but 0.45 by its predictions"),
        ({"score": float("nan")}, "its accuracy is none, but 0.45 by its predictions"),
        ({"score": 1e308}, "its accuracy is 1e+308, but 0.45 by its predictions"),
        ({"ci_high": 1.5}, "its interval, 0.4 to 1.5, cannot be of accuracy"),
        ({"ci_low": 0.7}, "its interval, 0.7 to 0.6, cannot be of accuracy"),
        (
            {"curve": [CurvePoint("layer 1", 1e308, 0.4, 0.6, None, None)]},
            "its curve has 1e+308 at 'layer 1', no accuracy",
        ),
        ({"std": -1.0}, "its std is -1, which cannot be"),
    ],
)
def test_a_number_that_its_predictions_do_not_give_is_refused(tmp_path, changes, sentence):
    """With both numbers; the others are ranked without it, and compare refuses it as well."""
    good = of(hits(100), module="good")
    edited = dataclasses.replace(of(hits(90), module="edited"), **changes)
    (board,) = ranking.boards(written(tmp_path, good, edited).comparable[0])
    assert [entry.title for entry in board.entries] == ["good"]
    assert len(board.problems) == 1 and "edited/" in board.problems[0] and sentence in board.problems[0]
    with pytest.raises(EvaluationError, match=re.escape(sentence)):
        compare.compare([good, edited])


def test_half_a_digit_is_rounding():
    """A score that is 0.0004 from that of its predictions is taken as it is."""
    assert board_of(dataclasses.replace(of(hits(90)), score=0.4504)).entries


def test_how_often_probes_were_trained_is_counted_by_their_answers():
    """Three draws of few shots of one seed are three trainings: their luck is counted, and nothing else is said."""
    results = [of(hits(n), module=name, provenance={"seeded": True}) for name, n in (("a", 90), ("b", 95))]
    assert any("Trained once" in note for note in board_of(*results).notes)
    assert "no verdict, since a probe was trained once" in compare.compare(results)[0].sentence
    twice, three = (
        [
            dataclasses.replace(each, test_probabilities=[fold.repeat(n, axis=0) for fold in each.test_probabilities])
            for each in results
        ]
        for n in (2, 3)
    )
    assert any("Trained less than 3 times" in note for note in board_of(*twice).notes)
    assert "trained less than 3 times" in compare.compare(twice)[0].sentence
    assert [entry.n_times for entry in board_of(*three).entries] == [3, 3]
    assert not any("Trained less than" in note for note in board_of(*three).notes)
    assert "trained less than" not in compare.compare(three)[0].sentence


def test_a_caveat_stays_with_its_score_in_every_table(tmp_path):
    """A dagger where it is read, with the sentence on the leaderboard; its kind in CSV; nothing beside the others."""
    collection = written(
        tmp_path,
        of(hits(150), module="a", caveats=[Caveat("silent_clips", "2 silent"), Caveat("few_groups", "3 groups")]),
        of(hits(90), module="b"),
    )
    (board,) = ranking.boards(collection.comparable[0])
    head, rows = board_tables.leaderboard(board, "md")
    assert [row[2] for row in rows] == ["75.0†", "45.0"]
    assert head[-1] == "† caveats" and [row[-1] for row in rows] == ["2 silent; 3 groups", ""]
    assert [row[-1] for row in board_tables.matrix(overview.overview([board]), "tex")[1]] == ["75.0† (1)", "45.0 (2)"]
    for head, rows in (
        board_tables.leaderboard(board, "csv"),
        board_tables.matrix(overview.overview([board]), "csv"),
    ):
        assert [row[head.index("mark")] for row in rows] == ["†", ""]
        assert [row[head.index("caveats")] for row in rows] == ["silent_clips; few_groups", ""]


def test_a_fold_whose_score_is_of_no_point_of_the_curve_is_refused():
    """With both numbers: an edited file."""
    edited = of(hits(90))
    with pytest.raises(EvaluationError, match="fold test is scored at point 3 of a curve of 1"):
        board_of(dataclasses.replace(edited, folds=[dataclasses.replace(edited.folds[0], point=3)]))


def test_few_groups_cannot_rank_many():
    """Six sites and three modules: all tie, and the board says that this tells nothing; two can be told apart."""
    sites = np.repeat([f"site {n}" for n in range(6)], 20)
    three = [of(hits(n, 120), sites, module=name) for name, n in (("a", 119), ("b", 60), ("c", 1))]
    board = board_of(*three)
    assert not any(map(any, board.significantly_better))
    assert "6 groups cannot rank 3 modules: a tie here says nothing" in board.notes
    assert (board.over_groups, board.n_units) == (True, 6)
    assert not any("cannot rank" in note for note in board_of(*three[:2]).notes)


def test_a_pooled_score_and_a_mean_of_folds_stand_on_two_boards(tmp_path):
    """As results of an earlier version and new ones do; with the reason."""
    folds = [dataclasses.replace(of(hits(9)).folds[0], name=name) for name in "12"]

    def of_two_folds(**fields):
        one = dataclasses.replace(of(hits(100)), folds=folds)
        twice = {name: 2 * getattr(one, name) for name in ("test_groups", "test_seconds", "test_targets")}
        twice["test_clips"] = [[f"{fold} {clip}" for clip in one.test_clips[0]] for fold in "12"]
        return dataclasses.replace(one, **twice, test_probabilities=2 * one.test_probabilities, **fields)

    results = [of_two_folds(module="new"), of_two_folds(module="old", over_folds="mean")]
    first, second = ranking.boards(written(tmp_path, *results).comparable[0])
    assert len(first.entries) == len(second.entries) == 1
    assert "the mean of folds; run again what is older" in f"{first.notes}{second.notes}"


def test_an_overview_counts_and_says_what_is_missing(tmp_path):
    """Mean ranks over the boards that all share, by hand; a command for each empty cell, quoted for a shell."""
    collection = written(
        tmp_path,
        *(of(hits(n), module=name, task=task) for task in ("x/one", "x/two") for name, n in (("a", 150), ("b b", 90))),
        of(hits(9), module="a", task="x/three", environment={"data": "/some data"}),
        of(
            hits(9),
            module="a",
            task="x/three",
            environment={"data": "/some data"},
            provenance={"seed": 1},
            seeds=[1, 2],
        ),
    )
    seen = overview.overview([board for each in collection.comparable for board in ranking.boards(each)])
    assert seen.columns == [f"x/{name} (arch, clean)" for name in ("one", "three", "two")] and seen.shared == [0, 2]
    assert [(row.title, row.n_present, row.mean_rank) for row in seen.rows] == [("a", 3, 1.0), ("b b", 2, 2.0)]
    assert seen.rows[1].means == {"accuracy (arch, clean)": pytest.approx(0.45)}
    command = (
        "hear-eval run 'b b' --task x/three --protocol arch --option layer=3 --seed 1 --seeds 2 --data '/some data'"
    )
    command += f" --out {shlex.quote(str(tmp_path))}"
    assert seen.missing == [f"b b on x/three (arch, clean) has no result: run `{command}`"]
    assert (
        "Mean ranks are over the 2 of 3 leaderboards" in seen.notes[-1]
        and "b b, for one, is on 2 of 3" in seen.notes[-1]
    )
    assert "a has several runs on x/three (arch, clean); the one with most trainings is shown" in seen.notes
    assert len(seen.rows[0].entries[1].result.seeds) == 2
    assert board_tables.matrix(seen, "md")[1] == [
        ["a", "1.0", "3/3", "75.0 (1)", "4.5 (1–2)", "75.0 (1)"],
        ["b b", "2.0", "2/3", "45.0 (2)", "missing", "45.0 (2)"],
    ]
    head, rows = board_tables.matrix(seen, "csv")
    assert len(rows) == 6 and all(len(row) == len(head) for row in rows)
    assert dict(zip(head, rows[4], strict=True)) | {"score": None, "rank": None} == dict(
        zip(head, rows[4], strict=True)
    )


def test_a_task_counts_once_in_a_mean_rank():
    """a is first on one task under two profiles and second on another: 1.5, not 4 / 3; and it is said."""
    scores = (("x/one", "clean", 150, 90), ("x/one", "published", 150, 90), ("x/two", "clean", 90, 150))
    several = [
        board_of(*(of(hits(n), module=name, task=task, profile=profile) for name, n in (("a", one), ("b", two))))
        for task, profile, one, two in scores
    ]
    seen = overview.overview(several)
    assert [(row.title, row.n_present, row.mean_rank) for row in seen.rows] == [("a", 3, 1.5), ("b", 3, 1.5)]
    assert "each task counts once" in seen.notes[0]
    assert not overview.overview(several[::2]).notes


def test_one_module_is_not_ranked_and_not_missed():
    """An overview of a single module: no rank, no mean rank, no sentence about either."""
    seen = overview.overview([board_of(of(hits(90), module="a")), board_of(of(hits(60), module="a", task="x/y"))])
    assert seen.rows[0].mean_rank is None and not seen.notes and not seen.missing
    assert board_tables.matrix(seen, "md")[1] == [["a", None, "2/2", "45.0", "30.0"]]


def test_means_need_a_shared_board():
    """No board has all modules: no mean ranks, and why."""
    one, two = board_of(of(hits(9), module="a")), board_of(of(hits(9), module="b", task="x/y"))
    seen = overview.overview([one, two])
    assert [row.mean_rank for row in seen.rows] == [None, None] and not seen.rows[0].means
    assert seen.notes == [
        "No mean ranks: there is no leaderboard on which every module has a rank; a, for one, is on 1 of 2"
    ]


def test_hostile_names_pass_through():
    """Modules and tasks with markup, quotes and line breaks stand in every kind of table."""
    name = "<script>|\n'`rm -rf`$(x) \\ =1"
    board = board_of(of(hits(9), module=name, task="../|<b>"), of(hits(60), module="=1+1", task="../|<b>"))
    seen = overview.overview([board, board_of(of(hits(9), module="c"))])
    for kind in tables.KINDS.values():
        for table in (board_tables.leaderboard(board, kind), board_tables.matrix(seen, kind)):
            assert "script" in tables.as_text(*table, kind)
    assert any("'<script>|\n'\"'\"'`rm" in sentence for sentence in seen.missing)  # quoted for a shell
