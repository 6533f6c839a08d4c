"""`hear-eval check`."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands._arguments import TASK, add_data, add_hearing, add_protocol, hearing_options
from evaluator.commands._console import bar, report_error
from evaluator.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from evaluator.check.issue import Issue
    from evaluator.datasets.task import Task

SUMMARY = "compare tasks with what is on disk"

EXAMPLES = """
hear-eval check ./my_recordings  # broken files, doubles, labels that look alike, leaks between splits
hear-eval check arch --data data --json  # a whole suite, one finding a line
hear-eval check esc10 --data data --figure lengths.svg
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Tasks, and what to make of their data."""
    command.add_argument("tasks", nargs="+", metavar="T", help=TASK)
    add_protocol(command, "for which the data is to be enough", default="any")
    command.add_argument("--json", action="store_true", help="print one JSON object per finding")
    command.add_argument("--figure", type=Path, metavar="F.svg", help="draw the clips' lengths (.svg, .png or .pdf)")
    add_data(command)
    add_hearing(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval check`: issues of each task's data as they are found; 1 if one is an error, 2 if data is not there."""
    import evaluator as ev
    from evaluator import figure

    def tell(task: "Task", issue: "Issue") -> None:
        if parsed.json:
            print(json.dumps({"task": task.name, **asdict(issue)}), flush=True)
        else:
            _print_issue(task.name, issue)

    worst = 0
    if parsed.figure:
        figure.refuse_other_kinds(parsed.figure)
    tasks = [task for spec in parsed.tasks for task in ev.find_tasks(spec, parsed.profile)]
    ready = []
    for task in tasks:
        try:
            found = ev.check_tasks(
                task,
                protocol=parsed.protocol,
                profile=parsed.profile,
                **hearing_options(parsed),
                data=parsed.data,
                cache=parsed.cache,
                rehash=parsed.rehash,
                progress=bar,
                on_issue=tell,
            )
        except (UsageError, EvaluationError) as error:
            report_error(task.name, error)
            worst = 2
            continue
        ready.append(task)
        worst = max([worst, *(issue.level == "error" for issue in found[task.name])])
    if parsed.figure:
        from evaluator.check.lengths import lengths_of

        figure.clip_lengths(lengths_of(ready, parsed.data, parsed.cache), parsed.figure)
        print(f"written: {parsed.figure}", file=sys.stderr if parsed.json else sys.stdout)
    return int(worst)


def _print_issue(name: str, issue: "Issue") -> None:
    """A line for people: the first clips that it is about, and whether there are more."""
    first = ", ".join(issue.where[:5]) + " ..." * (len(issue.where) > 5)
    print(f"{issue.level:8} {name}: {issue.what}{f' [{first}]' if first else ''}", flush=True)
