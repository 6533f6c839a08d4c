"""One open module's embeddings of clips, through its store."""

from collections.abc import Callable
from pathlib import Path

from evaluator.datasets.recordings import Recordings
from evaluator.embedding import behaviour, guard, rounding
from evaluator.embedding.extract import extract, part_of
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.identity import identity
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store

Progress = Callable[[str, int], Callable[[int], object]]
"""Called with a title and a total; gives what is called with the number of steps done since the last call."""


def no_progress(title: str, total: int) -> Callable[[int], object]:
    """A `Progress` that shows nothing."""
    return lambda n_done: None


def embed_with(
    spec: ModuleSpec, module: Module, views: str, recordings: Recordings, cache: Path, progress: Progress
) -> tuple[Store, Extraction]:
    """The store of a module with the embeddings of clips, and what became of each clip; what is missing is made.

    Args:
        spec, module: The module, as asked for and opened.
        views: "scene", "layers" or "frames".
        recordings: The clips.
        cache: Folder of all stores.
        progress: Shows how many clips are done.

    Raises:
        EvaluationError: The module fails, or gives other embeddings when it is asked again.
    """
    folder = cache if spec.session is None else Path(spec.session.name)
    described, part = module.describe(), part_of(views, module)
    own = described["identity"] if views != "frames" else None
    named = identity(spec, described, views)
    foreign = behaviour.is_asked(described)
    if foreign:
        named = behaviour.settle(folder, named, behaviour.answers(module))
    store = Store(folder, named, part, own["scene_from"] if own else None, spec.kept_as)
    advance = progress(f"{spec.name} {recordings.name}: clips", len(recordings.clips))
    done = extract(module, recordings, store, advance, views=views)
    done.remarks += behaviour.remarks(behaviour.answers(module)) if foreign else []
    done.remarks += rounding.remarks(spec, module, store.folder)
    guard.refuse(spec.name, done, spec.allow_unrepeatable)
    return store, done
