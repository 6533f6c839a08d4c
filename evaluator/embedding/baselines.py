"""The baselines that `--baselines` puts beside the modules of a run."""

from collections.abc import Sequence
from dataclasses import replace

from evaluator.embedding import bridges
from evaluator.embedding.spec import ModuleSpec
from evaluator.module_names import PRECOMPUTED, UNTRAINED, WITHOUT_WEIGHTS


def beside(modules: Sequence[ModuleSpec]) -> list[ModuleSpec]:
    """The baselines that are not among these modules, (n_baselines,): `WITHOUT_WEIGHTS`, then each that is none itself, untrained.

    An untrained copy is loaded as its module is; the others take neither the modules' weights and options nor their
    interpreter.
    """
    names = {spec.name for spec in modules}
    device = modules[0].device if modules else "auto"
    plain = [ModuleSpec(name, device=device) for name in WITHOUT_WEIGHTS if modules and name not in names]
    # An object that is no imported module cannot be loaded a second time, untrained; a table of vectors cannot be loaded; of a bridge's
    # network nobody here can draw the weights anew.
    trained = [
        spec
        for spec in modules
        if spec.name not in WITHOUT_WEIGHTS
        and not is_untrained(spec)
        and spec.session is None
        and not spec.name.startswith(PRECOMPUTED)
        and not bridges.kind_of(spec.name)
    ]
    untrained = {
        f"{UNTRAINED}{spec.name}": replace(spec, name=f"{UNTRAINED}{spec.name}", instance=None) for spec in trained
    }
    return plain + [spec for name, spec in untrained.items() if name not in names]


def is_untrained(spec: ModuleSpec) -> bool:
    """Whether a module is the untrained copy of another."""
    return spec.name.startswith(UNTRAINED)
