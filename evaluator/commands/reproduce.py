"""`hear-eval reproduce`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluator.commands._arguments import add_data, add_out, add_workers
from evaluator.commands._console import bar, print_table, report_error
from evaluator.errors import UsageError

SUMMARY = "reproduce a paper's tables, as far as its modules and data are here"

EXAMPLES = """
hear-eval reproduce arch2024 --plan  # which runs there are, and what each lacks
hear-eval reproduce arch2024 --data data --table table2
hear-eval reproduce sarkar2025 --data data --add ./my_model.py
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """A paper, what to run of it, and which modules are behind its rows."""
    command.add_argument(
        "paper", metavar="PAPER", help="sarkar2025, arch2024, wu2022, ogg2025, or a recipe.yaml of your own"
    )
    command.add_argument(
        "--plan", "--dry-run", action="store_true", help="only say which runs there are and what each still lacks"
    )
    command.add_argument(
        "--forecast",
        action="store_true",
        help="as --plan, and tell how long each run that could begin takes to embed, by a trial of a few clips",
    )
    command.add_argument("--table", action="append", default=[], metavar="T", help="only this table (default: all)")
    command.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="only runs with this in the name of module, row or task",
    )
    command.add_argument(
        "--use",
        action="append",
        default=[],
        metavar="ROW=MODULE",
        help="another module for a printed row, with options as MODULE?normalize=false&layer=6; * fits any text",
    )
    command.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="MODULE",
        help="your module as one more row, with options as in --use; only such rows are run, unless --only names others",
    )
    command.add_argument(
        "--weights",
        type=Path,
        metavar="DIR",
        help="weights of a module as DIR/MODULE or DIR/MODULE.pt; of a module of --add also their own path",
    )
    command.add_argument("--fetch-weights", action="store_true", help="let modules fetch the weights that they lack")
    command.add_argument(
        "--python", action="append", default=[], metavar="ROW=PATH", help="the interpreter or venv of a row's module"
    )
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, ...")
    add_out(command)
    command.add_argument("--format", choices=("md", "csv", "tex"), default="md", help="of what is printed (default md)")
    command.add_argument("--json", action="store_true", help="print one JSON object: the plan, or the tables")
    add_data(command)
    add_workers(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval reproduce`: the plan of a paper's tables, or the runs that are ready and the tables as far as they go.

    A forecast is in seconds.
    """
    from evaluator.files import cache_folder, usable_cache, writable_folder
    from evaluator.reproduction import command, plan, recipe, replacing

    options = plan.ReproductionOptions(
        parsed.data,
        usable_cache(cache_folder(parsed.cache)),
        writable_folder("--out", parsed.out),
        parsed.weights,
        {row: replacing.parse(text) for row, text in _pairs("--use", parsed.use).items()},
        _pairs("--python", parsed.python),
        parsed.device,
        parsed.table,
        parsed.only,
        parsed.rehash,
        [replacing.parse(text, "--add ") for text in parsed.add],
        parsed.workers,
        parsed.ray,
    )
    planned = plan.make_plan(recipe.read(parsed.paper), options)
    for sentence in (each for run in planned.runs.values() for each in run.passed_over):
        print(f"hear-eval: passed over: {sentence}", file=sys.stderr)
    if parsed.plan or parsed.forecast:
        told = planned, options, report_error, bar, parsed.fetch_weights
        forecasts = command.forecast_plan(*told) if parsed.forecast else []
        if parsed.json:
            print(json.dumps(command.plan_as_plain(planned, forecasts)))
            return 0
        for head, rows in command.plan_tables(planned, forecasts):
            print_table(head, rows)
            print()
        return 0
    n_failed, texts = command.run_plan(planned, options, report_error, bar, parsed.fetch_weights)
    for path, text in texts.items():
        if path.endswith(".json" if parsed.json else f".{parsed.format}"):
            print(text)
        print(f"written: {path}", file=sys.stderr)
    return int(bool(n_failed))


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Values of an option that is repeated as NAME=VALUE, by name."""
    pairs = {}
    for text in texts:
        name, equals, value = text.rpartition("=") if option == "--python" else text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} {text}: write it as ROW={'PATH' if option == '--python' else 'MODULE'}")
        pairs[name] = value
    return pairs
