"""What to call results beside each other: the module, and whatever else tells what was asked of it from the others."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from evaluator.module_names import plain
from evaluator.results.hearing import pace
from evaluator.results.result import Result

_OWN = "scene"  # the layers of a module's own embedding, which go without saying
Facts = Mapping[str, str]
"""What was asked of a module beside its name: a text for each kind of fact, "" where it goes without saying."""


def facts_of(result: Result) -> dict[str, str]:
    """Options, weights, layers, hearing (channel and pace) and seeds of a result, (n_seeds,), in words."""
    layers, n_seeds = str(result.provenance.get("layers") or _OWN), len(result.seeds)
    return {
        "options": ", ".join(f"{name}={value}" for name, value in sorted(result.options.items())),
        "weights": f"weights {result.weights}" if result.weights else "",
        "layers": "" if layers == _OWN else f"layers {layers}",
        "hearing": _hearing(result),
        "seeds": f"{n_seeds} seeds" if n_seeds > 1 else "",
    }


def _hearing(result: Result) -> str:
    """Which channel was heard, and how slowly, in words; "" where it is as the files are, mixed."""
    hearing = result.hearing
    if hearing is None:
        return ""
    channel = f"channel {hearing.channel}" if hearing.channel != "mix" else ""
    return ", ".join(filter(None, (channel, "" if hearing.expand is None else pace(hearing.expand))))


def names(modules: Sequence[str], facts: Sequence[Facts], is_baseline: Sequence[bool]) -> list[str]:
    """A name for each of several results, (n_results,), equal for equal modules and facts.

    It has the facts in which results of its module differ, and those in which modules differ that are no baselines: what all have
    in common is no part of a name.

    Args:
        modules: Their names, by which files are one whichever way they are spelled.
        facts: What was asked of each.
        is_baseline: Whether each stands there to be compared with.
    """
    modules = [plain(module) for module in modules]
    of_module: dict[tuple[str, str], set[str]] = defaultdict(set)
    of_all: dict[str, set[str]] = defaultdict(set)
    for module, own, baseline in zip(modules, facts, is_baseline, strict=True):
        for kind, text in own.items():
            of_module[module, kind].add(text)
            if not baseline:
                of_all[kind].add(text)
    found = []
    for module, own in zip(modules, facts, strict=True):
        told = [
            text for kind, text in own.items() if text and (len(of_module[module, kind]) > 1 or len(of_all[kind]) > 1)
        ]
        found.append(f"{module} ({', '.join(told)})" if told else module)
    return found


def titles(results: Sequence[Result]) -> list[str]:
    """What to call each of several results of one task, (n_results,), all different where the results are.

    Protocol, profile, what was chosen and the run are in it only where they are needed.
    """
    several = [{**facts_of(each), "protocol": each.protocol, "profile": each.profile} for each in results]
    more = [{"chosen": each.chosen} for each in results], [{"run": f"run {each.run}"} for each in results]
    called = _named(results, several)
    for further in more:
        if len(set(called)) == len(called):
            break
        several = [{**own, **new} for own, new in zip(several, further, strict=True)]
        called = _named(results, several)
    return called


def variants(results: Sequence[Result]) -> list[str]:
    """What to call each of several results, (n_results,), equal for the same module with the same options, weights and layers."""
    facts = [{kind: text for kind, text in facts_of(each).items() if kind != "seeds"} for each in results]
    return _named(results, facts)


def _named(results: Sequence[Result], facts: Sequence[Facts]) -> list[str]:
    return names([each.module for each in results], facts, [each.is_baseline for each in results])
