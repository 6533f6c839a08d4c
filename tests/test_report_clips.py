"""The clips on which modules disagree are found by the stated measure, and can be heard and seen as they are."""

import base64
import io
import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PIL import Image
from scipy.spatial.distance import jensenshannon

from evaluator.audio.clip import Clip, named
from evaluator.datasets import moved
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.report import clips, recordings, sound, spectrogram, ticks
from test_results import result

RATE = 16000


def answers(*probabilities, labels=(0, 1, 0), single=True, **changes):
    """A result of one fold: classes a and b, clips z, y, x, and their probabilities, (n_clips, 2)."""
    fields = {
        "folds": result().folds[:1],
        "confusion": [[1, 1], [1, 1]] if single else None,
        "test_clips": [["z.wav", "y.wav", "x.wav"]],
        "test_groups": [["g", "", "h"]],
        "test_targets": [np.eye(2, dtype=np.float32)[list(labels)]],
        "test_probabilities": [np.array([probabilities], dtype=np.float32)],
        "test_events": [],
    }
    return result(**{**fields, **changes})


def noise(seconds, rate=RATE, seed=0):
    """Full-scale noise, which no lossless code makes smaller, on the grid of 16 bits."""
    return np.random.default_rng(seed).integers(-32768, 32767, round(seconds * rate)).astype(np.int16)


def content(uri, kind):
    """What a data URI holds."""
    head, _, body = uri.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(body, validate=True)


def test_the_divergence_is_that_of_a_hand_calculation_and_of_scipy():
    """Opposite sure answers differ by one bit, equal ones by none; SciPy's distance is its root."""
    probabilities = np.array(
        [[[1, 0, 0], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]], [[0, 1, 0], [0.2, 0.3, 0.5], [0.6, 0.1, 0.3]]]
    )
    measures = clips.divergence(probabilities.astype(float), True)
    np.testing.assert_allclose(measures[:2], [1, 0], atol=1e-12)
    np.testing.assert_allclose(measures[2], jensenshannon(probabilities[0, 2], probabilities[1, 2], base=2) ** 2)
    three = clips.divergence(np.eye(3)[:, None], True)  # three sure answers, all different: log2(3)
    np.testing.assert_allclose(three, [math.log2(3)])


def test_labels_that_do_not_exclude_each_other_add_up():
    """Each is an event of its own: two labels on which two modules are sure of the opposite are two bits."""
    probabilities = np.array([[[1.0, 0.0, 0.5]], [[0.0, 1.0, 0.5]]])
    np.testing.assert_allclose(clips.divergence(probabilities, False), [2])
    np.testing.assert_allclose(
        clips.divergence(np.array([[[0.9]], [[0.3]]]), False), [jensenshannon([0.9, 0.1], [0.3, 0.7], base=2) ** 2]
    )


def test_the_most_disputed_clip_comes_first_and_ties_go_by_name():
    """With what each module predicts for it, and whether that is right; clips on which all agree are left out."""
    one, other = answers([1, 0], [0.5, 0.5], [1, 0]), answers([0, 1], [0.5, 0.5], [0, 1])
    disputed = clips.disagreeing(["one", "other"], [one, other])
    assert [each.name for each in disputed] == ["x.wav", "z.wav"]
    assert disputed[0] == clips.DisputedClip(
        "x.wav", "h", ("a",), pytest.approx(1), (clips.ModulePrediction("one", (("a", 1.0),), True), clips.ModulePrediction("other", (("b", 1.0),), False))
    )  # fmt: skip
    assert [each.name for each in clips.disagreeing(["one", "other"], [one, other], n_max=1)] == ["x.wav"]


def test_the_mean_over_trainings_is_compared():
    """Two trainings that predict the opposite are one prediction of a half."""
    twice = answers(test_probabilities=[np.array([[[1, 0]] * 3, [[0, 1]] * 3], np.float32)])
    assert clips.disagreeing(["twice", "once"], [twice, answers(*[[0.5, 0.5]] * 3)]) == []


