"""A few training clips of each class, drawn many times: the nearest class mean, and logistic regression.

The draws come from a job's seed, and every number of shots and every head sees the same draws, so that 5 shots hold the
2 shots of the same draw. Of clips with several labels a draw takes one after the other, in its order, as long as one of a clip's
labels still has too few; so that common labels get more than that number, and 5 shots need not hold all of 2.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.probes.choosing import standardised
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.probes.kind import ProbeKind
from evaluator.probes.logistic_regression import fit_path
from evaluator.schema import Field
from evaluator.scoring.targets import Targets

_MAX_ITER = 1000  # Newton steps of the solver; it takes about 5
_MIN_NORM = 1e-12  # of a feature vector; below it, it points nowhere


Predict = Callable[[np.ndarray], np.ndarray]
"""From features (n_clips, width) to probabilities (n_clips, n_classes)."""


@dataclass(frozen=True)
class FewShot(ProbeKind):
    """A few training clips of each class, drawn many times.

    Each draw sees (n_shots of all classes, width) features and predicts (n_rows, n_classes) probabilities.

    shots: Clips per class; more than the rarest class has are left out.
    heads: `centroid` (nearest mean by cosine) and `logistic` (logistic regression).
    draws: How many draws of training clips are averaged.
    primary: The number of shots and the head whose score stands for the whole; `primary: [5, centroid]` in YAML.
    C: Inverse penalty of the logistic regression.
    temperature: Cosines are divided by it before the softmax that makes them probabilities.
    scale: Whether the logistic regression sees features of mean 0 and standard deviation 1 over the drawn clips, or as they are.
    order: Where draws come from: the job's `seed`, or `mteb`: one order that is shuffled again for each draw.
    """

    shots: tuple[int, ...]
    heads: tuple[str, ...]
    draws: int
    primary: tuple[int, str]
    C: float
    temperature: float
    scale: bool = True
    order: str = "seed"

    SEEDED = True
    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "shots": Field(
            list,
            each=Field(int, min=1),
            meaning="Training clips of each class; more than the rarest class has are left out.",
        ),
        "heads": Field(
            list,
            each=Field(str, choices=("centroid", "logistic")),
            meaning="Classifiers: the nearest class mean by cosine, and logistic regression.",
        ),
        "draws": Field(int, min=1, meaning="How many draws of training clips are averaged."),
        "primary": Field(
            list, meaning="The number of shots and the head whose score stands for the whole, as [5, centroid]."
        ),
        "C": Field(float, min=1e-12, max=1e8, meaning="Inverse L2 penalty of the logistic regression."),
        "temperature": Field(
            float, min=1e-6, meaning="Cosines are divided by it before the softmax that makes them probabilities."
        ),
        "scale": Field(
            bool,
            required=False,
            default=True,
            meaning="Whether the logistic regression sees features of mean 0 and standard deviation 1 over the drawn clips.",
        ),
        "order": Field(
            str,
            required=False,
            default="seed",
            choices=("seed", "mteb"),
            meaning="Where draws come from: a seed of each fold, or MTEB's one order, shuffled again for each draw.",
        ),
    }

    @property
    def follows_seeds(self) -> bool:
        """See `ProbeKind`."""
        return self.order == "seed"

    @property
    def primary_setting(self) -> Setting:
        """See `ProbeKind`."""
        return Setting(*self.primary)

    def problems(self) -> Iterator[tuple[str, str]]:
        """See `ProbeKind`."""
        yield from super().problems()
        if self.primary not in [(n, head) for n in self.shots for head in self.heads]:
            yield "primary", f"is {list(self.primary)}, but should be one of shots with one of heads"

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """A draw of a job each."""
        return len(jobs) * self.draws

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """For each job, for each number of shots and head, the outcome of every draw.

        Numbers of shots that some class of some job does not have are left out.

        Raises:
            UsageError: Clips may have several labels, so that the mean of a class is not defined, or the rows are frames of events.
            EvaluationError: A class has fewer training clips than the primary number of shots.
        """
        from threadpoolctl import threadpool_limits

        values = request.targets.values
        sizes = [values[job.train].sum(axis=0) for job in request.jobs]
        tested = [values[job.test].any(axis=0) for job in request.jobs]
        self.refuse("events" if request.targets.scored else request.targets.labels, sizes, tested)
        shots = sorted(n for n in self.shots if n <= _fewest(sizes, tested))
        with threadpool_limits(1):  # these fits are too small to be shared among threads
            return [self._fit_job(job, shots, request) for job in request.jobs]

    def _fit_job(self, job: ProbeJob, shots: Sequence[int], request: FitRequest) -> Outcomes:
        outcomes: dict[Setting, list[ProbeOutcome]] = {Setting(n, head): [] for n in shots for head in self.heads}
        for drawn in self._drawn(job, request.targets, shots):
            for n, train in drawn.items():
                for head in self.heads:
                    outcomes[Setting(n, head)].append(self._fit_draw(job, train, head, request))
            request.progress(1)
        return outcomes

    def _drawn(self, job: ProbeJob, targets: Targets, shots: Sequence[int]) -> Iterator[dict[int, np.ndarray]]:
        """For each draw, the training rows by the number of shots, (n_drawn,)."""
        values, several = targets.values, targets.labels == "multi"
        table = np.sort(job.train)  # the source shuffles clips as their table has them
        orders = (mteb_multi_label_orders if several else mteb_orders)(len(table), self.draws)
        for draw in range(self.draws):
            random = np.random.default_rng((job.seed, draw))
            if several:
                order = table[orders[draw]] if self.order == "mteb" else random.permutation(job.train)
                yield {n: until_each_has(order, values, n) for n in shots}
            else:
                most = shots[-1]
                by_class = (
                    first_of_each(table[orders[draw]], values, most)
                    if self.order == "mteb"
                    else draw_shots(job.train, values, most, random)
                )
                yield {n: np.concatenate([own[:n] for own in by_class]) for n in shots}

    def refuse(self, labels: str, sizes: Sequence[np.ndarray], tested: Sequence[np.ndarray]) -> None:
        """See `ProbeKind`."""
        if labels == "events":
            raise UsageError(
                "few-shot probes are for clips with labels, and these are events with times; take the protocol hear"
            )
        if labels == "multi" and "centroid" in self.heads:
            raise UsageError(
                "few-shot probes are for tasks with one label a clip where one of their heads is centroid, and these are multi-label; take "
                "the protocol mteb8shot, logistic or arch"
            )
        fewest = _fewest(sizes, tested)
        if fewest < self.primary[0]:
            raise EvaluationError(
                f"a class has {fewest} training clips, but the primary setting takes {self.primary[0]} shots of each; copy "
                "the protocol's file, make its primary number smaller, and give its path as --protocol"
            )

    def _fit_draw(self, job: ProbeJob, train: np.ndarray, head: str, request: FitRequest) -> ProbeOutcome:
        """What a head predicts after it saw the rows `train`, (n_shots of all classes,)."""
        targets = request.targets
        features = standardised(request.matrices[job.features[0]], train, scale=self.scale and head == "logistic")
        x, values = features(train), targets.values[train]
        predict: Predict
        unsettled: tuple[str, ...] = ()
        if head == "logistic":
            (regression,) = fit_path(x, values, targets.labels, [self.C], _MAX_ITER)
            predict, unsettled = regression.probabilities, () if regression.arrived else (f"C = {self.C:g}",)
        else:
            predict = centroid(x, values, self.temperature)
        test, valid = (
            predict(features(rows)).astype(np.float32) if len(rows) else np.zeros((0, values.shape[1]), np.float32)
            for rows in (job.test, job.valid)
        )
        score = targets.score(job.valid, valid)[0] if len(valid) else float("nan")
        # Nobody asks for the validation rows again, and there are many draws.
        return ProbeOutcome(test, valid[:0], 0, None if np.isnan(score) else score, unsettled=unsettled)


def _fewest(sizes: Sequence[np.ndarray], tested: Sequence[np.ndarray]) -> int:
    """Training rows of the rarest class, in the fold in which it is rarest, of those that are trained or tested, (n_classes,) each."""
    return min(int(own[of_test | (own > 0)].min()) for own, of_test in zip(sizes, tested, strict=True))


def draw_shots(train: np.ndarray, values: np.ndarray, n: int, random: np.random.Generator) -> list[np.ndarray]:
    """`n` rows of each class that has training rows, drawn without replacement; a list of (n,).

    Rows are (n_train,), values (n_rows, n_classes) of 0 and 1.
    """
    classes = values[train].argmax(axis=1)
    return [random.permutation(train[classes == label])[:n] for label in np.unique(classes)]


def first_of_each(rows: np.ndarray, values: np.ndarray, n: int) -> list[np.ndarray]:
    """The first `n` of the rows (n_train,) of each class, (n,) each; `values` as in `draw_shots`."""
    classes = values[rows].argmax(axis=1)
    return [rows[classes == label][:n] for label in np.unique(classes)]


def mteb_orders(n_rows: int, n_draws: int) -> list[np.ndarray]:
    """The orders of training rows of which MTEB takes the first of each class: each is the last one shuffled with the seed 42.

    They are (n_draws,) permutations of 0 to n_rows - 1, (n_rows,) each.

    Source: embeddings-benchmark/mteb, abstasks/classification.py.
    """
    order, orders = np.arange(n_rows), []
    for _ in range(n_draws):
        np.random.RandomState(42).shuffle(order)
        orders.append(order.copy())
    return orders


def until_each_has(rows: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Of rows in their order those of which some label is on fewer than `n` rows before, (n_drawn,); `values` as in `draw_shots`.

    Source: embeddings-benchmark/mteb, abstasks/multilabel_classification.py.
    """
    counts, drawn = np.zeros(values.shape[1], np.int64), []
    for row in rows.tolist():
        own = values[row] > 0
        if (counts[own] < n).any():
            drawn.append(row)
            counts += own
    return np.array(drawn, np.int64)


