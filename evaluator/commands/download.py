"""`hear-eval download`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from evaluator.commands.console import bar, told
from evaluator.commands.given import writable
from evaluator.errors import EvaluationError, UsageError

SUMMARY = "fetch the datasets of tasks"


def fill(command: argparse.ArgumentParser) -> None:
    """Tasks, and where their data goes."""
    command.add_argument("tasks", nargs="+", metavar="T", help="suite/task, or a suite")
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default: data")
    command.add_argument("--dry-run", action="store_true", help="only say what would be fetched, and how much")
    command.add_argument("--keep-archives", action="store_true", help="do not delete archives once they are unpacked")


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval download`: the data of tasks, each dataset once; what cannot be had tells how it can."""
    from evaluator.datasets import manifest
    from evaluator.download import download
    from evaluator.experiment import catalogue

    tasks = [found for spec in parsed.tasks for found in catalogue.find(spec, parsed.profile)]
    failed: list[Exception] = []
    for dataset in {each.dataset.name: each.dataset for each in tasks}.values():
        print(f"{dataset.name}: {dataset.title}\n  licence: {dataset.licence}\n  cite: {dataset.citation}")
        if dataset.access in ("made", "own") or not dataset.download:
            print(f"  nothing to download: {dataset.instructions or manifest.whereabouts(dataset)}")
            failed += [UsageError(dataset.name)] if dataset.access in ("request", "login") else []
            continue
        folder = parsed.data / dataset.name
        try:
            if parsed.dry_run:
                for line in download.plan(dataset.download, folder):
                    print(f"  {line}")
                continue
            for note in download.fetch(dataset.download, writable("--data", folder), in_bytes, parsed.keep_archives):
                print(f"  note: {note}")
            print(f"  ready: {folder}")
        except (UsageError, EvaluationError) as error:
            failed.append(told(dataset.name, error))
    return int(bool(failed))


def in_bytes(title: str, total: int) -> Callable[[int], object]:
    """A progress bar of a download."""
    return bar(title, total, unit="B")
