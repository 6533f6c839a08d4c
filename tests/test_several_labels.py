"""What docs/protocols.md says of clips with several labels, and of events: which protocol takes them, and with which words others refuse."""

import re
from pathlib import Path

import numpy as np
import pytest

import evaluator as ev
from evaluator.experiment import setup
from evaluator.probes import protocol
from evaluator.scoring.metrics import METRICS
from miniature import sound

PAGE = Path(__file__).parents[1] / "docs" / "protocols.md"
TAKE = ("retrieval", "clustering", "mteb8shot")
REFUSE = {
    "vocsim": "the separation of classes is for tasks with one label a clip, .* take the protocol retrieval",
    "fewshot": "tasks with one label a clip where one of their heads is centroid, .* take the protocol mteb8shot, logistic or arch",
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Clips of which each label has its own length or loudness; some have several labels, some none."""
    root = tmp_path_factory.mktemp("several")
    random, rows = np.random.default_rng(0), ["path,labels"]
    for number in range(70):
        own = [label for label in "abc" if random.random() < 0.45]
        sound(root / f"{number}.wav", 0.05 + 0.1 * ("a" in own) + 0.2 * ("b" in own), seed=number)
        rows.append(f"{number}.wav,{';'.join(own)}")
    (root / "several.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root / "several.csv"


@pytest.mark.parametrize("name", TAKE)
def test_it_takes_several_labels(name, table, tmp_path):
    """A score in the metric's range, the better for what the features tell."""
    (result,) = ev.run("hear_ssl.duration_loudness", str(table), protocol=name, out=None, cache=tmp_path)
    metric = METRICS[result.metric]
    assert result.metric == (*protocol.load(name).probe.measures, "map")[0]
    assert metric.low < result.score <= metric.high
    assert result.score > {"retrieval": 0.6, "clustering": 0.2, "mteb8shot": 0.6}[name]


@pytest.mark.parametrize("name", REFUSE)
def test_it_refuses_several_labels(name, table, tmp_path):
    """With the protocols that do."""
    with pytest.raises(ev.UsageError, match=REFUSE[name]):
        ev.run("hear_ssl.duration_loudness", str(table), protocol=name, out=None, cache=tmp_path)


def test_the_page_says_the_same():
    """Its table marks as refused what is refused, and nothing else."""
    text = PAGE.read_text(encoding="utf-8").split("## Several labels a clip, and events")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text, flags=re.MULTILINE))
    assert {name for name, words in rows.items() if words.startswith("refused")} == set(REFUSE)
    assert set(rows) == {*TAKE, *REFUSE}


@pytest.mark.parametrize("name", sorted({each.name for each in protocol.list_protocols()} - {"hear"}))
def test_events_are_refused(name):
    """By the task's own labels, also where somebody's copy of a protocol lists event choices for a kind that has no use for them."""
    (task,) = ev.find_tasks("hear/dcase2016_task2")
    asked = protocol.load(name)
    with pytest.raises(ev.UsageError, match="its labels are events with times, .* take --protocol hear"):
        setup.adapted(task, asked)
    if asked.probe.measures or name in ("fewshot", "mteb8shot"):
        with pytest.raises(ev.UsageError, match="these are events with times; take the protocol hear"):
            asked.probe.refuse("events", [], [])
