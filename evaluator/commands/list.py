"""`hear-eval list`."""

import argparse
import json
from typing import Any

from evaluator.commands._console import print_table
from evaluator.errors import UsageError

SUMMARY = "show what there is"

EXAMPLES = """
hear-eval list modules
hear-eval list tasks -v  # also what sets published and clean tasks apart, in sentences
hear-eval list protocols --json
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What is listed."""
    command.add_argument("what", choices=("modules", "tasks", "datasets", "protocols"))
    command.add_argument("--markdown", action="store_true", help="the tasks as a Markdown table")
    command.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval list`: names with a line about each."""
    from evaluator.api import listing

    if parsed.markdown:
        if parsed.what != "tasks":
            raise UsageError(f"list {parsed.what} --markdown: only tasks have a table; leave --markdown out")
        print(listing.tasks_as_markdown())
        return 0
    rows: list[dict[str, Any]] = getattr(listing, f"list_{parsed.what}")()
    if parsed.json:
        for row in rows:
            print(json.dumps(row))
        return 0
    long = {"differs", "order"} if parsed.what == "tasks" else set()
    head = [name for name in rows[0] if name not in long]
    print_table(head, [["" if row[name] is None else str(row[name]) for name in head] for row in rows])
    if parsed.verbose:
        for before, row in zip([{}, *rows], rows, strict=False):
            if row.get("differs") and row.get("profile") == "published":
                print(f"{row['task']}, published: {row['differs']}")
            if row.get("order") and (row["task"], row["order"]) != (before.get("task"), before.get("order")):
                profile = ", published" * (row["profile"] == "published")
                print(f"{row['task']}{profile}, order of its clips before they are drawn: {row['order']}")
    return 0
