"""The humble baselines that `--baselines` puts beside the modules that were asked for."""

from collections.abc import Sequence
from dataclasses import replace

from evaluator.embedding.spec import ModuleSpec

# From knowing nothing of a sound to knowing its spectrum; hear_ssl says what each of them is.
UNTRAINED = ("hear_ssl.majority", "hear_ssl.chance", "hear_ssl.duration_loudness", "hear_ssl.melspec")


def beside(given: Sequence[ModuleSpec]) -> list[ModuleSpec]:
    """The baselines that are not among the given modules: `UNTRAINED`, and a twin of each that is no baseline itself.

    A twin is loaded as its module is; the others take neither the modules' weights and options nor their interpreter.
    """
    names = {spec.name for spec in given}
    untrained = [ModuleSpec(name, device=spec.device) for spec in given[:1] for name in UNTRAINED if name not in names]
    trained = [spec for spec in given if spec.name not in UNTRAINED and not spec.name.startswith("twin:")]
    twins = {f"twin:{spec.name}": replace(spec, name=f"twin:{spec.name}") for spec in trained}
    return untrained + [twin for name, twin in twins.items() if name not in names]