def test_one_module_shows_what_it_gets_wrong_with_the_highest_probability():
    """The most probable first; right answers are left out."""
    disputed = clips.disagreeing(["one"], [answers([0.4, 0.6], [0.1, 0.9], [0.1, 0.9])])
    assert [(each.name, round(each.measure, 6)) for each in disputed] == [("x.wav", 0.9), ("z.wav", 0.6)]
    assert "wrong" in clips.selection_rule(1, True) and "Jensen-Shannon" in clips.selection_rule(2, True)
    assert "every label" in clips.selection_rule(1, False) and "every label" not in clips.selection_rule(2, True)


def test_clips_with_several_labels_have_their_most_probable():
    """One module: the largest distance from the truth above a half; right only if every label is on its side."""
    one = answers([0.9, 0.8], [0.4, 0.9], [0.1, 0.3], single=False, metric="map")
    disputed = clips.disagreeing(["one"], [one])
    assert [(each.name, each.predictions[0].right) for each in disputed] == [("x.wav", False), ("z.wav", False)]
    assert disputed[1].predictions[0].labels == (("a", pytest.approx(0.9)), ("b", pytest.approx(0.8)))


def test_a_clip_of_two_folds_counts_once():
    """Where the difference is largest."""
    one = answers([1, 0], [0, 1], [1, 0])
    both = [replace(one, folds=one.folds * 2, test_clips=one.test_clips * 2, test_groups=one.test_groups * 2,
                    test_targets=one.test_targets * 2, test_probabilities=[first, second])
            for first, second in [(np.eye(2)[[[0, 1, 0]]], np.eye(2)[[[0, 1, 0]]]),
                                  (np.full((1, 3, 2), 0.5), np.eye(2)[[[1, 1, 0]]])]]  # fmt: skip
    disputed = clips.disagreeing(["a", "b"], both)
    assert [each.name for each in disputed] == ["z.wav", "x.wav", "y.wav"] and disputed[0].measure == pytest.approx(1)


def test_results_on_other_clips_and_of_events_are_not_compared():
    """A sentence for the former, nothing for the latter."""
    one = answers([1, 0], [0, 1], [1, 0])
    with pytest.raises(UsageError, match="same clips"):
        clips.disagreeing(["a", "b"], [one, replace(one, test_clips=[["z.wav", "y.wav", "q.wav"]])])
    assert clips.disagreeing(["a"], [replace(one, metric="event_onset_200ms_fms")]) == []


@pytest.mark.parametrize(
    "clip",
    [
        Clip("a/b.wav", ()),
        Clip("a.wav", (), 1.5, 2.25),
        Clip("a#1-2.wav", ()),
        Clip("a#1-2.wav", (), 0.0, 1e-05),
        Clip("x\n#y.wav", (), 3.0),
        Clip("a.wav", (), 1e-07, 12345.6789),
    ],
)
def test_a_clips_name_leads_back_to_it(clip):
    """Path, start and end."""
    assert named(clip.name) == clip


def test_a_clip_without_a_start_keeps_its_name():
    """It starts at 0, which is the same stretch."""
    assert named(Clip("a.wav", (), None, 2.0).name).name == "a.wav#0-2"


