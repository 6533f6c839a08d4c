"""`hear-eval rerun`."""

import argparse
import json
from pathlib import Path

from evaluator.commands._arguments import add_data
from evaluator.commands._console import bar

SUMMARY = "ask the question of a result again, and say whether the answer is equal"

EXAMPLES = """
hear-eval rerun results/hear_ssl.melspec/demo-calls/logistic-clean-0123abcd.json
hear-eval rerun old.json --data /new/place/of/data --out again
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """A result, and where its data lies now."""
    command.add_argument("result", type=Path, metavar="RESULT.json")
    command.add_argument("--out", type=Path, metavar="DIR", help="write the new result there (default: nowhere)")
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, ...")
    command.add_argument("--python", default="", metavar="PATH", help="another interpreter than the module ran in")
    command.add_argument(
        "--worker-timeout", type=float, default=600.0, metavar="SECONDS", help="as in run (default 600)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_data(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval rerun`: 0 if the answer is equal, 1 if it is not, and what differs."""
    import evaluator as ev
    from evaluator.files import finite

    again = ev.rerun(
        parsed.result,
        data=parsed.data,
        cache=parsed.cache,
        out=parsed.out,
        device=parsed.device,
        python=parsed.python,
        worker_timeout=parsed.worker_timeout,
        rehash=parsed.rehash,
        progress=bar,
    )
    before, result = again.before, again.result
    if parsed.json:
        scores = {"score": before.score, "score_again": result.score}
        said = {"equal": again.equal, "run": result.run, **scores, "differences": again.differences}
        print(json.dumps(finite({**said, "versions": again.versions, "path": again.path and str(again.path)})))
        return int(not again.equal)
    what = f"{result.module} on {result.task}, {result.metric} {result.score:.6g}"
    if again.equal:
        print(f"equal: {what}")
    else:
        print(f"not equal: {what}")
        for line in again.differences:
            print(f"differs: {line}")
        for line in again.versions:
            print(f"other version or device: {line}")
    if again.path is not None:
        print(f"written: {again.path}")
    return int(not again.equal)
