"""The command for a missing result is one that runs, and its result belongs on the board."""

import re
import shlex

import numpy as np
import pytest
import soundfile

from evaluator.cli import main
from evaluator.report import collect, missing, overview
from evaluator.report.header import header_of
from evaluator.report.ranking import boards
from evaluator.results import on_disk
from test_board import hits, of, written

RATE = 16000


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A folder with two tasks of the user's own, a CSV and a folder, and a protocol of the user's own; it is the working one."""
    random = np.random.default_rng(0)
    rows = ["path,start,end,label"]
    for number, name in enumerate(("high", "low")):
        (tmp_path / "tones" / name).mkdir(parents=True)
        for which in range(10):
            path = tmp_path / "tones" / name / f"{which}.wav"
            soundfile.write(path, 0.1 * (number + 1) * random.standard_normal(RATE // 5), RATE)
            rows.append(f"tones/{name}/{which}.wav,,,{name}")
    (tmp_path / "multi.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def overview_of(folder):
    """The overview of results in a folder."""
    return overview.overview(
        [each for comparable in collect.collect([folder]).comparable for each in boards(comparable)]
    )


def run(*words):
    """`hear-eval run` with a cache in the working folder."""
    assert main(["run", *words, "--cache", "cache", "--device", "cpu"]) == 0


def test_the_command_runs_anywhere_and_fills_the_board(bench, monkeypatch):
    """For tasks that are paths, with the board's seeds and folder of results; then nothing is missing."""
    options = ["--protocol", "arch", "--out", "mine"]
    run("hear_ssl.duration_loudness", "hear_ssl.melspec", "--task", "tones", *options)
    run("hear_ssl.melspec", "--task", "./multi.csv", *options, "--seeds", "2", "--seed", "3")
    (sentence,) = overview_of(bench / "mine").missing
    command = shlex.split(re.search("`(.*)`", sentence)[1])
    assert command[command.index("--task") + 1] == str(bench / "multi.csv")
    assert command[-2:] == ["--out", str(bench / "mine")]
    (bench / "elsewhere").mkdir()
    monkeypatch.chdir(bench / "elsewhere")
    run(*command[2:])
    seen = overview_of(bench / "mine")
    assert not seen.missing
    assert {tuple(on_disk.read(path).seeds) for path in (bench / "mine").rglob("multi/*.json")} == {(3, 4)}


def how(tmp_path, origin, others=None, **fields):
    """How to get the result of a module `b` on the board of `a`."""
    collection = written(
        tmp_path, of(hits(90), module="a", provenance=origin, environment=origin, options={}, **fields)
    )
    (board,) = boards(collection.comparable[0])
    other = header_of(
        of(hits(9), module="b", options={}, provenance=others or {}, environment=others or {}), tmp_path / "b.json"
    )
    return missing.how_to_get(other, board)


def test_a_task_that_is_not_known_has_no_command(tmp_path):
    """Of an older result on a user's own data; a built-in task has one."""
    assert "which file or folder the task is, none of them tells" in how(tmp_path / "1", {}, task="multi")
    assert how(tmp_path / "2", {}) == "run `hear-eval run b --task demo/calls --protocol arch`"
    assert "--task /there/x.yaml --protocol /my/p.yaml" in how(
        tmp_path / "3", {"asked_task": "/there/x.yaml", "asked_protocol": "/my/p.yaml"}, task="x"
    )


@pytest.mark.parametrize(
    ("protocol", "layers", "n_layers", "wanted"),
    [
        ("arch", "all", 13, "--layers all"),
        ("arch", "all", 1, ""),  # one layer, of which `run` refuses to probe all
        ("arch", "scene", 13, ""),
        ("sarkar", "all", 13, ""),  # the protocol says so itself
        ("sarkar", "6", 13, "--layers 6"),
    ],
)
def test_layers_are_the_boards(tmp_path, protocol, layers, n_layers, wanted):
    """As the others were judged, unless the protocol says so already or the module has no choice."""
    sentence = how(tmp_path, {"layers": layers}, {"module": {"n_layers": n_layers}}, protocol=protocol)
    assert sentence == f"run `hear-eval run b --task demo/calls --protocol {protocol}{f' {wanted}' if wanted else ''}`"


def test_another_interpreter_is_named_again(tmp_path):
    """The one of the module's other results."""
    assert "--python /venv" in how(tmp_path, {}, {"command": ["run", "b", "--python", "/venv"]})
