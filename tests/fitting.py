"""Probes fitted in one call, for tests: features may be plain arrays."""

from dataclasses import replace

import numpy as np

from evaluator.embedding.matrix import InMemory
from evaluator.probes import training
from evaluator.probes.jobs import FitRequest


def request_for(jobs, matrices, targets, standardise=False, device="cpu", progress=lambda n: None):
    """A request whose matrices may be arrays (n_rows, width)."""
    known = [InMemory(each) if isinstance(each, np.ndarray) else each for each in matrices]
    return FitRequest(jobs, known, targets, standardise, device, progress)


def train(jobs, matrices, targets, settings, standardise=False, device="auto", progress=lambda n: None):
    """Outcomes of networks, a job each."""
    return training.train(request_for(jobs, matrices, targets, standardise, device, progress), settings)


def fit(jobs, matrices, targets, probe, standardise=False, device="cpu", frames=()):
    """Outcomes of any kind of probe, by setting, a job each."""
    return probe.fit(replace(request_for(jobs, matrices, targets, standardise, device), frames=frames))
