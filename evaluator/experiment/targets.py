"""What a probe must say of a task's clips: which labels each has, or when each event of a clip is heard.

All kinds know the targets of every feature row (a row a clip, or a row a frame), the rows of a clip, and how a probe's
probabilities for the rows of some clips become what a metric takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluator.audio.clip import Clip, Event
from evaluator.scoring import events, intervals, metrics
from evaluator.scoring.events import PostProcessing
from evaluator.scoring.targets import Targets

EVENT_SCORES = [name for name, metric in metrics.METRICS.items() if "events" in metric.beside]
_LOWEST_NOTE = 21  # MIDI, of a piano


@dataclass(frozen=True)
class Predictions:
    """What a metric takes of some clips: targets and probabilities (n_clips, ...).

    events: The events that were predicted, (n_events, 4): index of clip and class, onset and offset in ms; None for labels.
    others: What the other scores of events take, by their names.
    """

    targets: np.ndarray
    probabilities: np.ndarray
    events: np.ndarray | None = None
    others: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


class ClipTargets:
    """Which labels each clip has.

    Args:
        clips: The clips, in the order of the features' rows.
        classes: Names of the labels.
        labels: "single" or "multi".
        metric: Name of the score.
    """

    def __init__(self, clips: Sequence[Clip], classes: Sequence[str], labels: str, metric: str):
        self.row_targets = Targets(label_matrix([clip.labels for clip in clips], classes), labels, metric)
        # MIDI notes in their order, as in NSynth: only then are indices modulo 12 the names of notes.
        self.pitches = list(classes) == [str(_LOWEST_NOTE + step) for step in range(len(classes))]

    def rows(self, clips: np.ndarray) -> np.ndarray:
        """Rows of the features of clips given by their numbers (n,): they are the same."""
        return clips

    def predictions(
        self, clips: np.ndarray, probabilities: np.ndarray, valid: np.ndarray, valid_probabilities: np.ndarray
    ) -> Predictions:
        """What a metric takes of some clips.

        Args:
            clips: Their numbers, (n_clips,).
            probabilities: Of their rows, (n_clips, n_classes).
            valid, valid_probabilities: The same of the validation clips; not used here.
        """
        return Predictions(self.row_targets.values[clips], probabilities)

    def scores(self, predictions: Sequence[Sequence[Predictions]], over_folds: str) -> dict[str, float]:
        """Every metric that is reported beside the task's own, mean over the times that probes were trained.

        Args:
            predictions: For each fold those of each time.
            over_folds: How folds make one score, as in `intervals.estimate`.
        """
        kinds = {self.row_targets.labels, *(["pitches"] if self.pitches else [])}
        names = [name for name, metric in metrics.METRICS.items() if kinds & set(metric.beside)]
        tested = [(fold[0].targets, np.stack([each.probabilities for each in fold])) for fold in predictions]
        return {
            name: intervals.mean_score(tested, name, over_folds) for name in names if name != self.row_targets.metric
        }


class EventTargets:
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
        self.row_targets = Targets(values, "multi", metric, self.score)

    def rows(self, clips: np.ndarray) -> np.ndarray:
        """Rows (n_frames,) of the frames of clips given by their numbers (n,), clip after clip."""
        return np.concatenate(
            [np.arange(self.slices[n].start, self.slices[n].stop) for n in clips.tolist()] or [np.zeros(0, np.int64)]
        )

    def score(self, rows: np.ndarray, probabilities: np.ndarray) -> tuple[float, str]:
        """The best score among the choices for the frames `rows` of whole clips, and which choice it was."""
        how = self.best(rows, probabilities)
        return (
            self.score_of(how, rows, probabilities),
            f"median filter {how.median_filter_ms:g} ms, minimum duration {how.min_duration_ms:g} ms",
        )

    def best(self, rows: np.ndarray, probabilities: np.ndarray) -> PostProcessing:
        """The choice with the best score for the frames `rows` of whole clips; without any, the longest."""
        if not len(rows):
            return max(self.choices)
        return events.best_processing(self.choices, lambda how: self.score_of(how, rows, probabilities))

    def score_of(self, how: PostProcessing, rows: np.ndarray, probabilities: np.ndarray) -> float:
        """The score of the frames `rows` of whole clips with one choice; probabilities are (n_frames, n_classes)."""
        clips = list(dict.fromkeys(self.clip_of_row[rows].tolist()))
        predicted = self.predicted_events(clips, probabilities, how)
        return metrics.score(self.metric, *self.tallies(clips, predicted, self.metric))

    def predicted_events(
        self, clips: Sequence[int], probabilities: np.ndarray, how: PostProcessing
    ) -> list[tuple[Event, ...]]:
        """The events of clips, whose frames' probabilities follow each other, (n_frames, n_classes)."""
        ends = np.cumsum([len(self.times[n]) for n in clips])
        parts = np.split(probabilities, ends[:-1])
        return [
            events.found_events(self.times[n], part, self.classes, how) for n, part in zip(clips, parts, strict=True)
        ]

    def tallies(
        self, clips: Sequence[int], predicted: Sequence[tuple[Event, ...]], metric: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Counts of the reference and of what was predicted in each clip, (n_clips, ...) each, as `metric` takes them."""
        pairs = [
            events.tally(self.clips[n].events, own, metric, self.classes)
            for n, own in zip(clips, predicted, strict=True)
        ]
        return np.array([reference for reference, _ in pairs]), np.array([estimate for _, estimate in pairs])

    def predictions(
        self, clips: np.ndarray, probabilities: np.ndarray, valid: np.ndarray, valid_probabilities: np.ndarray
    ) -> Predictions:
        """What a metric takes of some clips, with the choice that is best on the validation clips.

        Args:
            clips: Their numbers, (n_clips,).
            probabilities: Of their frames, (n_frames, n_classes).
            valid, valid_probabilities: The same of the validation clips.
        """
        how = self.best(self.rows(valid), valid_probabilities)
        predicted = self.predicted_events(clips.tolist(), probabilities, how)
        class_of = {label: index for index, label in enumerate(self.classes)}
        listed = [
            (clip, class_of[event.label], event.onset_ms, event.offset_ms)
            for clip, own in enumerate(predicted)
            for event in own
        ]
        counts = {name: self.tallies(clips.tolist(), predicted, name) for name in EVENT_SCORES}
        table = np.array(listed, dtype=np.float64).reshape(-1, 4)
        return Predictions(*counts.pop(self.metric), table, counts)

    def scores(self, predictions: Sequence[Sequence[Predictions]], over_folds: str) -> dict[str, float]:
        """The other scores of events by name, mean over times; NaN where there is nothing to divide by.

        Arguments as in `ClipTargets.scores`; (n_files, ...) counts each.
        """
        return _other_scores([name for name in EVENT_SCORES if name != self.metric], predictions, over_folds)


class MeasureTargets:
    """What measures without training are made of: labels of clips, which no probe learns.

    Args:
        clips: The clips, in the order of the features' rows.
        classes: Names of the labels.
        labels: "single" or "multi".
        measures: Names of the scores, the first of which stands for the whole.
    """

    def __init__(self, clips: Sequence[Clip], classes: Sequence[str], labels: str, measures: Sequence[str]):
        self.row_targets = Targets(label_matrix([clip.labels for clip in clips], classes), labels, measures[0])
        self.measures = list(measures)

    def rows(self, clips: np.ndarray) -> np.ndarray:
        """Rows of the features of clips given by their numbers (n,): they are the same."""
        return clips

    def predictions(
        self, clips: np.ndarray, probabilities: np.ndarray, valid: np.ndarray, valid_probabilities: np.ndarray
    ) -> Predictions:
        """What each measure takes of some clips.

        Args:
            clips: Their numbers, (n_clips,).
            probabilities: What the measures say of them, (n_clips, n_measures, 3).
            valid, valid_probabilities: Not used here.
        """
        parts = {name: (probabilities[:, n, :2], probabilities[:, n, 2:]) for n, name in enumerate(self.measures)}
        return Predictions(*parts.pop(self.measures[0]), others=parts)

    def scores(self, predictions: Sequence[Sequence[Predictions]], over_folds: str) -> dict[str, float]:
        """The other measures by name, mean over times; arguments as in `ClipTargets.scores`."""
        return _other_scores(self.measures[1:], predictions, over_folds)


def _other_scores(
    names: Sequence[str], predictions: Sequence[Sequence[Predictions]], over_folds: str
) -> dict[str, float]:
    """Scores that predictions have beside their own, (n_clips, ...) each, mean over times."""
    tested = {
        name: [(fold[0].others[name][0], np.stack([each.others[name][1] for each in fold])) for fold in predictions]
        for name in names
    }
    return {name: intervals.mean_score(tested[name], name, over_folds) for name in names}


TaskTargets = ClipTargets | EventTargets | MeasureTargets


def label_matrix(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """1 where a clip has the label, else 0; (n_clips, n_classes), float32.

    Args:
        labels: Of each clip.
        classes: Names of the columns.
    """
    column_of: Mapping[str, int] = {label: column for column, label in enumerate(classes)}
    targets = np.zeros((len(labels), len(classes)), np.float32)
    for row, own in enumerate(labels):
        for label in own:
            targets[row, column_of[label]] = 1
    return targets
