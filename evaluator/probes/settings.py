"""The classifiers that probe frozen embeddings, as settings: what a protocol's `probe` may say, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.schema import Document, Field


@dataclass(frozen=True)
class Network:
    """A linear layer or a shallow network, trained by gradient (`evaluator/probes/network.py`).

    hidden: Widths of its hidden layers; none for a linear layer.
    norm: `none`, `layer` or `batch`, after each hidden Linear and before dropout and ReLU.
    dropout: Share of hidden units that is dropped, 0 to 1.
    initialisation: `pytorch` (torch.nn.Linear's), `xavier_uniform` or `xavier_normal` (biases as PyTorch's).
    optimiser, learning_rate, weight_decay, epochs, batch_size: Of the training; `adam` or `adamw`.
    shuffle: Whether each epoch draws an order; else HEAR's one shuffled order of files serves all epochs.
    class_weights: In the loss: `none`, or `inverse_frequency` (n / (classes * n of the class), of the training clips).
    schedule: Of the rate: `constant`; `warmup` (linear up, then linear down to 0); or `plateau` (times plateau_factor
        whenever the validation loss was not lowered more than plateau_patience checks in a row).
    warmup_share: Share of all steps over which the rate rises from 0.
    extra_step_per_epoch: Whether the warm-up schedule advances once more after each epoch.
    check_every: Epochs from one look at validation to the next.
    monitor: What counts there: `valid_loss` or `valid_score` (the task's metric).
    patience: Looks without anything better after which training stops; 0 for never.
    weights: `last` epoch's, or the `best` by what is monitored.
    grid: Points to choose from by what is monitored, each some of these fields; earlier ones win ties.
    grid_by: Whether `each_fold` chooses its point, or the `first_fold` for all.
    """

    kind: str
    optimiser: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    schedule: str
    weights: str
    monitor: str
    hidden: tuple[int, ...] = ()
    norm: str = "none"
    dropout: float = 0.0
    initialisation: str = "pytorch"
    shuffle: bool = True
    class_weights: str = "none"
    warmup_share: float = 0.0
    extra_step_per_epoch: bool = False
    plateau_factor: float = 0.1
    plateau_patience: int = 0
    check_every: int = 1
    patience: int = 0
    grid: tuple[Mapping[str, Any], ...] = ()
    grid_by: str = "each_fold"

    def points(self) -> list["Network"]:
        """The settings of every point of the grid; only these if there is none."""
        return [replace(self, grid=(), **point) for point in self.grid] or [self]


@dataclass(frozen=True)
class Logistic:
    """Logistic regression with an L2 penalty (`evaluator/probes/sklearn_probes.py`).

    Cs: Inverse penalties C to choose from on validation, scikit-learn's unit.
    max_iter: Of the solver (L-BFGS).
    """

    kind: str
    Cs: tuple[float, ...]
    max_iter: int


@dataclass(frozen=True)
class Neighbours:
    """The labels of the nearest training clips by cosine, each counting the same (`evaluator/probes/sklearn_probes.py`).

    n_neighbors: How many neighbours, to choose from on validation.
    """

    kind: str
    n_neighbors: tuple[int, ...]


@dataclass(frozen=True)
class Shots:
    """A few training clips of each class, drawn many times (`evaluator/probes/few_shot.py`).

    shots: Clips per class; more than the rarest class has are left out.
    heads: `centroid` (nearest mean by cosine) and `logistic` (logistic regression).
    draws: How many draws of training clips are averaged.
    primary: The number of shots and the head whose score stands for the whole, as `[5, centroid]`.
    C: Inverse penalty of the logistic regression.
    temperature: Cosines are divided by it before the softmax that makes them probabilities.
    """

    kind: str
    shots: tuple[int, ...]
    heads: tuple[str, ...]
    draws: int
    primary: tuple[Any, ...]
    C: float
    temperature: float


Probe = Network | Logistic | Neighbours | Shots

_KIND = Field(str)
_GRID_FIELDS: Mapping[str, Field] = {
    "hidden": Field(list, required=False, each=Field(int, min=1)),
    "learning_rate": Field(float, required=False, min=1e-12, max=1e3),
    "initialisation": Field(str, required=False, choices=("pytorch", "xavier_uniform", "xavier_normal")),
}
_NETWORK_FIELDS: Mapping[str, Field] = {
    "kind": _KIND,
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
_KINDS: Mapping[str, tuple[type[Any], Mapping[str, Field]]] = {
    "network": (Network, _NETWORK_FIELDS),
    "logistic": (
        Logistic,
        {
            "kind": _KIND,
            "Cs": Field(list, each=Field(float, min=1e-12)),
            "max_iter": Field(int, min=1),
        },
    ),
    "neighbours": (Neighbours, {"kind": _KIND, "n_neighbors": Field(list, each=Field(int, min=1))}),
    "few_shot": (
        Shots,
        {
            "kind": _KIND,
            "shots": Field(list, each=Field(int, min=1)),
            "heads": Field(list, each=Field(str, choices=("centroid", "logistic"))),
            "draws": Field(int, min=1),
            "primary": Field(list),
            "C": Field(float, min=1e-12),
            "temperature": Field(float, min=1e-6),
        },
    ),
}


def read(document: Document, profile: str) -> Probe:
    """The probe of a protocol's file with the profile's own fields; a field stands in one place, for both or for each.

    Raises:
        UsageError: A slip in the file.
    """
    shared, keys = document.at(("probe",)), ("profiles", profile, "probe")
    own = document.at(("profiles", profile)).get("probe", {})
    kind = shared.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise document.error(("probe", "kind"), schema.unknown("kind", kind, _KINDS))
    made, fields = _KINDS[kind]
    for name in own:
        if name in shared:
            raise document.error(
                (*keys, name), "stands under probe too; say it there for both profiles, or here for each"
            )
    ours = document.check({name: field for name, field in fields.items() if name not in own}, ("probe",))
    theirs = document.check({name: fields[name] for name in own if name in fields}, keys) if own else {}
    probe: Probe = made(**{name: _frozen(value) for name, value in {**ours, **theirs}.items()})
    for name in ("Cs", "n_neighbors", "shots", "heads"):
        if getattr(probe, name, None) == ():
            raise document.error(("probe", name), "is empty, but should name one choice at least")
    if isinstance(probe, Network) and probe.norm == "batch" and probe.batch_size < 2:
        raise document.error(("probe", "batch_size"), "is 1, but batch norm needs two clips or more")
    if isinstance(probe, Shots) and probe.primary not in [(n, head) for n in probe.shots for head in probe.heads]:
        raise document.error(
            ("probe", "primary"), f"is {list(probe.primary)}, but should be one of shots with one of heads"
        )
    return probe


def adapted(probe: Probe, changes: Mapping[str, Any], name: str) -> Probe:
    """The probe with some fields as a task wants them; `changes` were checked by `changes_of`.

    Args:
        probe: Of the protocol.
        changes: Fields and their values.
        name: Of the task, for the error.

    Raises:
        UsageError: The probe has no such field, or its grid decides it.
    """
    if not changes:
        return probe
    if not isinstance(probe, Network):
        raise UsageError(
            f"{name}: probe: {', '.join(changes)} is for networks, but its protocol's probe is {probe.kind}"
        )
    decided = sorted({field for point in probe.grid for field in point} & set(changes))
    if decided:
        raise UsageError(f"{name}: probe.{decided[0]}: the grid of its protocol decides that; leave it out")
    return replace(probe, **changes)


def changes_of(document: Document, keys: tuple[str, ...]) -> dict[str, Any]:
    """What a task changes of a network's settings (`probe: {epochs: 25}`), at a path of keys.

    Raises:
        UsageError: No such field, or not what it may hold.
    """
    said = document.at(keys)
    free = {
        name: replace(field, required=False) for name, field in _NETWORK_FIELDS.items() if name not in ("kind", "grid")
    }
    return {name: _frozen(value) for name, value in document.check(free, keys).items() if name in said}


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items() if item is not None}
    return value
