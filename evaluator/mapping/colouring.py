"""What clips can be coloured by, and in which colour and shape each value is drawn.

Seven colours that colour-blind readers tell apart, ink the last, then the same in the next of eight shapes: 56 values are distinct.
No twenty colours are safe for all readers, so shapes come in early.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.random_splits import natural_order
from evaluator.errors import UsageError
from evaluator.mapping.scale import ColourScale
from evaluator.report.drawing import CLASS_COLOURS
from evaluator.similarity import descriptors
from evaluator.similarity.variables import Variable

COLOURS = CLASS_COLOURS
SEVERAL_LABELS = "several labels"


@dataclass(frozen=True)
class MarkerShape:
    """How a mark is drawn: matplotlib's marker, and the path of an SVG in a box from -1 to 1; "" for a circle."""

    marker: str
    path: str


SHAPES = (
    MarkerShape("o", ""),
    MarkerShape("s", "M-.9-.9H.9V.9H-.9Z"),
    MarkerShape("^", "M0-1.1 1.1.9H-1.1Z"),
    MarkerShape("D", "M0-1.2 1.2 0 0 1.2-1.2 0Z"),
    MarkerShape("v", "M0 1.1 1.1-.9H-1.1Z"),
    MarkerShape("P", "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z"),
    MarkerShape("X", "M-1.1-.6-.6-1.1 0-.5.6-1.1 1.1-.6.5 0 1.1.6.6 1.1 0 .5-.6 1.1-1.1.6-.5 0Z"),
    MarkerShape("*", "M0-1.3.4-.4 1.3-.4.6.2.8 1.1 0 .6-.8 1.1-.6.2-1.3-.4-.4-.4Z"),
)


@dataclass(frozen=True)
class Colouring:
    """A colour for each clip.

    name: What clips are coloured by.
    title: The same with its unit, such as Hz or dB.
    values: Of each clip, text (n_clips,); "" where the clip has none, or several.
    kinds: The values in the order of the legend; empty where numbers are coloured.
    special: Of each clip, text (n_clips,): why there is no value, "" where there is one.
    numbers: Of each clip, float (n_clips,), NaN where not defined; None where values are no numbers.
    logarithmic: Whether the numbers are drawn over their logarithm.
    """

    name: str
    title: str
    values: np.ndarray
    kinds: list[str]
    special: np.ndarray
    numbers: np.ndarray | None = None
    logarithmic: bool = False

    @property
    def scale(self) -> ColourScale | None:
        """Which colour a number has; None where values are no numbers."""
        return None if self.numbers is None else ColourScale.of(self.numbers, self.logarithmic)

    def told(self, row: int) -> str:
        """The value of the clip in this row, as people read it, or why it has none."""
        if self.numbers is None or self.special[row]:
            return str(self.values[row] or self.special[row])
        return f"{self.numbers[row]:.4g}"

    @property
    def specials(self) -> list[str]:
        """Why clips have no value, in the order of the legend."""
        return sorted(set(self.special.tolist()) - {""})

    def legend_positions(self) -> list[int | None]:
        """Of each clip, (n_clips,), the number of its value in the legend; None for a clip without one."""
        numbers = {name: number for number, name in enumerate(self.kinds)}
        return [numbers.get(value) for value in self.values.tolist()]


def mark_of(number: int) -> tuple[int, MarkerShape]:
    """Number of the colour in `COLOURS`, and shape, of the value with this number in a legend."""
    return number % len(COLOURS), SHAPES[number // len(COLOURS) % len(SHAPES)]


def n_distinct() -> int:
    """How many values have a mark of their own."""
    return len(COLOURS) * len(SHAPES)


CLIP_COLUMNS: Mapping[str, Callable[[Clip], str]] = {
    "label": lambda clip: clip.labels[0] if len(clip.labels) == 1 else "",
    "group": lambda clip: clip.group,
    "fold": lambda clip: clip.fold,
    "split": lambda clip: clip.split,
    "recording": lambda clip: clip.path,
    "folder": lambda clip: str(PurePosixPath(clip.path).parent),
}


def refuse_unfit(names: Sequence[str], clips: Sequence[Clip], task: str) -> None:
    """Refuse colours whose values (n_clips,) would be missing or all different, before the clips are embedded.

    Raises:
        UsageError: There is no such column or descriptor, no clip has a value, or every clip has one of its own.
    """
    acoustic = [each.name for each in descriptors.list_descriptors()]
    for name in names:
        if name not in CLIP_COLUMNS and name not in acoustic:
            names_known = [*CLIP_COLUMNS, *(each for each in acoustic if "-" not in each)]
            raise UsageError(f"--colour {name}: give {', '.join(names_known)}, or energy or variability of a band")
        if name not in CLIP_COLUMNS or (name == "label" and any(len(clip.labels) > 1 for clip in clips)):
            continue
        values = [CLIP_COLUMNS[name](clip) for clip in clips]
        if not any(values):
            have = [each for each, value in CLIP_COLUMNS.items() if any(map(value, clips))]
            raise UsageError(f"--colour {name}: no clip of {task} has a {name}; its clips have {', '.join(have)}")
        if len(set(values)) == len(values):
            raise UsageError(
                f"--colour {name}: each of the {len(values)} clips has its own {name}; colours would show nothing"
            )


def by_column(name: str, clips: Sequence[Clip], classes: Sequence[str]) -> Colouring:
    """Colours (n_clips,) by one of `CLIP_COLUMNS`; labels in the order of the classes, all else in natural order."""
    values = np.array([CLIP_COLUMNS[name](clip) for clip in clips], dtype=object)
    present = set(values.tolist()) - {""}
    kinds = [each for each in classes if each in present] if name == "label" else natural_order(list(present))
    several = [name == "label" and len(clip.labels) > 1 for clip in clips]
    special = [
        "" if value else SEVERAL_LABELS if many else f"no {name}" for value, many in zip(values, several, strict=True)
    ]
    return Colouring(name, name, values, kinds, np.array(special, dtype=object))


def by_descriptor(variable: Variable) -> Colouring:
    """Colours (n_clips,) by an acoustic descriptor's numbers, with its unit (Hz, dB, ...) in the title; octaves become Hz."""
    unit = next(each.unit for each in descriptors.list_descriptors() if each.name == variable.name)
    numbers, logarithmic = np.asarray(variable.values, float), unit == "octaves"
    if logarithmic:
        numbers, unit = 2.0**numbers, "Hz"  # the descriptor is the logarithm to base 2 of Hz
    empty = np.full(len(numbers), "", dtype=object)
    special = np.where(np.isnan(numbers), "not defined", empty)
    title = f"{variable.name} in {unit}" if unit else variable.name
    return Colouring(variable.name, title, empty, [], special, numbers, logarithmic)
