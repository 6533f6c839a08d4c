"""`hear-eval doctor`."""

import argparse
from pathlib import Path

from evaluator.commands._arguments import CACHE

SUMMARY = "find what is wrong with this installation"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Only where the cache is."""
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval doctor`: findings with their remedies; 1 if something is broken."""
    from evaluator import doctor
    from evaluator.files import cache_folder

    findings = doctor.examine(cache_folder(parsed.cache))
    for finding in findings:
        print(f"{finding.level:8} {finding.what}{'. ' + finding.remedy if finding.remedy else ''}")
    return 1 if any(finding.level == "error" for finding in findings) else 0
