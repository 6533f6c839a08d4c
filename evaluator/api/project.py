"""A project's file, `hear-eval.yaml` in the working folder: what the command line takes where nothing else is said."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluator import schema, typed
from evaluator.typed import key

FILE = "hear-eval.yaml"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What `hear-eval.yaml` says; None and () where it does not."""

    modules: tuple[str, ...] = key("Modules of `run`, `map` and `similarity` where none is named.", default=())
    tasks: tuple[str, ...] = key(
        "Tasks of these, and of `check` and `download`, where none is named; also paths of your own data.", default=()
    )
    data: str | None = key("Folder of datasets, as `--data`.", default=None)
    cache: str | None = key("Folder of embeddings, as `--cache`.", default=None)
    out: str | None = key(
        "Folder of results, as `--out` of commands that write some; `compare`, `report`, `table`, `verify` and `fuse` read it where "
        "no results are named.",
        default=None,
    )
    protocol: str | None = key("Name or file of a protocol, as `--protocol`.", default=None)
    profile: Literal["clean", "published"] | None = key("As `--profile`.", default=None)
    layers: str | int | None = key("As `--layers`.", default=None)
    seeds: int | None = key("How often probes are trained, as `--seeds`.", default=None, min=1)
    allow_failed: float | None = key(
        "Share of the clips that may be unreadable, as `--allow-failed`.", default=None, min=0, max=1
    )
    channel: str | int | None = key("Which channel is heard, as `--channel`.", default=None)
    expand: float | None = key("How many times slower than life clips are heard, as `--expand`.", default=None)
    store: Literal["float32", "float16"] | None = key(
        "Numbers in which embeddings are kept, as `--store`.", default=None
    )
    device: str | None = key("Where modules run, as `--device`.", default=None)

    def options(self) -> dict[str, str]:
        """What is said of each option that takes one value, by the option's name, as text."""
        several = ("modules", "tasks")
        said: dict[str, Any] = {name: value for name, value in vars(self).items() if name not in several}
        return {f"--{name.replace('_', '-')}": str(value) for name, value in said.items() if value is not None}


def read(folder: Path) -> Project | None:
    """The project of a folder; None where it has no such file.

    Raises:
        UsageError: A key that is unknown, a value that cannot be, or no YAML; the sentence names file, line and key.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    return typed.build(Project, schema.read(Path(FILE) if folder == Path.cwd() else path, typed.fields_of(Project)))
