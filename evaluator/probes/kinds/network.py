"""A linear layer or a shallow network, trained by gradient, the best point of a grid if there is one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluator.probes import training
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, Setting
from evaluator.probes.kind import ProbeKind
from evaluator.probes.network_settings import NetworkSettings
from evaluator.schema import Field

_GRID_FIELDS: Mapping[str, Field] = {
    "hidden": Field(list, required=False, each=Field(int, min=1), meaning="Widths of the hidden layers at this point."),
    "learning_rate": Field(float, required=False, min=1e-12, max=1e3, meaning="Learning rate at this point."),
    "initialisation": Field(
        str,
        required=False,
        choices=("pytorch", "xavier_uniform", "xavier_normal"),
        meaning="Initial weights at this point.",
    ),
}
_FIELDS: Mapping[str, Field] = {
    "hidden": Field(
        list,
        required=False,
        default=[],
        each=Field(int, min=1),
        meaning="Widths of the hidden layers; none for a linear layer.",
    ),
    "norm": Field(
        str,
        required=False,
        default="none",
        choices=("none", "layer", "batch"),
        meaning="Normalisation after each hidden Linear, before dropout and ReLU.",
    ),
    "dropout": Field(
        float, required=False, default=0.0, min=0, max=0.99, meaning="Share of hidden units that is dropped."
    ),
    "initialisation": Field(
        str,
        required=False,
        default="pytorch",
        choices=("pytorch", "xavier_uniform", "xavier_normal"),
        meaning="Initial weights: those of torch.nn.Linear, or Xavier's.",
    ),
    "optimiser": Field(str, choices=("adam", "adamw"), meaning="Adam, or with decoupled weight decay."),
    "learning_rate": Field(
        float, required=False, default=0.001, min=1e-12, max=1e3, meaning="Learning rate before any schedule."
    ),
    "weight_decay": Field(float, min=0, max=1e3, meaning="Weight decay of the optimiser."),
    "epochs": Field(int, min=1, meaning="Epochs at most."),
    "batch_size": Field(int, min=1, meaning="Clips (or frames) a batch."),
    "shuffle": Field(
        bool,
        required=False,
        default=True,
        meaning="Whether each epoch draws an order; else one shuffled order of files serves all epochs.",
    ),
    "class_weights": Field(
        str,
        required=False,
        default="none",
        choices=("none", "inverse_frequency"),
        meaning="Weights of the classes in the loss.",
    ),
    "schedule": Field(
        str,
        choices=("constant", "warmup", "cosine", "plateau"),
        meaning="Of the learning rate: constant, a linear rise and fall, a linear rise and a cosine's fall, or lower whenever the validation loss stalls.",
    ),
    "warmup_share": Field(
        float, required=False, default=0.0, min=0, max=1, meaning="Share of all steps over which the rate rises from 0."
    ),
    "extra_step_per_epoch": Field(
        bool,
        required=False,
        default=False,
        meaning="Whether the warm-up schedule advances once more after each epoch, as in one published code.",
    ),
    "plateau_factor": Field(
        float,
        required=False,
        default=0.1,
        min=0,
        max=1,
        meaning="What the rate is multiplied with when the loss stalls.",
    ),
    "plateau_patience": Field(
        int, required=False, default=0, min=0, meaning="Checks without a lower loss after which it does."
    ),
    "check_every": Field(
        int, required=False, default=1, min=1, meaning="Epochs from one check on validation to the next."
    ),
    "monitor": Field(
        str,
        choices=("valid_loss", "valid_score"),
        meaning="What counts on validation: the loss, or the metric of the task.",
    ),
    "patience": Field(
        int,
        required=False,
        default=0,
        min=0,
        meaning="Checks without anything better after which training stops; 0 for never.",
    ),
    "weights": Field(
        str,
        choices=("last", "best"),
        meaning="Which weights are tested: those of the last epoch, or the best by what is monitored.",
    ),
    "precision": Field(
        str,
        required=False,
        default="float32",
        choices=("float32", "bfloat16"),
        meaning="Of the matrix products and what goes between them: bfloat16 is faster where the processor computes in it (AVX-512 "
        "BF16, AMX, GPUs) and batches are large; weights, losses and the optimiser stay float32.",
    ),
    "grid": Field(
        list,
        required=False,
        default=[],
        each=Field(dict, fields=_GRID_FIELDS),
        meaning="Points to choose from by what is monitored; earlier ones win ties.",
    ),
    "grid_by": Field(
        str,
        required=False,
        default="each_fold",
        choices=("each_fold", "first_fold"),
        meaning="Whether each fold chooses its point, or the first for all.",
    ),
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
