"""`hear-eval validate`."""

import argparse
import json

from evaluator.commands._arguments import MODULE, add_module_options, module_options

SUMMARY = "check that a module keeps the HEAR contract"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """One module."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("--json", action="store_true", help="print one JSON object per check")
    add_module_options(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval validate`: each check with its verdict; 1 if an error was found."""
    import evaluator as ev

    checks = ev.validate(parsed.module, **module_options(parsed))
    for check in checks:
        if parsed.json:
            print(
                json.dumps({"name": check.name, "passed": check.passed, "level": check.level, "detail": check.detail})
            )
        else:
            verdict = "ok" if check.passed else check.level.upper()
            print(f"{verdict:8} {check.name}{': ' + check.detail if check.detail else ''}")
    failed = [check for check in checks if not check.passed and check.level == "error"]
    if not parsed.json:
        print(f"{parsed.module}: {len(checks)} checks, {len(failed)} errors")
    return 1 if failed else 0
