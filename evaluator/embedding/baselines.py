"""The baselines that `--baselines` puts beside the modules that were asked for."""

from collections.abc import Sequence
from dataclasses import replace

from evaluator.embedding.spec import ModuleSpec

_UNTRAINED_PREFIX = "twin:"
# From knowing nothing of a sound to knowing its spectrum; hear_ssl says what each of them is.
PLAIN_BASELINES = ("hear_ssl.majority", "hear_ssl.chance", "hear_ssl.duration_loudness", "hear_ssl.melspec")


def beside(given: Sequence[ModuleSpec]) -> list[ModuleSpec]:
    """The baselines that are not among the given modules: `PLAIN_BASELINES`, and a twin of each that is no baseline itself.

    A twin is loaded as its module is; the others take neither the modules' weights and options nor their interpreter.
    """
    names = {spec.name for spec in given}
    untrained = [
        ModuleSpec(name, device=spec.device) for spec in given[:1] for name in PLAIN_BASELINES if name not in names
    ]
    trained = [spec for spec in given if spec.name not in PLAIN_BASELINES and not is_untrained(spec)]
    twins = {
        f"{_UNTRAINED_PREFIX}{spec.name}": replace(spec, name=f"{_UNTRAINED_PREFIX}{spec.name}") for spec in trained
    }
    return untrained + [twin for name, twin in twins.items() if name not in names]


def is_untrained(spec: ModuleSpec) -> bool:
    """Whether a module is the untrained copy of another."""
    return spec.name.startswith(_UNTRAINED_PREFIX)
