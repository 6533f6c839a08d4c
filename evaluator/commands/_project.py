"""What a project's file adds to a command: words as a user would have written them, so that what is given behind them holds."""

import argparse
import contextlib
import io
import logging
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evaluator.api.project import FILE, Project, read

LOG = logging.getLogger(__name__)
RESULTS = Path("results")  # of `--out`: where it is a folder of results


def completed(
    top: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser], given: Sequence[str]
) -> list[str]:
    """A command with what hear-eval.yaml of the working folder adds to it.

    Args:
        top: The whole command line.
        commands: The parser of each command.
        given: The words of the user.

    Returns:
        The words as they would stand without the file; options of the file come first, so that those given override them.

    Raises:
        UsageError: The file is wrong.
        SystemExit: --help or --version was asked for, and answered.
    """
    name = next((word for word in given if word in commands), None)
    parses = _parses(top, given)  # also answers --help, whatever the file holds
    if name is None or (project := read(Path.cwd())) is None:
        return list(given)
    where = list(given).index(name) + 1
    before, behind = given[:where], given[where:]
    options = _options(commands[name], project, behind)
    if parses:
        return [*before, *options, *behind]
    tried = ([*before, *named, *options, *behind] for named in _required(commands[name], project))
    return next((words for words in tried if _parses(top, words)), list(given))


def tell(given: Sequence[str], words: Sequence[str]) -> None:
    """Say what the file added, if anything."""
    added = list(words)
    for word in given:
        added.remove(word)
    if added:
        LOG.warning("%s adds: %s", FILE, shlex.join(added))


def _parses(top: argparse.ArgumentParser, words: Sequence[str]) -> bool:
    """Whether the command line takes these words, tried in silence."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            top.parse_args(words)
    except SystemExit as ended:
        if ended.code != 2:
            raise
        return False
    return True


def _options(command: argparse.ArgumentParser, project: Project, given: Sequence[str]) -> list[str]:
    """The project's values of options that the command has and that are not given, as words."""
    words = []
    known = {option: action for action in command._actions for option in action.option_strings}
    for option, value in project.options().items():
        is_other_out = option == "--out" and option in known and known[option].default != RESULTS
        is_given = any(word == option or word.startswith(f"{option}=") for word in given)
        if option in known and not is_other_out and not is_given:
            words += [f"{option}={value}"] if value.startswith("-") else [option, value]
    return words


def _required(command: argparse.ArgumentParser, project: Project) -> Iterator[list[str]]:
    """The project's modules, tasks and results as the command takes them: each of them alone, then together."""
    actions = {action.dest: action for action in command._actions if action.required}
    modules = list(project.modules) if "modules" in actions else []
    tasks = list(project.tasks) if "tasks" in actions else []
    if "task" in actions:
        tasks = [word for task in project.tasks for word in ("--task", task)]
    results = [project.out] if {"results", "places"} & set(actions) and project.out else []
    yield from (words for words in (modules, tasks, results, [*modules, *tasks]) if words)
