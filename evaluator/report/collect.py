"""Results found in files and folders, by the question that they answer; what cannot be used is told in sentences."""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluator.errors import EvaluationError, UsageError
from evaluator.results import on_disk
from evaluator.results.result import run_of
from evaluator.scoring.metrics import METRICS


@dataclass(frozen=True)
class Head:
    """What the JSON of a result says of it, without curve, clips and predictions.

    score, ci_low, ci_high: As those of a result; NaN where it has none.
    layers, seeds: Which layers were judged, "" if the protocol said so; how often probes were trained.
    started: When, in ISO 8601; "" if not known.
    data: The folder in which its data lay; "" if not known.
    seed: The first, which draws the interval as well.
    n_layers: How many layers the module shows; 0 if not known.
    asked_task, asked_protocol: The task and the protocol as `run` finds them: a name or a path; "" if not known.
    python: The other interpreter in which the module ran; "" for none.
    fused: Whether it is of several results together.
    split_by_layers: Whether its layers tell it from other variants.
    variant: The same for results of the same module with the same weights and options, and with the same layers where
        several choices of layers answer one question.
    title: What to call the variant: the module, and what tells it from its other variants among all that was gathered.
    """

    path: Path
    run: str
    module: str
    weights: str
    options: dict[str, Any]
    layers: str
    seeds: int
    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    score: float
    ci_low: float
    ci_high: float
    std: float | None
    chosen: str
    started: str
    data: str
    seed: int = 0
    n_layers: int = 0
    asked_task: str = ""
    asked_protocol: str = ""
    python: str = ""
    fused: bool = False
    split_by_layers: bool = False
    variant: str = ""
    title: str = ""


@dataclass(frozen=True)
class Asked:
    """One question and the results that answer it; whether on the same clips, `board.boards` finds out."""

    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    heads: list[Head]


@dataclass(frozen=True)
class Gathered:
    """All that was found.

    asked: The questions, in order of task, protocol and profile.
    problems: A sentence for each file that should be a result and cannot be used.
    notes: What else a reader should know, such as files that were passed over.
    """

    asked: list[Asked]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def gather(places: Sequence[Path]) -> Gathered:
    """The results in files and, at any depth, folders; of each only the JSON is read.

    Raises:
        UsageError: A place is not there, or there is no result that can be used in any of them.
    """
    heads: dict[tuple[str, str, str], Head] = {}  # by module, task and run
    problems: list[str] = []
    n_others = 0
    for path, given in _files(places, problems):
        try:
            head = _read(path)
            if head is None and given:
                raise EvaluationError(f"{path}: no result of a run; give what `hear-eval run` wrote")
        except EvaluationError as error:
            problems.append(str(error))
            continue
        if head is None:
            n_others += 1
            continue
        key = (head.module, head.task, head.run)
        if key in heads:
            older, head = sorted((heads[key], head), key=lambda each: (each.started, each.path))
            problems.append(f"{older.path}: the same run as {head.path}, which is newer and stands for both")
        heads[key] = head
    if not heads:
        first = f"; {problems[0]}" if problems else ""
        more = f" (and {len(problems) - 1} files more)" if len(problems) > 1 else ""
        raise UsageError(
            f"{', '.join(map(str, places))}: no result of a run that can be used{first}{more}; make some with hear-eval run"
        )
    notes = [f"{n_others} JSON files that are no results of runs were passed over"] if n_others else []
    return Gathered(_by_question(titled(list(heads.values()))), problems, notes)


def _files(places: Sequence[Path], problems: list[str]) -> Iterator[tuple[Path, bool]]:
    """Each file once, in order, and whether it was given by its name; a sentence to `problems` for an empty folder."""
    seen = set()
    for place in places:
        if not place.exists():
            raise UsageError(f"{place}: there is no such file or folder; give results, or folders that hold some")
        if place.suffix == ".npz" and place.with_suffix(".json").is_file():
            continue  # the predictions of a result, given with it by a shell's *
        given = not place.is_dir()
        found = [place] if given else sorted(path for path in place.rglob("*.json") if path.is_file())
        if not found:
            problems.append(f"{place}: no JSON file in this folder; results of hear-eval run lie as MODULE/TASK/*.json")
        for path in found:
            real = path.resolve()
            if real not in seen:
                seen.add(real)
                yield path, given


def _read(path: Path) -> Head | None:
    """What the JSON says; None if it is none of a result.

    Raises:
        EvaluationError: It should be a result and cannot be used.
    """
    plain = on_disk.parsed(path)
    if not isinstance(plain, dict) or "schema_version" not in plain or "kind" in plain:
        return None
    head = head_of(path, on_disk.of_this_schema(plain, path))
    if not path.with_suffix(".npz").is_file():
        raise EvaluationError(f"{path}: its predictions, {path.with_suffix('.npz').name}, are not there; run it again")
    return head


# Of the fields of a result, those that a head keeps as they are, and what they have to be.
_TEXTS = ("module", "weights", "task", "dataset", "protocol", "profile", "metric", "chosen")
_NUMBERS = ("score", "ci_low", "ci_high", "std")
_OF_PROVENANCE: dict[str, type] = {"command": list, "fused": list, "data": str}  # or null, or not there at all