def test_the_sound_is_the_clips_own_samples(tmp_path):
    """To 16 bits, at the level they have, of the stretch that the name says."""
    samples = (noise(2) // 50).astype(np.int16)
    soundfile.write(tmp_path / "quiet.wav", samples, RATE)
    clip = sound.clip_sound("quiet.wav#0.5-1.25", tmp_path)
    decoded, rate = soundfile.read(io.BytesIO(content(clip.audio, "audio/flac")), dtype="int16")
    assert rate == RATE and np.array_equal(decoded, samples[RATE // 2 : RATE // 4 * 5])
    assert (clip.seconds, clip.sample_rate, clip.whole, clip.exact) == (0.75, RATE, True, True)


def test_stereo_becomes_mono_at_its_own_rate(tmp_path):
    """A tone above 8 kHz is heard, and the left half alone has half its level."""
    tone = 0.5 * np.sin(2 * np.pi * 12000 * np.arange(44100) / 44100)
    soundfile.write(tmp_path / "stereo.wav", np.stack([tone, 0 * tone], axis=1), 44100)
    decoded, rate = soundfile.read(io.BytesIO(content(sound.clip_sound("stereo.wav", tmp_path).audio, "audio/flac")))
    assert (decoded.shape, rate) == ((44100,), 44100)
    assert np.abs(np.fft.rfft(decoded)).argmax() == 12000 and np.abs(decoded).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("rate", "played"), [(8000, 8000), (10000, 11025), (96000, 48000)])
def test_rates_that_browsers_may_not_play_become_some_that_they_do(tmp_path, rate, played):
    """The next one up, 48 kHz at most; the spectrogram is of the recording's own band."""
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate), rate)
    clip = sound.clip_sound("a.wav", tmp_path)
    decoded, its_rate = soundfile.read(io.BytesIO(content(clip.audio, "audio/flac")))
    assert its_rate == clip.sample_rate == played and len(decoded) == pytest.approx(played, abs=2)
    assert np.abs(np.fft.rfft(decoded)).argmax() == 1000 and clip.spectrogram.top_hz == rate / 2


