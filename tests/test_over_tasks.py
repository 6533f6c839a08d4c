"""Several tasks at once: a line a task, the mean difference with its doubt, and whatever cannot be paired is named."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from scipy import stats

import evaluator as ev
from evaluator.cli import main as evaluator
from evaluator.errors import UsageError
from evaluator.results import on_disk
from evaluator.results.caveats import Caveat
from evaluator.results.over_tasks import mean_of, over_tasks
from evaluator.results.pairing import pair_up
from evaluator.scoring.differences import Difference
from test_compare import of as of_right

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


def of(module, task, share, n=200, seed=0, groups=None, **fields):
    """A result of clips that are of this task alone; the modules' right clips differ by the seed."""
    right = np.random.default_rng([len(task), ord(task[-1]), seed]).random(n) < share
    made = of_right(
        right, groups, module=module, task=task, dataset=task, confusion=None, classes=list("abcd"), **fields
    )
    curve = [dataclasses.replace(made.curve[0], score=made.score)]
    return dataclasses.replace(made, test_clips=[[f"{task}/{n}.wav" for n in range(n)]], curve=curve)


def difference(error, freedom, n_units=12, value=0.1):
    nothing = float("nan")
    return Difference(value, nothing, nothing, nothing, error, freedom, n_units)


def test_variances_of_independent_tasks_add():
    """By hand: the variance of the mean, and degrees of freedom by Welch and Satterthwaite."""
    made = mean_of([[difference(0.03, 11)], [difference(0.04, 5)]], 0.1)
    error = np.sqrt(0.03**2 + 0.04**2) / 2
    freedom = (0.03**2 + 0.04**2) ** 2 / (0.03**4 / 11 + 0.04**4 / 5)
    assert (made.error, made.freedom, made.n_units) == (pytest.approx(error), pytest.approx(freedom), 24)
    assert made.p == pytest.approx(2 * stats.t.sf(0.1 / error, freedom))
    assert made.low == pytest.approx(0.1 - stats.t.ppf(0.975, freedom) * error)


def test_tasks_that_share_clips_add_their_standard_errors():
    """Wider, with the fewer degrees of freedom, and their units counted once."""
    made = mean_of([[difference(0.03, 11), difference(0.04, 5)]], 0.1)
    assert (made.error, made.freedom, made.n_units) == (pytest.approx(0.035), pytest.approx(5), 12)


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_two_runs_of_one_module_the_newest_counts(newest_first):
    """Trained as often, whatever their order and the names of their runs."""
    runs = [of("hear_ssl.a", "x", 0.5, provenance={"session": str(n)}) for n in range(6)]
    other = of("hear_ssl.b", "x", 0.5, seed=9)
    for earlier, later in itertools.pairwise(runs):
        old = dataclasses.replace(earlier, environment={"started": "2026-01-01T00:00:00+00:00"})
        new = dataclasses.replace(later, environment={"started": "2026-02-01T00:00:00+00:00"})
        paired = pair_up([new, old, other] if newest_first else [old, other, new])
        assert [each.run for each in paired.questions[0].results] == [new.run, other.run]


def test_one_task_whose_doubt_is_not_known_leaves_no_interval():
    made = mean_of([[difference(0.03, 11)], [difference(float("nan"), float("nan"), 1)]], 0.1)
    assert np.isnan(made.low) and np.isnan(made.p)


@pytest.mark.parametrize(("n_groups", "n_tasks"), [(4, 3), (6, 4), (20, 2)])
def test_equal_modules_seldom_differ_in_the_mean(n_groups, n_tasks):
    """1,500 times; groups of three tasks vary three times as much in the last task as in the others."""
    random = np.random.default_rng(n_groups)
    alarms = 0
    for _ in range(1500):
        draws = [random.normal(0, 3 if n == n_tasks - 1 else 1, n_groups) for n in range(n_tasks)]
        each = [difference(d.std(ddof=1) / np.sqrt(n_groups), n_groups - 1, n_groups, d.mean()) for d in draws]
        alarms += mean_of([[d] for d in each], float(np.mean([d.value for d in each]))).p < 0.05
    assert alarms / 1500 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1500)


