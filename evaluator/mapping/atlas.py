"""Maps of a task's embeddings on disk: settings and figures as JSON, and where each clip lies as CSV.

    OUT/map-RUN/map.html, map.json, coordinates.csv, and METHOD-MODULE-COLOUR.svg and .png

RUN is a hash of the modules, the options and the clips: the same maps again replace their own files only.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import tables
from evaluator.audio.clip import Clip, named
from evaluator.errors import EvaluationError
from evaluator.files import finite, sweep, write_whole
from evaluator.mapping.colouring import Colouring
from evaluator.mapping.methods import TITLES
from evaluator.results.result import run_name

SCHEMA_VERSION = 2  # 2: with labels, groups and colours of each clip, and where the recordings lie


@dataclass(frozen=True)
class Map:
    """Clips on a plane.

    points: Of each clip, (n_clips, 2).
    facts: Settings and figures of the method.
    kept: Share, 0 to 1, of each clip's nearest neighbours in the embedding that are its nearest in the map too.
    trustworthiness: As scikit-learn has it, 0 to 1.
    agreement: Colouring -> share of neighbours in the map with the clip's own value.
    """

    method: str
    points: np.ndarray = field(repr=False)
    facts: dict[str, Any]
    kept: float
    trustworthiness: float
    agreement: dict[str, float]

    @property
    def title(self) -> str:
        """The method as people write it."""
        return TITLES[self.method]

    @property
    def summary(self) -> str:
        """The method's settings and figures in a few words."""
        if self.method == "pca":
            return f"{100 * sum(self.facts['explained_variance']):.0f} % of the variance"
        if self.method == "tsne":
            return f"perplexity {self.facts['perplexity']:g}, KL divergence {self.facts['kl_divergence']:.2f}"
        return f"{self.facts['n_neighbours']} neighbours, least distance {self.facts['min_distance']:g}"


@dataclass(frozen=True)
class MappedEmbedding:
    """The embedding (n_clips, width) of a module or layer, and its maps.

    module, layer: Whose it is; "" for the scene embedding. `name` is both.
    width: Numbers in one embedding.
    agreement: As in `Map`, in the embedding itself.
    """

    name: str
    module: str
    layer: str
    width: int
    agreement: dict[str, float]
    maps: list[Map]


@dataclass(frozen=True)
class Atlas:
    """All maps of a task.

    clips: The clips that are mapped.
    colourings: What they are coloured by, each with a value a clip.
    by_chance: Colouring -> share of neighbours with a clip's own value, if all others were as likely.
    n_neighbours: How many neighbours are looked at.
    n_failed: Clips that could not be used.
    options: Those that decide what is drawn.
    seconds: Of each stage.
    heard: The folder of the recordings (`data`), and which channel was heard, how many times slower than life.
    """

    task: str
    dataset: str
    protocol: str
    profile: str
    modules: list[dict[str, Any]]
    clips: list[Clip] = field(repr=False)
    colourings: list[Colouring] = field(repr=False)
    by_chance: dict[str, float]
    n_neighbours: int
    spaces: list[MappedEmbedding]
    n_failed: int
    notes: list[str]
    options: dict[str, Any]
    seconds: dict[str, float]
    provenance: dict[str, Any]
    heard: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    kind: str = "map"

    @property
    def run(self) -> str:
        """Name of these maps, 8 hex digits: equal for equal modules, options, clips and audio."""
        identity: list[Any] = [{name: each[name] for name in ("module", "weights", "options")} for each in self.modules]
        identity += [self.options, self.task, self.profile]
        decides = ("task_sha256", "protocol_sha256", "manifest_sha256", "audio_sha256")
        identity += [self.provenance.get(name) for name in decides]
        return run_name(identity)


def as_plain(atlas: Atlas) -> dict[str, Any]:
    """All of an atlas as plain values for JSON, but for points (n_clips, 2); None for what is not defined."""
    without_points = [
        replace(space, maps=[replace(each, points=np.empty((0, 2))) for each in space.maps]) for space in atlas.spaces
    ]
    document = asdict(replace(atlas, spaces=without_points, clips=[], colourings=[]))
    for space in document["spaces"]:
        for each in space["maps"]:
            del each["points"]
    document |= {
        "run": atlas.run,
        "clips": [clip.name for clip in atlas.clips],
        "labels": [list(clip.labels) for clip in atlas.clips],
        "groups": [clip.group for clip in atlas.clips],
        "colourings": [_plain_colouring(each) for each in atlas.colourings],
    }
    finite_document: dict[str, Any] = finite(document)
    return finite_document


def _plain_colouring(colours: Colouring) -> dict[str, Any]:
    """A colouring's fields, its arrays as lists (n_clips,)."""
    arrays = ("values", "special", "numbers")
    plain = {each.name: getattr(colours, each.name) for each in fields(colours)}
    return plain | {name: None if plain[name] is None else plain[name].tolist() for name in arrays}


