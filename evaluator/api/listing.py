"""What there is: modules, tasks, datasets, protocols, read from folders without importing a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.api import inputs, our_modules
from evaluator.datasets import dataset as sets
from evaluator.datasets import splits
from evaluator.datasets.task import Task
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


def list_modules(bench: str | Sequence[str] | None = None, cache: str | Path | None = None) -> Table:
    """Our HEAR modules with what is known of each without loading it: None where it is not known; the folder is the list.

    Columns are the module and what it is; `layers`, `width` of a frame, `parameters`, `sample_rate` in Hz; `download_bytes` (about, of
    its weights in float32), `hub_id`, `revision`, `trained_on`, `licence`, `citation`; and `seconds_per_hour` of audio on this machine,
    in clips of 5 s, where it was measured, with `random_weights` where the genuine ones were not here.

    Args:
        bench: Modules whose speed is measured now, a few seconds each, and kept in the cache; `all` for every one that can be.
        cache: As in `run`.

    Raises:
        UsageError: There is no such module, or its speed cannot be measured.

    >>> [row["what"][:19] for row in list_modules() if row["module"] == "hear_ssl.melspec"]
    ['Log-mel spectrogram']
    """
    folder = inputs.folder_of_cache(cache)
    if bench is not None:
        our_modules.bench([bench] if isinstance(bench, str) else bench, folder)
    return Table(our_modules.rows(folder))


def list_tasks() -> Table:
    """Every built-in task with what decides its score; twice, where the published code does otherwise.

    Rows are (n_rows, n_columns): `clips` and `classes` are counts and `hours` those of audio, None where the dataset's file does not say.

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
    """Every built-in dataset with its licence and the other ways in which it can be read; rows (n_datasets, n_columns).

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
    """Every protocol in each profile, with what sets it apart from its sibling; a row for each, (n_rows, n_columns).

    >>> [row["profile"] for row in list_protocols() if row["protocol"] == "arch"]
    ['clean', 'published']
    """
    return Table(
        {"protocol": each.name, "profile": each.profile, "what": each.title, "differs": each.differs}
        for each in protocol.list_protocols()
    )
