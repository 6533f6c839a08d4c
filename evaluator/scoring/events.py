"""From probabilities of frames to events, and from events to the counts of which event scores are made.

Times are in milliseconds from the start of the clip, as in `Event`. What is done follows heareval 2021.1.3 and the
counts are those of sed_eval 0.2.1 (Mesaros et al. 2016, Metrics for Polyphonic Sound Event Detection,
https://doi.org/10.3390/app6060162), which heareval scores with. Both pool counts over files and classes, so that a
file is a few numbers (`tally`) and a score is a ratio of their sums (metrics.py).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.audio.clip import Event
from evaluator.errors import EvaluationError, UsageError

_INCLUSIVE_MS = 0.0001  # heareval adds it to the end of an event, so that a frame right at the end is in it
_THRESHOLD = 0.5  # heareval: a frame is active above it, not at it


@dataclass(frozen=True)
class Collar:
    """How near an estimated event must be to a reference event to match it, both ends included.

    onset_s: Largest distance of the onsets, in seconds.
    of_length: The offsets must be within this share of the reference's length, or within `onset_s` where that is
        more; None where offsets do not matter.
    """

    onset_s: float
    of_length: float | None = None

    @property
    def meaning(self) -> str:
        """What has to agree, in words."""
        offsets = "" if self.of_length is None else f", offsets within {100 * self.of_length:g} % of the length"
        return f"onsets within {1000 * self.onset_s:g} ms{offsets}"


# The scores of HEAR, by their names in heareval (score.py). One more F-measure or error rate is one more line.
COLLARS = {
    "event_onset_200ms_fms": Collar(0.2),
    "event_onset_50ms_fms": Collar(0.05),
    "event_onset_offset_50ms_20perc_fms": Collar(0.05, of_length=0.2),
}
SEGMENTS_S = {"segment_1s_er": 1.0}  # length of a segment, in seconds


@dataclass(frozen=True, order=True)
class PostProcessing:
    """How probabilities become events.

    Lengths are in ms.

    median_filter_ms: Length of the median filter over time, 0 for none.
    min_duration_ms: Shorter events are dropped.
    """

    median_filter_ms: float
    min_duration_ms: float


def frame_targets(times_ms: np.ndarray, events: Sequence[Event], classes: Sequence[str]) -> np.ndarray:
    """1 where an event of the class is heard at the time of the frame, else 0; (n_frames, n_classes), float32.

    An event is heard from its onset to its offset, both included; two of one class at once count as one.

    Args:
        times_ms: Times of the frames, (n_frames,), in any order.
        events: Of one clip.
        classes: Labels in the order of the columns.

    Raises:
        UsageError: An event has a label that is no class.
    """
    times = np.asarray(times_ms, dtype=np.float64)
    targets = np.zeros((len(times), len(classes)), dtype=np.float32)
    for column, event in zip(_places(events, classes), events, strict=True):
        targets[(times >= event.onset_ms) & (times < event.offset_ms + _INCLUSIVE_MS), column] = 1
    return targets


def active_frames(times_ms: np.ndarray, probabilities: np.ndarray, median_filter_ms: float) -> np.ndarray:
    """Where the median of the probabilities around a frame is above 0.5, (n_frames, n_classes), bool.

    The filter runs over time only and is as many frames wide as come nearest to its length (halves to the even
    number). An even width reaches one frame further back than forward and takes the upper of the two middle values;
    at the ends the frames are mirrored, the outermost one repeated. That is scipy.ndimage.median_filter, but ten
    times as fast: a median is above 0.5 where enough values are, so counting does.

    Args:
        times_ms: Times of the frames, (n_frames,), ascending.
        probabilities: (n_frames, n_classes), 0 to 1.
        median_filter_ms: 0 for none. There is none either where frames have no distance (fewer than two).
    """
    active = np.asarray(probabilities) > _THRESHOLD
    spacing = float(np.mean(np.diff(times_ms))) if len(times_ms) > 1 else 0.0
    width = round(median_filter_ms / spacing) if spacing > 0 else 0
    if width < 2:
        return active
    back, ahead = width // 2, (width - 1) // 2
    sums = np.zeros((len(active) + width, active.shape[1]), dtype=np.int64)
    np.cumsum(np.pad(active, ((back, ahead), (0, 0)), mode="symmetric"), axis=0, out=sums[1:])
    return sums[width:] - sums[:-width] >= width - back


def found_events(
    times_ms: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], how: PostProcessing
) -> tuple[Event, ...]:
    """The events that a probe's probabilities for the frames of one clip tell, by onset.

    An event is a run of active frames (`active_frames`); its onset is the time of the first of them and its offset
    that of the last, so that a single frame has length 0.

    Args:
        times_ms: Times of the frames, (n_frames,), in any order.
        probabilities: (n_frames, n_classes), 0 to 1.
        classes: Labels in the order of the columns.
        how: Filter and shortest duration; an event of just that duration is kept.

    Raises:
        EvaluationError: A probability is not finite.
    """
    if not np.isfinite(probabilities).all():
        bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise EvaluationError(f"the probe gives NaN or infinite probabilities for {bad} of {len(times_ms)} frames")
    order = np.argsort(times_ms, kind="stable")
    times = np.asarray(times_ms, dtype=np.float64)[order]
    columns, first, last = _runs(active_frames(times, probabilities[order], how.median_filter_ms))
    long_enough = times[last] - times[first] >= how.min_duration_ms
    runs = zip(columns[long_enough], times[first[long_enough]], times[last[long_enough]], strict=True)
    events = (Event(classes[column], float(onset), float(offset)) for column, onset, offset in runs)
    return tuple(sorted(events, key=lambda event: event[1:]))


def _runs(active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Column, first and last row of each unbroken run of True down a column."""
    between = np.zeros((len(active) + 2, active.shape[1]), dtype=np.int8)
    between[1:-1] = active
    steps = np.diff(between, axis=0).T  # (n_columns, n_rows + 1): both searches below go column by column
    columns, first = np.nonzero(steps == 1)
    return columns, first, np.nonzero(steps == -1)[1] - 1


