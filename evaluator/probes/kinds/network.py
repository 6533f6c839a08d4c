"""A linear layer or a shallow network, trained by gradient, the best point of a grid if there is one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluator.probes import training
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, Setting
from evaluator.probes.kind import ProbeKind
from evaluator.probes.network_settings import NetworkSettings
from evaluator.schema import Field

_GRID_FIELDS: Mapping[str, Field] = {
    "hidden": Field(list, required=False, each=Field(int, min=1)),
    "learning_rate": Field(float, required=False, min=1e-12, max=1e3),
    "initialisation": Field(str, required=False, choices=("pytorch", "xavier_uniform", "xavier_normal")),
}
_FIELDS: Mapping[str, Field] = {
    "hidden": Field(list, required=False, default=[], each=Field(int, min=1)),
    "norm": Field(str, required=False, default="none", choices=("none", "layer", "batch")),
    "dropout": Field(float, required=False, default=0.0, min=0, max=0.99),
    "initialisation": Field(
        str, required=False, default="pytorch", choices=("pytorch", "xavier_uniform", "xavier_normal")
    ),
    "optimiser": Field(str, choices=("adam", "adamw")),
    "learning_rate": Field(float, required=False, default=0.001, min=1e-12, max=1e3),
    "weight_decay": Field(float, min=0, max=1e3),
    "epochs": Field(int, min=1),
    "batch_size": Field(int, min=1),
    "shuffle": Field(bool, required=False, default=True),
    "class_weights": Field(str, required=False, default="none", choices=("none", "inverse_frequency")),
    "schedule": Field(str, choices=("constant", "warmup", "plateau")),
    "warmup_share": Field(float, required=False, default=0.0, min=0, max=1),
    "extra_step_per_epoch": Field(bool, required=False, default=False),
    "plateau_factor": Field(float, required=False, default=0.1, min=0, max=1),
    "plateau_patience": Field(int, required=False, default=0, min=0),
    "check_every": Field(int, required=False, default=1, min=1),
    "monitor": Field(str, choices=("valid_loss", "valid_score")),
    "patience": Field(int, required=False, default=0, min=0),
    "weights": Field(str, choices=("last", "best")),
    "grid": Field(list, required=False, default=[], each=Field(dict, fields=_GRID_FIELDS)),
    "grid_by": Field(str, required=False, default="each_fold", choices=("each_fold", "first_fold")),
}


@dataclass(frozen=True)
class Network(NetworkSettings, ProbeKind):
    """A network with the settings of `NetworkSettings`, as a kind of probe.

    Features (n_rows, width) become probabilities (n_rows, n_classes).
    """

    FIELDS = _FIELDS
    SEEDED = True
    MIXES_LAYERS = True
    TASK_FIELDS = tuple(name for name in _FIELDS if name != "grid")

    @property
    def weights_classes(self) -> bool:
        """See `ProbeKind`."""
        return self.class_weights != "none"

    def problems(self) -> Iterator[tuple[str, str]]:
        """See `ProbeKind`."""
        if self.norm == "batch" and self.batch_size < 2:
            yield "batch_size", f"is {self.batch_size}, but batch norm needs two clips or more"

    def fixed_by_grid(self) -> set[str]:
        """See `ProbeKind`."""
        return {field for point in self.grid for field in point}

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """An epoch of a probe each."""
        return training.n_steps(jobs, self)

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """Train all probes side by side; see `training.train`."""
        return [{Setting(): [outcome]} for outcome in training.train(request, self)]
