"""Results from files and folders, put together by task, protocol, profile and metric; each problem becomes a sentence."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evaluator.errors import EvaluationError, UsageError
from evaluator.module_names import plain
from evaluator.report.header import ResultHeader, read_header
from evaluator.results import naming
from evaluator.results.result import run_of
from evaluator.results.robustness import is_degraded


@dataclass(frozen=True)
class ComparableResults:
    """Results of one task, protocol, profile and metric; whether on the same clips, `ranking.boards` finds out.

    headers: (n_results,), in order of title, one at least.
    """

    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    headers: list[ResultHeader]


@dataclass(frozen=True)
class Collection:
    """The results in files and folders.

    comparable: In order of task, protocol and profile.
    clean, degraded: Headers, (n_results,), of all results of clips as they are, and of such as were made worse on purpose, which have no
        leaderboards.
    problems: A sentence for each file that should be a result and cannot be used.
    notes: What else a reader should know, such as files that were passed over.
    """

    comparable: list[ComparableResults]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    clean: list[ResultHeader] = field(default_factory=list)
    degraded: list[ResultHeader] = field(default_factory=list)


def collect(paths: Sequence[Path]) -> Collection:
    """The results in files and, at any depth, folders; of each only the JSON is read.

    Raises:
        UsageError: A path does not exist, or there is no result that can be used in any of them.
    """
    headers: dict[tuple[str, str, str], ResultHeader] = {}  # by module, task and run
    problems: list[str] = []
    n_others = 0
    for path, is_named in _files(paths, problems):
        try:
            header = read_header(path)
            if header is None and is_named:
                raise EvaluationError(f"{path}: no result of a run; give what `hear-eval run` wrote")
        except EvaluationError as error:
            problems.append(str(error))
            continue
        if header is None:
            n_others += 1
            continue
        name = naming.table_sha256(header.result) or plain(header.result.module)
        key = (name, header.result.task, run_of({**vars(header.result), "module": name}))
        if key in headers:
            older, header = sorted((headers[key], header), key=lambda each: (each.provenance("started"), each.path))
            problems.append(f"{older.path}: the same run as {header.path}, which is newer and stands for both")
        headers[key] = header
    if not headers:
        first = f"; {problems[0]}" if problems else ""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UsageError(
            f"{', '.join(map(str, paths))}: no result of a run that can be used{first}{more}; make some with hear-eval run"
        )
    were = " that is no result of a run was" if n_others == 1 else "s that are no results of runs were"
    notes = [f"{n_others} JSON file{were} passed over"] if n_others else []
    degraded = [each for each in headers.values() if is_degraded(each.result)]
    clean = with_titles([each for each in headers.values() if not is_degraded(each.result)])
    if not clean:
        raise UsageError(
            f"{', '.join(map(str, paths))}: holds results of degraded clips only; give those of the clean clips too, which hear-eval "
            "robustness writes beside them"
        )
    return Collection(_comparable(clean), problems, notes, clean, degraded)


def _files(paths: Sequence[Path], problems: list[str]) -> Iterator[tuple[Path, bool]]:
    """Each file once, in order, and whether the user named the file itself; a sentence to `problems` for an empty folder."""
    seen = set()
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder; give results, or folders that hold some")
        if path.suffix == ".npz" and path.with_suffix(".json").is_file():
            continue  # the predictions of a result, named with it by a shell's *
        is_named = not path.is_dir()
        files = [path] if is_named else sorted(each for each in path.rglob("*.json") if each.is_file())
        if not files:
            problems.append(f"{path}: no JSON file in this folder; results of hear-eval run lie as MODULE/TASK/*.json")
        for file in files:
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file, is_named


def with_titles(headers: Sequence[ResultHeader]) -> list[ResultHeader]:
    """The headers with `variant`, `split_by_layers` and `title` set, (n_results,) in their order.

    A module is told from its variants by options, by weights, by which channel it heard and how slowly, and, where it was scored
    with several choices of layers on one board, by these. Its title has what differs between variants, or between modules
    (`naming.names`).
    """
    layers = defaultdict(set)
    modules = naming.modules_of([header.result for header in headers])
    identities = [_identity(header, module) for header, module in zip(headers, modules, strict=True)]
    for header, identity in zip(headers, identities, strict=True):
        layers[_board_of(header), identity].add(header.layers)
    by_layers = {identity for (_, identity), several in layers.items() if len(several) > 1}
    with_variants = []
    for header, identity in zip(headers, identities, strict=True):
        split = identity in by_layers
        told = [f"layers {header.layers}" if split else "", naming.facts_of(header.result)["hearing"]]
        with_variants.append(replace(header, variant=json.dumps([*identity, *told]), split_by_layers=split))
    names = _names(with_variants, modules)
    return [replace(header, title=names[header.variant]) for header in with_variants]


def _names(headers: Sequence[ResultHeader], modules: Sequence[str]) -> dict[str, str]:
    """What to call each variant of the modules, (n_results,), all different: a fact that is not the same for all of its results is no part of its name."""
    facts: dict[str, list[naming.Facts]] = defaultdict(list)
    for header in headers:
        facts[header.variant].append(naming.facts_of(header.result))
    first = {header.variant: header.result for header in reversed(headers)}
    module_of = {header.variant: module for header, module in zip(headers, modules, strict=True)}
    variants = sorted(facts)
    common = [
        {
            kind: text if all(each[kind] == text for each in facts[variant]) else ""
            for kind, text in facts[variant][0].items()
        }
        for variant in variants
    ]
    found = naming.names([module_of[each] for each in variants], common, [first[each].is_baseline for each in variants])
    names: dict[str, str] = {}
    for variant, name in zip(variants, found, strict=True):
        taken = name in names.values()  # only if names or options were made to look alike
        names[variant] = f"{name} #{hashlib.sha256(variant.encode()).hexdigest()[:8]}" if taken else name
    return names


def _identity(header: ResultHeader, module: str) -> tuple[str, str, str]:
    """The module (`naming.modules_of`), weights and options."""
    return module, header.result.weights, json.dumps(header.result.options, sort_keys=True)


def _board_of(header: ResultHeader) -> tuple[str, str, str, str]:
    """What results on one board have in common."""
    result = header.result
    return result.task, result.protocol, result.profile, result.metric


def _comparable(headers: Sequence[ResultHeader]) -> list[ComparableResults]:
    by_board = defaultdict(list)
    for header in headers:
        by_board[_board_of(header)].append(header)
    return [
        ComparableResults(
            task,
            several[0].result.dataset,
            protocol,
            profile,
            metric,
            sorted(several, key=lambda header: (header.title, header.path)),
        )
        for (task, protocol, profile, metric), several in sorted(by_board.items())
    ]
