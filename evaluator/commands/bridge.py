"""`hear-eval bridge`."""

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

SUMMARY = "make an environment for another package's networks"

EXAMPLES = """
hear-eval bridge birdnet  # what it is, its networks, and what would be installed
hear-eval bridge birdnet --env birdnet_env
hear-eval bridge s3prl:fbank --env s3prl_env --base python3.11
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Which bridge, and where its environment goes."""
    command.add_argument(
        "bridge", metavar="BRIDGE", help="such as birdnet, or avex:NAME to try that network (`hear-eval list bridges`)"
    )
    command.add_argument(
        "--env",
        type=Path,
        metavar="DIR",
        help="make a virtual environment there, and try a network if its weights are there",
    )
    command.add_argument("--base", default="", metavar="PYTHON", help="the Python to make it with (default: this one)")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval bridge`: what a bridge is, or its environment; 1 if a step of that failed."""
    from evaluator.api import bridging
    from evaluator.embedding import bridges

    if parsed.env is None:
        chosen = bridges.read(parsed.bridge.partition(":")[0])
        (row,) = (each for each in bridging.list_bridges() if each["bridge"] == chosen.name)
        print(json.dumps(row) if parsed.json else _described(row, chosen.notes))
        return 0

    made = bridging.make_bridge(
        parsed.bridge, parsed.env, base=parsed.base, on_step=lambda step: print(step, file=sys.stderr, flush=True)
    )
    if parsed.json:
        print(json.dumps({**asdict(made), "folder": str(made.folder)}))
        return 0
    if made.works:
        print(f"{made.bridge} answers there")
    else:
        print(f"installed, but no network has answered there yet: {made.why}")
    print(f"use it: hear-eval run {made.bridge} --python {shlex.quote(str(made.folder))} --task ...")
    return 0


def _described(row: dict[str, object], notes: str) -> str:
    """A bridge in words: what it is, its networks, and what `--env` would do."""
    models, install = row["models"], row["install"]
    lines = [f"{row['bridge']}: {row['what']}", "", notes, ""] if notes else [f"{row['bridge']}: {row['what']}", ""]
    facts = {
        "sample rate": f"{row['sample_rate']} Hz" if row["sample_rate"] else None,
        "width": row["width"],
        "licence": row["licence"],
        "trained on": row["trained_on"],
        "cite": row["citation"],
        "networks": ", ".join(models) if isinstance(models, list) else None,
        "Python": row["python"],
    }
    lines += [f"{name}: {value}" for name, value in facts.items() if value]
    lines += [f"--env: pip install {step}" for step in install] if isinstance(install, list) else []
    return "\n".join(lines)
