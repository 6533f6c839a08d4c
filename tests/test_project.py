"""hear-eval.yaml in the working folder, and completion by the tab key."""

import json
import os
import subprocess
import sys

import pytest

from commands import run_command  # noqa: F401  (a fixture)
from evaluator import cli
from evaluator.schema import names_in


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """Runs `hear-eval` under the test's folder: (exit code, stdout, stderr)."""
    return run_command


@pytest.fixture
def asked(monkeypatch):
    """Every command only notes what it was asked for."""
    noted = []
    for command in cli.COMMANDS.values():
        monkeypatch.setattr(command, "run", lambda parsed: noted.append(parsed) or 0)
    return noted


FILE = """
modules: [melspec, byol_a_mini]
tasks: [demo/calls, ./mine.csv]
data: /somewhere/data
cache: my_cache
out: mine
protocol: logistic
allow_failed: 0.1
layers: 3
"""


def test_the_file_gives_what_the_command_leaves_out(hear_eval, asked, tmp_path):
    """Modules, tasks and options, and a line says which words it added."""
    (tmp_path / "hear-eval.yaml").write_text(FILE)
    code, _, err = hear_eval("run", "--seeds", 2)
    assert code == 0
    (parsed,) = asked
    assert parsed.modules == ["melspec", "byol_a_mini"] and parsed.task == ["demo/calls", "./mine.csv"]
    assert str(parsed.data) == "/somewhere/data" and str(parsed.cache) == "my_cache" and str(parsed.out) == "mine"
    assert (parsed.protocol, parsed.allow_failed, parsed.layers, parsed.seeds) == ("logistic", 0.1, "3", 2)
    assert err.startswith("hear-eval: hear-eval.yaml adds: melspec byol_a_mini --task demo/calls ")
    assert hear_eval("run", "-q")[2] == ""


def test_what_is_given_holds(hear_eval, asked, tmp_path):
    """Options override, also before or behind the modules; named tasks and modules stand alone; nothing else is added."""
    (tmp_path / "hear-eval.yaml").write_text(FILE)
    for words in (["crepe_tiny", "--task", "esc10"], ["--task", "esc10", "crepe_tiny"]):
        code, _, err = hear_eval("run", *words, "--data=other", "--protocol", "knn")
        assert code == 0 and "--protocol" not in err and "/somewhere" not in err and "demo/calls" not in err
        parsed = asked.pop()
        assert (parsed.modules, parsed.task, str(parsed.data)) == (["crepe_tiny"], ["esc10"], "other")
        assert parsed.protocol == "knn" and parsed.layers == "3"
    hear_eval("run", "crepe_tiny")
    assert asked[-1].modules == ["crepe_tiny"] and asked[-1].task == ["demo/calls", "./mine.csv"]
    hear_eval("run", "--task", "esc10")
    assert asked[-1].modules == ["melspec", "byol_a_mini"] and asked[-1].task == ["esc10"]


def test_each_command_takes_what_it_knows(hear_eval, asked, tmp_path):
    """Results are read from `out`; the page of a report and other files are not written there."""
    (tmp_path / "hear-eval.yaml").write_text(FILE)
    for command in ("compare", "report", "table", "fuse"):
        assert hear_eval(command)[0] == 0
        assert [str(path) for path in asked[-1].results] == ["mine"]
    assert str(asked[-1].out) == "mine"  # of fuse
    hear_eval("report")
    assert str(asked[-1].out) == "report.html"
    hear_eval("verify")
    assert [str(path) for path in asked[-1].places] == ["mine"]
    hear_eval("check")
    assert asked[-1].tasks == ["demo/calls", "./mine.csv"] and str(asked[-1].data) == "/somewhere/data"
    hear_eval("rerun", "a.json")
    assert asked[-1].out is None and str(asked[-1].data) == "/somewhere/data"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("protokoll: knn", "hear-eval.yaml:1: protokoll: unknown field 'protokoll'; did you mean 'protocol'?"),
        ("data: x\nseeds: many", "hear-eval.yaml:2: seeds: is text ('many'), but should be"),
        ("allow_failed: 2", "at most 1"),
        ("modules: melspec", "modules: is text ('melspec'), but should be a list"),
        ("python: !!python/object/apply:os.system [id]", "hear-eval.yaml:1"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(hear_eval, asked, tmp_path, text, sentence):
    """Exit code 2 and nothing done; help and version are there all the same."""
    (tmp_path / "hear-eval.yaml").write_text(text)
    code, out, err = hear_eval("run", "melspec", "--task", "demo/calls")
    assert code == 2 and out == "" and sentence in err and not asked and "Traceback" not in err
    assert hear_eval("run", "--help")[0] == 0 and hear_eval("--version")[0] == 0


def test_what_neither_gives_is_asked_for(hear_eval, asked, tmp_path):
    """The sentence is that of the command line."""
    (tmp_path / "hear-eval.yaml").write_text("modules: [melspec]")
    code, _, err = hear_eval("run")
    assert code == 2 and "the following arguments are required" in err and "--task" in err


@pytest.mark.slow
def test_a_result_tells_the_whole_command(tmp_path):
    """It can be given again where there is no such file."""
    (tmp_path / "hear-eval.yaml").write_text("modules: [majority]\ntasks: [demo/calls]\nprotocol: knn\n")
    environment = {**os.environ, "HEAR_EVAL_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "evaluator", "run"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "results").rglob("*.json")
    told = json.loads(path.read_text())["environment"]["command"]
    assert told == ["run", "majority", "--task", "demo/calls", "--protocol", "knn"]


def completions(line, tmp_path):
    """What the shell is offered at the end of a line, as argcomplete's protocol has it, and whether torch was imported."""
    script = "import sys, os, evaluator.cli as cli\nleave = os._exit\ndef end(code):\n"
    script += "    sys.stderr.write(str('torch' in sys.modules)); sys.stderr.flush(); leave(code)\nos._exit = end\ncli.main([])"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "offered"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_IFS": "\n",
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    return [word.strip() for word in (tmp_path / "offered").read_text().split("\n")], done.stderr


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("hear-eval run hear_ssl.mels", ["hear_ssl.melspec"]),
        ("hear-eval run mels", ["melspec"]),
        ("hear-eval run melspec --task demo/", ["demo/calls"]),
        ("hear-eval run melspec --task my_cal", ["my_calls.csv"]),
        ("hear-eval check demo/", ["demo/calls"]),
        ("hear-eval run melspec --protocol ", [*names_in("protocols"), "folder/"]),
        ("hear-eval report x --published arch", ["arch2024"]),
        ("hear-eval list mod", ["modules"]),
        ("hear-eval vali", ["validate"]),
    ],
)
def test_the_shell_completes_names(tmp_path, line, wanted):
    """Of modules, tasks, protocols, papers and commands, and files that fit; at once, so without torch."""
    pytest.importorskip("argcomplete")
    (tmp_path / "my_calls.csv").touch()
    (tmp_path / "folder").mkdir()
    offered, has_torch = completions(line, tmp_path)
    assert sorted(offered) == sorted(wanted) and has_torch.endswith("False")
