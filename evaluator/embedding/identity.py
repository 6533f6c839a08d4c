"""What an embedding depends on beside the clip: the key of a module's store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluator.embedding.spec import ModuleSpec

# What of a model of ours decides how stored layers become a scene; they are stored once for all its values.
_OF_SCENES = ("layers", "mean_of_layers", "pooling")


def identity(spec: ModuleSpec, described: Mapping[str, Any], views: str = "scene") -> dict[str, Any]:
    """All that a module's embeddings depend on beside the clip.

    The sample rate is in Hz. A model of ours is named by its code, its weights and the options that are in effect, however it was
    asked for; so modules with the same weights share embeddings, and so do scenes that are read from stored layers.

    Others are named by the user's words too. Their weights count by their content; only where a module shows none, by what the
    user called them. It may also read more from beside its weights than it shows: there what the user called them counts as well.
    Objects that are no imported module have a state that nothing here names: their embeddings lie in a folder of their own
    (`spec.session`).

    Args:
        spec, described: The module, as asked for and as it describes itself.
        views: "scene", "layers" or "frames".
    """
    own = described["identity"]
    if own is not None:
        from_layers = own["scene_from"] is not None and views != "frames"
        left_out = {"scene_from", "foreign", *(_OF_SCENES if from_layers else ())}
        return {
            "weights": described["weights_sha256"],
            "sample_rate": described["sample_rate"],
            **{name: value for name, value in own.items() if name not in left_out},
        }
    weights = described["weights_sha256"] or f"unknown content of {spec.weights!r}"
    if described["weights_sha256"] and spec.weights and not described["extension"]:
        weights = f"{described['weights_sha256']} as {spec.weights!r}"
    return {
        "module": Path(spec.name).name if spec.name.endswith(".py") and ":" not in spec.name else spec.name,
        "code": described["code"] or "in no file",
        "weights": weights,
        "options": {name: spec.options[name] for name in sorted(spec.options)},
        "sample_rate": described["sample_rate"],
    }
