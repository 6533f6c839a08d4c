"""Where the recordings of a result lie now, which may be elsewhere than when it was made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from evaluator.audio.clip import named
from evaluator.datasets import task as tasks
from evaluator.datasets.dataset import Dataset
from evaluator.datasets.reading.globbing import is_hidden
from evaluator.datasets.root import find_root
from evaluator.errors import UsageError

_LOOKED_AT = 20  # clips that tell whether a folder is the one
_MAX_FOLDERS = 500  # below the one that the user names


def find_folder(data: Path | None, lay: Path | None, document: Any, dataset: str, clips: Sequence[str]) -> Path | None:
    """The folder that the paths of a task's clips are relative to.

    As for `run`, `data` holds a folder for each dataset, or is the dataset's own, or either lies one folder further down. A user's
    own data, and data that is made, is also where it lay.

    Args:
        data: The folder that the user names; None for where the recordings lay.
        lay: Where that was; None if nobody knows.
        document: The whole task as a result keeps it; None in results of earlier versions.
        dataset: The dataset's name.
        clips: Names of clips of the task, (n_clips,), one at least.

    Returns:
        The folder; `data` itself where no folder holds any of the clips; None where nothing is known.
    """
    if data is None:
        return lay
    best, most = data, 0
    for folder in dict.fromkeys(_candidates(data, lay, document, dataset)):
        n_there = sum(_is_there(folder, name) for name in clips[:_LOOKED_AT])
        if n_there > most:
            best, most = folder, n_there
        if n_there == len(clips[:_LOOKED_AT]):
            break
    return best


def _candidates(data: Path, lay: Path | None, document: Any, dataset: str) -> Iterator[Path]:
    """Folders that may be the one, those first that say so by layout or name."""
    dataset_of = _dataset(document)
    has_own_place = dataset_of is not None and dataset_of.access in ("own", "made")
    if dataset_of is not None and not has_own_place:
        with suppress(UsageError, OSError, ValueError):
            yield find_root(dataset_of, data, data)
    own = [data / name for name in (dataset, lay.name if lay else "") if name and name not in (".", "..")]
    yield from [*own, data]
    for place in [*own, data]:
        yield from _folders(place)
    if lay is not None and has_own_place:
        yield lay


def _dataset(document: Any) -> Dataset | None:
    """The dataset of a whole task as a result keeps it; None if it keeps none."""
    if not isinstance(document, Mapping):
        return None
    try:
        return tasks.from_document(document).dataset
    except UsageError:
        return None


def _folders(place: Path) -> list[Path]:
    """The visible folders in a place, in order of name."""
    try:
        found = sorted(each for each in place.iterdir() if not is_hidden(each.name) and each.is_dir())
    except OSError:
        return []
    return found[:_MAX_FOLDERS]


def is_made(document: Any) -> bool:
    """Whether the recordings of a whole task, of (n_clips,) clips, are made by this program, so that they are never lost."""
    dataset = _dataset(document)
    return dataset is not None and dataset.access == "made"


def missing(folder: Path, clips: Iterable[str]) -> list[str]:
    """The names of clips whose recordings are not in a folder, (n_missing,), in their order."""
    return [name for name in clips if not _is_there(folder, name)]


def _is_there(folder: Path, name: str) -> bool:
    try:
        return (folder / named(name).path).is_file()
    except (OSError, ValueError):
        return False
