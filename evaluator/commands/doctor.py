"""`hear-eval doctor`."""

import argparse
from pathlib import Path

from evaluator.commands._arguments import CACHE

SUMMARY = "find what is wrong with this installation"

EXAMPLES = """
hear-eval doctor  # versions, devices, broken packages, damaged files
hear-eval doctor --cache /scratch/cache
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Only where the cache is."""
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval doctor`: diagnoses with their remedies; 1 if something is broken."""
    from evaluator import doctor
    from evaluator.files import cache_folder

    diagnoses = doctor.examine(cache_folder(parsed.cache))
    for diagnosis in diagnoses:
        print(f"{diagnosis.level:8} {diagnosis.what}{'. ' + diagnosis.remedy if diagnosis.remedy else ''}")
    return 1 if any(diagnosis.level == "error" for diagnosis in diagnoses) else 0
