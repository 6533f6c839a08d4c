"""What a run took is told with its result, counted independently here; it decides nothing."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator as ev
from commands import run_command as hear_eval  # noqa: F401  (a fixture)
from evaluator import files
from evaluator.embedding import spent, usage
from evaluator.report import bills
from evaluator.results import bill, equality

pytestmark = pytest.mark.slow  # the whole file: it runs modules in processes of their own

GOOD = (Path(__file__).parent / "modules" / "good.py").read_text()
BURNS = "    until = time.process_time() + 0.2\n    while time.process_time() < until:\n        pass\n"
HOLDS = "    held = bytearray(400_000_000)\n    held[::4096] = bytes([1]) * len(held[::4096])\n"
LENGTHS = [0.25 + 0.05 * number for number in range(24)]  # seconds


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """24 clips of two classes and a table of them, in the working folder; a module that works, and two that use much."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    noise = np.random.default_rng(0)
    lines = ["path,label"]
    for number, seconds in enumerate(LENGTHS):
        n = round(16000 * seconds)
        wave = np.sin(2 * np.pi * (300 + 900 * (number % 2)) * np.arange(n) / 16000)
        soundfile.write(f"{number}.wav", 0.3 * wave + 0.05 * noise.normal(size=n), 16000)
        lines.append(f"{number}.wav,{'high' if number % 2 else 'low'}")
    Path("mine.csv").write_text("\n".join(lines) + "\n")
    begin = "def get_scene_embeddings(audio, model):\n"
    for name, more in (("good", ""), ("burns", BURNS), ("holds", HOLDS)):
        Path(f"{name}.py").write_text("import time\n" + GOOD.replace(begin, begin + more))
    return tmp_path


def took(module, **how):
    """The result of a run, and its bill."""
    (result,) = ev.run(f"./{module}.py", "mine.csv", **{"protocol": "knn", "out": None, **how})
    return result, bill.bill_of(result)


def test_audio_and_stages(recordings):
    """Seconds of audio are those of the files; what was there already is not embedded, nor read."""
    result, first = took("good")
    assert first.audio_seconds == pytest.approx(sum(LENGTHS), abs=1e-3)
    assert first.embedded_seconds == pytest.approx(sum(LENGTHS), abs=1e-3)
    assert set(first.processor) == {"list", "open", "read", "embed", "fit", "score"}
    assert set(first.wall) == {*first.processor, "keep"} <= set(bill.STAGES)
    assert all(seconds >= 0 for seconds in (*first.processor.values(), *first.wall.values()))
    second = took("good")[1]
    assert second.audio_seconds == first.audio_seconds and second.embedded_seconds == 0
    assert second.audio_per_second is None and second.processor["read"] == 0
    assert equality.same(result, took("good")[0])  # whatever they took


def test_processes_of_modules_are_counted(recordings):
    """Processor time that a module's own process burns, and memory that it holds for a moment, are in the bill."""
    n_calls = 3  # two batches of at most 16 clips, and what is asked again
    assert took("burns")[1].processor["embed"] >= 0.2 * n_calls
    before = spent.now().peak_bytes
    assert took("holds")[1].peak_bytes >= 400_000_000 + usage.peak_bytes()
    assert spent.now().peak_bytes >= before  # it ended, and is still known


def test_time_of_the_process_goes_on(recordings):
    """What an ended process used is counted once: the sum never falls, and no stage is negative."""
    sums = [spent.now().processor]
    for _ in range(2):
        took("good")
        sums.append(spent.now().processor)
    assert sums == sorted(sums) and not spent._workers.running


def test_a_kept_result_has_the_bill_of_its_time(recordings, hear_eval, monkeypatch):  # noqa: F811
    """The line says what was made now; the file of an unchanged result says what it took then."""
    monkeypatch.setattr(files, "_SETTLED_NS", 0)  # files of this moment count as old
    command = ["run", "hear_ssl.melspec", "--task", "mine.csv", "--protocol", "knn", "--out", "out"]
    code, out, _ = hear_eval(*command)
    (line,) = [line for line in out.splitlines() if line.startswith("took: ")]
    assert code == 0 and re.search(rf"; {sum(LENGTHS):.0f} s of audio embedded, \d+ a second; at most", line)
    path = next(Path("out").rglob("*.json"))
    kept = json.loads(path.read_text())["environment"]["took"]
    out = hear_eval(*command)[1]
    assert "unchanged: " in out and "audio embedded" not in out and "\ntook: " in out
    assert json.loads(path.read_text())["environment"]["took"] == kept and kept["embedded_seconds"] > 0
    assert "took:" not in hear_eval(*command, "--json")[1]


def test_the_reports_table(recordings):
    """A row for each result that has a bill, none for one of an earlier version, or with nonsense in its place."""
    result, billed = took("good")
    environment = {name: value for name, value in result.environment.items() if name != bill.BILL}
    older = dataclasses.replace(result, environment=environment)
    odd = dataclasses.replace(result, environment={**environment, bill.BILL: {"processor": 3}})
    head, rows = bills.bill_rows(["a", "b", "c"], [older, result, odd])
    assert [row[0] for row in rows] == ["b"] and len(rows[0]) == len(head)
    row = dict(zip(head, rows[0], strict=True))
    assert row["audio h"] == round(sum(LENGTHS) / 3600, 3)
    assert row["processor s"] == pytest.approx(sum(billed.processor.values()), abs=0.06)
    assert bills.details(["a"], [older]) == [] and len(bills.details(["b"], [result])) == 1
    ev.run("./good.py", "mine.csv", protocol="knn", out="out")
    ev.write_report("out", "report.html")
    assert "What it took" in Path("report.html").read_text()
