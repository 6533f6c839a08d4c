"""Maps as figures for a paper, each as SVG and PNG."""

from pathlib import Path
from typing import Any

import numpy as np

from evaluator import figure
from evaluator.files import safe_name
from evaluator.mapping.atlas import Atlas, Map, MappedEmbedding
from evaluator.mapping.colouring import COLOURS, GREY, SHAPES, Colouring, mark_of

SIDE = 5.0  # inches of the map itself
LEGEND_ROWS = 25  # of a legend's column
SUFFIXES = (".svg", ".png")
EDGE = {"linewidth": 0.3, "edgecolor": "#00000080"}
SALT = "hear-eval"  # of the names inside an SVG, which would else be drawn at random


def draw(atlas: Atlas, folder: Path) -> list[Path]:
    """Draw every map (n_clips, 2) with every colouring into an existing folder, as SVG and PNG (150 dots an inch); gives the files."""
    import matplotlib

    written = []
    with matplotlib.rc_context({"svg.hashsalt": SALT}):
        for space in atlas.spaces:
            for mapped in space.maps:
                for colours in atlas.colourings:
                    drawn = _of_map(atlas, space, mapped, colours)
                    for kind in SUFFIXES:
                        written.append(folder / f"{file_stem(space, mapped, colours)}{kind}")
                        figure.save(drawn, written[-1], dpi=150)
    return written


def file_stem(space: MappedEmbedding, mapped: Map, colours: Colouring) -> str:
    """The name of a map's files, but for the suffix."""
    return f"{mapped.method}-{safe_name(space.name)}-{safe_name(colours.name)}"


def drawing_order(n_clips: int) -> np.ndarray:
    """Numbers of the clips in the order of drawing, (n_clips,): mixed, so that no class lies on top of the others."""
    return np.random.default_rng(0).permutation(n_clips)


def _of_map(atlas: Atlas, space: MappedEmbedding, mapped: Map, colours: Colouring) -> Any:
    """One map with its legend beside it."""
    names = [*colours.kinds, *colours.specials]
    beside = (
        0.9 if colours.numbers is not None else -(-len(names) // LEGEND_ROWS) * (0.4 + 0.085 * min(40, _longest(names)))
    )
    drawn = figure.empty(SIDE + 0.2 + beside, SIDE + 0.6)
    axes = drawn.subplots()
    size = max(4.0, min(40.0, 600 / np.sqrt(len(atlas.clips))))  # square points
    if colours.numbers is None:
        _of_kinds(axes, mapped.points, colours, size)
        _legend(drawn, colours)
    else:
        _of_numbers(drawn, axes, mapped.points, colours, size)
    title = (
        f"{space.name}\n{mapped.title}, {len(atlas.clips)} clips of {atlas.task} by {colours.name}\n{mapped.summary}"
    )
    axes.set_title(title, fontsize="medium", loc="left", parse_math=False)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_box_aspect(1)
    axes.set(xticks=[], yticks=[])
    if mapped.method == "pca":
        first, second = (f"{100 * share:.0f} % of the variance" for share in mapped.facts["explained_variance"])
        axes.set(xlabel=f"first component: {first}", ylabel=f"second component: {second}")
    return drawn


def _of_kinds(axes: Any, points: np.ndarray, colours: Colouring, size: float) -> None:
    """Marks at points (n_clips, 2), one call a shape, mixed within it."""
    numbers = colours.legend_positions()
    mixed = drawing_order(len(points))
    rows = [row for row in mixed.tolist() if numbers[row] is None]
    axes.scatter(*points[rows].T, size, color=GREY, marker="o", **EDGE)
    for shape in SHAPES:
        rows = [row for row in mixed.tolist() if numbers[row] is not None and mark_of(numbers[row])[1] is shape]
        shown = [COLOURS[mark_of(numbers[row])[0]] for row in rows]
        axes.scatter(*points[rows].T, size, color=shown, marker=shape.marker, **EDGE)


def _of_numbers(drawn: Any, axes: Any, points: np.ndarray, colours: Colouring, size: float) -> None:
    """Points (n_clips, 2) coloured by numbers, and the scale of these."""
    mixed = drawing_order(len(points))
    numbers = np.asarray(colours.numbers)[mixed]
    defined = ~np.isnan(numbers)
    axes.scatter(*points[mixed][~defined].T, size, color=GREY, **EDGE)
    image = axes.scatter(*points[mixed][defined].T, size, c=numbers[defined], cmap="viridis", **EDGE)
    drawn.colorbar(image, ax=axes, shrink=0.7).set_label(colours.title, parse_math=False)


def _legend(drawn: Any, colours: Colouring) -> None:
    """The value of every mark, beside the map."""
    from matplotlib.lines import Line2D

    marks = [(COLOURS[colour], shape.marker) for colour, shape in map(mark_of, range(len(colours.kinds)))]
    marks += [(GREY, "o")] * len(colours.specials)
    names = [*colours.kinds, *colours.specials]
    handles = [Line2D([], [], linestyle="", color=colour, marker=marker) for colour, marker in marks]
    shown = drawn.legend(
        handles,
        [name if len(name) <= 40 else name[:39] + "…" for name in names],
        loc="outside right upper",
        ncols=-(-len(names) // LEGEND_ROWS),
        fontsize="small",
        frameon=False,
    )
    for text in shown.get_texts():
        text.set_parse_math(False)


def _longest(names: list[str]) -> int:
    """Letters of the longest name."""
    return max(map(len, names), default=0)
