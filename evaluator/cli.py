"""The command line: `hear-eval run | list | validate | embed | download | check | compare | fuse |
similarity | map | report | reproduce | doctor`.

Results go to standard output, everything else (bars, warnings, what modules print) to standard error. Exit codes: 0
done, 1 failed, 2 wrong usage. Rooms that need torch are entered only by the commands that use them.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator.arguments import parser
from evaluator.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from evaluator.datasets.check import Finding
    from evaluator.embedding.module import ModuleSpec
    from evaluator.results import Result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; every expected failure is one sentence on standard error."""
    parsed = parser(COMMANDS).parse_args(arguments)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's my_model.py is found; appended, so that it shadows nothing
    try:
        return parsed.command(parsed)
    except (UsageError, EvaluationError) as error:
        print(f"hear-eval: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print(
            "hear-eval: interrupted; embeddings and finished results are kept, the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader went away; nothing more to say
        return 1
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"hear-eval: {error.filename or 'input or output'}: {error.strerror or error}", file=sys.stderr)
        return 1


def writable(option: str, folder: Path) -> Path:
    """The folder, made if it is not there; found out before hours of work rather than after.

    Raises:
        UsageError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise UsageError(
            f"{option} {folder}: no folder that can be written ({error.strerror}); give another"
        ) from error


def cache_folder(given: Path | None) -> Path:
    """The cache: as given, else $HEAR_EVAL_CACHE, else a folder of the user's."""
    if given is not None:
        return given
    return Path(os.environ.get("HEAR_EVAL_CACHE") or Path.home() / ".cache" / "hear-eval")


def specs(parsed: argparse.Namespace, names: Sequence[str]) -> "list[ModuleSpec]":
    """The modules that were asked for."""
    from evaluator.embedding.module import ModuleSpec

    options = {}
    for text in parsed.option:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {text}: write it as KEY=VALUE, such as --option layer=6")
        try:
            options[name] = json.loads(value)  # numbers, true, false and lists; all else is text
        except ValueError:
            options[name] = value
    shared = (parsed.weights, options, parsed.device, parsed.python, parsed.worker_timeout)
    return [ModuleSpec(name, *shared) for name in names]


def run_command(parsed: argparse.Namespace) -> int:
    """`hear-eval run`: every module on every task; what fails is told and the others go on."""
    from evaluator import batch, task
    from evaluator.embedding import baselines
    from evaluator.judging import protocol
    from evaluator.results import write
    from evaluator.run import Settings, as_line

    tasks = [found for spec in parsed.task for found in task.find(spec, parsed.profile)]
    questions = [(each, protocol.load(parsed.protocol or each.protocol, parsed.profile)) for each in tasks]
    settings = Settings(
        parsed.data,
        writable("--cache", cache_folder(parsed.cache)),
        parsed.device,
        parsed.seed,
        parsed.seeds,
        parsed.layers,
        parsed.allow_failed,
        bar,
    )
    given = specs(parsed, parsed.modules)
    added = baselines.beside(given) if parsed.baselines else []
    plain = replace(settings, layers="")  # baselines have no layers to choose from, but for twins
    orders = [
        batch.Order(spec, questions, settings if spec in given or spec.name.startswith("twin:") else plain)
        for spec in [*given, *added]
    ]
    out = writable("--out", parsed.out)
    done: list[tuple[Result, Path]] = []
    failures: list[tuple[ModuleSpec, Exception]] = []
    try:
        for _, _, result in batch.results(
            orders, lambda spec, _, error: failures.append((spec, told(spec.name, error)))
        ):
            done.append((result, write(result, out)))
            if parsed.json:
                print(json.dumps(as_line(result)), flush=True)
    finally:  # also of a run that was interrupted
        if not parsed.json:
            print_results(done)
    # A baseline that cannot be, such as a twin of what has no weights, was not asked for by name.
    counted = [error for spec, error in failures if spec in given or not isinstance(error, UsageError)]
    if counted:
        return 2 if not done and all(isinstance(error, UsageError) for error in counted) else 1
    return 0


def told(name: str, error: Exception) -> Exception:
    """Say what went wrong, now, and give it back to be counted."""
    print(f"hear-eval: {name}: {error}", file=sys.stderr)
    return error


