"""What an embedding depends on beside the clip: the key of a module's store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluator.embedding.spec import ModuleSpec


def identity(spec: ModuleSpec, described: Mapping[str, Any]) -> dict[str, Any]:
    """All that an embedding of this module depends on beside the clip.

    The sample rate is in Hz.

    The weights count by their content; only where a module shows none, by what the user called them. A module of another
    author may read more from beside its weights than it shows: there what the user called them counts as well. Objects
    that are no imported module have a state that nothing here names: their embeddings lie in a folder of their own (`spec.session`).
    """
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
