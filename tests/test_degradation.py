"""Clips are made worse by exactly what is asked for, the same for every module, and nothing else of them changes."""

import numpy as np
import pytest
import soundfile

from evaluator.audio import degrading
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, clip_key, clip_seconds, file_facts, listen
from evaluator.audio.degradation import KINDS, PINK, WHITE, Degradation, NoiseFile, NoiseSource

RATE = 16_000
WHOLE = Clip("a.wav", ())
MADE = [Degradation("noise", 10.0, NoiseSource(name)) for name in (WHITE, PINK)]
EACH = [
    *MADE,
    Degradation("gain", -20.0),
    Degradation("low_pass", 1000.0),
    Degradation("length", 0.5),
    Degradation("sample_rate", 4000.0),
]


def tone(frequency, seconds=1.0, rate=RATE, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def sounds(seed=0, n=3 * RATE, amplitude=0.1):
    return (amplitude * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def refuse(*asked):
    raise AssertionError("no recording is read")


def applied(degradation, samples, rate=RATE, content="a", read=refuse):
    return degradation.apply(samples, rate, content, read)


def decibels(power):
    return 10 * np.log10(power)


def level_at(samples, frequency, rate=RATE):
    """Amplitude of a tone in the middle half of a clip, by correlation with it."""
    part = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
    turning = np.exp(-2j * np.pi * frequency * np.arange(len(part)) / rate)
    return 2 * abs((part * turning).mean())


@pytest.mark.parametrize("asked", [-10.0, 0.0, 12.5, 40.0])
@pytest.mark.parametrize("name", [WHITE, PINK])
def test_the_ratio_is_the_one_asked_for(name, asked):
    """Over the second in which the clip sounds, by hand: not over the two of digital silence, nor with its offset."""
    clip = np.concatenate([np.zeros(RATE), sounds(n=RATE) * 0.3, np.zeros(RATE)]).astype(np.float32) + np.float32(0.25)
    noise = applied(Degradation("noise", asked, NoiseSource(name)), clip).astype(np.float64) - clip
    second = slice(RATE, 2 * RATE)
    sound = clip.astype(np.float64) - clip.astype(np.float64).mean()
    power = np.square(sound[second]).mean()
    assert abs(decibels(power / np.square(noise[second]).mean()) - asked) < 1e-6 * max(1, 10 ** (asked / 20 - 1))
    assert np.abs(noise[:RATE]).max() > 0  # it is there in the pauses too


def test_active_is_where_a_clip_is_within_40_db_of_its_loudest_20_ms():
    """39 dB below counts, 41 dB does not; the last, shorter block counts by its own power."""
    block = 320
    loud = np.tile([1.0, -1.0], block // 2)
    clip = np.concatenate([loud, loud * 10 ** (-39 / 20), loud * 10 ** (-41 / 20), loud[:100]])
    found = degrading.active(clip, RATE)
    assert [found[:block].all(), found[block : 2 * block].all(), found[2 * block : 3 * block].any()] == [
        True,
        True,
        False,
    ]
    assert found[3 * block :].all() and len(found) == len(clip)


def test_white_and_pink_noise_have_the_spectra_of_their_names():
    """White: equal power in bands of equal width; pink: equal power in octaves, and hardly any below 20 Hz."""
    n = 30 * RATE
    random = np.random.RandomState(5)
    for made, bands in (
        (degrading.white(n, random), [(1000, 2000), (3000, 4000), (6000, 7000)]),
        (degrading.pink(n, random, RATE), [(100, 200), (800, 1600), (3200, 6400)]),
    ):
        spectrum, frequencies = np.square(np.abs(np.fft.rfft(made))), np.fft.rfftfreq(n, 1 / RATE)
        powers = [spectrum[(frequencies >= low) & (frequencies < high)].sum() for low, high in bands]
        assert max(powers) / min(powers) < 1.1
    assert spectrum[frequencies < 19].sum() < 1e-9 * spectrum.sum()


@pytest.mark.parametrize("asked", [-40.0, -6.0, 20.0])
def test_gain_is_exact_and_clips_nothing(asked):
    clip = sounds() * 5
    louder = applied(Degradation("gain", asked), clip)
    assert decibels(np.square(louder.astype(float)).sum() / np.square(clip.astype(float)).sum()) == pytest.approx(
        asked, abs=1e-5
    )
    assert np.allclose(louder, clip * 10 ** (asked / 20), rtol=1e-6)
    assert asked < 0 or np.abs(louder).max() > 10


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("cutoff", [250.0, 1000.0, 3000.0])
def test_a_low_pass_keeps_what_is_below_and_takes_what_is_above(rate, cutoff):
    """Within 0.1 dB up to 0.9 of the cut-off, 6 dB at it, at least 75 dB from 1.1 on; and nothing moves in time."""
    degradation = Degradation("low_pass", cutoff)
    for share, low, high in ((0.5, -0.1, 0.1), (0.9, -0.1, 0.1), (1.0, -6.2, -5.8), (1.1, -300, -75), (1.3, -300, -75)):
        heard = applied(degradation, tone(cutoff * share, 2.0, rate), rate)
        assert low <= 20 * np.log10(level_at(heard, cutoff * share, rate) / 0.5) <= high, share
    below = tone(cutoff / 2, 2.0, rate)
    middle = slice(rate // 2, -rate // 2)
    assert np.allclose(applied(degradation, below, rate)[middle], below[middle], atol=0.01)


def test_a_lower_rate_loses_what_lies_above_half_of_it():
    """A tone at 3 kHz is gone at 4 kHz (2 kHz is half), one at 1 kHz is as it was, and the length stays."""
    clip = tone(1000) + tone(3000)
    heard = applied(Degradation("sample_rate", 4000.0), clip)
    assert len(heard) == len(clip)
    assert abs(20 * np.log10(level_at(heard, 1000) / 0.5)) < 0.1
    assert level_at(heard, 3000) < 0.5 * 10 ** (-75 / 20)
    middle = slice(2000, -2000)
    assert np.allclose(heard[middle], tone(1000)[middle], atol=1e-3)


def test_a_stretch_is_a_part_of_the_clip_and_shorter_ones_lie_within_longer_ones():
    """Samples as they are; where it lies is drawn by the content, so that different clips have different places."""
    clip = np.arange(3 * RATE, dtype=np.float32)
    stretches = [applied(Degradation("length", seconds), clip) for seconds in (2.0, 0.5, 0.1)]
    assert [len(each) for each in stretches] == [2 * RATE, RATE // 2, RATE // 10]
    for longer, shorter in zip([clip, *stretches], stretches, strict=False):
        assert longer[0] <= shorter[0] and shorter[-1] <= longer[-1]
        assert np.array_equal(np.diff(shorter), np.ones(len(shorter) - 1))
    starts = {applied(Degradation("length", 0.5), clip, content=str(n))[0] for n in range(20)}
    assert len(starts) == 20 and min(starts) < 0.4 * RATE and max(starts) > 2 * RATE


@pytest.mark.parametrize("degradation", MADE, ids=lambda each: each.noise.name)
def test_noise_is_drawn_once_for_a_clip(degradation):
    """The same at another level but for its scale, and again; another for another recording or seed."""
    clip = sounds()

    def noise(level=10.0, content="a", seed=0):
        return applied(Degradation("noise", level, degradation.noise, seed), clip, content=content) - clip.astype(float)

    assert np.array_equal(noise(), noise())
    assert np.corrcoef(noise(), noise(0.0))[0, 1] > 1 - 1e-9
    assert abs(np.corrcoef(noise(), noise(content="b"))[0, 1]) < 0.05
    assert abs(np.corrcoef(noise(), noise(seed=1))[0, 1]) < 0.05


@pytest.mark.parametrize("degradation", EACH, ids=lambda each: each.title)
@pytest.mark.parametrize(
    "clip", [np.zeros(0), np.zeros(5000), np.full(5000, 0.3), np.array([0.4]), np.array([0.4, -0.1])][1:], ids=len
)
def test_silence_and_single_samples_are_clips_too(degradation, clip):
    """They come back finite and as long as they should be; what sounds nowhere has no ratio and gets no noise."""
    clip = clip.astype(np.float32)
    heard = applied(degradation, clip)
    assert heard.dtype == np.float32 and np.isfinite(heard).all() and len(heard) == len(clip)
    if degradation.kind == "noise" and len(clip) != 2:
        assert np.array_equal(heard, clip)
    if not clip.any():
        assert not heard.any()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("noise", 200.0, NoiseSource(WHITE)), "a number from -100 to 100 dB"),
        (("gain", float("nan")), "a gain is a number from -60 to 60 dB"),
        (("low_pass", 0.0), "a low-pass cut-off is a number from 20 to 1e"),
        (("noise", 10.0), "noise, and nothing else, has a source"),
        (("gain", 10.0, NoiseSource(WHITE)), "noise, and nothing else, has a source"),
        (("echo", 1.0), "known are noise, gain, low_pass, length, sample_rate"),
    ],
)
def test_what_is_no_degradation_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Degradation(*arguments)


# In files: rates, keys and rules.


@pytest.fixture
def recording(tmp_path):
    """Three seconds at 44.1 kHz, in a file of 32-bit floats."""
    soundfile.write(tmp_path / "a.wav", sounds(n=3 * 44_100), 44_100, subtype="FLOAT")
    return tmp_path / "a.wav"


def facts_of(path):
    return file_facts(path.parent, [path.name], path.parent / "cache")[path.name]


def heard(path, rule, rate, clip=WHOLE):
    return listen(path, clip, rule, rate, facts_of(path).sha256)


def test_modules_of_every_rate_hear_the_same_degraded_clip(recording):
    """The noise is that of the recording: resampled to a module's rate, not drawn anew for it."""
    rule = ClipRule(degradation=MADE[0])
    at_own, at_lower = heard(recording, rule, 44_100).samples, heard(recording, rule, RATE).samples
    import soxr

    assert np.allclose(soxr.resample(at_own, 44_100, RATE, "HQ"), at_lower, atol=1e-6)
    own = at_own - heard(recording, ClipRule(), 44_100).samples.astype(float)
    clean = sounds(n=3 * 44_100).astype(float)
    assert decibels(np.square(clean - clean.mean()).sum() / np.square(own).sum()) == pytest.approx(10, abs=0.05)


@pytest.mark.parametrize("degradation", EACH, ids=lambda each: each.title)
def test_each_degradation_has_a_key_of_its_own(recording, degradation):
    """Level, noise and seed show in it; what changes nothing of a clip does not, and gives the very samples of the clean clip."""
    facts, rule = facts_of(recording), ClipRule(degradation=degradation)
    others = [ClipRule(degradation=each) for each in EACH if each != degradation]
    keys = [clip_key(facts, WHOLE, each) for each in (ClipRule(), rule, *others)]
    assert len(set(keys)) == len(keys)
    assert clip_seconds(facts, WHOLE, rule) == (0.5 if degradation.kind == "length" else 3.0)
    nothing = {"gain": 0.0, "low_pass": 22_050.0, "length": 3.0, "sample_rate": 44_100.0}.get(degradation.kind)
    if nothing is not None:
        idle = ClipRule(degradation=Degradation(degradation.kind, nothing))
        assert clip_key(facts, WHOLE, idle) == clip_key(facts, WHOLE, ClipRule())
        assert np.array_equal(heard(recording, idle, RATE).samples, heard(recording, ClipRule(), RATE).samples)


def test_what_a_rule_cuts_and_fills_up_stays_as_it_is(recording):
    """A clip is cut before it is degraded, and filled up afterwards: zeros at the end stay zeros."""
    for degradation in EACH:
        rule = ClipRule(seconds=2.0, pad=True, min_seconds=4.0, degradation=degradation)
        samples = heard(recording, rule, RATE).samples
        n_sound = RATE // 2 if degradation.kind == "length" else 2 * RATE
        assert len(samples) == 4 * RATE and samples[:n_sound].any() and not samples[n_sound:].any()


def test_the_part_that_is_cut_off_has_no_say(tmp_path):
    """The ratio is to the part that is used: a loud end that is cut off changes nothing."""
    for name, end in (("a.wav", 0.1), ("b.wav", 0.9)):
        samples = np.concatenate([sounds(n=RATE), sounds(1, RATE, end)])
        soundfile.write(tmp_path / name, samples, RATE, subtype="FLOAT")
    rule = ClipRule(seconds=1.0, degradation=Degradation("sample_rate", 4000.0))
    heard_of_both = [listen(tmp_path / name, WHOLE, rule, RATE, "the same").samples for name in ("a.wav", "b.wav")]
    assert len(heard_of_both[0]) == RATE and np.array_equal(*heard_of_both)


def test_levels_are_those_of_what_is_heard(recording):
    """Far beyond full scale is told, and a change of level is no power that a module cannot hear."""
    loud = heard(recording, ClipRule(degradation=Degradation("gain", 30.0)), 44_100)
    assert loud.levels.odd == ("over_full_scale",) and np.abs(loud.samples).max() > 2
    quiet = heard(recording, ClipRule(degradation=Degradation("gain", -40.0)), 22_050)
    assert quiet.unheard == pytest.approx(heard(recording, ClipRule(), 22_050).unheard, abs=1e-3)


def noise_files(folder, *sounds_of):
    """A source of recordings at 8 kHz with these samples."""
    files = []
    for number, samples in enumerate(sounds_of):
        path = folder / f"noise {number}.wav"
        soundfile.write(path, samples, 8000, subtype="FLOAT")
        files.append(NoiseFile(path, facts_of(path).sha256, len(samples) / 8000))
    return NoiseSource("rain", tuple(files))


@pytest.mark.parametrize("seconds", [0.7, 10.0])
def test_recorded_noise_is_a_stretch_of_a_recording(recording, tmp_path, seconds):
    """At the ratio that was asked for, whether it is shorter than the clip, and goes on from its start, or longer."""
    source = noise_files(tmp_path, sounds(3, int(seconds * 8000)))
    rule = ClipRule(degradation=Degradation("noise", 5.0, source))
    added = heard(recording, rule, 44_100).samples - sounds(n=3 * 44_100).astype(float)
    clean = sounds(n=3 * 44_100).astype(float)
    assert decibels(np.square(clean).sum() / np.square(added).sum()) == pytest.approx(5, abs=0.05)
    spectrum = np.square(np.abs(np.fft.rfft(added)))
    assert spectrum[4500 * 3 :].sum() < 0.01 * spectrum.sum()  # recorded at 8 kHz
    assert np.array_equal(heard(recording, rule, RATE).samples, heard(recording, rule, RATE).samples)


def test_recorded_noise_counts_by_its_content(recording, tmp_path):
    """Another recording is another key; another name is not. A silent one is refused by its name."""
    one = noise_files(tmp_path, sounds(3, 8000))
    other = noise_files(tmp_path / "..", sounds(4, 8000))
    renamed = NoiseSource("storm", one.files)
    rules = [ClipRule(degradation=Degradation("noise", 5.0, each)) for each in (one, other, renamed)]
    keys = [clip_key(facts_of(recording), WHOLE, rule) for rule in rules]
    assert keys[0] == keys[2] != keys[1]
    silent = ClipRule(degradation=Degradation("noise", 5.0, noise_files(tmp_path, np.zeros(16_000))))
    with pytest.raises(AudioError, match=r"noise 0.wav: the noise is silent where the clip sounds"):
        heard(recording, silent, RATE)


def test_every_kind_says_what_it_is():
    """Titles are what results and curves are called."""
    assert [each.title for each in EACH] == [
        "white noise, 10 dB",
        "pink noise, 10 dB",
        "gain, -20 dB",
        "low-pass, 1000 Hz",
        "length, 0.5 s",
        "sample rate, 4000 Hz",
    ]
    assert {each.kind for each in EACH} == set(KINDS)
