"""Which settings a protocol names, as one function: jobs to what is said about their test clips.

A settings may ask several things at once (few shots: every number of shots), and repeat each (every draw). What comes back is
therefore, for each job, a mapping from what was asked to the outcomes of all repetitions.
"""

from collections.abc import Callable, Mapping, Sequence

from evaluator.embedding.matrix import Matrix
from evaluator.probes import few_shot, network, sklearn_probes
from evaluator.probes.network import ProbeJob, ProbeOutcome
from evaluator.probes.settings import Logistic, Neighbours, Network, Probe, Shots
from evaluator.scoring.targets import Targets

Said = Mapping[str, Sequence[ProbeOutcome]]


def steps(jobs: Sequence[ProbeJob], settings: Probe) -> int:
    """What `progress` of `judged` adds up to."""
    if isinstance(settings, Network):
        return network.n_steps(jobs, settings)
    if isinstance(settings, Shots):
        return len(jobs) * settings.draws
    return len(jobs) * len(settings.Cs if isinstance(settings, Logistic) else settings.n_neighbors)


def headline(settings: Probe) -> str:
    """The name of what stands for the whole, among what is asked; "" where there is only one thing."""
    return few_shot.name(*settings.primary) if isinstance(settings, Shots) else ""


def judged(
    jobs: Sequence[ProbeJob],
    matrices: Sequence[Matrix],
    targets: Targets,
    settings: Probe,
    standardise: bool = False,
    device: str = "auto",
    progress: Callable[[int], object] = lambda n: None,
) -> list[Said]:
    """What the settings says of every job; arguments and errors as those of `probe.train`."""
    if isinstance(settings, Shots):
        return list(few_shot.few_shot(jobs, matrices, targets, settings, progress))
    if isinstance(settings, Network):
        outcomes = network.train(jobs, matrices, targets, settings, standardise, device, progress)
    elif isinstance(settings, Neighbours):
        outcomes = sklearn_probes.neighbours(jobs, matrices, targets, settings, standardise, progress)
    else:
        outcomes = sklearn_probes.logistic(jobs, matrices, targets, settings, standardise, progress)
    return [{"": [outcome]} for outcome in outcomes]