def print_results(done: "Sequence[tuple[Result, Path]]") -> None:
    """A table of scores, then what a reader should know, then where the files are."""
    rows = [
        (
            r.module,
            r.task,
            f"{r.protocol} ({r.profile})",
            r.chosen,
            r.metric,
            *figures(r),
            f"{r.n_clips - r.n_failed}/{r.n_clips}",
            f"{r.seconds.get('embed', 0.0):.1f}",
        )
        for r, _ in done
    ]
    if rows:
        head = ("module", "task", "protocol", "of", "metric", "score", "95 % interval", "trained", "clips", "embed s")
        print_table(*without_empty(head, rows))
    for result, path in done:
        for note in [
            *result.notes,
            *([f"{result.n_failed} clips could not be used"] if result.n_failed else []),
        ]:
            print(f"note: {result.module}, {result.task}: {note}")
        print(f"written: {path}")


def figures(result: "Result") -> tuple[str, str, str]:
    """Score, interval, and how often probes were trained and with what spread; percentages times a hundred."""
    from evaluator.judging.metrics import METRICS

    unit = METRICS[result.metric].unit
    scale, decimals = (100, 1) if unit == "%" else (1, 3)
    score, low, high = (f"{scale * value:.{decimals}f}" for value in (result.score, result.ci_low, result.ci_high))
    n_times = len(result.test_probabilities[0])
    spread = "" if result.spread is None else f"{n_times}, +-{scale * result.spread:.{decimals}f}"
    return f"{score} {unit}".strip(), f"{low} to {high}", spread


def without_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Head and rows without the columns that hold nothing."""
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    return [head[column] for column in kept], [[row[column] for column in kept] for row in rows]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest entry."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def bar(title: str, total: int, unit: str = "") -> Callable[[int], object]:
    """A progress bar on standard error, silent when that is no terminal; large counts of a unit get a prefix."""
    from tqdm import tqdm

    silent = not sys.stderr.isatty()
    return tqdm(total=total, desc=title, file=sys.stderr, disable=silent, unit=unit, unit_scale=bool(unit)).update


def list_command(parsed: argparse.Namespace) -> int:
    """`hear-eval list`: names with a line about each."""
    from evaluator import listing

    if parsed.markdown:
        if parsed.what != "tasks":
            raise UsageError(f"list {parsed.what} --markdown: only tasks have a table; leave --markdown out")
        print(listing.markdown())
        return 0
    found: list[dict[str, Any]] = getattr(listing, parsed.what)()
    if parsed.json:
        for row in found:
            print(json.dumps(row))
        return 0
    long = {"differs"} if parsed.what == "tasks" else set()
    head = [name for name in found[0] if name not in long]
    print_table(head, [["" if row[name] is None else str(row[name]) for name in head] for row in found])
    if parsed.verbose:
        for row in found:
            if row.get("differs") and row.get("profile") == "published":
                print(f"{row['task']}, published: {row['differs']}")
    return 0


def validate_command(parsed: argparse.Namespace) -> int:
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


def embed_command(parsed: argparse.Namespace) -> int:
    """`hear-eval embed`: scene and timestamp embeddings of files in one .npz."""
    from evaluator.embedding import embed
    from evaluator.embedding.module import open_module

    with open_module(specs(parsed, [parsed.module])[0]) as module:
        written = embed.embed_files(module, parsed.files, parsed.out, bar("files", len(parsed.files)))
    print(f"written: {written} ({len(parsed.files)} files)")
    return 0


def download_command(parsed: argparse.Namespace) -> int:
    """`hear-eval download`: the data of tasks, each dataset once; what cannot be had tells how it can."""
    from evaluator import task
    from evaluator.datasets import download, manifest

    tasks = [found for spec in parsed.tasks for found in task.find(spec, parsed.profile)]
    failed: list[Exception] = []
    for dataset in {each.dataset.name: each.dataset for each in tasks}.values():
        print(f"{dataset.name}: {dataset.title}\n  licence: {dataset.licence}\n  cite: {dataset.citation}")
        if dataset.access in ("made", "own") or not dataset.download:
            print(f"  nothing to download: {dataset.instructions or manifest.whereabouts(dataset)}")
            failed += [UsageError(dataset.name)] if dataset.access in ("request", "login") else []
            continue
        folder = parsed.data / dataset.name
        try:
            if parsed.dry_run:
                for line in download.plan(dataset.download, folder):
                    print(f"  {line}")
                continue
            for note in download.fetch(dataset.download, writable("--data", folder), in_bytes, parsed.keep_archives):
                print(f"  note: {note}")
            print(f"  ready: {folder}")
        except (UsageError, EvaluationError) as error:
            failed.append(told(dataset.name, error))
    return int(bool(failed))


def in_bytes(title: str, total: int) -> Callable[[int], object]:
    """A progress bar of a download."""
    return bar(title, total, unit="B")


def check_command(parsed: argparse.Namespace) -> int:
    """`hear-eval check`: findings about each task's data; 1 if there is an error among them, 2 if data is not there."""
    from evaluator import figure, task
    from evaluator.datasets import audio, check, manifest

    worst = 0
    lengths: dict[str, list[float]] = {}
    cache = cache_folder(parsed.cache)
    if parsed.figure:
        figure.refuse_other_kinds(parsed.figure)
    for each in [found for spec in parsed.tasks for found in task.find(spec, parsed.profile)]:
        try:
            clips = manifest.read(each, parsed.data, cache)
        except (UsageError, EvaluationError) as error:
            told(each.name, error)
            worst = 2
            continue
        findings = check.check(each, clips, cache, bar(each.name, len(clips.clips)))
        for finding in findings:
            if parsed.json:
                print(json.dumps({"task": each.name, **asdict(finding)}), flush=True)
            else:
                print_finding(each.name, finding)
        worst = max([worst, *(finding.level == "error" for finding in findings)])
        if parsed.figure:
            facts = audio.file_facts(clips.root, [clip.path for clip in clips.clips], cache)
            lengths[each.dataset.name] = check.lengths(clips, facts)
    if parsed.figure:
        figure.clip_lengths(lengths, parsed.figure)
        print(f"written: {parsed.figure}", file=sys.stderr if parsed.json else sys.stdout)
    return int(worst)


