"""What clips can be coloured by, and in which colour and shape each value is drawn.

Seven colours that colour-blind readers tell apart, then the same in the next of eight shapes: 56 values are distinct. No
twenty colours are safe for all readers, so shapes come in early.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.random_splits import natural_order
from evaluator.errors import UsageError
from evaluator.similarity import descriptors
from evaluator.similarity.figures import COLOURS as BRIGHT
from evaluator.similarity.variables import Variable

INK, GREY = "#222222", "#999999"  # the seventh colour, and that of clips without a value
COLOURS = (*BRIGHT, INK)
SEVERAL = "several labels"


@dataclass(frozen=True)
class Shape:
    """How a mark is drawn: matplotlib's marker, and a path of an SVG in a box from -1 to 1; "" for a circle."""

    marker: str
    path: str


SHAPES = (
    Shape("o", ""),
    Shape("s", "M-.9-.9H.9V.9H-.9Z"),
    Shape("^", "M0-1.1 1.1.9H-1.1Z"),
    Shape("D", "M0-1.2 1.2 0 0 1.2-1.2 0Z"),
    Shape("v", "M0 1.1 1.1-.9H-1.1Z"),
    Shape("P", "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z"),
    Shape("X", "M-1.1-.6-.6-1.1 0-.5.6-1.1 1.1-.6.5 0 1.1.6.6 1.1 0 .5-.6 1.1-1.1.6-.5 0Z"),
    Shape("*", "M0-1.3.4-.4 1.3-.4.6.2.8 1.1 0 .6-.8 1.1-.6.2-1.3-.4-.4-.4Z"),
)


@dataclass(frozen=True)
class Colouring:
    """A colour for each clip.

    name: What clips are coloured by; `title` says it with the unit.
    values: Of each clip, text (n_clips,); "" where the clip has none, or several.
    kinds: The values in the order of the legend; empty where numbers are coloured.
    special: Of each clip, text (n_clips,): why there is no value, "" where there is one.
    numbers: Of each clip, float (n_clips,), NaN where not defined; None where values are no numbers.
    """

    name: str
    title: str
    values: np.ndarray
    kinds: list[str]
    special: np.ndarray
    numbers: np.ndarray | None = None

    @property
    def specials(self) -> list[str]:
        """Why clips have no value, in the order of the legend."""
        return sorted(set(self.special.tolist()) - {""})

    def places(self) -> list[int | None]:
        """Of each clip the place of its value in the legend; None for a clip without one."""
        place = {name: number for number, name in enumerate(self.kinds)}
        return [place.get(value) for value in self.values.tolist()]


def mark(number: int) -> tuple[int, Shape]:
    """Place in `COLOURS`, and shape, of the value with this number in a legend."""
    return number % len(COLOURS), SHAPES[number // len(COLOURS) % len(SHAPES)]


def n_distinct() -> int:
    """How many values have a mark of their own."""
    return len(COLOURS) * len(SHAPES)


COLUMNS: Mapping[str, Callable[[Clip], str]] = {
    "label": lambda clip: clip.labels[0] if len(clip.labels) == 1 else "",
    "group": lambda clip: clip.group,
    "fold": lambda clip: clip.fold,
    "split": lambda clip: clip.split,
    "recording": lambda clip: clip.path,
    "folder": lambda clip: str(PurePosixPath(clip.path).parent),
}


def refuse_unfit(names: Sequence[str], clips: Sequence[Clip], task: str) -> None:
    """Refuse colours that cannot be had of some clips, before these are embedded.

    Raises:
        UsageError: There is no such column or descriptor, no clip has a value, or every clip has one of its own.
    """
    acoustic = [each.name for each in descriptors.list_descriptors()]
    for name in names:
        if name not in COLUMNS and name not in acoustic:
            known = [*COLUMNS, *(each for each in acoustic if "-" not in each)]
            raise UsageError(f"--colour {name}: give {', '.join(known)}, or energy or variability of a band")
        if name not in COLUMNS or (name == "label" and any(len(clip.labels) > 1 for clip in clips)):
            continue
        found = [COLUMNS[name](clip) for clip in clips]
        if not any(found):
            have = [each for each, value in COLUMNS.items() if any(map(value, clips))]
            raise UsageError(f"--colour {name}: no clip of {task} has a {name}; its clips have {', '.join(have)}")
        if len(set(found)) == len(found):
            raise UsageError(
                f"--colour {name}: each of the {len(found)} clips has its own {name}; colours tell nothing"
            )


def of_column(name: str, clips: Sequence[Clip], classes: Sequence[str]) -> Colouring:
    """Colours by one of `COLUMNS`; labels in the order of the classes, all else in natural order."""
    values = np.array([COLUMNS[name](clip) for clip in clips], dtype=object)
    there = set(values.tolist()) - {""}
    kinds = [each for each in classes if each in there] if name == "label" else natural_order(list(there))
    several = [name == "label" and len(clip.labels) > 1 for clip in clips]
    special = ["" if value else SEVERAL if many else f"no {name}" for value, many in zip(values, several, strict=True)]
    return Colouring(name, name, values, kinds, np.array(special, dtype=object))


def of_descriptor(variable: Variable) -> Colouring:
    """Colours by an acoustic descriptor's numbers."""
    unit = next(each.unit for each in descriptors.list_descriptors() if each.name == variable.name)
    nothing = np.full(len(variable.values), "", dtype=object)
    special = np.where(np.isnan(variable.values), "not defined", nothing)
    title = f"{variable.name} in {unit}" if unit else variable.name
    return Colouring(variable.name, title, nothing, [], special, np.asarray(variable.values, float))
