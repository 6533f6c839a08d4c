"""`hear-eval verify`."""

import argparse
import json
from pathlib import Path

SUMMARY = "hold results against themselves: hashes, names, predictions and scores"

NOT_LOOKED_AT = "not looked at: environment (when, where, versions) and what only the audio could tell"

EXAMPLES = """
hear-eval verify results  # is each result as it was written?
hear-eval verify paper/results --json
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results, or folders that hold some."""
    command.add_argument("places", nargs="+", type=Path, metavar="FOLDER", help="folders of results, or results")
    command.add_argument("--json", action="store_true", help="print one JSON object per result")


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval verify`: a line for each result that is not as it was written, and a count; 1 if there is any."""
    import evaluator as ev

    found = ev.verify(*parsed.places)
    wrong = [each for each in found if not each.ok]
    for each in found if parsed.json else wrong:
        if parsed.json:
            print(json.dumps({"path": str(each.path), "ok": each.ok, "problems": each.problems}))
        else:
            print(f"{each.path}: {'; '.join(each.problems)}")
    if not parsed.json:
        print(
            f"{len(found)} result{'s' * (len(found) != 1)}: {len(found) - len(wrong)} verified, {len(wrong)} not; {NOT_LOOKED_AT}"
        )
    return int(bool(wrong))
