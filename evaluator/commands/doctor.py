"""`hear-eval doctor`."""

import argparse
from pathlib import Path

from evaluator.commands.given import CACHE, cache_folder

SUMMARY = "find what is wrong with this installation"


def fill(command: argparse.ArgumentParser) -> None:
    """Only where the cache is."""
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval doctor`: findings with their remedies; 1 if something is broken."""
    from evaluator import doctor

    findings = doctor.examine(cache_folder(parsed.cache))
    for finding in findings:
        print(f"{finding.level:8} {finding.what}{'. ' + finding.remedy if finding.remedy else ''}")
    return 1 if any(finding.level == "error" for finding in findings) else 0