def mteb_multi_label_orders(n_rows: int, n_draws: int) -> list[np.ndarray]:
    """The orders of training rows in which MTEB draws clips with several labels: each shuffles the table anew, by one generator of seed 42.

    They are (n_draws,) permutations of 0 to n_rows - 1, (n_rows,) each.

    Source: embeddings-benchmark/mteb, abstasks/multilabel_classification.py.
    """
    random, orders = np.random.default_rng(42), []
    for _ in range(n_draws):
        order = np.arange(n_rows)
        random.shuffle(order)
        orders.append(order)
    return orders


def centroid(x: np.ndarray, targets: np.ndarray, temperature: float) -> Predict:
    """Nearest class mean by cosine, as a function from features to probabilities (n_rows, n_classes).

    Vectors are brought to length 1, averaged by class and brought to length 1 again; probabilities are the softmax of
    cosine / temperature. A class without a shot gets probability 0.
    """
    sizes = targets.sum(axis=0)
    means = unit(targets.T @ unit(x))

    def predict(rows: np.ndarray) -> np.ndarray:
        cosines = np.where(sizes > 0, unit(rows) @ means.T, -np.inf) / temperature
        raised = np.exp(cosines - cosines.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    return predict


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of x (n_rows, width) at length 1, float64; rows of zeros stay."""
    x = np.asarray(x, np.float64)  # whose squares do not overflow
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), _MIN_NORM)
