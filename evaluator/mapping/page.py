"""Maps as one page that opens offline: nothing is fetched, no script runs, and every name stays text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.files import write_whole
from evaluator.mapping import atlas as on_disk
from evaluator.mapping.atlas import Atlas, Map, Space
from evaluator.mapping.colouring import COLOURS, SHAPES, Colouring, mark
from evaluator.mapping.figures import order, stem

SIDE, MARGIN = 600.0, 14.0  # of a map, in units of its SVG
MOST_POINTS = 100_000  # on one page, some 20 MB; maps beyond that are linked as files
CAPTIONS = {
    "tsne": "t-SNE tries to keep close what is close in the embedding. How far clusters lie apart, how large they are and how dense "
    "means nothing in it, and clusters can appear where there are none. Another perplexity, start or draw of clips gives another picture.",
    "pca": "PCA shows the two directions in which the embeddings vary most, and nothing of the others. Clips that lie apart here "
    "are apart in the embedding; clips that lie together may not be close.",
    "umap": "UMAP tries to keep close what is close in the embedding. How far clusters lie apart, how large they are and how dense "
    "means little in it. Another seed, number of neighbours or draw of clips gives another picture.",
}


def write(atlas: Atlas, folder: Path) -> Path:
    """Write `map.html` into a folder that is there, whole; gives its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    head, rows = on_disk.as_table(atlas)
    text = environment.get_template("map.html").render(
        atlas=atlas,
        head=head,
        rows=rows,
        colours=COLOURS,
        shapes=SHAPES,
        captions={each.title: CAPTIONS[each.method] for each in atlas.spaces[0].maps},
        n_kinds=max(len(each.kinds) + len(each.specials) for each in atlas.colourings),
        spaces=list(_drawn(atlas)),
        side=SIDE,
    )
    write_whole(folder / "map.html", text.encode())
    return folder / "map.html"


def _drawn(atlas: Atlas) -> Iterator[dict[str, Any]]:
    """What the template draws of each embedding: a legend and maps for each colouring."""
    n_points = 0
    for space in atlas.spaces:
        panels = []
        for colours in atlas.colourings:
            maps = []
            for one in space.maps:
                n_points += len(atlas.clips)
                points = marks(atlas, one, colours) if n_points <= MOST_POINTS else None
                maps.append({"map": one, "points": points, "file": f"{stem(space, one, colours)}.svg"})
            panels.append({"colours": colours, "legend": _legend(colours), "scale": _scale(colours), "maps": maps})
        yield {"space": space, "panels": panels, "settings": _settings(space)}


def marks(atlas: Atlas, one: Map, colours: Colouring) -> list[dict[str, Any]]:
    """Where each clip's mark is and how it looks, in the order of drawing."""
    places, fills = colours.places(), _viridis(colours)
    numbers = {why: len(colours.kinds) + number for number, why in enumerate(colours.specials)}
    at = fitted(one.points)
    found = []
    mixed = order(len(at))
    for row in [*mixed[colours.special[mixed] != ""].tolist(), *mixed[colours.special[mixed] == ""].tolist()]:
        place, clip = places[row], atlas.clips[row]
        look, shape = ("n", SHAPES[0]) if place is None else (str(mark(place)[0]), mark(place)[1])
        said = [clip.name, f"label: {', '.join(clip.labels) or 'none'}"]
        said += [f"group: {clip.group}"] if clip.group else []
        if colours.numbers is not None:
            said.append(
                f"{colours.title}: {colours.numbers[row]:.4g}" if fills[row] else f"{colours.name}: not defined"
            )
        elif colours.name not in ("label", "group"):
            said.append(f"{colours.name}: {colours.values[row] or colours.special[row]}")
        found.append(
            {
                "x": f"{at[row, 0]:.1f}",
                "y": f"{at[row, 1]:.1f}",
                "path": shape.path,
                "look": look,
                "fill": fills[row],
                "kind": numbers.get(colours.special[row]) if place is None else place,
                "title": "\n".join(said),
            }
        )
    return found


def fitted(points: np.ndarray) -> np.ndarray:
    """Points (n, 2) moved and scaled, alike in both directions, into the square that is drawn; up is up."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale_by = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-12)
    at: np.ndarray = SIDE / 2 + (points - (low + high) / 2) * scale_by * np.array([1, -1])
    return at


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
    found = []
    for number, name in enumerate(colours.kinds):
        place, shape = mark(number)
        n = int((colours.values == name).sum())
        found.append({"kind": number, "name": name, "look": str(place), "path": shape.path, "n": n})
    for number, why in enumerate(colours.specials, start=len(colours.kinds)):
        n = int((colours.special == why).sum())
        found.append({"kind": number, "name": why, "look": "n", "path": "", "n": n})
    return found


def _scale(colours: Colouring) -> dict[str, Any] | None:
    """Ends and colours of the scale of numbers; None where values are no numbers."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if colours.numbers is None:
        return None
    ends = [f"{value:.4g}" for value in (np.nanmin(colours.numbers), np.nanmax(colours.numbers))]
    stops = [to_hex(colormaps["viridis"](share)) for share in np.linspace(0, 1, 9)]
    return {"title": colours.title, "low": ends[0], "high": ends[1], "stops": ", ".join(stops)}


def _settings(space: Space) -> list[str]:
    """Each map's settings and figures, as `t-SNE: seed 0, perplexity 30, ...`."""

    def words(value: Any) -> str:
        if isinstance(value, list):
            return " and ".join(map(words, value))
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return [
        f"{one.title}: " + ", ".join(f"{name.replace('_', ' ')} {words(value)}" for name, value in one.facts.items())
        for one in space.maps
    ]
