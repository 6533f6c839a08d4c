"""Marks on a lane: scores with intervals as SVG that is as wide as its place, with marks and lines of the same size on any screen.

Positions across are percentages, sizes are CSS pixels; the words beside a lane are the page's own text. A lane has no name of
a module or class in it but in its label, which is escaped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from evaluator.report.drawing import COLOURS, shortened

# Of marks by number, round their middle, in CSS pixels, in the order of the figures' markers; `printed` is hollow.
SHAPES = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-4.4 -4.4h8.8v8.8h-8.8z",
    "M0 -5.6L5.4 4.2H-5.4z",
    "M0 -6L6 0L0 6L-6 0z",
    "M0 5.6L5.4 -4.2H-5.4z",
    "M-5 -1.7h3.3v-3.3h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3z",
    "M-4.7 -2.4L-2.4 -4.7L0 -2.4L2.4 -4.7L4.7 -2.4L2.4 0L4.7 2.4L2.4 4.7L0 2.4L-2.4 4.7L-4.7 2.4L-2.4 0z",
    "M-5.6 0L4.2 -5.4V5.4z",
    "M5.6 0L-4.2 -5.4V5.4z",
    "M0 -5.6L5.33 -1.73L3.29 4.53H-3.29L-5.33 -1.73z",
    "M0 -5.6L4.85 -2.8V2.8L0 5.6L-4.85 2.8V-2.8z",
    "M0 -6L3.6 0L0 6L-3.6 0z",
)
_PITCH = 13  # pixels from one mark to the next below it
_MARGIN = 3.0  # % left and right, so that a mark at an end is whole
_STEPS = (1, 2, 2.5, 5, 10)  # between ticks, times a power of ten


@dataclass(frozen=True)
class Mark:
    """A score on a lane, in the unit that is read; `low` and `high` are NaN where there is no interval.

    number: Of its module on the page, which gives colour and shape; None for a printed number, a hollow one in ink.
    title: What hovering says.
    """

    value: float
    low: float
    high: float
    number: int | None
    title: str


@dataclass(frozen=True)
class LaneScale:
    """What a lane reaches from and to, in the unit that is read, and its ticks, (n_ticks,), as they are read."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value lies, in % of the width; beyond the ends, at the end."""
        share = (value - self.low) / (self.high - self.low)
        return _MARGIN + (100 - 2 * _MARGIN) * min(1.0, max(0.0, share))


def scale_of_marks(marks: Sequence[Mark], within: tuple[float, float] = (-math.inf, math.inf)) -> LaneScale:
    """A scale that holds all marks, (n_marks,), and their intervals, with ticks at round numbers.

    Args:
        marks: In the unit that is read.
        within: Ends of the metric, in that unit: the scale does not go beyond them.
    """
    values = [each for mark in marks for each in (mark.value, mark.low, mark.high) if math.isfinite(each)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = max((high - low) * 0.04, 1e-6 * max(1.0, abs(high)))
    low, high = max(low - room, within[0]), min(high + room, within[1])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return LaneScale(low, high, _ticks(low, high))


def _ticks(low: float, high: float, n_max: int = 5) -> tuple[float, ...]:
    """At most so many round numbers from `low` to `high`."""
    rough = (high - low) / n_max
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return tuple(step * n for n in range(first, math.floor(high / step + 1e-9) + 1))


def lane(marks: Sequence[Mark], scale: LaneScale, label: str) -> str:
    """Marks below each other with their intervals, (n_marks,), as an SVG element; label: what a screen reader says."""
    height = _PITCH * max(1, len(marks)) + 5
    parts = [
        f'<line class="grid" x1="{scale.place(tick):.2f}%" x2="{scale.place(tick):.2f}%" y1="0" y2="{height}"/>'
        for tick in scale.ticks
    ]
    for row, mark in enumerate(marks):
        if not math.isfinite(mark.value):
            continue
        y = _PITCH * row + _PITCH / 2 + 2.5
        ink = "currentColor" if mark.number is None else colour_of(mark.number)
        drawn = f"<title>{_words(mark.title)}</title>"
        if math.isfinite(mark.low) and math.isfinite(mark.high):
            ends = f'x1="{scale.place(mark.low):.2f}%" x2="{scale.place(mark.high):.2f}%"'
            drawn += f'<line {ends} y1="{y:g}" y2="{y:g}" stroke="{ink}" stroke-width="2"/>'
        look = 'class="hollow"' if mark.number is None else f'fill="{ink}"'
        drawn += f'<use href="#{mark_id(mark.number)}" x="{scale.place(mark.value):.2f}%" y="{y:g}" {look}/>'
        parts.append(f"<g>{drawn}</g>")
    return f'<svg class="lane" role="img" aria-label="{_words(label)}" width="100%" height="{height}">{"".join(parts)}</svg>'


def _words(text: str) -> str:
    """A text, escaped, without controls and changes of direction."""
    return escape(shortened(text, 1000))


def axis(scale: LaneScale, unit: str) -> str:
    """The scale below lanes, as an SVG element with a number at each tick; unit: behind the last one."""
    n_digits = max(0, -math.floor(math.log10(scale.ticks[1] - scale.ticks[0]) + 1e-9)) if len(scale.ticks) > 1 else 1
    texts = [f"{tick:.{n_digits}f}" for tick in scale.ticks]
    if len(scale.ticks) > 1 and any(
        float(text) != round(tick, 9) for text, tick in zip(texts, scale.ticks, strict=True)
    ):
        texts = [f"{tick:.{n_digits + 1}f}" for tick in scale.ticks]
    words = [f"{text} {unit}" if unit and n == len(texts) - 1 else text for n, text in enumerate(texts)]
    numbers = "".join(
        f'<text x="{scale.place(tick):.2f}%" y="13" text-anchor="middle">{escape(text)}</text>'
        for tick, text in zip(scale.ticks, words, strict=True)
    )
    return f'<svg class="lane axis" role="img" aria-label="Scale" width="100%" height="18">{numbers}</svg>'


def key(number: int | None) -> str:
    """A module's mark alone, or that of printed numbers, as an SVG element to stand before its name."""
    look = 'class="hollow"' if number is None else f'fill="{colour_of(number)}"'
    return (
        f'<svg class="key" role="img" aria-label="{"printed" if number is None else "mark of the module"}" width="14" height="14">'
        f'<use href="#{mark_id(number)}" x="7" y="7" {look}/></svg>'
    )


def mark_id(number: int | None) -> str:
    """The identifier of a shape on the page."""
    return "mark-hollow" if number is None else f"mark-{number % len(SHAPES)}"


def colour_of(number: int) -> str:
    """The colour of a module on the whole page, from its number, 0 and up."""
    return COLOURS[number % len(COLOURS)]


def shapes() -> str:
    """What `lane` refers to, as an SVG element that stands once on a page and takes no room."""
    kinds = [(f"mark-{number}", shape) for number, shape in enumerate(SHAPES)]
    paths = "".join(f'<path id="{name}" d="{shape}"/>' for name, shape in [*kinds, ("mark-hollow", SHAPES[3])])
    return f'<svg class="shapes" aria-hidden="true" aria-label="Shapes of marks" width="0" height="0"><defs>{paths}</defs></svg>'
