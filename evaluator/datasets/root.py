"""Where a dataset's layout starts below the folder that the user names, and what is said where it is nowhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluator import schema
from evaluator.datasets import synthetic_calls
from evaluator.datasets.dataset import Dataset
from evaluator.datasets.reading.globbing import is_hidden
from evaluator.errors import UsageError

_SHOWN = 5  # names that a sentence lists


def find_root(dataset: Dataset, data: Path | None, cache: Path) -> Path:
    """The folder in which the dataset's layout starts.

    `data` may be that folder, or one that holds it under the dataset's name or the name it has in its archive; or the layout
    lies one folder below one of these, as programs leave it that unpack an archive into a folder of its own. Data that is
    made, and a user's own, which knows its folder, is not looked for there.

    Args:
        dataset: What is looked for.
        data: Where the user says it lies.
        cache: Folder in which made data is kept.

    Raises:
        UsageError: No such folder has the layout, or several have; the sentence says what was looked for, what lies there, and
            where to get it.
    """
    if dataset.access == "made":
        return synthetic_calls.make(cache)
    if dataset.root is not None:
        candidates, advice = [dataset.root], "look at the path in the task"
    elif data is not None:
        named = data / dataset.name
        candidates = list(dict.fromkeys([named / dataset.folder, named, data / dataset.folder, data]))
        advice = whereabouts(dataset)
    else:
        raise UsageError(f"{dataset.name}: say with --data where the data lies. {whereabouts(dataset)}")
    first = dataset.readers[0]
    for root in candidates:
        if first.traces(root)[1]:
            return root
    description, _ = first.traces(candidates[-1])
    below = [] if dataset.root is not None else _one_level_down(dataset, candidates)
    if len(below) > 1:
        raise UsageError(
            f"{dataset.name}: {description} found in {' and in '.join(map(str, below))}; say which with --data"
        )
    if below:
        return below[0]
    looked = " or ".join(str(root) for root in candidates)
    raise UsageError(f"{dataset.name}: {description} not found in {looked} ({_contents(candidates[-1])}); {advice}")


def _one_level_down(dataset: Dataset, candidates: Sequence[Path]) -> list[Path]:
    """The folders that have all of the dataset's layout, in the first candidate that holds any, (n_fitting,)."""
    for place in candidates:
        fitting = [folder for folder in _folders(place, dataset) if _fits(dataset, folder)]
        if fitting:
            return fitting
    return []


def _folders(place: Path, dataset: Dataset) -> Iterator[Path]:
    """The visible folders in a place, sorted; without those that are called like another dataset, whose table may look alike."""
    others = set(schema.names_in("datasets")) - {dataset.name}
    for name in _names(place):
        if name not in others and (place / name).is_dir():
            yield place / name


def _fits(dataset: Dataset, folder: Path) -> bool:
    return all(reader.traces(folder)[1] for reader in dataset.readers)


def _names(place: Path) -> list[str]:
    try:
        return sorted(path.name for path in place.iterdir() if not is_hidden(path.name))
    except OSError:
        return []


def _contents(place: Path) -> str:
    """What lies in a folder, a few names of it, in words."""
    names = _names(place)
    if not place.is_dir():
        return "there is no such folder"
    if not names:
        return f"{place} is empty"
    return f"in {place} lie {', '.join(names[:_SHOWN])}" + f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)


def whereabouts(dataset: Dataset) -> str:
    """Where a dataset can be had, under which licence, and what the user has to do."""
    ways = {
        "open": f"free to download: hear-eval download, or {dataset.url}",
        "request": f"on request: {dataset.url}",
        "login": f"behind a login: {dataset.url}",
    }
    how = f" {dataset.instructions}" if dataset.instructions else ""
    return f"{dataset.title} is {ways.get(dataset.access, dataset.url)} (licence: {dataset.licence}).{how}"
