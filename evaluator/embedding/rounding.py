"""How far a module in a reduced precision is from itself in float32, layer by layer, on fixed sounds.

The module is opened a second time without the options that reduce it. That is measured once for a store and lies beside its shards.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding.asked import Check
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.files import write_whole

EXACT = "float32"
OPTIONS = ("precision", "engine")  # of load_model; without them a module of ours is exact
SECONDS = (0.5, 1.0, 2.0)
PROMISED = 0.01  # of a layer's RMS
_FILE = "drift.json"


@dataclass(frozen=True)
class Drift:
    """How far each layer is from float32.

    Attributes:
        precision, engine: What was measured.
        layers: RMS of the difference as a share of the layer's own RMS, over all sounds and features, (n_layers,).
    """

    precision: str
    engine: str
    layers: tuple[float, ...]

    def __str__(self) -> str:
        worst = int(np.argmax(self.layers))
        return (
            f"{self.precision} ({self.engine}): embeddings of fixed sounds are at most {100 * self.layers[worst]:.2g} % of their RMS "
            f"from {EXACT} (layer {worst} of {len(self.layers)})"
        )


def reduced(identity: Mapping[str, Any] | None) -> dict[str, str]:
    """Precision and engine of a module, or of the first of its members, that says it computes in less than float32.

    Empty where none does; so for modules that are not ours, of whatever (n_layers,).
    """
    own = identity or {}
    if own.get("precision", EXACT) != EXACT:
        return {"precision": str(own["precision"]), "engine": str(own.get("engine", ""))}
    members = [each for each in own.get("members", ()) if isinstance(each, Mapping)]
    return next((found for found in map(reduced, members) if found), {})


def measure(spec: ModuleSpec, module: Module) -> Drift:
    """The drift of an open module, asked for clips (n_samples,) of `SECONDS`.

    Args:
        spec, module: The module, as asked for and opened.

    Raises:
        UsageError: It cannot be loaded in float32.
        EvaluationError: It crashed or hung.
    """
    described = module.describe()
    sounds = list(_sounds(described["sample_rate"]))
    with open_module(replace(spec, options=_exact(spec.options))) as exact:
        ours, wanted = (_layers(each, sounds) for each in (module, exact))
    apart = np.sqrt(np.square(ours - wanted).mean(axis=(0, 2)) / np.square(wanted).mean(axis=(0, 2)))
    return Drift(**reduced(described["identity"]), layers=tuple(round(float(layer), 6) for layer in apart))


def remarks(spec: ModuleSpec, module: Module, store: Path) -> list[tuple[str, str]]:
    """What is to be known of embeddings in a reduced precision, shape (n_layers,) of figures in a sentence; nothing of others.

    Args:
        spec, module: The module, as asked for and opened.
        store: The folder of its embeddings, which remembers what was measured.
    """
    if not reduced(module.describe()["identity"]):
        return []
    drift = _read(store / _FILE)
    if drift is None:
        drift = measure(spec, module)
        plain = {"precision": drift.precision, "engine": drift.engine, "layers": drift.layers}
        write_whole(store / _FILE, (json.dumps(plain) + "\n").encode())
    return [("reduced_precision", str(drift))]


def unmeasured(spec: ModuleSpec, described: Mapping[str, Any]) -> list[tuple[str, str]]:
    """As `remarks` for a member of an ensemble, whose frames (n_frames, width) are merged before anything of it could be measured."""
    found = reduced(described["identity"])
    told = "{} computes in {precision} ({engine}); hear-eval validate says how far that is from float32"
    return [("reduced_precision", told.format(spec.name, **found))] if found else []


def checks(spec: ModuleSpec, module: Module) -> Iterator[Check]:
    """For `validate`: the drift of each layer, (n_layers,), of a module in a reduced precision; nothing for others."""
    if reduced(module.describe()["identity"]):
        drift = measure(spec, module)
        by_layer = ", ".join(f"{100 * layer:.2f}" for layer in drift.layers)
        name = f"{drift.precision} stays within {100 * PROMISED:g} % of {EXACT}"
        kept = max(drift.layers) <= PROMISED
        found = name if kept else f"{drift.precision} is more than {100 * PROMISED:g} % from {EXACT}"
        yield Check(name, kept, "warning", f"{drift}; by layer in %: {by_layer}", found)


def _exact(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that reduce, those of members among them."""
    kept = {name: value for name, value in options.items() if name not in OPTIONS}
    return {name: _exact(value) if isinstance(value, Mapping) else value for name, value in kept.items()}


def _layers(module: Module, sounds: list[np.ndarray]) -> np.ndarray:
    """Each layer's mean over time, (n_sounds, n_layers, width); the scene as the only one where layers are not shown."""
    views = module.clips(sounds)
    return np.asarray(views["layers_mean"] if "layers_mean" in views else views["scene"][:, None], dtype=np.float64)


def _sounds(rate: int) -> Iterator[np.ndarray]:
    """Noise, a rising tone, and noise that comes and goes, each (n_samples,) at a rate in Hz, float32."""
    generator = np.random.default_rng(0)
    times = [np.arange(int(seconds * rate)) / rate for seconds in SECONDS]
    noise = [generator.normal(0, 0.1, len(each)) for each in times]
    yield noise[0].astype(np.float32)
    yield (0.3 * np.sin(2 * np.pi * (200 + 1000 * times[1]) * times[1])).astype(np.float32)
    yield (noise[2] * (1 + np.sin(2 * np.pi * 4 * times[2]))).astype(np.float32)


def _read(path: Path) -> Drift | None:
    """What was measured before; None where nothing was, or nothing that can be read."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Drift(str(plain["precision"]), str(plain["engine"]), tuple(float(layer) for layer in plain["layers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
