"""`hear-eval validate`."""

import argparse
import json

from evaluator.commands.given import MODULE, module, specs

SUMMARY = "check that a module keeps the HEAR contract"


def fill(command: argparse.ArgumentParser) -> None:
    """One module."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("--json", action="store_true", help="print one JSON object per check")
    module(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval validate`: each check with its verdict; 1 if an error was found."""
    from evaluator.embedding import conformance
    from evaluator.embedding.module import open_module

    with open_module(specs(parsed, [parsed.module])[0]) as module:
        checks = conformance.validate(module)
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