def head_of(path: Path, fields: Mapping[str, Any]) -> Head:
    """The head of a result from its fields by their names; `vars` gives those of one in memory.

    Raises:
        EvaluationError: A field is missing or no such thing.
    """
    wanted: dict[str, Any] = {
        **dict.fromkeys(_TEXTS, str),
        **dict.fromkeys(_NUMBERS, (float, int, type(None))),
        "options": dict,
        "seeds": list,
        "provenance": dict,
    }
    for name, kind in wanted.items():
        if name not in fields or not isinstance(fields[name], kind):
            said = f"is {str(fields[name])[:60]!r}" if name in fields else "is missing"
            raise EvaluationError(f"{path}: its fields are not those of a result: {name} {said}; run it again")
    if fields["metric"] not in METRICS:
        raise EvaluationError(f"{path}: unknown metric {fields['metric']!r}; known: {', '.join(METRICS)}")
    provenance = fields["provenance"]
    for name, kind in _OF_PROVENANCE.items():
        if not isinstance(provenance.get(name, kind()), kind | None):
            said = str(provenance[name])[:60]
            raise EvaluationError(
                f"{path}: its fields are not those of a result: provenance.{name} is {said!r}; run it again"
            )
    if not all(isinstance(each, dict) for each in provenance.get("fused") or ()):
        raise EvaluationError(
            f"{path}: its fields are not those of a result: provenance.fused has no facts; run it again"
        )
    return Head(
        path=path,
        run=run_of(fields),
        options=fields["options"],
        layers=str(provenance.get("layers") or ""),
        seeds=len(fields["seeds"]),
        std=None if fields["std"] is None else _number(fields["std"]),
        started=str(provenance.get("started") or ""),
        data=str(provenance.get("data") or ""),
        **_asked(provenance),
        fused="fused" in provenance,
        **{name: fields[name] for name in _TEXTS},
        score=_number(fields["score"]),
        ci_low=_number(fields["ci_low"]),
        ci_high=_number(fields["ci_high"]),
    )


def _asked(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the next run has to ask the same way; results of older programs do not tell all of it."""
    module, command = provenance.get("module"), provenance.get("command")
    n_layers = module.get("n_layers") if isinstance(module, dict) else 0
    words = [str(word) for word in command] if isinstance(command, list) else []
    python = words[words.index("--python") + 1 :][:1] if "--python" in words else []
    return {
        "seed": seed if isinstance(seed := provenance.get("seed"), int) else 0,
        "n_layers": n_layers if isinstance(n_layers, int) else 0,
        "asked_task": str(provenance.get("asked_task") or ""),
        "asked_protocol": str(provenance.get("asked_protocol") or ""),
        "python": "".join(python),
    }


def _number(value: float | None) -> float:
    """The number; NaN for none, and for what is too large to be one."""
    try:
        return float("nan") if value is None or not math.isfinite(value) else float(value)
    except OverflowError:
        return float("nan")


def titled(heads: Sequence[Head]) -> list[Head]:
    """The heads with `variant` and `title` set.

    A module is told from its variants by options, by weights and, where it answers one question with several choices of layers,
    by these; each only if it differs.
    """
    layers = defaultdict(set)
    for head in heads:
        layers[_question(head), _who(head)].add(head.layers)
    by_layers = {who for (_, who), several in layers.items() if len(several) > 1}
    parts = {}  # variant -> module, options, weights, layers in words
    found = []
    for head in heads:
        split = _who(head) in by_layers
        own = f"layers {head.layers}" if split else ""
        variant = json.dumps([*_who(head), own])
        options = ", ".join(f"{name}={value}" for name, value in sorted(head.options.items()))
        parts[variant] = (head.module, options, f"weights {head.weights}" if head.weights else "", own)
        found.append(replace(head, variant=variant, split_by_layers=split))
    names = _names(parts)
    return [replace(head, title=names[head.variant]) for head in found]


def _names(parts: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What to call each variant, all different."""
    told: dict[str, list[set[str]]] = defaultdict(
        lambda: [set(), set(), set()]
    )  # module -> its options, weights, layers
    for module, *rest in parts.values():
        for kind, part in enumerate(rest):
            told[module][kind].add(part)
    names: dict[str, str] = {}
    for variant, (module, *rest) in sorted(parts.items()):
        shown = [part for kind, part in enumerate(rest) if part and len(told[module][kind]) > 1]
        name = f"{module} ({', '.join(shown)})" if shown else module
        taken = name in names.values()  # only if names or options were made to look alike
        names[variant] = f"{name} #{hashlib.sha256(variant.encode()).hexdigest()[:8]}" if taken else name
    return names


def _who(head: Head) -> tuple[str, str, str]:
    return head.module, head.weights, json.dumps(head.options, sort_keys=True)


def _question(head: Head) -> tuple[str, str, str, str]:
    return head.task, head.protocol, head.profile, head.metric


def _by_question(heads: Sequence[Head]) -> list[Asked]:
    groups = defaultdict(list)
    for head in heads:
        groups[_question(head)].append(head)
    return [
        Asked(
            task,
            members[0].dataset,
            protocol,
            profile,
            metric,
            sorted(members, key=lambda head: (head.title, head.path)),
        )
        for (task, protocol, profile, metric), members in sorted(groups.items())
    ]