def _coordinates(atlas: Atlas) -> Iterator[list[Any]]:
    """A row for every clip on every map."""
    for space in atlas.spaces:
        for each in space.maps:
            for clip, (x, y) in zip(atlas.clips, each.points.tolist(), strict=True):
                labels = ";".join(clip.labels)
                yield [space.module, space.layer, each.method, clip.name, labels, clip.group, x, y]


def write(atlas: Atlas, folder: Path) -> None:
    """Write points (n_clips, 2) as CSV and the rest as JSON into an existing folder, each whole, the JSON last."""
    sweep(folder)
    head = ["module", "layer", "method", "clip", "label", "group", "x", "y"]
    tables.write(head, list(_coordinates(atlas)), folder / "coordinates.csv")
    text = json.dumps(as_plain(atlas), indent=1, allow_nan=False, default=str) + "\n"
    write_whole(folder / "map.json", text.encode())


def read(folder: Path) -> Atlas:
    """The maps that `write` left in a folder, their points (n_clips, 2) from the CSV.

    Raises:
        EvaluationError: There are none, an earlier version wrote them, or the files do not fit together.
    """
    path = folder / "map.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: no map can be read there ({error}); make one with hear-eval map") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION or document.get("kind") != "map":
        raise EvaluationError(
            f"{path}: is no map of version {SCHEMA_VERSION} (it says {version!r}); make it again with hear-eval map"
        )
    try:
        points = _points(folder / "coordinates.csv")
        return _from_plain(document, points)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(
            f"{path}: does not fit coordinates.csv beside it or is not whole ({error!r:.120}); make it again with hear-eval map"
        ) from error


def _points(path: Path) -> dict[tuple[str, str, str], dict[str, tuple[float, float]]]:
    """Of each module, layer and method where each clip lies."""
    points: dict[tuple[str, str, str], dict[str, tuple[float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            of_map = points.setdefault((row["module"], row["layer"], row["method"]), {})
            of_map[row["clip"]] = (float(row["x"]), float(row["y"]))
    return points


def _from_plain(document: dict[str, Any], points: dict[tuple[str, str, str], dict[str, tuple[float, float]]]) -> Atlas:
    """An atlas from its plain values and the places of its clips."""
    clips = [
        replace(named(name), labels=tuple(map(str, labels)), group=str(group))
        for name, labels, group in zip(document["clips"], document["labels"], document["groups"], strict=True)
    ]
    spaces = []
    for space in document["spaces"]:
        maps = []
        for each in space["maps"]:
            of_map = points[space["module"], space["layer"], each["method"]]
            at = np.array([of_map[name] for name in document["clips"]], dtype=np.float64)
            numbers = {name: _number(each[name]) for name in ("kept", "trustworthiness")}
            maps.append(Map(**{**each, **numbers, "points": at, "agreement": _shares(each["agreement"])}))
        spaces.append(MappedEmbedding(**{**space, "maps": maps, "agreement": _shares(space["agreement"])}))
    known = {each.name for each in fields(Atlas)}
    return Atlas(
        **{name: value for name, value in document.items() if name in known}
        | {
            "clips": clips,
            "spaces": spaces,
            "colourings": [_colouring(each, len(clips)) for each in document["colourings"]],
            "by_chance": _shares(document["by_chance"]),
        }
    )


def _colouring(plain: dict[str, Any], n_clips: int) -> Colouring:
    texts = {name: np.array(plain[name], dtype=object) for name in ("values", "special")}
    numbers = plain["numbers"]
    arrays = [*texts.values(), *([] if numbers is None else [numbers])]
    if any(len(each) != n_clips for each in arrays):
        raise ValueError(f"the colours {plain['name']!r} are not of {n_clips} clips")
    return Colouring(**{**plain, **texts, "numbers": None if numbers is None else np.array(numbers, dtype=np.float64)})


def _shares(plain: dict[str, float | None]) -> dict[str, float]:
    return {name: _number(value) for name, value in plain.items()}


def _number(value: float | None) -> float:
    """A number from JSON, where None stands for NaN."""
    return float("nan") if value is None else float(value)


def as_table(atlas: Atlas) -> tuple[list[str], list[list[str]]]:
    """Head and rows (n_maps, n_columns) of a table for people: how far each map can be trusted; shares in percent."""
    k = atlas.n_neighbours
    head = ["embedding", "map", "of which", f"of {k} neighbours kept", "trustworthiness"]
    for name, chance in atlas.by_chance.items():
        head += [f"same {name} in the embedding", f"same {name} in the map ({_percent(chance)} by chance)"]
    rows = []
    for space in atlas.spaces:
        for each in space.maps:
            row = [space.name, each.title, each.summary, _percent(each.kept), f"{each.trustworthiness:.3f}"]
            for name in atlas.by_chance:
                row += [_percent(space.agreement[name]), _percent(each.agreement[name])]
            rows.append(row)
    return head, rows


def _percent(share: float) -> str:
    """A share as people read it; a dash where it is not defined."""
    return "-" if np.isnan(share) else f"{100 * share:.0f} %"