def print_finding(name: str, finding: "Finding") -> None:
    """A line for people: the first clips that it is about, and whether there are more."""
    first = ", ".join(finding.where[:5]) + " ..." * (len(finding.where) > 5)
    print(f"{finding.level:8} {name}: {finding.what}{f' [{first}]' if first else ''}")


def compare_command(parsed: argparse.Namespace) -> int:
    """`hear-eval compare`: every two results in a sentence."""
    from evaluator import compare, results

    for each in compare.compare([results.read(path) for path in parsed.results], parsed.seed):
        print(json.dumps(asdict(each)) if parsed.json else each.sentence)
    return 0


def fuse_command(parsed: argparse.Namespace) -> int:
    """`hear-eval fuse`: one more result, of all of them together."""
    from evaluator import compare, results

    fused = compare.fuse([results.read(path) for path in parsed.results], parsed.seed)
    print_results([(fused, results.write(fused, writable("--out", parsed.out)))])
    return 0


def similarity_command(parsed: argparse.Namespace) -> int:
    """`hear-eval similarity`: how alike embeddings are, and what they have in common with descriptors and labels."""
    from evaluator import task
    from evaluator.judging import protocol
    from evaluator.similarity import figures, results, rsa, sample

    tasks = [found for spec in parsed.task for found in task.find(spec, parsed.profile)]
    protocols = [protocol.load(parsed.protocol or each.protocol, parsed.profile) for each in tasks]
    cache, out = writable("--cache", cache_folder(parsed.cache)), writable("--out", parsed.out)
    settings = sample.Settings(parsed.data, cache, parsed.clips, parsed.layers, parsed.seed, parsed.allow_failed, bar)
    analysis = rsa.analyse(specs(parsed, parsed.modules), tasks, protocols, settings)
    folder = results.write(analysis, out)
    figures.draw(analysis, folder)
    if parsed.json:
        print(json.dumps(results.plain(analysis)))
        return 0
    for head, rows in results.as_tables(analysis):
        print_table(head, rows)
        print()
    for each in analysis.datasets:
        for note in each.notes:
            print(f"note: {each.task}: {note}")
    print(f"written: {folder}")
    return 0


