"""Maps as a section of a page: on the report, or on one of their own that opens offline; every name stays text.

A mark is drawn once a map; what it is coloured by, and what is heard of its clip, stands in a table of all clips below, from
which `assets/maps.js` takes it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.datasets.moved import find_folder
from evaluator.files import write_whole
from evaluator.mapping.atlas import Atlas, Map, MappedEmbedding, as_table
from evaluator.mapping.colouring import COLOURS, SHAPES, Colouring, mark_of
from evaluator.mapping.figures import drawing_order, turned
from evaluator.mapping.scale import COLOUR_MAP
from evaluator.report import render
from evaluator.report.page import FurtherSection
from evaluator.report.page_parts import Details, PageTable
from evaluator.report.sound import SoundOptions, clip_sound
from evaluator.report.text import as_sentence, count_of

WIDTH, MARGIN = 600.0, 14.0  # of a map, in units of its SVG
MIN_HEIGHT = 200.0  # of a map, likewise
MAX_POINTS = 100_000  # on one page, some 10 MB; maps beyond that are files only
MAX_SOUNDS = 400
SOUND_BYTES = 6_000_000  # of all clips that can be heard, as data URIs
_OF_A_CLIP = SoundOptions(max_bytes=24_000, max_seconds=5.0)
CAPTIONS = {
    "tsne": "t-SNE tries to keep close what is close in the embedding. How far clusters lie apart, how large they are, how dense, and how "
    "the map is turned means nothing in it, and clusters can appear where there are none. Another perplexity, start or draw of clips gives "
    "another picture.",
    "pca": "PCA shows the two directions in which the embeddings vary most, and nothing of the others. Clips that lie apart here "
    "are apart in the embedding; clips that lie together may not be close.",
    "umap": "UMAP tries to keep close what is close in the embedding. How far clusters lie apart, how large they are, how dense, and how "
    "the map is turned means little in it. Another seed, number of neighbours or draw of clips gives another picture.",
}
_DISTORTS = (
    "Every map of more than two dimensions distorts. The table says how much: of each clip's {k} nearest neighbours in the embedding, how "
    "many are so in the map; trustworthiness, which is 1 if the map shows no false neighbours; and how many neighbours have the same value "
    "in the embedding, in the map, and by chance. A map suggests questions. To tell whether one model is better than another, compare "
    "scores (hear-eval compare), not maps."
)


@dataclass(frozen=True)
class MapSounds:
    """What of the clips can be heard: their first 5 seconds as data URIs by name, and a sentence about the others; "" if there are none."""

    audio: dict[str, str]
    missing: str = ""


def sounds_of(atlas: Atlas, data: Path | None = None, n_max: int = MAX_SOUNDS, n_bytes: int = SOUND_BYTES) -> MapSounds:
    """The first 5 seconds of as many clips as a page bears, drawn at random from all, so that every region of a map can be heard.

    Args:
        atlas: Whose clips, and where their recordings lay.
        data: Where these lie now, as `moved.find_folder` takes it; None for where they lay.
        n_max: How many clips; 0 for none.
        n_bytes: Of all of them together.
    """
    clips = [atlas.clips[number] for number in drawing_order(len(atlas.clips)).tolist()][:n_max]
    if not clips:
        return MapSounds({}, "")
    lay, document = atlas.heard.get("data"), atlas.provenance.get("task")
    folder = find_folder(data, Path(lay) if lay else None, document, atlas.dataset, [each.name for each in clips])
    channel, expand = atlas.heard.get("channel") or "mix", atlas.heard.get("expand")
    options = SoundOptions(_OF_A_CLIP.max_bytes, _OF_A_CLIP.max_seconds, channel=channel, expand=expand)
    audio: dict[str, str] = {}
    reason, left = "", n_bytes
    for clip in clips:
        sound = clip_sound(clip.name, folder, options)
        if isinstance(sound, str):
            reason = reason or sound
        elif len(sound.audio) > left:
            break
        else:
            audio[clip.name] = sound.audio
            left -= len(sound.audio)
    if reason:
        return MapSounds(audio, f"some clips of the map of {atlas.task} cannot be heard, the first because {reason}")
    return MapSounds(audio)


def section(atlas: Atlas, sounds: MapSounds, anchor: str = "map") -> FurtherSection:
    """All maps of a task, (n_clips, 2) points each, with controls, legends, a table of the clips, and how far maps can be trusted.

    Args:
        atlas: The maps.
        sounds: What of the clips can be heard.
        anchor: In addresses, and first in the names of parts of the page.
    """
    maps = [mapped for space in atlas.spaces for mapped in space.maps]
    values = {
        "atlas": atlas,
        "anchor": anchor,
        "sounds": sounds.audio,
        "shapes": SHAPES,
        "n_colours": len(COLOURS),
        "methods": list(dict.fromkeys((each.method, each.title) for each in maps)),
        "panels": _panels(atlas),
        "legends": [_legend(each) for each in atlas.colourings],
        "rows": _clip_rows(atlas),
        "radius": min(8.0, max(3.5, 150 / len(atlas.clips) ** 0.5)),
        "width": WIDTH,
    }
    head, rows = as_table(atlas)
    captions = [CAPTIONS[method] for method, _ in values["methods"]]
    notes = [*captions, _DISTORTS.format(k=atlas.n_neighbours), *map(as_sentence, atlas.notes)]
    return FurtherSection(
        anchor,
        f"Map of {atlas.task}",
        [],
        markup=render.markup(Path(__file__).parent, "map.html", **values, notes=notes, settings=_settings(atlas)),
        details=[Details("How far these maps can be trusted", (), [PageTable("Shares in percent", head, rows)])],
    )


def write(atlas: Atlas, folder: Path, sounds: MapSounds | None = None) -> Path:
    """Write `map.html`, which draws every map's points (n_clips, 2), into an existing folder, whole; gives its path."""
    sounds = sounds if sounds is not None else sounds_of(atlas)
    subtitle = f"{count_of(len(atlas.clips), 'clip')}, {count_of(len(atlas.spaces), 'embedding')}. Files beside this page: coordinates.csv, map.json."
    html = render.render_sections(f"Map of {atlas.task}", subtitle, [section(atlas, sounds)])
    write_whole(folder / "map.html", html.encode("utf-8", errors="replace"))
    return folder / "map.html"


