"""One open module's embeddings of clips, through its store."""

from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any, Protocol

from evaluator.datasets.recordings import Recordings
from evaluator.embedding import behaviour, guard, rounding, uses
from evaluator.embedding.extract import extract, part_of
from evaluator.embedding.extraction import Extraction, Help, keyed, seconds_of
from evaluator.embedding.identity import identity
from evaluator.embedding.plan import SMALLEST_SHARD
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store

Progress = Callable[[str, int], Callable[[int], object]]
"""Called with a title and a total; gives what is called with the number of steps done since the last call."""


def no_progress(title: str, total: int) -> Callable[[int], object]:
    """A `Progress` that shows nothing."""
    return lambda n_done: None


class Workers(Protocol):
    """Other processes that share the cache, such as `workers.RayWorkers`."""

    def embed(
        self, spec: ModuleSpec, views: str, recordings: Recordings, cache: Path, look: Callable[[], object]
    ) -> Help:
        """Embed what the stores of a module lack of some clips; `look` is called now and then."""

    def each(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """What a function gives of each item, (n_items,); None where it failed, or whoever worked on it was lost."""


def have_made(
    workers: Workers | None,
    store: Store,
    spec: ModuleSpec,
    views: str,
    recordings: Recordings,
    cache: Path,
    progress: Progress,
) -> Extraction:
    """What workers embedded of the clips that a store lacks, the scenes (size,) or frames (n_frames, size) of each.

    What fits into one shard, and an object that is no imported module, is left to this process.

    Args:
        workers: Who is asked; None for nobody.
        store: What is looked at; it knows afterwards what is there.
        spec, views, recordings, cache, progress: As for `ensemble.embed`.
    """
    done = Extraction()
    if workers is None or spec.session is not None:
        return done
    numbers = {key: number for number, key in keyed(recordings).keys.items()}
    store.verify(numbers)
    lacking = [key for key in numbers if key not in store]
    n_lacking = len(lacking)
    if n_lacking <= SMALLEST_SHARD:
        return done
    advance = progress(f"{spec.name} {recordings.name}: clips, by workers", n_lacking)

    def look() -> None:
        store.rescan()
        n_made = sum(key in store for key in lacking)
        advance(n_made - done.n_embedded)
        done.n_embedded = n_made

    done.help.append(workers.embed(spec, views, recordings, cache, look))
    look()
    done.embedded_seconds = sum(seconds_of(recordings, numbers[key]) for key in lacking if key in store)
    done.seconds["workers"] = done.help[0].start_seconds + done.help[0].seconds
    return done


def embed_with(
    spec: ModuleSpec,
    module: Module,
    views: str,
    recordings: Recordings,
    cache: Path,
    progress: Progress,
    workers: Workers | None = None,
) -> tuple[Store, Extraction]:
    """The store of a module with the embeddings of clips, and what became of each clip; what is missing is made.

    Args:
        spec, module: The module, as asked for and opened.
        views: "scene", "layers" or "frames".
        recordings: The clips.
        cache: Folder of all stores.
        progress: Shows how many clips are done.
        workers: Who makes what is missing first; None for nobody.

    Raises:
        EvaluationError: The module fails, or gives other embeddings when it is asked again.
    """
    wanted = set(keyed(recordings).keys.values())
    store = store_of(spec, module, views, cache if spec.session is None else Path(spec.session.name), wanted=wanted)
    made = have_made(workers, store, spec, views, recordings, cache, progress)
    advance = progress(f"{spec.name} {recordings.name}: clips", len(recordings.clips))
    done = extract(module, recordings, store, advance, views=views)
    done.count_in(made)
    if behaviour.is_asked(module.describe()):
        done.remarks += behaviour.remarks(behaviour.answers(module))
    done.remarks += rounding.remarks(spec, module, store.folder)
    guard.refuse(spec.name, done, spec.allow_unrepeatable)
    if spec.session is None:
        uses.note(store, spec.name, recordings.name, done.keys.values())
    return store, done


def store_of(
    spec: ModuleSpec,
    module: Module,
    views: str,
    folder: Path,
    begin: bool = True,
    wanted: Container[str] | None = None,
) -> Store:
    """The store of an open module's embeddings of a kind, (n_clips, ...) each, in a folder of stores.

    Args:
        spec, module, views: As for `embed_with`.
        folder: Of all stores.
        begin: Whether to begin one where there is none; without, nothing is written.
        wanted: As of `Index`.

    Raises:
        EvaluationError: The module fails, or answers otherwise each time that it is loaded.
    """
    described, part = module.describe(), part_of(views, module)
    own = described["identity"] if views != "frames" else None
    named = identity(spec, described, views)
    if behaviour.is_asked(described):
        named = behaviour.settle(folder, named, behaviour.answers(module), begin)
    return Store(folder, named, part, own["scene_from"] if own else None, spec.kept_as, begin, wanted)
