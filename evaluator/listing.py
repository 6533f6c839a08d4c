"""What `hear-eval list` shows, read from folders without importing a model."""

import ast
import importlib.util
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.datasets import dataset as sets
from evaluator.datasets import splits
from evaluator.datasets.task import Task
from evaluator.experiment import catalogue
from evaluator.probes import protocol
from evaluator.probes.protocol import PROFILES


def modules() -> list[dict[str, Any]]:
    """Our HEAR modules, each with the first line of its docstring; the folder is the list."""
    spec = importlib.util.find_spec("hear_ssl")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = []
    for path in sorted(path for folder in folders for path in folder.glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found.append({"module": f"hear_ssl.{path.stem}", "what": text.partition("\n")[0]})
    return found


def tasks() -> list[dict[str, Any]]:
    """Every built-in task with what decides its score; twice, where the published code asks otherwise."""
    clean, published = (catalogue.list_tasks(profile) for profile in PROFILES)
    return [
        _task(each)
        for pair in zip(clean, published, strict=True)
        for each in (pair if pair[0].profile != "both" else pair[:1])
    ]


def _task(each: Task) -> dict[str, Any]:
    dataset = each.dataset
    return {
        "task": each.name,
        "profile": each.profile,
        "dataset": f"{dataset.name} ({dataset.variant})" if dataset.variant else dataset.name,
        "clips": dataset.expected.get("clips"),
        "classes": dataset.expected.get("classes"),
        "hours": dataset.expected.get("hours"),
        "labels": each.labels,
        "split": splits.describe(each.split),
        "metric": each.metric,
        "protocol": each.protocol,
        "access": dataset.access,
        "licence": dataset.licence,
        "differs": each.differs,
    }


def markdown() -> str:
    """The tasks as a table for the docs: one line each, with what a reader asks first."""
    head = ("task", "clips", "classes", "hours", "metric", "access", "licence")
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---|---|---|"]
    for row in tasks():
        if row["profile"] != "published":
            shown = [f"`{row['task']}`", *(row[name] for name in head[1:])]
            lines.append(f"| {' | '.join(_cell(value) for value in shown)} |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def datasets() -> list[dict[str, Any]]:
    """Every built-in dataset with its licence and the other ways in which it can be read."""
    found = [(each, sets.variants(each)) for each in schema.names_in("datasets")]
    return [
        {
            "dataset": name,
            "title": sets.read(name).title,
            "access": sets.read(name).access,
            "licence": sets.read(name).licence,
            "variants": variants,
        }
        for name, variants in found
    ]


def protocols() -> list[dict[str, Any]]:
    """Every protocol in each profile, with what sets it apart from its sibling."""
    return [
        {"protocol": each.name, "profile": each.profile, "what": each.title, "differs": each.differs}
        for each in protocol.list_protocols()
    ]
