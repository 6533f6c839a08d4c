"""Maps as one page that opens offline: nothing is fetched, no script runs, and every name stays text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.files import write_whole
from evaluator.mapping.atlas import Atlas, Map, MappedEmbedding, as_table
from evaluator.mapping.colouring import COLOURS, SHAPES, Colouring, mark_of
from evaluator.mapping.figures import drawing_order, file_stem

SIDE, MARGIN = 600.0, 14.0  # of a map, in units of its SVG
MAX_POINTS = 100_000  # on one page, some 20 MB; maps beyond that are linked as files
CAPTIONS = {
    "tsne": "t-SNE tries to keep close what is close in the embedding. How far clusters lie apart, how large they are and how dense "
    "means nothing in it, and clusters can appear where there are none. Another perplexity, start or draw of clips gives another picture.",
    "pca": "PCA shows the two directions in which the embeddings vary most, and nothing of the others. Clips that lie apart here "
    "are apart in the embedding; clips that lie together may not be close.",
    "umap": "UMAP tries to keep close what is close in the embedding. How far clusters lie apart, how large they are and how dense "
    "means little in it. Another seed, number of neighbours or draw of clips gives another picture.",
}


def write(atlas: Atlas, folder: Path) -> Path:
    """Write `map.html`, which draws every map's points (n_clips, 2) as SVG, into an existing folder, whole; gives its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    head, rows = as_table(atlas)
    text = environment.get_template("map.html").render(
        atlas=atlas,
        head=head,
        rows=rows,
        colours=COLOURS,
        shapes=SHAPES,
        captions={each.title: CAPTIONS[each.method] for each in atlas.spaces[0].maps},
        n_kinds=max(len(each.kinds) + len(each.specials) for each in atlas.colourings),
        spaces=list(_panels(atlas)),
        side=SIDE,
    )
    write_whole(folder / "map.html", text.encode())
    return folder / "map.html"


def _panels(atlas: Atlas) -> Iterator[dict[str, Any]]:
    """For the template, of each embedding: a legend and maps for each colouring."""
    n_points = 0
    for space in atlas.spaces:
        panels = []
        for colours in atlas.colourings:
            maps = []
            for mapped in space.maps:
                n_points += len(atlas.clips)
                points = clip_marks(atlas, mapped, colours) if n_points <= MAX_POINTS else None
                maps.append({"map": mapped, "points": points, "file": f"{file_stem(space, mapped, colours)}.svg"})
            panels.append({"colours": colours, "legend": _legend(colours), "scale": _scale(colours), "maps": maps})
        yield {"space": space, "panels": panels, "settings": _settings(space)}


def clip_marks(atlas: Atlas, mapped: Map, colours: Colouring) -> list[dict[str, Any]]:
    """Position and look of each clip's mark, (n_clips,), in the order of drawing."""
    positions, fills = colours.legend_positions(), _viridis(colours)
    numbers = {why: len(colours.kinds) + number for number, why in enumerate(colours.specials)}
    xy = scale_to_square(mapped.points)
    marks = []
    mixed = drawing_order(len(xy))
    for row in [*mixed[colours.special[mixed] != ""].tolist(), *mixed[colours.special[mixed] == ""].tolist()]:
        position, clip = positions[row], atlas.clips[row]
        colour, shape = ("n", SHAPES[0]) if position is None else (str(mark_of(position)[0]), mark_of(position)[1])
        lines = [clip.name, f"label: {', '.join(clip.labels) or 'none'}"]
        lines += [f"group: {clip.group}"] if clip.group else []
        if colours.numbers is not None:
            lines.append(
                f"{colours.title}: {colours.numbers[row]:.4g}" if fills[row] else f"{colours.name}: not defined"
            )
        elif colours.name not in ("label", "group"):
            lines.append(f"{colours.name}: {colours.values[row] or colours.special[row]}")
        marks.append(
            {
                "x": f"{xy[row, 0]:.1f}",
                "y": f"{xy[row, 1]:.1f}",
                "path": shape.path,
                "colour": colour,
                "fill": fills[row],
                "kind": numbers.get(colours.special[row]) if position is None else position,
                "title": "\n".join(lines),
            }
        )
    return marks


def scale_to_square(points: np.ndarray) -> np.ndarray:
    """Points (n_clips, 2) moved and scaled, equally in both directions, into the square that is drawn; up is up."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale_by = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-12)
    scaled: np.ndarray = SIDE / 2 + (points - (low + high) / 2) * scale_by * np.array([1, -1])
    return scaled


def _viridis(colours: Colouring) -> list[str]:
    """The colour of each clip's number as `#rrggbb`; "" where it has none."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if colours.numbers is None:
        return [""] * len(colours.values)
    low, high = np.nanmin(colours.numbers), np.nanmax(colours.numbers)
    shares = (colours.numbers - low) / max(high - low, 1e-12)
    return ["" if np.isnan(share) else to_hex(colormaps["viridis"](share)) for share in shares]


def _legend(colours: Colouring) -> list[dict[str, Any]]:
    """Every value with its mark and how many clips have it; why clips have none comes last."""
    entries = []
    for number, name in enumerate(colours.kinds):
        colour, shape = mark_of(number)
        n = int((colours.values == name).sum())
        entries.append({"kind": number, "name": name, "colour": str(colour), "path": shape.path, "n": n})
    for number, why in enumerate(colours.specials, start=len(colours.kinds)):
        n = int((colours.special == why).sum())
        entries.append({"kind": number, "name": why, "colour": "n", "path": "", "n": n})
    return entries


def _scale(colours: Colouring) -> dict[str, Any] | None:
    """Ends and colours of the scale of numbers; None where values are no numbers."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if colours.numbers is None:
        return None
    ends = [f"{value:.4g}" for value in (np.nanmin(colours.numbers), np.nanmax(colours.numbers))]
    stops = [to_hex(colormaps["viridis"](share)) for share in np.linspace(0, 1, 9)]
    return {"title": colours.title, "low": ends[0], "high": ends[1], "stops": ", ".join(stops)}


def _settings(space: MappedEmbedding) -> list[str]:
    """Each map's settings and figures, as `t-SNE: seed 0, perplexity 30, ...`."""

    def words(value: Any) -> str:
        if isinstance(value, list):
            return " and ".join(map(words, value))
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return [
        f"{mapped.title}: "
        + ", ".join(f"{name.replace('_', ' ')} {words(value)}" for name, value in mapped.facts.items())
        for mapped in space.maps
    ]