@pytest.mark.parametrize("n_groups", [(2, 50), (3, 12)])
def test_a_task_of_two_or_three_groups_leaves_no_verdict(n_groups):
    """Its few degrees of freedom, mixed with many, gave 6 to 12 % of false alarms."""
    made = mean_of([[difference(0.03, n - 1, n)] for n in n_groups], 0.1)
    assert np.isnan(made.p) and np.isnan(made.low)


@pytest.mark.parametrize("n_groups", [(4, 12), (4, 50), (5, 20)])
def test_tasks_of_unlike_numbers_of_groups_seldom_differ_in_the_mean(n_groups):
    """1,500 times, equal modules, as with equal numbers."""
    random, alarms = np.random.default_rng(sum(n_groups)), 0
    for _ in range(1500):
        draws = [random.normal(0, 1, n) for n in n_groups]
        each = [difference(d.std(ddof=1) / np.sqrt(len(d)), len(d) - 1, len(d), d.mean()) for d in draws]
        alarms += mean_of([[d] for d in each], float(np.mean([d.value for d in each]))).p < 0.05
    assert alarms / 1500 <= 0.06 + 2 * np.sqrt(0.06 * 0.94 / 1500)


def test_a_line_a_task_and_the_mean():
    """The mean of the tasks' differences; p values of tasks are corrected for being two."""
    results = [of(m, t, s, seed=m == "a") for t in ("birds", "bats") for m, s in (("a", 0.8), ("b", 0.6))]
    told = over_tasks(results)
    assert [(each.better, each.task) for each in told.by_task] == [("a", "bats"), ("a", "birds")]
    assert all("corrected for 2 comparisons" in each.sentence for each in told.by_task)
    (mean,) = told.means
    assert mean.difference.value == pytest.approx(np.mean([each.difference.value for each in told.by_task]))
    assert mean.n_better == 2 and mean.p < 0.001 and "better than b in the mean over 2 tasks" in mean.sentence
    assert not mean.sharing and not told.unpaired


def test_the_mean_may_be_nobodys_on_every_task():
    """a wins far on one task and loses on the other."""
    results = [of("a", "birds", 0.9, seed=1), of("b", "birds", 0.5), of("a", "bats", 0.6, seed=1), of("b", "bats", 0.7)]
    (mean,) = over_tasks(results).means
    assert mean.better == "a" and mean.n_better == 1


def test_tasks_of_the_same_clips_are_found_and_named():
    results = [of(m, "birds", s, seed=m == "a") for m, s in (("a", 0.8), ("b", 0.6))]
    again = [dataclasses.replace(each, task="birds again") for each in results]
    other = [of(m, "bats", s, seed=m == "a") for m, s in (("a", 0.8), ("b", 0.6))]
    (mean,) = over_tasks([*results, *again, *other]).means
    assert mean.sharing == [["birds", "birds again"]]
    assert "birds and birds again share clips or groups, so that their standard errors add" in mean.sentence


def test_what_cannot_be_paired_is_named():
    """A task that one module has, and other test clips; one protocol is never put beside another."""
    results = [of(m, t, 0.7, seed=m == "a") for t in ("birds", "bats") for m in "ab"]
    alone = of("a", "frogs", 0.7)
    fewer = of("c", "bats", 0.7, n=100)
    other = dataclasses.replace(of("a", "owls", 0.7), protocol="knn")
    told = over_tasks([*results, alone, fewer, other, of("b", "owls", 0.7)])
    assert len(told.by_task) == 2 and len(told.unpaired) == 4
    assert "a on frogs (arch, clean): no other result of this task, protocol and profile" in told.unpaired
    assert any(each.startswith("c on bats") and "not tested on the same clips" in each for each in told.unpaired)
    assert any(each.startswith("a on owls (knn") for each in told.unpaired)
    with pytest.raises(UsageError, match="no two results of one task, protocol and profile: a on frogs"):
        over_tasks([alone, other])


