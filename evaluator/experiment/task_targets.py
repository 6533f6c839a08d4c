"""What a task asks of embeddings: which labels each clip has, or when each event of a clip is heard.

Both kinds of question know their `targets` (a row a clip, or a row a frame), the rows of a clip, and how what a probe says
about the rows of some clips becomes what a metric takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluator.audio.clip import Clip, Event
from evaluator.scoring import events, metrics
from evaluator.scoring.events import PostProcessing
from evaluator.scoring.targets import Targets

EVENT_SCORES = [name for name, metric in metrics.METRICS.items() if metric.of_events]
_LOWEST_NOTE = 21  # MIDI, of a piano


@dataclass(frozen=True)
class Answer:
    """What a metric takes of some clips: targets and probabilities (n_clips, ...).

    found: The events that were found, (n_events, 4): places of clip and class, onset and offset in ms; None for clips.
    others: What the other scores of events take, by their names.
    """

    targets: np.ndarray
    probabilities: np.ndarray
    found: np.ndarray | None = None
    others: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


class ClipQuestion:
    """Which labels each clip has.

    Args:
        clips: The clips, in the order of the features' rows.
        classes: Names of the labels.
        labels: "single" or "multi".
        metric: Name of the score.
    """

    def __init__(self, clips: Sequence[Clip], classes: Sequence[str], labels: str, metric: str):
        self.targets = Targets(label_matrix([clip.labels for clip in clips], classes), labels, metric)
        # MIDI notes in their order, as in NSynth: only then are indices modulo 12 the names of notes.
        self.pitches = list(classes) == [str(_LOWEST_NOTE + step) for step in range(len(classes))]

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Rows of the features of clips given by their places (n,)."""
        return places

    def answers(self, places: np.ndarray, said: np.ndarray, valid: np.ndarray, valid_said: np.ndarray) -> Answer:
        """What is said about clips.

        Args:
            places: Of the clips, (n_clips,).
            said: Probabilities of their rows, (n_clips, n_classes).
            valid, valid_said: The same of the validation clips; not used here.
        """
        return Answer(self.targets.values[places], said)

    def scores(self, answers: Sequence[Sequence[Answer]]) -> dict[str, float]:
        """Every other score that is defined here by name, mean over folds and over the times that probes were trained.

        Args:
            answers: For each fold what was said, each time.
        """
        single = self.targets.labels == "single"
        kinds = ("accuracy", "uar", "uar_all_classes", "macro_f1") if single else ("weighted_map",)
        names = [*kinds, "map", "aucroc", "d_prime", *(["chroma_accuracy"] if self.pitches else [])]
        every = [answer for fold in answers for answer in fold]
        return {
            name: float(np.mean([metrics.score(name, each.targets, each.probabilities) for each in every]))
            for name in names
            if name != self.targets.metric
        }


class EventQuestion:
    """When each event of a clip is heard: every frame is asked which labels are heard in it.

    Args:
        clips: The clips.
        classes: Names of the labels.
        metric: Name of the score, one of events.
        times: Centres of each clip's frames in ms, (n_frames,) each.
        rows: Which rows of the features are each clip's.
        choices: Ways to make events of probabilities, of which the best on validation counts.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        classes: Sequence[str],
        metric: str,
        times: Sequence[np.ndarray],
        rows: Sequence[slice],
        choices: Sequence[PostProcessing],
    ):
        self.clips, self.classes, self.metric = clips, list(classes), metric
        self.times, self.slices, self.choices = times, rows, choices
        values = np.concatenate(
            [events.frame_targets(times[n], clip.events, self.classes) for n, clip in enumerate(clips)]
        )
        self.clip_of_row = np.repeat(np.arange(len(clips)), [len(each) for each in times])
        self.targets = Targets(values, "multi", metric, self.score)

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Rows of the frames of clips given by their places (n,), clip after clip."""
        return np.concatenate(
            [np.arange(self.slices[n].start, self.slices[n].stop) for n in places.tolist()] or [np.zeros(0, np.int64)]
        )

    def score(self, rows: np.ndarray, said: np.ndarray) -> tuple[float, str]:
        """The best score among the choices for the frames `rows` of whole clips, and which choice it was."""
        how = self.best(rows, said)
        return self.score_of(
            how, rows, said
        ), f"median filter {how.median_filter_ms:g} ms, least {how.min_duration_ms:g} ms"

    def best(self, rows: np.ndarray, said: np.ndarray) -> PostProcessing:
        """The choice with the best score for the frames `rows` of whole clips; without any, the longest."""
        if not len(rows):
            return max(self.choices)
        return events.best_processing(self.choices, lambda how: self.score_of(how, rows, said))

    def score_of(self, how: PostProcessing, rows: np.ndarray, said: np.ndarray) -> float:
        """The score of the frames `rows` of whole clips with one choice."""
        places = list(dict.fromkeys(self.clip_of_row[rows].tolist()))
        found = self.found(places, said, how)
        return metrics.score(self.metric, *self.tallies(places, found, self.metric))

    def found(self, places: Sequence[int], said: np.ndarray, how: PostProcessing) -> list[tuple[Event, ...]]:
        """The events found in clips, whose frames' probabilities follow each other in `said` (n_rows, n_classes)."""
        ends = np.cumsum([len(self.times[n]) for n in places])
        parts = np.split(said, ends[:-1])
        return [
            events.found_events(self.times[n], part, self.classes, how) for n, part in zip(places, parts, strict=True)
        ]

    def tallies(
        self, places: Sequence[int], found: Sequence[tuple[Event, ...]], metric: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Counts of the reference and of what was found in each clip, (n_clips, ...) each, as `metric` takes them."""
        pairs = [
            events.tally(self.clips[n].events, own, metric, self.classes) for n, own in zip(places, found, strict=True)
        ]
        return np.array([true for true, _ in pairs]), np.array([said for _, said in pairs])

    def answers(self, places: np.ndarray, said: np.ndarray, valid: np.ndarray, valid_said: np.ndarray) -> Answer:
        """What is said about clips, with the choice that is best on the validation clips.

        Args:
            places: Of the clips, (n_clips,).
            said: Probabilities of their frames, (n_frames, n_classes).
            valid, valid_said: The same of the validation clips.
        """
        how = self.best(self.rows(valid), valid_said)
        found = self.found(places.tolist(), said, how)
        number = {label: place for place, label in enumerate(self.classes)}
        listed = [
            (clip, number[event.label], event.onset_ms, event.offset_ms)
            for clip, own in enumerate(found)
            for event in own
        ]
        counts = {name: self.tallies(places.tolist(), found, name) for name in EVENT_SCORES}
        table = np.array(listed, dtype=np.float64).reshape(-1, 4)
        return Answer(*counts.pop(self.metric), table, counts)

    def scores(self, answers: Sequence[Sequence[Answer]]) -> dict[str, float]:
        """The other scores of events by name, mean over folds and times; NaN where there is nothing to divide by."""
        every = [answer for fold in answers for answer in fold]
        return {
            name: float(np.mean([metrics.score(name, *answer.others[name]) for answer in every]))
            for name in EVENT_SCORES
            if name != self.metric
        }


Question = ClipQuestion | EventQuestion


def label_matrix(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """1 where a clip has the label, else 0; (n_clips, n_classes), float32.

    Args:
        labels: Of each clip.
        classes: Names of the columns.
    """
    place: Mapping[str, int] = {label: column for column, label in enumerate(classes)}
    targets = np.zeros((len(labels), len(classes)), np.float32)
    for row, own in enumerate(labels):
        for label in own:
            targets[row, place[label]] = 1
    return targets
