"""A result in plain words: what was asked, how the score came about, what to know, and where it came from."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from evaluator import stats
from evaluator.judging.metrics import METRICS
from evaluator.results import Result

_UNTOLD = ("data", "command", "module", "packages", "protocol_says", "protocol_differs", "fused")  # told elsewhere


def metric_name(metric: str) -> str:
    """The metric with its unit, as a column's head."""
    unit = METRICS[metric].unit
    return f"{metric} ({unit})" if unit else metric


def asked(result: Result) -> list[tuple[str, str]]:
    """What was asked of all modules alike: a word for each part of it, and a sentence about it."""
    says, differs = (
        str(result.provenance.get(key) or "not described") for key in ("protocol_says", "protocol_differs")
    )
    return [
        ("Protocol", ended(f"{result.protocol}. {says}")),
        ("Profile", ended(f"{result.profile}. {differs}")),
        ("Score", _score(result.metric)),
        ("Test", _folds(result)),
        ("Interval", _interval(result)),
    ]


def _score(name: str) -> str:
    metric = METRICS[name]
    meaning = re.split(r",? \(n_\w+,|\. ", (inspect.getdoc(metric.function) or "").partition("\n\n")[0])[0]
    meaning = meaning.rstrip(".").replace("\n", " ")
    return f"{name}{f': {meaning[0].lower()}{meaning[1:]}' if meaning else ''}. The {metric.best} is best."


def _folds(result: Result) -> str:
    folds = result.folds
    train, valid, test = (_range([getattr(fold, name) for fold in folds]) for name in ("n_train", "n_valid", "n_test"))
    validated = f", {valid} validate it" if valid != "0" else ""
    sizes = f"{train} clips train the probe{validated}, {test} test it"
    return f"One split: {sizes}." if len(folds) == 1 else f"{len(folds)} folds, scores averaged; in each {sizes}."


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _interval(result: Result) -> str:
    groups = stats.units(result.test_groups)
    drawn = "groups of clips (recordings, individuals)" if groups else "test clips"
    several = f", and over the {len(result.seeds)} trainings of each probe" if len(result.seeds) > 1 else ""
    return f"95 %, from {stats.DRAWS:,} bootstrap draws of {drawn}{stats.why_not(result.test_groups)}{several}."


def notes(titles: Sequence[str], found: Sequence[Result]) -> list[str]:
    """What a reader of the scores should know; what is true of all is said once, the interval by `asked`."""
    told: dict[str, list[str]] = {}
    for title, result in zip(titles, found, strict=True):
        for note in result.notes:
            if not note.startswith("the interval draws "):
                told.setdefault(note, []).append(title)
        if result.n_failed:
            told.setdefault(f"{result.n_failed} of {result.n_clips} clips could not be used", []).append(title)
        if result.n_silent:
            told.setdefault(f"{result.n_silent} of {result.n_clips} clips are silent", []).append(title)
    return [ended(note if len(who) == len(found) else f"{_several(who)}: {note}") for note, who in told.items()]


def _several(titles: Sequence[str]) -> str:
    return ", ".join(titles) if len(titles) <= 4 else f"{', '.join(titles[:3])} and {len(titles) - 3} more"


def failures(titles: Sequence[str], found: Sequence[Result]) -> list[tuple[str, str, str]]:
    """Clips that could not be used, each once: (clip, why, for which modules)."""
    told: dict[tuple[str, str], list[str]] = {}
    for title, result in zip(titles, found, strict=True):
        for clip, why in result.failed.items():
            told.setdefault((clip, why), []).append(title)
    return [
        (clip, why, "all modules" if len(who) == len(found) else _several(who)) for (clip, why), who in told.items()
    ]


def origins(found: Sequence[Result]) -> tuple[list[tuple[str, str]], list[str], list[list[str]]]:
    """Where results came from: facts that all share (name, value), then names and a row of values each for the others."""
    facts = [_origin(result) for result in found]
    names = list(dict.fromkeys(name for each in facts for name in each))
    shared = [name for name in names if len({each.get(name, "") for each in facts}) == 1]
    parting = [name for name in names if name not in shared]
    return (
        [(name, facts[0][name]) for name in shared if facts[0][name]],
        parting,
        [[each.get(name, "") for name in parting] for each in facts],
    )


def _origin(result: Result) -> dict[str, str]:
    provenance: Mapping[str, Any] = result.provenance
    module = provenance.get("module")
    packages = provenance.get("packages")
    told: dict[str, Any] = {
        "run": result.run,
        "weights": result.weights,
        "options": _listed(result.options),
        "command": " ".join(map(str, provenance.get("command") or ())),
        **{name: value for name, value in provenance.items() if name not in _UNTOLD},
        "packages": _listed(packages) if isinstance(packages, dict) else packages,
        **({f"module's {name}": value for name, value in module.items()} if isinstance(module, dict) else {}),
        "embedding took": f"{result.seconds['embed']:.1f} s" if "embed" in result.seconds else "",
        "training took": f"{result.seconds['train']:.1f} s" if "train" in result.seconds else "",
        "fused modules": ", ".join(str(each.get("module")) for each in provenance.get("fused") or ()),
        "data": provenance.get("data"),
    }
    return {name.replace("_", " "): _plain(value) for name, value in told.items()}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return _listed(value)
    return "" if value is None else str(value)


def _listed(pairs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs.items())


def ended(sentence: str) -> str:
    """A sentence with a capital and a full stop, whatever it began and ended with."""
    sentence = sentence.strip()
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