def _panels(atlas: Atlas) -> list[dict[str, Any]]:
    """For the template, of each embedding its maps: marks in the order of drawing, coloured by the first colouring."""
    n_points, panels = 0, []
    for space in atlas.spaces:
        maps = []
        for mapped in space.maps:
            n_points += len(atlas.clips)
            xy, height = in_frame(turned(mapped))
            marks = clip_marks(atlas, xy, atlas.colourings[0]) if n_points <= MAX_POINTS else None
            maps.append({"map": mapped, "marks": marks, "height": height, "axes": _axes(mapped)})
        panels.append({"space": space, "maps": maps})
    return panels


def _axes(mapped: Map) -> str:
    if mapped.method != "pca":
        return ""
    across, up = (f"{100 * share:.0f} %" for share in mapped.facts["explained_variance"])
    return f"across {across}, up {up} of the variance"


def clip_marks(atlas: Atlas, xy: np.ndarray, colours: Colouring) -> list[dict[str, Any]]:
    """Position and look of each clip's mark, (n_clips,), in the order of drawing: those without a value below the others.

    Args:
        atlas: Whose clips.
        xy: Where they lie in the drawing, (n_clips, 2).
        colours: What they are coloured by.
    """
    looks, mixed = looks_of(colours), drawing_order(len(atlas.clips))
    rows = [*mixed[colours.special[mixed] != ""].tolist(), *mixed[colours.special[mixed] == ""].tolist()]
    return [{"clip": row, "x": f"{xy[row, 0]:.1f}", "y": f"{xy[row, 1]:.1f}", "look": looks[row]} for row in rows]


