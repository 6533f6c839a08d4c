"""Maps as figures for a paper, each as SVG and PNG."""

from pathlib import Path
from typing import Any

import numpy as np

from evaluator import figure
from evaluator.files import safe_name
from evaluator.mapping.atlas import Atlas, Map, MappedEmbedding
from evaluator.mapping.colouring import COLOURS, SHAPES, Colouring, mark_of
from evaluator.mapping.scale import COLOUR_MAP, ColourScale
from evaluator.report.drawing import GREY

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


def turned(mapped: Map) -> np.ndarray:
    """The points (n_clips, 2) as they are drawn: turned by a quarter where that makes them wider than high.

    How t-SNE and UMAP turn a map means nothing; PCA has its largest direction across.
    """
    width, height = np.ptp(mapped.points, axis=0)
    if mapped.method == "pca" or height <= width:
        return mapped.points
    return np.column_stack([mapped.points[:, 1], -mapped.points[:, 0]])


def drawing_order(n_clips: int) -> np.ndarray:
    """Numbers of the clips in the order of drawing, (n_clips,): mixed, so that no class lies on top of the others."""
    return np.random.default_rng(0).permutation(n_clips)


def _of_map(atlas: Atlas, space: MappedEmbedding, mapped: Map, colours: Colouring) -> Any:
    """One map with its legend beside it."""
    names = [*colours.kinds, *colours.specials]
    beside = (
        1.1 if colours.numbers is not None else -(-len(names) // LEGEND_ROWS) * (0.4 + 0.085 * min(40, _longest(names)))
    )
    drawn = figure.empty(SIDE + 0.2 + beside, SIDE + 0.6)
    axes = drawn.subplots()
    size = max(4.0, min(40.0, 600 / np.sqrt(len(atlas.clips))))  # square points
    points = turned(mapped)
    if colours.scale is None:
        _of_kinds(axes, points, colours, size)
        _legend(drawn, colours)
    else:
        _of_numbers(drawn, axes, points, colours, colours.scale, size)
    title = (
        f"{space.name}\n{mapped.title}, {len(atlas.clips)} clips of {atlas.task} by {colours.name}\n{mapped.summary}"
    )
    axes.set_title(title, fontsize="medium", loc="left", parse_math=False)
    axes.set_aspect("equal")
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
    axes.scatter(*points[rows].T, size, facecolor="none", edgecolor=GREY, linewidth=0.8)
    for shape in SHAPES:
        rows = [row for row in mixed.tolist() if numbers[row] is not None and mark_of(numbers[row])[1] is shape]
        shown = [COLOURS[mark_of(numbers[row])[0]] for row in rows]
        axes.scatter(*points[rows].T, size, color=shown, marker=shape.marker, **EDGE)


def _of_numbers(drawn: Any, axes: Any, points: np.ndarray, colours: Colouring, scale: ColourScale, size: float) -> None:
    """Points (n_clips, 2) coloured by numbers, and the scale of these."""
    from matplotlib.cm import ScalarMappable

    mixed = drawing_order(len(points))
    shares = scale.shares(np.asarray(colours.numbers, float))[mixed]
    defined = ~np.isnan(shares)
    axes.scatter(*points[mixed][~defined].T, size, facecolor="none", edgecolor=GREY, linewidth=0.8)
    axes.scatter(*points[mixed][defined].T, size, c=shares[defined], cmap=COLOUR_MAP, vmin=0, vmax=1, **EDGE)
    beyond = {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}
    extend = beyond[scale.n_below > 0, scale.n_above > 0]
    bar = drawn.colorbar(ScalarMappable(cmap=COLOUR_MAP), ax=axes, shrink=0.8, extend=extend)
    named = scale.ticks()
    bar.set_ticks([tick.position for tick in named], labels=[tick.text for tick in named])
    bar.set_label(f"{colours.title}{' (log)' * colours.logarithmic}", parse_math=False)


def _legend(drawn: Any, colours: Colouring) -> None:
    """The value of every mark, beside the map."""
    from matplotlib.lines import Line2D

    marks = [(COLOURS[colour], shape.marker) for colour, shape in map(mark_of, range(len(colours.kinds)))]
    names = [*colours.kinds, *colours.specials]
    handles = [Line2D([], [], linestyle="", color=colour, marker=marker) for colour, marker in marks]
    handles += [Line2D([], [], linestyle="", color=GREY, marker="o", fillstyle="none")] * len(colours.specials)
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
