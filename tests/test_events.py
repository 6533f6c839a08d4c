"""Events from frames against a slow loop, and their tallies against sed_eval."""

import itertools

import numpy as np
import pytest

from evaluator.audio.clip import Event
from evaluator.errors import EvaluationError, UsageError
from evaluator.scoring import metrics
from evaluator.scoring.events import (
    COLLARS,
    SEGMENTS_S,
    PostProcessing,
    active_frames,
    best_processing,
    found_events,
    frame_targets,
    tally,
)

CLASSES = ("cough", "door", "laugh")
AS_IT_IS = PostProcessing(0, 0)
HEAR_DCASE = PostProcessing(250, 125)


def score_of(name, pairs, classes=CLASSES):
    """The score of pairs of reference and found events, one pair a file."""
    tallies = [tally(*pair, name, classes) for pair in pairs]
    return metrics.score(name, *(np.array(counts) for counts in zip(*tallies, strict=True)))


def made_up(random, n_events, seconds=20.0):
    """Random events of all classes, by chance at the same time."""
    onsets = random.random(n_events) * seconds * 1000
    offsets = onsets + random.exponential(700, size=n_events)
    labels = random.choice(CLASSES, size=n_events)
    return [Event(str(label), float(on), float(off)) for label, on, off in zip(labels, onsets, offsets, strict=True)]


def heard_again(random, events):
    """What somebody writes down who mishears times, misses events and hears ghosts."""
    kept = [event for event in events if random.random() < 0.8]
    moved = [event._replace(onset_ms=max(0.0, event.onset_ms + random.normal(0, 60))) for event in kept]
    moved = [event._replace(offset_ms=max(event.onset_ms, event.offset_ms + random.normal(0, 90))) for event in moved]
    return moved + made_up(random, int(random.integers(4)))


def on_grid(events, grid_ms):
    """The events with times rounded to whole steps."""
    return [Event(event.label, *(grid_ms * round(time / grid_ms) for time in event[1:])) for event in events]


