"""`hear-eval rerun`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands._arguments import add_data
from evaluator.commands._console import bar, report_error
from evaluator.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from evaluator.experiment.rerun import Rerun

SUMMARY = "ask the question of a result again, and say whether the answer is equal"

EXAMPLES = """
hear-eval rerun results/hear_ssl.melspec/demo-calls/logistic-clean-0123abcd.json
hear-eval rerun handed_on --data /new/place/of/data --out again  # every result in a folder
"""

_MAX_DIFFERENCES = 12  # lines that are shown of one result


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Results, and where their data lies now."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    command.add_argument("--out", type=Path, metavar="DIR", help="write the new results there (default: nowhere)")
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, ...")
    command.add_argument("--python", default="", metavar="PATH", help="another interpreter than the module ran in")
    command.add_argument(
        "--worker-timeout", type=float, default=600.0, metavar="SECONDS", help="as in run (default 600)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object per result")
    add_data(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval rerun`: 0 if all answers are equal, 1 if one is not, and what differs; one that cannot be asked stops no other."""
    import evaluator as ev
    from evaluator.results import on_disk

    paths = [path for place in parsed.results for path in on_disk.paths_in(place)]
    if not paths:
        raise UsageError(f"{', '.join(map(str, parsed.results))}: no result of a run")
    errors: list[Exception] = []
    n_unequal = 0
    for path in paths:
        try:
            again = ev.rerun(
                path,
                data=parsed.data,
                cache=parsed.cache,
                out=parsed.out,
                device=parsed.device,
                python=parsed.python,
                worker_timeout=parsed.worker_timeout,
                rehash=parsed.rehash,
                progress=bar,
            )
        except (UsageError, EvaluationError) as error:
            if len(paths) == 1:
                raise
            report_error(str(path), error)
            errors.append(error)
            continue
        n_unequal += not again.equal
        (_print_json if parsed.json else _print)(again)
    if len(paths) > 1 and not parsed.json:
        n_equal = len(paths) - n_unequal - len(errors)
        print(f"{n_equal} of {len(paths)} results equal, {n_unequal} not equal, {len(errors)} could not be asked again")
    if errors and len(errors) == len(paths) and all(isinstance(error, UsageError) for error in errors):
        return 2
    return int(bool(errors or n_unequal))


def _print_json(again: "Rerun") -> None:
    from evaluator.files import finite

    scores = {"score": again.before.score, "score_again": again.result.score}
    said = {"equal": again.equal, "run": again.result.run, **scores, "differences": again.differences}
    print(json.dumps(finite({**said, "versions": again.versions, "path": again.path and str(again.path)})), flush=True)


def _print(again: "Rerun") -> None:
    result = again.result
    what = f"{result.module} on {result.task}, {result.metric} {result.score:.6g}"
    if again.equal:
        print(f"equal: {what}")
    else:
        print(f"not equal: {what}")
        for line in again.differences[:_MAX_DIFFERENCES]:
            print(f"differs: {line}")
        if len(again.differences) > _MAX_DIFFERENCES:
            print(f"differs: {len(again.differences) - _MAX_DIFFERENCES} more, which --json has")
        for line in again.versions:
            print(f"other version or device: {line}")
    if again.path is not None:
        print(f"written: {again.path}", flush=True)
