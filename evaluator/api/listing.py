"""What there is: modules, tasks, datasets, protocols, read from folders without importing a model."""

import ast
from typing import Any

from evaluator import schema
from evaluator.datasets import dataset as sets
from evaluator.datasets import splits
from evaluator.datasets.task import Task
from evaluator.embedding import names
from evaluator.experiment import catalogue
from evaluator.probes import protocol
from evaluator.probes.protocol import PROFILES
from evaluator.results import table


class Table(list[dict[str, Any]]):
    """Rows with the same columns, (n_rows, n_columns): a list of dicts that a notebook shows as a table.

    >>> Table([{"task": "demo/calls", "clips": 240}]).to_frame().shape
    (1, 2)
    """

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame.

        Raises:
            UsageError: pandas is not installed.
        """
        return table.pandas().DataFrame(list(self))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return table.as_html(self)


def list_modules() -> Table:
    """Our HEAR modules, each with the first line of its docstring; the folder is the list.

    >>> [row["what"][:19] for row in list_modules() if row["module"] == "hear_ssl.melspec"]
    ['Log-mel spectrogram']
    """
    rows = Table()
    for path in names.files_of_ours():
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows.append({"module": f"hear_ssl.{path.stem}", "what": text.partition("\n")[0]})
    return rows


def list_tasks() -> Table:
    """Every built-in task with what decides its score; twice, where the published code does otherwise. Hours of audio.

    >>> [row["metric"] for row in list_tasks() if row["task"] == "demo/calls"]
    ['accuracy']
    """
    clean, published = (catalogue.list_tasks(profile) for profile in PROFILES)
    return Table(
        _task(each)
        for pair in zip(clean, published, strict=True)
        for each in (pair if pair[0].profile != "both" else pair[:1])
    )


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
        "order": each.order,
    }


def tasks_as_markdown() -> str:
    """The tasks as a table for the docs: one line each, with what a reader asks first."""
    head = ("task", "clips", "classes", "hours", "metric", "access", "licence")
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---|---|---|"]
    for row in list_tasks():
        if row["profile"] != "published":
            cells = [f"`{row['task']}`", *(row[name] for name in head[1:])]
            lines.append(f"| {' | '.join(_cell(value) for value in cells)} |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def list_datasets() -> Table:
    """Every built-in dataset with its licence and the other ways in which it can be read.

    >>> [row["access"] for row in list_datasets() if row["dataset"] == "esc50"]
    ['open']
    """
    every = [(sets.read(name), sets.variants(name)) for name in schema.names_in("datasets")]
    return Table(
        {
            "dataset": dataset.name,
            "title": dataset.title,
            "access": dataset.access,
            "licence": dataset.licence,
            "variants": variants,
        }
        for dataset, variants in every
    )


def list_protocols() -> Table:
    """Every protocol in each profile, with what sets it apart from its sibling.

    >>> [row["profile"] for row in list_protocols() if row["protocol"] == "arch"]
    ['clean', 'published']
    """
    return Table(
        {"protocol": each.name, "profile": each.profile, "what": each.title, "differs": each.differs}
        for each in protocol.list_protocols()
    )
