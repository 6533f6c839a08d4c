"""What a page says of a board in words is true of that board, and of all its results."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from evaluator.report import text
from evaluator.report.ranking import board
from evaluator.results.caveats import Caveat
from evaluator.results.result import CurvePoint, FoldResult
from test_board import hits, of


def facts(*results):
    """The facts of the board of these results by their word, and its caption."""
    made = board(results, [Path(f"{number}.json") for number in range(len(results))])
    return dict(text.facts(made, results)), text.caption(made)


def trained(made, n_times):
    """The result with each answer several times."""
    return dataclasses.replace(
        made, test_probabilities=[np.repeat(fold, n_times, 0) for fold in made.test_probabilities]
    )


def shots(name, n_right):
    """A result of 5 shots of each class, drawn 50 times from 256 clips."""
    points = [
        CurvePoint("any name", 0.5, 0.4, 0.6, None, 0.01, n_shots=n, head=head)
        for n in (1, 5)
        for head in ("centroid", "logistic")
    ]
    folds = [FoldResult("test", 0.5, 256, 0, 200, 0, None, point=2)]
    made = dataclasses.replace(of(hits(n_right), module=name), curve=points, folds=folds)
    return trained(made, 50)


def test_few_shots_are_described_as_drawn():
    """What trained one probe is 5 clips of each class out of 256, 50 times; the interval counts all 50 trainings."""
    words, _ = facts(shots("a", 100), shots("b", 150))
    assert words["Test"] == ("One split: 5 clips of each class, drawn 50 times from 256, train the probe, 200 test it.")
    assert "over the 50 trainings of each probe." in words["Interval"]


def test_trainings_are_those_of_all():
    """Three of one module, one of the other, whichever is best; all sizes of folds of all."""
    folds = [FoldResult("test", 0.5, 99, 0, 200, 0, None)]
    for n_right in (60, 140):
        other = dataclasses.replace(of(hits(n_right), module="b"), folds=folds)
        words, _ = facts(trained(of(hits(100), module="a"), 3), other)
        assert (
            "over the 1 to 3 trainings of each probe; where a probe was trained once, over clips alone"
            in words["Interval"]
        )
        assert words["Test"].startswith("One split: 4 to 99 clips train the probe")
    assert "trainings" not in facts(of(hits(100)))[0]["Interval"]


def test_the_test_behind_the_ranks_is_given():
    """With the number of units and of pairs; a single module has no ranks."""
    words, _ = facts(*(of(hits(n), module=f"m{n}") for n in (50, 90, 130)))
    assert "corrected for 3 pairs (Holm)" in words["Ranks"] and "over 200 test clips" in words["Ranks"]
    assert "Ranks" not in facts(of(hits(50)))[0]


def test_a_caption_explains_a_rank_that_is_there():
    """A range of the board itself; none where there is none; no order of one."""
    tied = [of(hits(n), module=f"m{n}") for n in (60, 120, 122, 124)]
    assert facts(*tied)[1] == (
        "accuracy (%), best first. Rank 1–3: no module is significantly better, and this one may stand anywhere down to "
        "rank 3."
    )
    assert facts(*tied[:2])[1] == "accuracy (%), best first. No two modules tie."
    assert facts(tied[0])[1] == "accuracy (%)."
    last = facts(of(hits(180), module="best"), of(hits(60), module="a"), of(hits(61), module="b"))[1]
    assert "Rank 2–3: one module is significantly better, and this one may stand anywhere down to rank 3." in last


def test_chance_is_the_best_constant_answer():
    """The most frequent class for accuracies; the mean share of labels for mean average precision, as scikit-learn's."""
    words, _ = facts(of(hits(50)))  # all clips are of the first class
    assert "Chance: 100.0 %" in words["Score"]
    random = np.random.default_rng(1)
    targets = (random.random((200, 4)) < (0.1, 0.2, 0.3, 0.4)).astype(np.float32)
    many = dataclasses.replace(of(hits(50), metric="map"), test_targets=[targets])
    expected = np.mean([average_precision_score(column, np.ones(200)) for column in targets.T])
    assert (
        text.chance(many)
        == f" Chance: {100 * expected:.1f} %, for the best prediction that is the same for every clip."
    )
    assert text.chance(dataclasses.replace(many, metric="event_onset_50ms_fms")) == ""


@pytest.mark.parametrize(("name", "wanted"), [("esc10", "esc10: ESC-10"), ("mine", "mine: 9 clips, 4 classes.")])
def test_the_data_is_described(name, wanted):
    """Title, licence and citation of a dataset that is known here; of the user's own its size."""
    words, _ = facts(of(hits(50), dataset=name))
    assert words["Data"].startswith(wanted) and ("Licence: " in words["Data"]) == (name == "esc10")


def test_a_task_of_the_users_own_is_no_known_dataset():
    """Although its folder is called as one is."""
    own = of(hits(50), dataset="esc10", environment={"asked_task": "/home/me/esc10"})
    assert facts(own)[0]["Data"] == "esc10: 9 clips, 4 classes."


def test_an_interval_is_over_what_the_result_says():
    """Clips or groups, by the result's own field, whatever the groups of its clips are called."""
    words, _ = facts(of(hits(50)))
    assert words["Interval"] == "95 %, over test clips, each left out of the score in turn (jackknife)."
    words, _ = facts(of(hits(50), ci_low=float("nan"), ci_high=float("nan")))
    assert words["Interval"].startswith("None: fewer than four groups")
    words, _ = facts(of(hits(50), interval_over="groups", n_units=7))
    assert words["Interval"] == (
        "95 %, over 7 groups of test clips (individuals, recordings), each left out of the score in turn (jackknife)."
    )


def test_caveats_are_apart_from_notes_and_said_once():
    """Of all modules without names, of some with them; a note is kept whatever it begins with."""
    heard, few = Caveat("pre_trained_on_data", "pre-trained on this data"), Caveat("few_groups", "3 groups only")
    results = [
        of(hits(50), caveats=[heard, few], notes=["the interval draws near"]),
        of(hits(60), caveats=[few], notes=["the interval draws near"]),
    ]
    assert text.caveats(["a", "b"], results) == ["a: pre-trained on this data.", "3 groups only."]
    assert text.notes(["a", "b"], results) == ["The interval draws near."]


def test_one_is_no_plural():
    """One clip trains, one validates and one tests; ranges and more have their plural."""
    folds = [FoldResult("test", 0.5, 1, 1, 1, 0, None)]
    words, _ = facts(dataclasses.replace(of(hits(50)), folds=folds, n_clips=1))
    assert words["Test"] == "One split: 1 clip trains the probe, 1 validates it, 1 tests it."
    assert " 1 clip, 4 classes." in words["Data"]
    assert text.count_of(2000, "clip") == "2,000 clips"


def test_an_origin_that_the_first_result_lacks_is_left_out():
    """A fusion has no variant of its dataset; a page that begins with it stands."""
    fused = dataclasses.replace(of(hits(100), module="a"), provenance={})
    plain = dataclasses.replace(of(hits(100), module="b"), provenance={"dataset_variant": ""})
    shared, names, values = text.origins([fused, plain])
    assert all(value for _, value in shared) and len(values) == 2
    assert {len(row) for row in values} == {len(names)}