def test_a_frame_is_in_an_event_from_its_onset_to_its_offset():
    """Both ends belong to it, times may be in any order, and the same label twice is one 1."""
    events = [Event("door", 100, 200), Event("door", 150, 250), Event("cough", 250.00005, 300)]
    found = frame_targets(np.array([250, 100, 99.9, 200, 250.2, 300.2]), events, CLASSES)
    np.testing.assert_array_equal(found, [[0, 1, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(frame_targets(np.array([300.00005]), events, CLASSES), [[1, 0, 0]])
    assert frame_targets(np.zeros(0), events, CLASSES).shape == (0, 3)


def slow_events(times, probabilities, classes, median_ms, least_ms):
    """The rule as heareval's documentation tells it, frame by frame (protocol reference, section 2.9)."""
    order = sorted(range(len(times)), key=lambda frame: times[frame])
    times, rows = [float(times[frame]) for frame in order], probabilities[order]
    width = round(median_ms / float(np.mean(np.diff(times)))) if len(times) > 1 else 0
    events = []
    for place, label in enumerate(classes):
        values = rows[:, place]
        if width:
            mirrored = np.pad(values, width, mode="symmetric")  # scipy calls this edge "reflect"
            windows = [mirrored[width + at - width // 2 :][:width] for at in range(len(values))]
            # Of an even number scipy takes the upper of the two in the middle, which np.median would average.
            values = [np.median(window) if width % 2 else sorted(window)[width // 2] for window in windows]
        for active, run in itertools.groupby(range(len(times)), key=lambda frame, values=values: values[frame] > 0.5):
            frames = list(run)
            if active and times[frames[-1]] - times[frames[0]] >= least_ms:
                events.append(Event(label, times[frames[0]], times[frames[-1]]))
    return sorted(events, key=lambda event: event[1:])


@pytest.mark.parametrize("n_frames", [0, 1, 2, 3, 7, 200])
@pytest.mark.parametrize("median_ms", [0, 20, 60, 100, 120, 250])
def test_events_equal_a_slow_loops(n_frames, median_ms):
    """For odd and even filters, longer than the clip too, and frames in any order."""
    random = np.random.default_rng(n_frames + median_ms)
    times = random.permutation(12.5 + 20 * np.arange(n_frames))
    slow = np.repeat(random.random((n_frames // 5 + 1, 3)), 5, axis=0)[:n_frames]
    probable = (0.7 * slow + 0.3 * random.random((n_frames, 3)))[np.argsort(np.argsort(times))].astype(np.float32)
    for least_ms in (0, 40, 100):
        found = found_events(times, probable, CLASSES, PostProcessing(median_ms, least_ms))
        assert list(found) == slow_events(times, probable, CLASSES, median_ms, least_ms)


@pytest.mark.parametrize("width", [2, 3, 4, 5, 12, 13, 50])
def test_active_frames_equal_scipys_median_filter(width):
    """Counting frames above 0.5 is the median's being above 0.5, for widths up to twice the clip's length, too.

    Beyond that scipy 1.17.1 mirrors wrongly now and then (2 frames, 50 wide); the slow loop above goes on.
    """
    ndimage = pytest.importorskip("scipy.ndimage")
    for n_frames in (width // 2 + 1, width + 1, 5 * width + 3):
        probable = np.random.default_rng(n_frames).random((n_frames, 2)).round(1)  # with ties, and 0.5 itself
        wanted = ndimage.median_filter(probable, size=(width, 1)) > 0.5
        np.testing.assert_array_equal(active_frames(50.0 * np.arange(n_frames), probable, 50.0 * width), wanted)


@pytest.mark.parametrize(("hop_ms", "needed"), [(50, 4), (20, 8), (125, 2)])
def test_how_many_frames_an_event_needs(hop_ms, needed):
    """125 ms from the first frame to the last: 4 frames at a hop of 50 ms, 8 at 20 ms."""
    times = 12.5 + hop_ms * np.arange(30)
    for length in (1, needed - 1, needed):
        probable = np.zeros((30, 1))
        probable[5 : 5 + length] = 0.9
        found = found_events(times, probable, ("door",), PostProcessing(0, 125))
        wanted = (Event("door", times[5], times[5 + length - 1]),) if length == needed else ()
        assert found == wanted


def test_a_width_between_two_numbers_of_frames_becomes_the_even_one():
    """250 ms are 12.5 frames of 20 ms: 12, whose upper middle value is the 6th from above."""
    probable = np.zeros((40, 1))
    probable[10:16] = 1  # with 13 frames, 7 would have to be active
    assert np.flatnonzero(active_frames(20.0 * np.arange(40), probable, 250)).tolist() == [10, 11, 12, 13, 14, 15, 16]


def test_a_half_is_not_active():
    """Only what is above 0.5 is heard, and a single frame is no event of any length."""
    times = 50.0 * np.arange(6)
    assert found_events(times, np.full((6, 1), 0.5), ("door",), AS_IT_IS) == ()
    assert found_events(times, np.full((6, 1), 0.51), ("door",), AS_IT_IS) == (Event("door", 0, 250),)
    single = np.eye(6)[:, 2:3]
    assert found_events(times, single, ("door",), AS_IT_IS) == (Event("door", 100, 100),)
    assert found_events(times, single, ("door",), PostProcessing(0, 1)) == ()


def test_what_cannot_be_is_refused():
    """NaN among the probabilities, and labels that are no classes."""
    with pytest.raises(EvaluationError, match="NaN or infinite probabilities for 1 of 2 frames"):
        found_events(np.arange(2), np.array([[np.nan], [0.5]]), ("door",), AS_IT_IS)
    for call in (
        lambda events: frame_targets(np.arange(2), events, CLASSES),
        lambda events: tally(events, [], "event_onset_50ms_fms", CLASSES),
        lambda events: tally([], events, "segment_1s_er", CLASSES),
    ):
        with pytest.raises(UsageError, match="labels that are no classes: bark"):
            call([Event("bark", 0, 1)])


def test_the_best_processing():
    """The highest score, of error rates too; NaN is 0; of equals the longer filter, then the longer duration."""
    hows = [PostProcessing(median, least) for median, least in ((150, 250), (250, 125), (250, 250), (0, 500))]
    assert best_processing(hows, lambda how: 0.3) == PostProcessing(250, 250)
    assert best_processing(hows, lambda how: 1.7 if how.min_duration_ms == 500 else 0.3) == PostProcessing(0, 500)
    assert best_processing(hows, lambda how: np.nan if how.median_filter_ms > 200 else -0.1) == PostProcessing(250, 250)
    assert best_processing(hows, lambda how: 0.0 if how.median_filter_ms == 150 else np.nan) == PostProcessing(250, 250)


def apart_enough(random, n_events):
    """Events of 300 to 800 ms of one class after another with silences of as long, on no grid."""
    times = np.cumsum(300 + 500 * random.random(2 * n_events))
    labels = random.choice(CLASSES, size=n_events)
    return [Event(str(label), *ends) for label, ends in zip(labels, times.reshape(-1, 2).tolist(), strict=True)]


def test_labels_of_frames_give_the_events_back():
    """The targets themselves as probabilities score 1.0 at a hop of 50 ms, and noise scores next to nothing."""
    random = np.random.default_rng(4)
    files = [apart_enough(random, 30) for _ in range(5)]
    times = 50.0 * np.arange(1 + max(file[-1].offset_ms for file in files) // 50)
    exact = [found_events(times, frame_targets(times, file, CLASSES), CLASSES, HEAR_DCASE) for file in files]
    noise = [found_events(times, random.random((len(times), 3)), CLASSES, HEAR_DCASE) for _ in files]
    for name in COLLARS:
        assert score_of(name, list(zip(files, exact, strict=True))) == 1.0
    assert score_of("event_onset_50ms_fms", list(zip(files, noise, strict=True))) < 0.15
    assert score_of("event_onset_offset_50ms_20perc_fms", list(zip(files, noise, strict=True))) < 0.05
    assert score_of("segment_1s_er", list(zip(files, noise, strict=True))) > 0.5


def test_each_event_matches_once_and_as_many_as_can_match_do():
    """0 and 30 ms against 20 and 60 ms: the nearest pair would leave the others alone, but two pairs are possible."""
    reference = [Event("door", 30, 900), Event("door", 0, 900)]
    found = [Event("door", 20, 900), Event("door", 60, 900), Event("door", 61, 900)]
    assert tally(reference, found, "event_onset_50ms_fms", CLASSES) == ((2,), (3, 2))
    found = [event._replace(label="laugh") for event in found]
    assert tally(reference, found, "event_onset_50ms_fms", CLASSES) == ((2,), (3, 0))


def test_offsets_may_be_off_by_a_fifth_of_the_length():
    """An event of 1 s by 200 ms, one of 100 ms by 50 ms; 20 % of the reference's length, not of the found one's."""
    name = "event_onset_offset_50ms_20perc_fms"
    for reference_ms, found_ms, hit in ((1000, 1199, 1), (1000, 801, 1), (1000, 1201, 0), (100, 149, 1), (100, 151, 0)):
        pair = [Event("door", 0, reference_ms)], [Event("door", 0, found_ms)]
        assert tally(*pair, name, CLASSES) == ((1,), (1, hit))
        assert tally(*pair, "event_onset_50ms_fms", CLASSES) == ((1,), (1, 1))


def test_errors_of_segments_by_hand():
    """One class said for another is one error, a missed or added one is one, in each second that it touches."""
    reference = [Event("door", 500, 1500), Event("cough", 2200, 2300), Event("cough", 5000, 6000)]
    said = [Event("door", 900, 1000), Event("laugh", 1700, 2000), Event("laugh", 3000, 4000)]
    # s 0: right; s 1: laugh for door; s 2: cough missed; s 3: laugh added; s 5: cough missed
    assert tally(reference, said, "segment_1s_er", CLASSES) == ((4,), (4,))
    assert tally(reference, reference, "segment_1s_er", CLASSES) == ((4,), (0,))
    assert tally([], [], "segment_1s_er", CLASSES) == ((0,), (0,))


# What `sed_evals` below gives for `literal_pairs` with sed_eval 0.2.1, which needs setuptools < 82 (pkg_resources).
LITERAL = {
    "event_onset_200ms_fms": 0.7027027027027027,
    "event_onset_50ms_fms": 0.21621621621621623,
    "event_onset_offset_50ms_20perc_fms": 0.16216216216216214,
    "segment_1s_er": 0.25,
}


def literal_pairs():
    """Four files with events at exact distances of the collars, one of them without events, one without findings."""
    grid = [100, 500, 550, 1000, 1200, 2000, 3000, 3300]
    reference = [Event(CLASSES[at % 2], onset, onset + 250) for at, onset in enumerate(grid)]
    found = [event._replace(onset_ms=event.onset_ms + 50, offset_ms=event.offset_ms + 50) for event in reference]
    late = [event._replace(onset_ms=event.onset_ms + 200) for event in reference]
    return [(reference, found), (reference, late), (reference[:3], []), ([], found[:2])]


def sed_evals(name, pairs, classes=CLASSES):
    """The score as heareval asks sed_eval for it, the times in seconds."""
    sound_event = pytest.importorskip("sed_eval").sound_event
    if name in SEGMENTS_S:
        scores = sound_event.SegmentBasedMetrics(list(classes), time_resolution=SEGMENTS_S[name])
    else:
        collar = COLLARS[name]
        scores = sound_event.EventBasedMetrics(
            list(classes),
            evaluate_onset=True,
            evaluate_offset=collar.of_length is not None,
            t_collar=collar.onset_s,
            percentage_of_length=0.5 if collar.of_length is None else collar.of_length,
        )
    for pair in pairs:
        scores.evaluate(*([as_sed_eval(event) for event in events] for events in pair))
    overall = scores.results_overall_metrics()
    return overall["error_rate"]["error_rate"] if name in SEGMENTS_S else overall["f_measure"]["f_measure"]


def as_sed_eval(event):
    """One row of a MetaDataContainer."""
    return {
        "event_label": event.label,
        "event_onset": event.onset_ms / 1000,
        "event_offset": event.offset_ms / 1000,
        "file": "a.wav",
    }


@pytest.mark.parametrize("name", [*COLLARS, *SEGMENTS_S])
@pytest.mark.parametrize("grid_ms", [0, 50])
def test_scores_equal_sed_evals(name, grid_ms):
    """On dense events that can be matched in many ways, on and off a grid where distances are the collar itself."""
    random = np.random.default_rng(7)
    pairs = []
    for n_events in (0, 3, 40, 60):
        reference = made_up(random, n_events)
        pair = reference, heard_again(random, reference)
        pairs.append(tuple(on_grid(events, grid_ms) for events in pair) if grid_ms else pair)
    wanted = sed_evals(name, pairs)
    assert wanted > 0.1
    assert score_of(name, pairs) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", [*COLLARS, *SEGMENTS_S])
def test_scores_equal_what_sed_eval_once_said(name):
    """The same where sed_eval is not installed."""
    assert score_of(name, literal_pairs()) == pytest.approx(LITERAL[name], rel=1e-12)
