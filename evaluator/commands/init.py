"""`hear-eval init`."""

import argparse
from pathlib import Path

SUMMARY = "write the YAML file of a task that is guessed from a folder or table"

EXAMPLES = """
hear-eval init ./my_recordings  # writes my_recordings.yaml beside it
hear-eval init calls.csv --out task.yaml --force
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What it is guessed from, and where the file goes."""
    command.add_argument("source", type=Path, metavar="FOLDER", help="folder of recordings, or a table that names them")
    command.add_argument("--out", type=Path, metavar="F.yaml", help="default: FOLDER.yaml beside it")
    command.add_argument("--force", action="store_true", help="replace the file if it is there")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval init`: the file, and what may be done with it."""
    import evaluator as ev

    path = ev.write_task(parsed.source, parsed.out, replace=parsed.force)
    print(path.read_text(encoding="utf-8"), end="")
    print(f"written: {path}; look at it, then: hear-eval run MODULE --task {path}")
    return 0