def best_processing(
    candidates: Iterable[PostProcessing], score_of: Callable[[PostProcessing], float]
) -> PostProcessing:
    """The candidate with the highest score; NaN counts as 0, and of equals the longer filter, then duration, wins.

    Filters and durations are in ms.

    The highest is taken even of an error rate, as heareval does (task_predictions.py).
    """
    return max(candidates, key=lambda how: (np.nan_to_num(score_of(how)), how))


def tally(
    reference: Sequence[Event], estimate: Sequence[Event], score: str, classes: Sequence[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The counts of one file of which the event score named `score` is made.

    Returns:
        Counts that depend on the reference only, and counts that depend on what was found. For an F-measure (a name
        in `COLLARS`): (n_reference,) and (n_found, n_matched). For an error rate (a name in `SEGMENTS_S`): pairs of
        a segment and a class in it, (n_reference,), and (n_errors,) = substitutions + deletions + insertions.

    Raises:
        UsageError: An event has a label that is no class.
    """
    if score in SEGMENTS_S:
        seconds = SEGMENTS_S[score]
        n_segments = _n_segments((*reference, *estimate), seconds)
        true, estimated = (_active_segments(events, classes, n_segments, seconds) for events in (reference, estimate))
        missed, added = (true & ~estimated).sum(axis=1), (estimated & ~true).sum(axis=1)
        # Missed and added ones of a segment pair up as substitutions; what is left is either deleted or inserted.
        return (float(true.sum()),), (float(np.maximum(missed, added).sum()),)
    return (float(len(reference)),), (
        float(len(estimate)),
        float(_n_matched(reference, estimate, COLLARS[score], classes)),
    )


def _n_matched(reference: Sequence[Event], estimate: Sequence[Event], collar: Collar, classes: Sequence[str]) -> int:
    """Size of the largest matching of estimated to reference events of their class, each used once."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    own, other = np.array(_places(reference, classes), dtype=int), np.array(_places(estimate, classes), dtype=int)
    true, estimated = _in_seconds(reference), _in_seconds(estimate)
    matched = 0
    for column in np.intersect1d(own, other):
        near = _near(true[own == column], estimated[other == column], collar)
        matched += int((maximum_bipartite_matching(csr_array(near)) >= 0).sum())
    return matched


def _near(true: np.ndarray, estimated: np.ndarray, collar: Collar) -> np.ndarray:
    """Which pairs of a reference and an estimated event may match, (n_reference, n_estimated), bool.

    Nothing is rounded, as in sed_eval, so that at a distance of the collar itself the last bit of a float decides:
    onsets 0.05 s apart match at 0.1 and 0.15 s, but not at 0.5 and 0.55 s.
    """
    apart = np.abs(true[:, None] - estimated[None])  # (n_reference, n_estimated, 2)
    near = apart[..., 0] <= collar.onset_s
    if collar.of_length is not None:
        near &= apart[..., 1] <= np.maximum(collar.onset_s, collar.of_length * (true[:, 1] - true[:, 0]))[:, None]
    return np.asarray(near)


def _in_seconds(events: Sequence[Event]) -> np.ndarray:
    """Onset and offset, (n_events, 2)."""
    return np.array([event[1:] for event in events], dtype=np.float64).reshape(-1, 2) / 1000


def _n_segments(events: Sequence[Event], seconds: float) -> int:
    return math.ceil(max((event.offset_ms for event in events), default=0) / 1000 / seconds)


def _active_segments(events: Sequence[Event], classes: Sequence[str], n_segments: int, seconds: float) -> np.ndarray:
    """Segments that a class is heard in, be it for an instant, (n_segments, n_classes), bool."""
    active = np.zeros((n_segments, len(classes)), dtype=bool)
    for column, (onset, offset) in zip(_places(events, classes), _in_seconds(events) / seconds, strict=True):
        active[max(0, math.floor(onset)) : math.ceil(offset), column] = True
    return active


def _places(events: Sequence[Event], classes: Sequence[str]) -> list[int]:
    """Column of each event's class."""
    columns = {label: column for column, label in enumerate(classes)}
    unknown = {event.label for event in events} - set(columns)
    if unknown:
        raise UsageError(f"events have labels that are no classes: {', '.join(sorted(unknown))}")
    return [columns[event.label] for event in events]
