"""Which judge a protocol names, as one function."""

from collections.abc import Callable, Sequence

import numpy as np

from evaluator import closed_form, probe
from evaluator.probe import ProbeJob, ProbeOutcome
from evaluator.protocol import Judge, Linear, Logistic


def steps(judge: Judge) -> int:
    """How often a judge reports progress for each job: its epochs, or its settings."""
    if isinstance(judge, Linear):
        return judge.epochs
    return len(judge.strengths) if isinstance(judge, Logistic) else len(judge.numbers)


def judged(
    jobs: Sequence[ProbeJob],
    features: Sequence[np.ndarray],
    targets: np.ndarray,
    labels: str,
    metric: str,
    judge: Judge,
    device: str = "auto",
    progress: Callable[[int], object] = lambda n: None,
) -> list[ProbeOutcome]:
    """What the judge says of every job; arguments and errors as those of `probe.train`."""
    if isinstance(judge, Linear):
        return probe.train(jobs, features, targets, labels, metric, judge, device, progress)
    if isinstance(judge, Logistic):
        return closed_form.logistic(jobs, features, targets, labels, metric, judge, progress)
    return closed_form.neighbours(jobs, features, targets, labels, metric, judge, progress)
