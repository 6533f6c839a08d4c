"""`hear-eval validate`."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from evaluator.commands._arguments import MODULE, add_module_options, module_options

if TYPE_CHECKING:
    from evaluator.embedding.asked import Check

SUMMARY = "check that a module keeps the HEAR contract"

EXAMPLES = """
hear-eval validate ./my_model.py
hear-eval validate hf:facebook/hubert-base-ls960 --quick
hear-eval validate ./my_model.py --python old_env --deep
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """One module, and how closely it is looked at."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    depth = command.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="a few seconds of audio have to do")
    depth.add_argument(
        "--deep",
        action="store_true",
        help="load the module a second time too, in a fresh process in which its random generators run",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object per check")
    add_module_options(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval validate`: each check with its verdict as soon as it is done; 1 if an error was found."""
    import evaluator as ev

    def show(check: "Check") -> None:
        verdict = "ok" if check.passed else check.level.upper()
        line = f"{verdict:8} {check.found}{': ' + check.detail if check.detail else ''}"
        print(json.dumps(asdict(check)) if parsed.json else line, flush=True)

    depth = "quick" if parsed.quick else "deep" if parsed.deep else "full"
    checks = ev.validate(parsed.module, depth=depth, on_check=show, **module_options(parsed))
    failed = [check for check in checks if not check.passed and check.level == "error"]
    if not parsed.json:
        print(f"{parsed.module}: {len(checks)} checks, {len(failed)} errors")
    return 1 if failed else 0
