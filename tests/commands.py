"""`hear-eval` in this process, for tests: import the fixture under a name of one's own."""

import pytest

from evaluator.cli import main


@pytest.fixture
def run_command(tmp_path, capfd, monkeypatch):
    """Runs a command with caches and results under the test's folder: (exit code, stdout, stderr)."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse's own way out
            code = error.code
        return code, *capfd.readouterr()

    return run
