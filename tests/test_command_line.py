"""The command line beside its work: version, how much is said and where it is kept."""

import logging
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import pytest

import hear_ssl.pretraining.cli
from commands import run_command  # noqa: F401  (a fixture)
from evaluator import cli
from evaluator.commands import _log
from evaluator.schema import names_in


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """Runs `hear-eval` under the test's folder: (exit code, stdout, stderr)."""
    return run_command


def test_both_commands_tell_their_version(hear_eval, capfd):
    """The version of the installed package."""
    assert hear_eval("--version") == (0, f"hear-eval {version('hear-ssl')}\n", "")
    with pytest.raises(SystemExit) as ended:
        hear_ssl.pretraining.cli.main(["--version"])
    assert ended.value.code == 0 and capfd.readouterr().out == f"hear-ssl {version('hear-ssl')}\n"


def test_python_m_evaluator_is_the_command():
    """Also where no script is installed; its name in the help is the command's."""
    done = subprocess.run([sys.executable, "-m", "evaluator", "list", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: hear-eval list ")


@pytest.fixture
def saying(monkeypatch):
    """A command `list` that says one thing of each kind."""

    def run(parsed):
        logging.getLogger("evaluator.embedding.claims").info("a step")
        logging.getLogger("evaluator.files").warning("a warning")
        logging.getLogger("evaluator").warning("told by the command itself")
        logging.lastResort.handle(logging.LogRecord("lib", logging.WARNING, "", 0, "of a library", (), None))
        print("hear-eval: an error", file=sys.stderr)
        sys.stderr.write("\r 10 %|#   |\r100 %|####|\n")
        return 1

    monkeypatch.setattr(cli.COMMANDS["list"], "run", run)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [([], "wle"), (["-q"], "e"), (["-v"], "swle")],
)
@pytest.mark.parametrize("is_before", [True, False])
def test_how_much_is_said_is_the_users_choice_and_the_log_has_all_of_it(
    hear_eval, saying, tmp_path, options, wanted, is_before
):
    """Quiet: errors; otherwise warnings too, a library's as they are; verbose: steps. Each line of the log has its time."""
    lines = {"s": "hear-eval: a step", "w": "hear-eval: a warning", "l": "of a library", "e": "hear-eval: an error"}
    extra = [*options, "--log", tmp_path / "logs" / "a.log"]
    code, out, err = hear_eval(*extra, "list", "tasks") if is_before else hear_eval("list", "tasks", *extra)
    assert code == 1 and out == ""
    said = [line for line in err.split("\n") if line and "%" not in line]
    assert said == [lines[each] for each in wanted]
    kept = (tmp_path / "logs" / "a.log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", line) for line in kept)
    first, *rest, last = [line.split(" ", 1)[1] for line in kept]
    assert first.startswith("hear-eval: ") and "list tasks" in first and last == "hear-eval: ended with exit code 1"
    assert rest == [*lines.values(), "100 %|####|"]  # of a progress bar only its end


def test_a_log_is_added_to_and_one_that_cannot_be_written_is_refused(hear_eval, saying, tmp_path):
    """Two runs, one file; a folder in its place is wrong usage."""
    for _ in range(2):
        hear_eval("list", "tasks", "--log", "a.log")
    assert (tmp_path / "a.log").read_text().count("a warning") == 2
    code, _, err = hear_eval("list", "tasks", "--log", tmp_path)
    assert code == 2 and err.startswith(f"hear-eval: --log {tmp_path}: cannot be written")


def test_a_crash_leaves_its_traceback_in_the_log(hear_eval, monkeypatch, tmp_path):
    """What nobody expected is looked into later, from the log alone; afterwards nothing is copied any more."""

    def run(parsed):
        raise KeyError("nobody expected this")

    monkeypatch.setattr(cli.COMMANDS["list"], "run", run)
    before = sys.stderr
    with pytest.raises(KeyError):
        hear_eval("list", "tasks", "--log", "a.log")
    assert "KeyError: 'nobody expected this'" in (tmp_path / "a.log").read_text()
    assert sys.stderr is before and _log.CONSOLE not in logging.getLogger("evaluator").handlers


