"""`hear-eval list`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator.commands._console import print_table
from evaluator.errors import UsageError

SUMMARY = "show what there is"

EXAMPLES = """
hear-eval list modules
hear-eval list modules -v  # also hub ids and revisions, what they were trained on, licences, papers
hear-eval list modules --bench melspec hubert_base  # measures how long they take here
hear-eval list tasks -v  # also what sets published and clean tasks apart, in sentences
hear-eval list bridges  # networks in other people's packages
hear-eval list protocols --json
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What is listed."""
    command.add_argument("what", choices=("modules", "bridges", "tasks", "datasets", "protocols"))
    command.add_argument(
        "--bench",
        nargs="*",
        metavar="MODULE",
        help="measure how long these modules, or all that can be, take for an hour of audio here; a few seconds each, nothing is downloaded",
    )
    command.add_argument("--cache", type=Path, metavar="DIR", help="where that is kept (as in run)")
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
    rows = _rows(parsed)
    if parsed.json:
        for row in rows:
            print(json.dumps(row))
        return 0
    if parsed.what == "modules":
        _print_modules(rows, parsed.verbose)
        print(f"networks in other people's packages (`hear-eval list bridges`): {', '.join(_names_of_bridges())}")
        return 0
    if parsed.what == "bridges":
        _print_bridges(rows)
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


def _rows(parsed: argparse.Namespace) -> list[dict[str, Any]]:
    """What is listed, a dict a row."""
    from evaluator.api import bridging, listing

    if parsed.what == "bridges" and parsed.bench is None:
        return bridging.list_bridges()
    if parsed.what != "modules":
        if parsed.bench is not None:
            raise UsageError(f"list {parsed.what} --bench: only modules are measured; leave --bench out")
        rows: list[dict[str, Any]] = getattr(listing, f"list_{parsed.what}")()
        return rows
    return listing.list_modules(None if parsed.bench is None else parsed.bench or "all", parsed.cache)


def _print_modules(rows: Sequence[dict[str, Any]], verbose: bool) -> None:
    """A line a module; with -v also what does not fit into one."""
    head = ("module", "layers", "width", "weights", "download", "s/h", "what")
    print_table(head, [_module_row(row) for row in rows])
    if any(row["random_weights"] for row in rows):
        print(
            "s/h: seconds for an hour of audio here, in clips of 5 s; *: by the same network with random weights, since its own are not here"
        )
    elif any(row["seconds_per_hour"] is not None for row in rows):
        print("s/h: seconds for an hour of audio here, in clips of 5 s")
    for row in rows if verbose else ():
        source = row["hub_id"] and f"{row['hub_id']} at {row['revision'] or 'the newest revision, since none is known'}"
        rate = f"{row['sample_rate'] / 1000:g} kHz" if row["sample_rate"] else "sample rate unknown"
        facts = [
            rate,
            source,
            f"trained on {row['trained_on'] or 'unknown sounds'}",
            f"licence {row['licence'] or 'unknown'}",
            row["citation"],
        ]
        print(f"{row['module']}: {'; '.join(filter(None, facts))}")


def _names_of_bridges() -> list[str]:
    """How bridges are asked for."""
    from evaluator.embedding import bridges

    return [bridges.read(kind).name for kind in bridges.kinds()]


def _print_bridges(rows: Sequence[dict[str, Any]]) -> None:
    """A line a bridge, then how one is had."""
    head = ("bridge", "networks", "rate", "width", "python", "what")
    print_table(
        head,
        [
            (
                row["bridge"],
                str(len(row["models"])),
                f"{row['sample_rate'] / 1000:g} kHz" if row["sample_rate"] else "",
                str(row["width"] or ""),
                row["python"],
                row["what"],
            )
            for row in rows
        ],
    )
    print("`hear-eval bridge BRIDGE` says more of one, and with --env DIR makes an environment for it")


def _module_row(row: dict[str, Any]) -> tuple[str, ...]:
    counts = ("" if row[name] is None else str(row[name]) for name in ("layers", "width"))
    speed = "" if row["seconds_per_hour"] is None else f"{row['seconds_per_hour']:g}{'*' * bool(row['random_weights'])}"
    return row["module"], *counts, _short(row["parameters"], ""), _short(row["download_bytes"], "B"), speed, row["what"]


def _short(value: float | None, unit: str) -> str:
    """A number with a prefix, such as 94.4 M; "" for none."""
    if value is None:
        return ""
    for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:g}"
