"""Evaluate any HEAR module on bioacoustic, ARCH, HEAR and your own tasks, under the published protocols.

    import evaluator as ev

    results = ev.run(["hear_ssl.melspec", "hear_ssl.byol_a_mini"], "demo/calls", protocol="logistic")
    results[0].score, results[0].ci_low, results[0].ci_high
    ev.to_frame(results)

Everything in `__all__` is the public interface: it does what the `hear-eval` command of that name does, with the same defaults
and refusals, which are exceptions here. Everything else is internal and may change. Names are loaded when they are first
used, so that importing this package costs nothing.
"""

import importlib
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator.api.analysis import compute_similarity, draw_maps, write_report
    from evaluator.api.comparing import compare, compare_over_tasks, fuse, fuse_by_task, load_results, to_frame
    from evaluator.api.data import check_tasks, download_tasks, write_task
    from evaluator.api.embedding import embed, validate, write_embeddings
    from evaluator.api.forecasting import forecast
    from evaluator.api.listing import Table, list_datasets, list_modules, list_protocols, list_tasks
    from evaluator.api.paper import write_table
    from evaluator.api.robustness import measure_robustness
    from evaluator.api.running import RunError, find_tasks, load_protocol, run
    from evaluator.api.tracing import rerun, verify
    from evaluator.api.version import __version__
    from evaluator.datasets.task import Task
    from evaluator.embedding.spec import ModuleSpec
    from evaluator.errors import EvaluationError, UsageError
    from evaluator.experiment.embeddings import Embeddings
    from evaluator.experiment.forecast import Forecast
    from evaluator.probes.protocol import Protocol
    from evaluator.results.caveats import Caveat
    from evaluator.results.compare import Comparison
    from evaluator.results.result import CurvePoint, FoldResult, Result

IMPORTED_NS = time.time_ns()  # what is edited later may not be what this process runs

_HOMES = {
    "analysis": ("compute_similarity", "draw_maps", "write_report"),
    "comparing": ("compare", "compare_over_tasks", "fuse", "fuse_by_task", "load_results", "to_frame"),
    "data": ("check_tasks", "download_tasks", "write_task"),
    "embedding": ("embed", "validate", "write_embeddings"),
    "forecasting": ("forecast",),
    "listing": ("Table", "list_datasets", "list_modules", "list_protocols", "list_tasks"),
    "paper": ("write_table",),
    "robustness": ("measure_robustness",),
    "running": ("RunError", "find_tasks", "load_protocol", "run"),
    "tracing": ("rerun", "verify"),
    "version": ("__version__",),
}
_HOME_OF = {
    **{name: f"evaluator.api.{home}" for home, names in _HOMES.items() for name in names},
    "Task": "evaluator.datasets.task",
    "ModuleSpec": "evaluator.embedding.spec",
    "EvaluationError": "evaluator.errors",
    "UsageError": "evaluator.errors",
    "Embeddings": "evaluator.experiment.embeddings",
    "Forecast": "evaluator.experiment.forecast",
    "Protocol": "evaluator.probes.protocol",
    "Comparison": "evaluator.results.compare",
    "Caveat": "evaluator.results.caveats",
    **dict.fromkeys(("CurvePoint", "FoldResult", "Result"), "evaluator.results.result"),
}

__all__ = [
    "Caveat",
    "Comparison",
    "CurvePoint",
    "Embeddings",
    "EvaluationError",
    "FoldResult",
    "Forecast",
    "ModuleSpec",
    "Protocol",
    "Result",
    "RunError",
    "Table",
    "Task",
    "UsageError",
    "__version__",
    "check_tasks",
    "compare",
    "compare_over_tasks",
    "compute_similarity",
    "download_tasks",
    "draw_maps",
    "embed",
    "find_tasks",
    "forecast",
    "fuse",
    "fuse_by_task",
    "list_datasets",
    "list_modules",
    "list_protocols",
    "list_tasks",
    "load_protocol",
    "load_results",
    "measure_robustness",
    "rerun",
    "run",
    "to_frame",
    "validate",
    "verify",
    "write_embeddings",
    "write_report",
    "write_table",
    "write_task",
]


def __getattr__(name: str) -> Any:
    """A public name, from the file that it is in."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'evaluator' has no attribute {name!r}; public are {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
