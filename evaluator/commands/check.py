"""`hear-eval check`."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands.console import bar, told
from evaluator.commands.given import TASK, cache_folder, data
from evaluator.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from evaluator.check.issue import Issue

SUMMARY = "compare tasks with what is on disk"


def fill(command: argparse.ArgumentParser) -> None:
    """Tasks, and what to make of their data."""
    command.add_argument("tasks", nargs="+", metavar="T", help=TASK)
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--json", action="store_true", help="print one JSON object per finding")
    command.add_argument("--figure", type=Path, metavar="F.svg", help="draw the clips' lengths (.svg, .png or .pdf)")
    data(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval check`: findings about each task's data; 1 if there is an error among them, 2 if data is not there."""
    from evaluator import figure
    from evaluator.audio import decode
    from evaluator.check import check
    from evaluator.datasets import manifest
    from evaluator.experiment import catalogue

    worst = 0
    lengths: dict[str, list[float]] = {}
    cache = cache_folder(parsed.cache)
    if parsed.figure:
        figure.refuse_other_kinds(parsed.figure)
    for each in [found for spec in parsed.tasks for found in catalogue.find(spec, parsed.profile)]:
        try:
            clips = manifest.read(each, parsed.data, cache)
        except (UsageError, EvaluationError) as error:
            told(each.name, error)
            worst = 2
            continue
        findings = check.check(each, clips, cache, bar(each.name, len(clips.clips)))
        for finding in findings:
            if parsed.json:
                print(json.dumps({"task": each.name, **asdict(finding)}), flush=True)
            else:
                print_finding(each.name, finding)
        worst = max([worst, *(finding.level == "error" for finding in findings)])
        if parsed.figure:
            facts = decode.file_facts(clips.root, [clip.path for clip in clips.clips], cache)
            lengths[each.dataset.name] = check.lengths(clips, facts)
    if parsed.figure:
        figure.clip_lengths(lengths, parsed.figure)
        print(f"written: {parsed.figure}", file=sys.stderr if parsed.json else sys.stdout)
    return int(worst)


def print_finding(name: str, finding: "Issue") -> None:
    """A line for people: the first clips that it is about, and whether there are more."""
    first = ", ".join(finding.where[:5]) + " ..." * (len(finding.where) > 5)
    print(f"{finding.level:8} {name}: {finding.what}{f' [{first}]' if first else ''}")