def test_long_and_loud_clips_are_bounded(tmp_path):
    """10 s of noise are MP3 and at most 150 KB; a smaller bound takes the band, then the clip; all are said."""
    soundfile.write(tmp_path / "noise.wav", noise(12), RATE)
    clip = sound.clip_sound("noise.wav", tmp_path)
    decoded, _ = soundfile.read(io.BytesIO(content(clip.audio, "audio/mpeg")))
    assert len(clip.audio) <= sound.MAX_BYTES and len(clip.picture) < 60_000
    assert not clip.exact and not clip.whole and len(decoded) == pytest.approx(10 * RATE, rel=0.02)
    less = sound.clip_sound("noise.wav", tmp_path, sound.SoundOptions(max_bytes=20_000))
    assert len(less.audio) <= 20_000 and 0.5 < less.seconds < 10 and not less.whole
    soundfile.write(tmp_path / "wide.wav", noise(4, 44100) // 8, 44100)
    narrow = sound.clip_sound("wide.wav", tmp_path, sound.SoundOptions(max_bytes=40_000))
    assert (narrow.sample_rate, narrow.whole, narrow.seconds) == (RATE, True, 4) and len(narrow.audio) <= 40_000
    assert narrow.spectrogram.top_hz == 22050
    assert clips._note(narrow, sound.SoundOptions(expand=10.0)) == (
        "4.00 s, heard up to 8 kHz of 22.05 kHz, heard 10 times slower than life."
    )


def test_ten_seconds_of_a_long_recording_are_whole_if_that_is_the_clip(tmp_path):
    """Whatever the rounding of its ends."""
    soundfile.write(tmp_path / "long.wav", np.zeros(20 * RATE, np.int16), RATE)
    assert (
        sound.clip_sound("long.wav#5.3-15.3", tmp_path).whole and not sound.clip_sound("long.wav#5-16", tmp_path).whole
    )
    assert sound.clip_sound("long.wav#5-16", tmp_path).seconds == 10


def cells(drawn):
    """Which of 20 steps each cell of a spectrogram has, (n_rows, n_columns), low frequencies first."""
    return np.asarray(Image.open(io.BytesIO(drawn.picture)))[::-1]


@pytest.mark.parametrize(("rate", "tone"), [(RATE, 2000), (44100, 17000), (8000, 3900), (192000, 61000)])
@pytest.mark.parametrize("log_frequency", [False, True])
def test_the_spectrogram_has_the_tone_where_it_is(rate, tone, log_frequency):
    """At the height that its axis gives the frequency, over the whole band, after the half that is silent."""
    seconds = np.arange(rate) / rate
    drawn = spectrogram.draw(np.sin(2 * np.pi * tone * seconds) * (seconds > 0.5), rate, log_frequency)
    steps = cells(drawn)
    row = np.flatnonzero(steps[:, -10] == steps[:, -10].max()).mean() + 0.5
    one, other = drawn.up[0], drawn.up[-1]  # the axis by its ticks
    along = np.log if log_frequency else float
    share = (along(tone / 1000) - along(one.value)) / (along(other.value) - along(one.value))
    height = one.position + share * (other.position - one.position)
    assert row / len(steps) == pytest.approx(height, abs=1.5 / len(steps))
    assert steps[:, : steps.shape[1] // 3].max() == 0 and steps.max() == 19
    assert drawn.top_hz == rate / 2 and len(steps) == 128 and steps.shape[1] <= 240
    assert (drawn.seconds, drawn.across[0].value, drawn.across[-1].value) == (1, 0, 1)


def test_a_click_of_one_sample_in_ten_seconds_is_seen():
    """No sample is passed over, however coarse the picture."""
    samples = np.full(10 * RATE, 1e-9)
    samples[93210] = 1
    column = cells(spectrogram.draw(samples, RATE)).max(axis=0).argmax()
    assert column / cells(spectrogram.draw(samples, RATE)).shape[1] == pytest.approx(93210 / len(samples), abs=0.01)


def test_silence_and_a_single_sample_have_a_spectrogram():
    """All dark, or one bright column."""
    for samples in (np.zeros(RATE), np.zeros(1), np.ones(1)):
        assert cells(spectrogram.draw(samples, RATE)).max() in (0, 19)


def test_ticks_are_round_and_lie_where_their_values_are():
    """Linear: 5 of 20 is a quarter; logarithmic: the geometric mean of the ends is the middle."""
    assert {tick.text: tick.position for tick in ticks.linear(0, 20)}["5"] == pytest.approx(0.25)
    assert {tick.text: tick.position for tick in ticks.logarithmic(10, 1000)}["100"] == pytest.approx(0.5)
    assert [tick.text for tick in ticks.logarithmic(50, 2500)] == ["50", "100", "200", "500", "1000", "2000"]
    narrow = ticks.logarithmic(110, 180)
    assert len(narrow) > 1 and all(
        tick.position == pytest.approx(math.log(tick.value / 110) / math.log(180 / 110)) for tick in narrow
    )


@pytest.mark.parametrize(
    "name", ["../a.wav", "/etc/a.wav", "x/../../a.wav", "..\\a.wav", "C:\\a.wav", "\0a.wav", "link/a.wav"]
)
def test_no_name_leads_out_of_the_data(tmp_path, name):
    """Not upwards, not by an absolute path, not by a link; even where there is a file."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path)
    soundfile.write(tmp_path / "a.wav", noise(0.1), RATE)
    clip = sound.clip_sound(name, tmp_path / "data")
    assert isinstance(clip, str) and "leads out of the data folder" in clip


def test_an_absolute_path_is_heard_where_the_data_is(tmp_path):
    """A CSV may hold such paths; inside the folder of the data they are read."""
    soundfile.write(tmp_path / "a.wav", noise(0.5), RATE)
    assert sound.clip_sound(str(tmp_path / "a.wav"), tmp_path).seconds == pytest.approx(0.5)
    assert "--data names another" in sound.clip_sound(str(tmp_path / "a.wav"), tmp_path / "elsewhere")


def test_why_there_is_no_sound_is_said(tmp_path):
    """Gone, no audio, beyond the end, or no folder known: a sentence each."""
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "short.wav", noise(0.5), RATE)
    assert "there is no such file" in sound.clip_sound("gone.wav", tmp_path)
    assert "not audio" in sound.clip_sound("text.wav", tmp_path)
    assert "ends at 2 s, but the recording at 0.5 s" in sound.clip_sound("short.wav#0-2", tmp_path)
    assert "--data" in sound.clip_sound("short.wav", None)


def test_baselines_have_no_say_in_which_clips_are_disputed():
    """Nor have untrained copies, and log-mel where `--baselines` brought it, but not where it was asked for."""
    names = ["hear_ssl.a", "hear_ssl.b", "hear_ssl.majority", "untrained:hear_ssl.a", "hear_ssl.melspec"]
    brought = [
        {"command": ["run", "hear_ssl.a", "--baselines"]},
        {"command": ["run", "hear_ssl.melspec", "--baselines"]},
    ]
    for environment, kept in zip(brought, (names[:2], [*names[:2], names[4]]), strict=True):
        several = [result(module=name, environment=environment) for name in names]
        titles, results, left_out = clips.without_baselines(names, several)
        assert titles == [each.module for each in results] == kept and set(left_out) == set(names) - set(kept)
    several = [result(module=name) for name in names[2:4]]
    assert clips.without_baselines(names[2:4], several)[0] == names[2:4]


@pytest.fixture
def parent(tmp_path):
    """A folder with two datasets, whose recordings have the same names and other lengths; the second lies a folder further down."""
    for folder, seconds in (("frogs", 0.5), ("birds/v1.2", 0.25)):
        (tmp_path / "data" / folder).mkdir(parents=True)
        soundfile.write(tmp_path / "data" / folder / "x.wav", noise(seconds), RATE)
    soundfile.write(tmp_path / "data" / "birds" / "v1.2" / "only.wav", noise(0.25), RATE)
    return tmp_path / "data"


def test_recordings_are_found_in_a_folder_of_several_datasets(parent, tmp_path):
    """By the dataset's name, the name of the folder in which they lay, one folder further down, or itself."""
    find = moved.find_folder
    gone = tmp_path / "elsewhere"
    assert find(parent, gone, None, "frogs", ["x.wav"]) == parent / "frogs"
    assert find(parent, gone / "frogs", None, "mine", ["x.wav"]) == parent / "frogs"
    assert find(parent, gone, None, "birds", ["only.wav", "x.wav"]) == parent / "birds" / "v1.2"
    assert find(parent / "frogs", gone, None, "frogs", ["x.wav"]) == parent / "frogs"
    assert find(None, gone, None, "frogs", ["x.wav"]) == gone
    assert find(parent, gone, None, "frogs", ["nowhere.wav"]) == parent
    assert find(tmp_path, parent / "frogs", None, "toads", ["x.wav"]) == tmp_path


def test_own_and_made_data_is_heard_where_it_lay(parent, tmp_path):
    """As `run` takes it from there whatever --data says; unless --data holds it."""
    (made,) = catalogue.find("demo/calls")
    assert moved.find_folder(tmp_path, parent / "frogs", made.document(), "calls", ["x.wav"]) == parent / "frogs"
    assert (
        moved.find_folder(parent / "birds", parent / "frogs", made.document(), "calls", ["x.wav"])
        == parent / "birds" / "v1.2"
    )
    (esc10,) = catalogue.find("esc10")
    assert moved.find_folder(tmp_path, parent / "frogs", esc10.document(), "esc10", ["x.wav"]) == tmp_path


def test_another_recording_of_the_same_name_is_not_heard(parent):
    """Its length is not that of the clip that was evaluated; stretches say themselves where they end."""
    wrong = recordings.another(parent / "frogs", "x.wav", 0.25)
    assert "x.wav is another recording: it has 0.500 s, and the one that was evaluated 0.250 s" in wrong
    assert recordings.another(parent / "birds" / "v1.2", "x.wav", 0.25) == ""
    for name, seconds in (("x.wav#0-0.1", 0.1), ("x.wav", math.nan), ("../frogs/x.wav", 9.0), ("gone.wav", 1.0)):
        assert recordings.another(parent / "frogs", name, seconds) == ""