def test_quiet_means_no_progress_and_the_log_has_it(hear_eval, monkeypatch, tmp_path):
    """A line after half a minute goes to the file alone."""
    from evaluator.commands import _console

    now = [0.0]
    monkeypatch.setattr(_console.time, "monotonic", lambda: now[0])

    def run(parsed):
        advance = _console.bar("clips", 100)
        now[0] += 31
        advance(10)
        return 0

    monkeypatch.setattr(cli.COMMANDS["list"], "run", run)
    assert hear_eval("list", "tasks", "-q", "--log", "a.log")[2] == ""
    assert "clips: 10 of 100 (10 %)" in (tmp_path / "a.log").read_text()


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_help_has_examples_that_parse(name, hear_eval):
    """They stand below the options as they are written, and the command line takes each."""
    code, out, _ = hear_eval(name, "--help")
    written = [line for line in cli.COMMANDS[name].EXAMPLES.splitlines() if line.strip()]
    assert code == 0 and written and out.partition("\nexamples:\n")[2].splitlines() == [f"  {line}" for line in written]
    for line in written:
        words = shlex.split(line, comments=True)
        assert words[0] == "hear-eval", line
        assert cli.parser().parse_args(words[1:]).run is cli.COMMANDS[words[1]].run
    assert f"hear-eval {name} " in written[0] + " "


def test_the_help_of_run_tells_every_protocol_and_groups_its_options(hear_eval):
    """Nobody has to look elsewhere for what may stand after --protocol."""
    out = " ".join(hear_eval("run", "--help")[1].split())
    assert f"how embeddings are evaluated: {', '.join(names_in('protocols'))}, or" in out
    for title in ("clips:", "where things lie:", "how modules are loaded:", "other processes:", "what is said:"):
        assert f" {title} -" in out


def results_of(tmp_path, n_tasks):
    """Results of two modules on some tasks, with a note that all share, one whose numbers differ, and one of their own."""
    import evaluator as ev

    (one,) = ev.run("majority", "demo/calls", protocol="knn", out=None)
    return [
        replace(
            one,
            module=module,
            task=f"t{n}",
            caveats=[],
            notes=["the same", f"{n + 3} clips of 16 kHz", f"of {module} on t{n}"],
        )
        for module in ("a", "b")
        for n in range(n_tasks)
    ]


@pytest.mark.parametrize(("n_tasks", "n_alike"), [(2, 2), (5, 1)])
def test_a_note_for_many_results_is_one_line(hear_eval, capfd, tmp_path, n_tasks, n_alike):
    """It names modules and tasks; from three tasks on also where only numbers differ, with the numbers of the first."""
    from evaluator.commands import _console

    _console.print_results([(each, None) for each in results_of(tmp_path, n_tasks)])
    notes = [line for line in capfd.readouterr().out.splitlines() if line.startswith("note: ")]
    tasks = [f"t{n}" for n in range(n_tasks)]
    assert [line for line in notes if "the same" in line] == ["note: all: the same"]
    alike = [line for line in notes if "16 kHz" in line]
    assert len(alike) == n_alike and alike[0].startswith("note: a and b, t0: 3 clips of 16 kHz")
    if n_alike == 1:
        others = f"{', '.join(tasks[1:-1])} and {tasks[-1]}"
        assert alike[0].endswith(f"(likewise, with numbers of their own: a and b, {others})")
    named = " ".join(line for line in notes if ": of " in line)
    assert all(f"{module}, t0: of {module} on t0" in named for module in "ab")


def test_a_table_fits_the_terminal_and_is_whole_in_a_pipe(hear_eval, monkeypatch):
    """`list protocols` is hundreds of characters wide; on a terminal of 100 it is not."""
    monkeypatch.setenv("COLUMNS", "100")
    wide = hear_eval("list", "protocols")[1]
    assert max(map(len, wide.splitlines())) > 200
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    narrow = hear_eval("list", "protocols")[1]
    assert max(map(len, narrow.splitlines())) <= 100
    assert sorted(set(narrow.split()) - {"-" * n for n in range(200)}) == sorted(
        set(wide.split()) - {"-" * n for n in range(400)}
    )
