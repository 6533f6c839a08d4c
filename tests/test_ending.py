"""How a command tells where it is, and how it ends before its time."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import evaluator as ev
from evaluator.commands import _console

GOOD = str(Path(__file__).parent / "modules" / "good.py")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to handle")
def test_what_is_finished_is_kept_and_said_when_it_is_terminated(tmp_path, monkeypatch):
    """Exit code 143; the first module's result is there and told, and nothing is left running."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    Path("sleeping.py").write_text(
        "import time\nfrom pathlib import Path\nPath('asleep').touch()\ntime.sleep(100)\n" + Path(GOOD).read_text()
    )
    command = [sys.executable, "-m", "evaluator", "run", "hear_ssl.melspec", "sleeping.py", "--task", "demo/calls"]
    running = subprocess.Popen(
        [*command, "--protocol", "knn", "--in-process"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not Path("asleep").exists() and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.05)
    for _ in range(2):
        running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 143, err
    assert "terminated; embeddings and finished results are kept" in err and "Traceback" not in err
    assert out.count("written: ") == 1 and len(ev.load_results("results")) == 1


def test_progress_is_a_line_now_and_then_where_no_bar_can_be_drawn(capsys, monkeypatch):
    """Nothing within the first half minute, then what is done, how long it took and how long it will."""
    now = [0.0]
    monkeypatch.setattr(_console.time, "monotonic", lambda: now[0])
    advance = _console.bar("hear_ssl.melspec esc50: clips", 2000)
    for second in (10, 29, 31, 40, 62):
        now[0] = second
        advance(100)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("hear-eval: hear_ssl.melspec esc50: clips: 300 of 2000 (15 %), 00:31 so far, ")
