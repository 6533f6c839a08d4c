"""Which judge a protocol names, as one function: jobs to what is said about their test clips.

A judge may ask several things at once (few shots: every number of shots), and repeat each (every draw). What comes back is
therefore, for each job, a mapping from what was asked to the outcomes of all repetitions.
"""

from collections.abc import Callable, Mapping, Sequence

from evaluator.embedding.matrix import Matrix
from evaluator.probes import few_shot, network, sklearn_probes
from evaluator.probes.network import ProbeJob, ProbeOutcome
from evaluator.probes.settings import Judge, Logistic, Neighbours, Network, Shots
from evaluator.scoring.targets import Targets

Said = Mapping[str, Sequence[ProbeOutcome]]


def steps(jobs: Sequence[ProbeJob], judge: Judge) -> int:
    """What `progress` of `judged` adds up to."""
    if isinstance(judge, Network):
        return network.n_steps(jobs, judge)
    if isinstance(judge, Shots):
        return len(jobs) * judge.draws
    return len(jobs) * len(judge.strengths if isinstance(judge, Logistic) else judge.numbers)


def headline(judge: Judge) -> str:
    """The name of what stands for the whole, among what is asked; "" where there is only one thing."""
    return few_shot.name(*judge.headline) if isinstance(judge, Shots) else ""


def judged(
    jobs: Sequence[ProbeJob],
    matrices: Sequence[Matrix],
    targets: Targets,
    judge: Judge,
    standardise: bool = False,
    device: str = "auto",
    progress: Callable[[int], object] = lambda n: None,
) -> list[Said]:
    """What the judge says of every job; arguments and errors as those of `probe.train`."""
    if isinstance(judge, Shots):
        return list(few_shot.few_shot(jobs, matrices, targets, judge, progress))
    if isinstance(judge, Network):
        outcomes = network.train(jobs, matrices, targets, judge, standardise, device, progress)
    elif isinstance(judge, Neighbours):
        outcomes = sklearn_probes.neighbours(jobs, matrices, targets, judge, standardise, progress)
    else:
        outcomes = sklearn_probes.logistic(jobs, matrices, targets, judge, standardise, progress)
    return [{"": [outcome]} for outcome in outcomes]
