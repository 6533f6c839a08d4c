"""Checks of what a module gives as timestamps: milliseconds that rise in equal steps, inside the clip, over all of it, without drift.

Each gives a finding, or "" where all is well, as those of `conformance`.
"""

import numpy as np

from evaluator.embedding.asked import Asked

WIDEST_STEP = 50.0  # ms, the tolerance of HEAR's music transcription task
STEP_TOLERANCE = 1.0  # ms
THREE_HOURS = 3 * 3600  # seconds


def milliseconds(asked: Asked) -> str:
    """Timestamps in milliseconds, not seconds."""
    seconds = asked.longest
    centres = asked.times(seconds)[0]
    if len(centres) == 1 or centres.max() > 10 * seconds:  # a hundredth of the clip: no last frame in ms lies there
        return ""
    return f"the last timestamp of a {seconds:g} s clip is {centres.max():g}: seconds, it seems; the API wants milliseconds"


def regular(asked: Asked) -> str:
    """Timestamps rise in equal steps, the same for every clip of a batch."""
    for seconds in asked.lengths:
        centres = asked.times(seconds)
        if not np.array_equal(centres[0], centres[1]):
            return f"timestamps of two clips of {seconds} s in one batch differ"
        steps = np.diff(centres[0])
        if len(steps) and steps.min() <= 0:
            return f"timestamps of a {seconds} s clip do not rise (smallest step {steps.min():g} ms)"
        if len(steps) and np.abs(steps - steps.mean()).max() > STEP_TOLERANCE:
            return (
                f"steps of a {seconds} s clip lie between {steps.min():g} and {steps.max():g} ms; equal ones are wanted"
            )
    return ""


def inside(asked: Asked) -> str:
    """No timestamp before the clip's start or after its end."""
    for seconds in asked.lengths:
        centres = asked.times(seconds)[0]
        if centres.min() < 0 or centres.max() > 1000 * seconds:
            return f"timestamps of a {seconds} s clip go from {centres.min():g} to {centres.max():g} ms"
    return ""


def fine_enough(asked: Asked) -> str:
    """Steps of at most 50 ms."""
    step = float(np.diff(asked.times(asked.longest)[0]).max(initial=0))
    return f"timestamps are {step:g} ms apart; HEAR's event tasks want {WIDEST_STEP:g} ms or less" * (
        step > WIDEST_STEP
    )


def covering(asked: Asked) -> str:
    """The first and last timestamps lie within a step of the clip's ends."""
    for seconds in asked.lengths:
        centres = asked.times(seconds)[0]
        step = float(np.diff(centres).mean()) if len(centres) > 1 else 1000 * seconds
        if centres[0] > step or centres[-1] < 1000 * seconds - max(step, WIDEST_STEP):
            return f"timestamps of a {seconds} s clip start at {centres[0]:g} and end at {centres[-1]:g} ms"
    return ""


def drift(asked: Asked) -> str:
    """The step is the same in a clip of 4 s and in one of 60 s, so that hours of audio do not shift."""
    if asked.window:
        return ""
    short, long = asked.times(4.0)[0], asked.times(60.0)[0]
    if len(short) == 1 or len(long) == 1:
        return ""
    steps = [(centres[-1] - centres[0]) / (len(centres) - 1) for centres in (short, long)]
    if abs(steps[0] - steps[1]) * (len(short) - 1) <= STEP_TOLERANCE:
        return ""
    shift = THREE_HOURS * abs(steps[0] / steps[1] - 1)
    return f"a step is {steps[0]:g} ms over 4 s but {steps[1]:g} ms over 60 s: {shift:.2g} s apart after three hours"
