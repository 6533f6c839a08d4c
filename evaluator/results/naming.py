"""What to call results beside each other: the module, and whatever else tells what was asked of it from the others."""

from collections import Counter, defaultdict
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
        modules: Their names, equal for one module (`modules_of`).
        facts: What was asked of each.
        is_baseline: Whether each stands there to be compared with.
    """
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


def modules_of(results: Sequence[Result]) -> list[str]:
    """The module of each of several results, (n_results,), equal whichever way its file is spelled.

    A table of vectors is told by what it holds: from whatever folder it was read it has one name, the shortest. Two tables of one name
    that were asked on one task bear the first digits of their SHA-256.
    """
    called = [plain(result.module) for result in results]
    tables = [table_sha256(result) for result in results]
    name_of: dict[str, str] = {}
    for name, table in sorted(zip(called, tables, strict=True), key=lambda each: (len(each[0]), each)):
        name_of.setdefault(table, name)
    asked = {(table, result.task) for table, result in zip(tables, results, strict=True) if table}
    on_task = Counter((name_of[table], task) for table, task in asked)
    several = {name for (name, _), n_tables in on_task.items() if n_tables > 1}
    told = {table: f"{name} #{table[:8]}" if name in several else name for table, name in name_of.items()}
    return [told[table] if table else name for name, table in zip(called, tables, strict=True)]


def table_sha256(result: Result) -> str:
    """SHA-256 of the table of vectors, (n_rows, width), that a result is of; "" for a module, or where it does not say."""
    described = result.provenance.get("module")
    table = described.get("precomputed") if isinstance(described, Mapping) else None
    return str(table.get("sha256") or "") if isinstance(table, Mapping) else ""


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
    return names(modules_of(results), facts, [each.is_baseline for each in results])