def looks_of(colours: Colouring) -> list[str]:
    """How each clip's mark looks, (n_clips,): the number of its value in the legend, or a colour such as `#21918c`."""
    if colours.numbers is not None and colours.scale is not None:
        fills = colours.scale.colours(colours.numbers)
        return [fill or "0" for fill in fills]  # a legend of numbers has one entry at most: not defined
    specials = {why: len(colours.kinds) + number for number, why in enumerate(colours.specials)}
    positions = colours.legend_positions()
    return [
        str(specials[why] if position is None else position)
        for position, why in zip(positions, colours.special.tolist(), strict=True)
    ]


def in_frame(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Points (n_clips, 2) moved and scaled, equally in both directions, so that they fill the drawing's width; and its height. Up is up."""
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (high - low).tolist()
    by_width = (WIDTH - 2 * MARGIN) / max(width, 1e-12)
    scale = min(by_width, (1.3 * WIDTH - 2 * MARGIN) / max(height, 1e-12))
    frame = max(MIN_HEIGHT, height * scale + 2 * MARGIN)
    scaled: np.ndarray = np.array([WIDTH, frame]) / 2 + (points - (low + high) / 2) * scale * np.array([1, -1])
    return scaled, frame


def _clip_rows(atlas: Atlas) -> list[dict[str, Any]]:
    """Of each clip, in its order: what stands in the table, and its look under each colouring."""
    looks = [looks_of(each) for each in atlas.colourings]
    others = [each for each in atlas.colourings if each.name not in ("label", "group")]
    return [
        {
            "name": clip.name,
            "label": ", ".join(clip.labels) or "no label",
            "group": clip.group,
            "values": [(each.title, each.told(row)) for each in others],
            "looks": [of_one[row] for of_one in looks],
        }
        for row, clip in enumerate(atlas.clips)
    ]


def _legend(colours: Colouring) -> dict[str, Any]:
    """Every value with its mark and how many clips have it, why clips have none last; and the scale of numbers."""
    entries = []
    for number, name in enumerate(colours.kinds):
        colour, shape = mark_of(number)
        n = int((colours.values == name).sum())
        entries.append({"name": name, "colour": str(colour), "shape": SHAPES.index(shape), "n": n})
    for why in colours.specials:
        entries.append({"name": why, "colour": "n", "shape": 0, "n": int((colours.special == why).sum())})
    scale = colours.scale
    return {
        "colours": colours,
        "entries": entries,
        "n_kinds": len(colours.kinds),
        "ticks": scale.ticks() if scale else [],
        "stops": _stops() if scale else [],
        "told": scale.told() if scale else "",
    }


def _stops() -> list[tuple[int, str]]:
    """Where, in percent, which colour lies on the scale of numbers."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [(round(100 * share), to_hex(colormaps[COLOUR_MAP](share))) for share in np.linspace(0, 1, 11).tolist()]


def _settings(atlas: Atlas) -> list[str]:
    """How the maps were made, in sentences: options, versions, and each map's settings and figures."""
    packages = ", ".join(f"{name} {version}" for name, version in atlas.provenance.get("packages", {}).items())
    options = atlas.options
    return [
        f"Protocol {atlas.protocol} ({atlas.profile}), seed {options.get('seed')}, layers: {options.get('layers')}; "
        f"made {atlas.provenance.get('started')} with {packages}.",
        *(line for space in atlas.spaces for line in _of_space(space)),
    ]


def _of_space(space: MappedEmbedding) -> list[str]:
    def words(value: Any) -> str:
        if isinstance(value, list):
            return " and ".join(map(words, value))
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return [
        f"{space.name} ({space.width} numbers a clip), {mapped.title}: "
        + ", ".join(f"{name.replace('_', ' ')} {words(value)}" for name, value in mapped.facts.items())
        + "."
        for mapped in space.maps
    ]