def map_command(parsed: argparse.Namespace) -> int:
    """`hear-eval map`: each task's embeddings on a plane, and how far such maps can be trusted."""
    from evaluator import task
    from evaluator.judging import protocol
    from evaluator.mapping import atlas, figures, maps, page
    from evaluator.similarity import sample

    tasks = [found for spec in parsed.task for found in task.find(spec, parsed.profile)]
    protocols = [protocol.load(parsed.protocol or each.protocol, parsed.profile) for each in tasks]
    cache, out = writable("--cache", cache_folder(parsed.cache)), writable("--out", parsed.out)
    settings = sample.Settings(parsed.data, cache, parsed.clips, parsed.layers, parsed.seed, parsed.allow_failed, bar)
    choice = maps.Choice(parsed.method or ("tsne", "pca"), parsed.colour or ("label",), parsed.perplexity)
    for each in maps.draw(specs(parsed, parsed.modules), tasks, protocols, choice, settings):
        folder = writable("--out", out / f"map-{each.run}")
        figures.draw(each, folder)
        atlas.write(each, folder)
        written = page.write(each, folder)
        if parsed.json:
            print(json.dumps(atlas.plain(each)), flush=True)
            continue
        print_table(*atlas.as_table(each))
        for note in each.notes:
            print(f"note: {each.task}: {note}")
        print(f"written: {written}")
    return 0


def report_command(parsed: argparse.Namespace) -> int:
    """`hear-eval report`: a page of all results, and figures and tables beside it; what could not be used is told."""
    from evaluator.report import making

    wish = making.Wish(parsed.out, parsed.data, parsed.clips, parsed.format, parsed.seed, bar)
    made = making.make(parsed.results, wish)
    for problem in made.problems:
        print(f"hear-eval: {problem}", file=sys.stderr)
    first, *others = made.written
    print(f"written: {first}")
    if others:
        print(f"written: {len(others)} files in {others[0].parent}")
    return 0


def reproduce_command(parsed: argparse.Namespace) -> int:
    """`hear-eval reproduce`: the plan of a paper's tables, or the runs that are ready and the tables as far as they go."""
    from evaluator.reproduction import command, plan, recipe

    choices = plan.Choices(
        parsed.data,
        writable("--cache", cache_folder(parsed.cache)),
        writable("--out", parsed.out),
        parsed.weights,
        pairs("--use", parsed.use),
        pairs("--python", parsed.python),
        parsed.device,
        parsed.table,
        parsed.only,
    )
    planned = plan.make(recipe.read(parsed.paper), choices)
    if parsed.plan or parsed.forecast:
        foreseen = command.foresee(planned, choices, parsed.forecast, told, bar, parsed.fetch_weights)
        if parsed.json:
            print(json.dumps(command.plan_as_plain(planned, foreseen)))
            return 0
        for head, rows in command.plan_tables(planned, foreseen):
            print_table(head, rows)
            print()
        return 0
    failures, shown = command.carry_out(planned, choices, told, bar, parsed.fetch_weights)
    for path, text in shown.items():
        if path.endswith(".json" if parsed.json else f".{parsed.format}"):
            print(text)
        print(f"written: {path}", file=sys.stderr)
    return int(bool(failures))


def pairs(option: str, said: Sequence[str]) -> dict[str, str]:
    """What was said as NAME=VALUE, by name."""
    found = {}
    for text in said:
        name, equals, value = text.rpartition("=") if option == "--python" else text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} {text}: write it as ROW={'PATH' if option == '--python' else 'MODULE'}")
        found[name] = value
    return found


def doctor_command(parsed: argparse.Namespace) -> int:
    """`hear-eval doctor`: findings with their remedies; 1 if something is broken."""
    from evaluator import doctor

    findings = doctor.examine(cache_folder(parsed.cache))
    for finding in findings:
        print(f"{finding.level:8} {finding.what}{'. ' + finding.remedy if finding.remedy else ''}")
    return 1 if any(finding.level == "error" for finding in findings) else 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run_command,
    "list": list_command,
    "validate": validate_command,
    "embed": embed_command,
    "download": download_command,
    "check": check_command,
    "compare": compare_command,
    "fuse": fuse_command,
    "similarity": similarity_command,
    "map": map_command,
    "report": report_command,
    "reproduce": reproduce_command,
    "doctor": doctor_command,
}

if __name__ == "__main__":
    sys.exit(main())