def test_several_protocols_of_one_task_are_paired_each_by_itself(tmp_path, capsys):
    """Also where their metrics differ; p is corrected over all pairs, and what one protocol has alone is named."""
    results = [
        dataclasses.replace(of(m, "birds", s, seed=n), protocol=protocol)
        for protocol in ("knn", "logistic")
        for n, (m, s) in enumerate((("a", 0.9), ("b", 0.5)))
    ]
    results[2:] = [dataclasses.replace(each, metric="uar") for each in results[2:]]
    told = over_tasks([*results, dataclasses.replace(results[0], protocol="retrieval", metric="map")])
    assert [(each.better, each.worse, each.protocol) for each in told.by_task] == [
        ("a", "b", "knn"),
        ("a", "b", "logistic"),
    ]
    assert all("corrected for 2 comparisons" in each.sentence for each in told.by_task) and not told.means
    assert told.unpaired == ["a on birds (retrieval, clean): no other result of this task, protocol and profile"]
    with pytest.raises(UsageError, match=r"no two results of one task, protocol and profile: a on birds \(knn"):
        over_tasks([results[0], results[2]])
    for each in results:
        on_disk.write(each, tmp_path)
    assert evaluator(["compare", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "birds (knn, clean)" in out and "birds (logistic, clean)" in out


def test_protocols_are_compared_where_no_module_is_there_twice():
    """Or where one module is all that there is."""
    one, other, again = (
        dataclasses.replace(of(m, "birds", s, seed=n), protocol=protocol)
        for n, (m, s, protocol) in enumerate((("a", 0.9, "knn"), ("b", 0.5, "logistic"), ("a", 0.5, "logistic")))
    )
    (told,) = over_tasks([one, other]).by_task
    assert told.better == "a (knn)" and told.protocol == "knn and logistic"
    assert [each.better for each in over_tasks([one, again]).by_task] == ["a (knn)"]
    told = over_tasks([one, other, again])
    assert {told.by_task[0].better, told.by_task[0].worse} == {"a", "b"} and len(told.unpaired) == 1


def test_of_several_runs_the_one_trained_most_counts():
    """Never the one with the better score."""
    one, other = of("a", "birds", 0.5, seed=1), of("a", "birds", 0.9, seed=2)
    twice = dataclasses.replace(one, test_probabilities=[np.repeat(one.test_probabilities[0], 2, axis=0)])
    rest = [of("b", "birds", 0.7), of("a", "bats", 0.7), of("b", "bats", 0.7, seed=3)]
    newer = dataclasses.replace(other, provenance={"seed": 5})
    told = over_tasks([twice, newer, *rest])
    (birds,) = [each for each in told.by_task if each.task == "birds"]
    assert birds.better == "b" and "one of several runs" in told.unpaired[0]


def test_a_caveat_on_one_task_withholds_the_verdict_of_the_mean():
    heard = [Caveat("pre_trained_on_data", "knows 200 clips")]
    results = [of(m, t, s, seed=m == "a") for t in ("birds", "bats") for m, s in (("a", 0.9), ("b", 0.4))]
    results[2] = dataclasses.replace(results[2], caveats=heard)
    (mean,) = over_tasks(results).means
    assert np.isnan(mean.p) and mean.withheld == "bats: a: knows 200 clips"
    assert (
        mean.sentence.startswith("a† is ")
        and "no verdict, since such a comparison says nothing: bats: a: knows" in mean.sentence
    )


def test_a_caveat_stands_once_below_all_tables(tmp_path, capsys):
    """Of the tasks and of the means; so does what a column means."""
    heard = [Caveat("pre_trained_on_data", "knows 200 clips")]
    for n, (m, s) in enumerate((("a", 0.62), ("b", 0.6), ("hear_ssl.chance", 0.58))):
        for t in ("birds", "bats"):
            result = of(m, t, s, seed=n)
            on_disk.write(dataclasses.replace(result, caveats=heard) if (m, t) == ("b", "bats") else result, tmp_path)
    assert evaluator(["compare", str(tmp_path), "--baselines"]) == 0
    out = capsys.readouterr().out
    assert out.count("Means over tasks") == 2 and out.count("b†") > 2
    last_table = out.rindex("Means over tasks")
    for said in ("† caveat: b: knows 200 clips", "note: found from: "):
        assert out.count(said) == 1 and out.index(said) > last_table


def test_folders_go_through_the_commands(tmp_path, capsys):
    """`compare A B` and `fuse A B`: pairs across folders, JSON a line each; a fusion is not fused with what it is made of."""
    for m, s in (("a", 0.8), ("b", 0.6)):
        for t in ("birds", "bats"):
            on_disk.write(of(m, t, s, seed=m == "a"), tmp_path / m)
    on_disk.write(of("a", "frogs", 0.5), tmp_path / "a")
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert evaluator(["compare", *folders]) == 0
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()]
    assert [row[:3] for row in rows if row[:1] in (["bats"], ["birds"])] == [["bats", "a", "b"], ["birds", "a", "b"]]
    assert "2 of 2 tasks (bats, birds)" in out and "p corrected for 2 comparisons" in out
    assert "not compared: a on frogs" in err
    assert evaluator(["compare", *folders, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["tasks"] == ["bats", "birds"]
    for _ in range(2):
        assert evaluator(["fuse", *folders, str(tmp_path / "a"), "--out", str(tmp_path / "a")]) == 0
        out, err = capsys.readouterr()
        assert out.count("written: ") == 2 and out.count("fusion of a and b  ") == 2
    assert "not fused: fusion of a and b on bats: a fusion of results that are given themselves" in err
    assert len(ev.fuse_by_task(folders)[0]) == 2


def test_baselines_cost_modules_no_power(tmp_path, capsys):
    """Left out and named; on request a family of their own, without pairs of two baselines; alone they are compared all the same."""
    shares = {"a": 0.8, "b": 0.6, "hear_ssl.chance": 0.2, "untrained:a": 0.5}
    results = [of(name, "birds", share, seed=n) for n, (name, share) in enumerate(shares.items())]
    told = over_tasks(results)
    assert [(each.better, each.worse) for each in told.by_task] == [("a", "b")]
    assert told.unpaired == ["baselines: hear_ssl.chance, untrained:a; ask for them with --baselines"]
    (alone,) = over_tasks(results[:2]).by_task
    asked = over_tasks(results, baselines=True).by_task
    assert asked[0].p == told.by_task[0].p == alone.p and not asked[0].with_baseline
    assert len(asked) == 5 and all(
        each.with_baseline and "corrected for 4 comparisons" in each.sentence for each in asked[1:]
    )
    assert [(each.better, each.worse) for each in over_tasks(results[1:3]).by_task] == [("b", "hear_ssl.chance")]
    assert [each.with_baseline for each in over_tasks(results[2:]).by_task] == [False]
    for each in results:
        on_disk.write(each, tmp_path)
    assert evaluator(["compare", str(tmp_path), "--baselines"]) == 0
    assert "Comparisons with baselines on birds, p corrected for 4 comparisons (Holm):" in capsys.readouterr().out


def test_a_damaged_file_stops_no_comparison(tmp_path, capsys):
    """It is named; where nothing is left to compare, it is the error."""
    for module, share in (("a", 0.8), ("b", 0.6)):
        on_disk.write(of(module, "birds", share, seed=module == "a"), tmp_path)
    (tmp_path / "half.json").write_text('{"schema_version": 6, "modu')
    assert evaluator(["compare", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "significant" in out and "not compared" in err and "half.json" in err
    assert evaluator(["compare", str(tmp_path / "half.json"), str(tmp_path / "a")]) == 1
    assert "half.json: not a result, or half of one" in capsys.readouterr().err
