"""`hear-eval download`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from evaluator.commands._arguments import add_profile
from evaluator.commands._console import bar, report_error
from evaluator.errors import EvaluationError, UsageError

SUMMARY = "fetch the datasets of tasks"

EXAMPLES = """
hear-eval download arch/esc50 --data data
hear-eval download bioacoustics --data data --dry-run  # only say what would be fetched, and how much
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Tasks, and where their data goes."""
    command.add_argument("tasks", nargs="+", metavar="T", help="suite/task, or a suite")
    add_profile(command)
    command.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default: data")
    command.add_argument("--dry-run", action="store_true", help="only say what would be fetched, and how much")
    command.add_argument("--keep-archives", action="store_true", help="do not delete archives once they are unpacked")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval download`: the data of tasks, each dataset once; what cannot be had tells how it can."""
    import evaluator as ev
    from evaluator.api.data import datasets_of, nothing_to_fetch
    from evaluator.datasets.root import whereabouts
    from evaluator.download import download
    from evaluator.files import writable_folder

    tasks = [task for spec in parsed.tasks for task in ev.find_tasks(spec, parsed.profile)]
    n_failed = 0
    for dataset in datasets_of(tasks):
        print(f"{dataset.name}: {dataset.title}")
        for what, said in (("licence", dataset.licence), ("cite", dataset.citation)):
            if said:
                print(f"  {what}: {said}")
        if nothing_to_fetch(dataset):
            own = "it is your own data, and is read where it lies"
            print(
                f"  nothing to download: {own if dataset.access == 'own' else dataset.instructions or whereabouts(dataset)}"
            )
            n_failed += dataset.access in ("request", "login")
            continue
        folder = parsed.data / dataset.name
        try:
            if parsed.dry_run:
                for line in download.plan(dataset.download, folder):
                    print(f"  {line}")
                continue
            for note in download.fetch(
                dataset.download, writable_folder("--data", folder), _in_bytes, parsed.keep_archives
            ):
                print(f"  note: {note}")
            print(f"  ready: {folder}")
        except (UsageError, EvaluationError) as error:
            report_error(dataset.name, error)
            n_failed += 1
    return int(n_failed > 0)


def _in_bytes(title: str, total: int) -> Callable[[int], object]:
    """A progress bar of a download; the total is in bytes."""
    return bar(title, total, unit="B")
