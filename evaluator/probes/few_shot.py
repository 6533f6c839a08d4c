"""Judges that see a few training clips of each class only: the nearest class mean, and logistic regression.

Which clips they see is drawn anew many times; the draws come from a job's seed, and every number of shots and every head
sees the same draws, so that 5 shots hold the 2 shots of the same draw.
"""

from collections.abc import Callable, Sequence

import numpy as np

from evaluator.embedding.matrix import Matrix
from evaluator.errors import EvaluationError, UsageError
from evaluator.probes.network import ProbeJob, ProbeOutcome
from evaluator.probes.settings import Shots
from evaluator.probes.sklearn_probes import regression, standardised
from evaluator.scoring.targets import Targets

_MOST_ITERATIONS = 1000  # of the solver
_LEAST_NORM = 1e-12  # of a feature vector; below it, it points nowhere


def name(n: int, head: str) -> str:
    """What a number of shots with a head is called: `5 shots, centroid`."""
    return f"{n} shot{'' if n == 1 else 's'}, {head}"


def few_shot(
    jobs: Sequence[ProbeJob],
    matrices: Sequence[Matrix],
    targets: Targets,
    settings: Shots,
    progress: Callable[[int], object] = lambda n: None,
) -> list[dict[str, list[ProbeOutcome]]]:
    """What a few shots say: for each job, for each number of shots and head by name, the outcome of every draw.

    Numbers of shots that some class of some job does not have are left out.

    Args:
        jobs, matrices, targets: As those of `probe.train`; one feature matrix a job.
        settings: Shots, heads and draws.
        progress: Called with 1 after each draw of each job.

    Raises:
        UsageError: Clips may have several labels, so that shots of a class are not defined.
        EvaluationError: A class has fewer training clips than the headline's number of shots.
    """
    from threadpoolctl import threadpool_limits

    if targets.labels != "single":
        raise UsageError(
            "few shots of each class are for tasks with one label a clip; take the protocol logistic or arch"
        )
    shots = usable_shots(jobs, targets, settings)
    found = []
    with threadpool_limits(1):  # these fits are too small to be shared among threads
        for job in jobs:
            outcomes: dict[str, list[ProbeOutcome]] = {name(n, head): [] for n in shots for head in settings.heads}
            for draw in range(settings.draws):
                drawn = draws_of(job.train, targets.values, shots[-1], np.random.default_rng((job.seed, draw)))
                for n in shots:
                    seen = np.concatenate([own[:n] for own in drawn])
                    for head in settings.heads:
                        outcomes[name(n, head)].append(one(job, seen, head, matrices, targets, settings))
                progress(1)
            found.append(outcomes)
    return found


def usable_shots(jobs: Sequence[ProbeJob], targets: Targets, settings: Shots) -> list[int]:
    """The numbers of shots, rising, that every class has in every job.

    Raises:
        EvaluationError: The headline's is not among them.
    """
    fewest = min(
        int(sizes[targets.values[job.test].any(axis=0) | (sizes > 0)].min())
        for job in jobs
        for sizes in [targets.values[job.train].sum(axis=0)]
    )
    if fewest < settings.primary[0]:
        raise EvaluationError(
            f"a class has {fewest} training clips, but {settings.primary[0]} shots of each are asked for; copy the protocol's "
            "file, make its headline smaller, and give its path as --protocol"
        )
    return sorted(n for n in settings.shots if n <= fewest)


def draws_of(train: np.ndarray, values: np.ndarray, n: int, random: np.random.Generator) -> list[np.ndarray]:
    """`n` rows of each class that has training rows, drawn without replacement; a list of (n,)."""
    classes = values[train].argmax(axis=1)
    return [random.permutation(train[classes == label])[:n] for label in np.unique(classes)]


def one(
    job: ProbeJob, shots: np.ndarray, head: str, matrices: Sequence[Matrix], targets: Targets, settings: Shots
) -> ProbeOutcome:
    """What a head says after it saw the rows `shots`."""
    matrix = matrices[job.features[0]]
    x = standardised(matrix, shots, wanted=head == "logistic")
    if head == "logistic":
        said = regression(x(shots), targets.values[shots], "single", settings.C, _MOST_ITERATIONS)
    else:
        said = centroid(x(shots), targets.values[shots], settings.temperature)
    test, valid = (
        said(x(rows)).astype(np.float32) if len(rows) else np.zeros((0, targets.values.shape[1]), np.float32)
        for rows in (job.test, job.valid)
    )
    score = targets.score(job.valid, valid)[0] if len(valid) else float("nan")
    # Nobody asks for the validation rows again, and there are many draws.
    return ProbeOutcome(test, valid[:0], 0, None if np.isnan(score) else score)


def centroid(x: np.ndarray, targets: np.ndarray, temperature: float) -> Callable[[np.ndarray], np.ndarray]:
    """Nearest class mean by cosine, as a function from features to probabilities (n_rows, n_classes).

    Vectors are brought to length 1, averaged by class and brought to length 1 again; probabilities are the softmax of
    cosine / temperature. A class without a shot gets probability 0.
    """
    sizes = targets.sum(axis=0)
    means = unit(targets.T @ unit(x))

    def said(rows: np.ndarray) -> np.ndarray:
        cosines = np.where(sizes > 0, unit(rows) @ means.T, -np.inf) / temperature
        raised = np.exp(cosines - cosines.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    return said


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of x (n, width) at length 1, float64; rows of zeros stay."""
    x = np.asarray(x, np.float64)  # whose squares do not overflow
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), _LEAST_NORM)
