"""What a module hears of a recording: which channel, how slowly, what is lost on the way, and that all of it is told."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, clip_key, clip_seconds, file_facts, listen, read_clip
from evaluator.audio.lengths import measure
from evaluator.errors import UsageError
from evaluator.probes.protocol import load

RATE = 16_000
WHOLE = Clip("", ())


def tone(frequency, seconds=1.0, rate=RATE, amplitude=0.3):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


def written(path, samples, rate=RATE, subtype="FLOAT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def with_guano(path, text, before=False):
    """A 16-bit WAV with a chunk of GUANO metadata behind its audio, or before it."""
    whole = path.read_bytes()
    content = text.encode() + b" " * (len(text.encode()) % 2)
    chunk = b"guan" + struct.pack("<I", len(content)) + content
    at = 12 if before else len(whole)
    whole = whole[:at] + chunk + whole[at:]
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    return path


def heard(path, rule, rate=RATE):
    return read_clip(path, WHOLE, rule, rate)


# Channels ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path):
    """A soft tone, a loud one, and a constant, which is the largest number and no sound."""
    channels = [tone(300, amplitude=0.1), tone(500, amplitude=0.4), np.full(RATE, 0.9)]
    return written(tmp_path / "three.wav", np.stack(channels, axis=1))


@pytest.mark.parametrize(("channel", "column"), [("first", 0), ("1", 0), ("2", 1), ("3", 2), ("loudest", 1)])
def test_one_channel_is_taken_as_it_is(three, channel, column):
    """The loudest is that of the most power about its mean, over the clip; reading it twice changes no sample."""
    samples = soundfile.read(three, dtype="float32")[0][:, column]
    assert np.array_equal(heard(three, ClipRule(channel=channel)), samples)
    part = Clip("", (), 0.25, 0.75)
    assert np.array_equal(read_clip(three, part, ClipRule(channel=channel), RATE), samples[RATE // 4 : 3 * RATE // 4])


def test_the_loudest_is_that_of_the_clip_not_of_the_recording(tmp_path):
    """Two channels take turns."""
    silence = np.zeros(RATE)
    turns = np.stack([np.r_[tone(300), silence], np.r_[silence, tone(500, amplitude=0.9)]], axis=1)
    path = written(tmp_path / "turns.wav", turns)
    first = read_clip(path, Clip("", (), 0.0, 1.0), ClipRule(channel="loudest"), RATE)
    assert np.allclose(first, tone(300)) and heard(path, ClipRule(channel="loudest"))[RATE:].any()


def test_a_channel_that_is_not_there_is_told(three, tmp_path):
    with pytest.raises(AudioError, match=r"three.wav: has 3 channels, but channel 4 is asked for"):
        heard(three, ClipRule(channel="4"))
    mono = written(tmp_path / "mono.wav", tone(300))
    with pytest.raises(AudioError, match="has 1 channel, but channel 2 is asked for"):
        heard(mono, ClipRule(channel="2"))
    assert np.array_equal(heard(mono, ClipRule(channel="loudest")), heard(mono, ClipRule()))


@pytest.mark.parametrize("channel", ["", "0", "-1", "left", "1.0", "²"])
def test_what_names_no_channel_is_refused(channel):
    with pytest.raises(ValueError, match="is no channel; give mix, first, loudest, or a number"):
        ClipRule(channel=channel)


def test_keys_tell_channels_apart_only_where_there_are_several(three, tmp_path):
    """`first` is `1`; one channel sounds the same whatever the rule."""
    written(tmp_path / "mono.wav", tone(300))
    facts = file_facts(tmp_path, ["three.wav", "mono.wav"], tmp_path / "cache")
    rules = [ClipRule(channel=each) for each in ("mix", "first", "1", "2", "loudest")]
    keys = [clip_key(facts["three.wav"], WHOLE, rule) for rule in rules]
    assert keys[1] == keys[2] and len(set(keys)) == 4
    assert len({clip_key(facts["mono.wav"], WHOLE, rule) for rule in (rules[0], rules[1], rules[4])}) == 1


# Pace ----------------------------------------------------------------------------------------------------------------


def test_time_expansion_lowers_pitch_and_lengthens_by_the_same_factor(tmp_path):
    """A call of 45 kHz recorded at 250 kHz is one of 4.5 kHz, ten times as long: hand-made samples at 25 kHz sound the same."""
    call = tone(45_000, 0.2, 250_000)
    bat = written(tmp_path / "bat.wav", call, 250_000)
    slow = written(tmp_path / "slow.wav", call, 25_000)
    samples = heard(bat, ClipRule(expand=10))
    assert np.array_equal(samples, heard(slow, ClipRule())) and len(samples) == 2 * RATE
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()] - 4500) < 1
    assert np.abs(heard(bat, ClipRule())[50:-50]).max() < 0.002  # in real time a 16 kHz module hears nothing of it


def test_lengths_cuts_and_keys_are_those_of_what_is_heard(tmp_path):
    """Clips' own times stay the file's; a rule's seconds are heard ones."""
    written(tmp_path / "bat.wav", tone(45_000, 1.0, 250_000), 250_000)
    facts = file_facts(tmp_path, ["bat.wav"], tmp_path / "cache")["bat.wav"]
    part = Clip("bat.wav", (), 0.2, 0.5)
    assert clip_seconds(facts, part, ClipRule(expand=10)) == pytest.approx(3.0)
    assert clip_seconds(facts, part, ClipRule(2.0, expand=10)) == 2.0
    cut = read_clip(tmp_path / "bat.wav", part, ClipRule(2.0, expand=10), RATE)
    whole = read_clip(tmp_path / "bat.wav", part, ClipRule(expand=10), RATE)
    assert len(cut) == 2 * RATE and np.array_equal(cut, whole[: 2 * RATE])
    keys = [clip_key(facts, part, ClipRule(expand=each)) for each in (None, 1, 8, 10)]
    assert keys[0] == keys[1] and len(set(keys)) == 3


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("text", ["GUANO|Version: 1.0\nTE: 10\nMake: x\n", "GUANO|Version:1.0\r\n  TE:10.0\r\n"])
def test_a_file_that_says_that_it_is_slowed_down_is_not_slowed_down_twice(tmp_path, text, before):
    """Its header says a tenth of the true rate. At life's own pace it is sped up."""
    slow = with_guano(written(tmp_path / "te.wav", tone(4_500, 2.0, 25_000), 25_000, "PCM_16"), text, before)
    assert measure(slow).expansion == 10 and measure(slow).remark == ""
    assert np.array_equal(heard(slow, ClipRule(expand=10)), heard(slow, ClipRule()))
    assert len(heard(slow, ClipRule(expand=1))) == 0.2 * RATE
    facts = file_facts(tmp_path, ["te.wav"], tmp_path / "cache")["te.wav"]
    assert clip_key(facts, WHOLE, ClipRule(expand=10)) == clip_key(facts, WHOLE, ClipRule())
    assert clip_seconds(facts, WHOLE, ClipRule(expand=20)) == pytest.approx(4.0)


@pytest.mark.parametrize("value", ["0", "-3", "ten", "nan", "inf", "100000"])
def test_a_factor_that_cannot_be_is_told_and_not_believed(tmp_path, value):
    path = with_guano(written(tmp_path / "te.wav", tone(440), RATE, "PCM_16"), f"GUANO|Version: 1.0\nTE: {value}\n")
    assert measure(path).expansion == 1 and f"its GUANO field TE says {value!r}" in measure(path).remark


def test_the_factor_is_remembered(tmp_path, monkeypatch):
    """Facts of a settled file come from the memory, and the clip is heard by it."""
    monkeypatch.setattr("evaluator.files._SETTLED_NS", -(10**9))
    with_guano(written(tmp_path / "te.wav", tone(440), RATE, "PCM_16"), "GUANO|Version: 1.0\nTE: 8\n")
    assert file_facts(tmp_path, ["te.wav"], tmp_path / "cache")["te.wav"].expansion == 8
    monkeypatch.setattr("evaluator.audio.facts.measure", lambda path: pytest.fail("measured again"))
    assert file_facts(tmp_path, ["te.wav"], tmp_path / "cache")["te.wav"].expansion == 8


# What is lost --------------------------------------------------------------------------------------------------------


def oddities(tmp_path, samples, rate=RATE, rule=None):
    path = written(tmp_path / "odd.wav", samples, rate)
    return listen(path, WHOLE, rule or ClipRule(), RATE).levels.odd


def test_levels_of_ordinary_sounds_are_not_odd(tmp_path):
    """Mono; the same twice; unlike channels; delayed ones, as of two microphones; many of an array."""
    noise = np.random.default_rng(0).normal(0, 0.1, (RATE, 32))
    for samples in (noise[:, 0], noise[:, [0, 0]], noise[:, :2], noise):
        assert oddities(tmp_path, samples) == ()
    assert oddities(tmp_path, np.stack([tone(440), np.roll(tone(440), 7)], axis=1)) == ()
    assert oddities(tmp_path, np.zeros(RATE)) == ()  # silent, which is told by itself


def test_channels_that_cancel_are_told_unless_one_is_taken(tmp_path):
    z = tone(440)
    opposite = np.stack([z, -0.95 * z], axis=1)
    assert oddities(tmp_path, opposite) == ("channels_cancel",)
    assert oddities(tmp_path, np.stack([z, -z], axis=1)) == ("channels_cancel",)  # to exact zeros
    assert oddities(tmp_path, opposite, rule=ClipRule(channel="first")) == ()


def test_dead_channels_loud_soft_and_offset_clips_are_told(tmp_path):
    z = tone(440)
    assert oddities(tmp_path, np.stack([z, np.full(RATE, 0.001)], axis=1)) == ("dead_channels",)
    assert oddities(tmp_path, np.stack([z, 0 * z], axis=1), rule=ClipRule(channel="loudest")) == ()
    assert oddities(tmp_path, 10 * z) == ("over_full_scale",)
    assert oddities(tmp_path, 1e-4 * z) == ("near_silent_clips",)
    assert oddities(tmp_path, 0.1 * z + 0.5) == ("constant_offset",)
    assert oddities(tmp_path, z + 0.01) == ()


@pytest.mark.parametrize(("low", "high", "share"), [(0.3, 0.3, 0.5), (0.3, 0.1, 0.1), (0.3, 0.0, 0.0)])
def test_the_share_that_a_lower_rate_loses_is_that_of_the_tones_above(tmp_path, low, high, share):
    """Power by hand: amplitudes squared. Also where only the start of the clip is heard."""
    rate = 96_000
    mixed = tone(1000, 2.0, rate, low) + tone(30_000, 2.0, rate, high)
    path = written(tmp_path / "high.wav", np.r_[mixed, tone(30_000, 3.0, rate)], rate)
    assert read_clip(path, WHOLE, ClipRule(), RATE).size == 5 * RATE
    assert listen(path, Clip("", (), 0.0, 2.0), ClipRule(), RATE).unheard == pytest.approx(share, abs=0.002)
    assert listen(path, WHOLE, ClipRule(2.0), RATE).unheard == pytest.approx(share, abs=0.002)
    assert listen(path, Clip("", (), 0.0, 2.0), ClipRule(), 2 * rate).unheard == 0


# What is told --------------------------------------------------------------------------------------------------------


def opposite_phase(folder):
    """A balanced line that was split in two channels, under two classes."""
    for label, pitch in (("robin", 700), ("wren", 2200)):
        for number in range(8):
            z = tone(pitch + 10 * number) + np.random.default_rng(number).normal(0, 0.01, RATE)
            written(folder / label / f"x{number}.wav", np.stack([z, -z], axis=1), subtype="PCM_16")
    return folder


def test_opposite_phase_is_told_by_check_and_run_and_mended_by_a_channel(tmp_path):
    """Report: m-bain/whisperX#750, librosa/librosa#1080: the mean of the channels is rounding noise."""
    folder = opposite_phase(tmp_path / "anti")
    task, cache = str(folder), tmp_path / "cache"
    issues = ev.check_tasks(task, cache=cache)[ev.find_tasks(task)[0].name]
    (found,) = [each for each in issues if "averaged" in each.what]
    assert found.level == "warning" and found.what.startswith("16 clips lose nearly all of their power")
    assert not [each for each in issues if "silent" in each.what]

    (mixed,) = ev.run("hear_ssl.melspec", task, protocol="logistic", cache=cache, out=None)
    assert "channels_cancel" in {caveat.kind for caveat in mixed.caveats}
    (first,) = ev.run("hear_ssl.melspec", task, protocol="logistic", cache=cache, out=None, channel="first")
    assert first.score == 1.0 > mixed.score and "channels_cancel" not in {caveat.kind for caveat in first.caveats}
    assert first.run != mixed.run and first.hearing.channel == "first"
    assert not [
        each for each in ev.check_tasks(task, cache=cache, channel="loudest")[first.task] if "averaged" in each.what
    ]
    (again,) = ev.run("hear_ssl.melspec", task, protocol="logistic", cache=cache, out=None)
    assert again.environment["n_embedded"] == 0 and again.caveats == mixed.caveats


def test_a_result_says_how_its_clips_were_recorded_and_what_was_heard(tmp_path):
    """The ledger goes through the JSON, and is a note for people."""
    for label, pitch in (("low", 1000), ("high", 1500)):
        for number in range(6):
            rate = 48_000 if number else 44_100
            samples = tone(pitch, 0.5, rate) + tone(20_000, 0.5, rate)
            written(tmp_path / "data" / label / f"{number}.wav", samples + number / 1e4, rate)
    (result,) = ev.run(
        "hear_ssl.melspec", str(tmp_path / "data"), protocol="logistic", cache=tmp_path / "cache", out=tmp_path
    )
    recorded = [(each.sample_rate, each.channels, each.expansion, each.n_clips) for each in result.hearing.recorded]
    assert recorded == [(48_000, 1, 1.0, 10), (44_100, 1, 1.0, 2)]
    assert result.hearing.unheard == pytest.approx(0.5, abs=0.01)
    assert any("10 clips of 48 kHz, 2 clips of 44.1 kHz, heard at 16 kHz" in note for note in result.notes)
    assert "energy_not_heard" in {caveat.kind for caveat in result.caveats}
    assert ev.load_results(tmp_path)[0].hearing == result.hearing


def test_files_of_different_paces_are_told_until_one_is_set(tmp_path):
    for label, pitch in (("low", 3000), ("high", 5000)):
        for number in range(6):
            path = written(tmp_path / "bats" / label / f"{number}.wav", tone(pitch + number, 0.5), RATE, "PCM_16")
            if number % 2:
                with_guano(path, "GUANO|Version: 1.0\nTE: 10\n")
    given = {"protocol": "logistic", "cache": tmp_path / "cache", "out": None}
    (mixed,) = ev.run("hear_ssl.melspec", str(tmp_path / "bats"), **given)
    (told,) = [caveat.text for caveat in mixed.caveats if caveat.kind == "time_expansion"]
    assert "6 x 1, 6 x 10" in told and "--expand 10" in told
    (even,) = ev.run("hear_ssl.melspec", str(tmp_path / "bats"), expand=10, **given)
    assert "time_expansion" not in {caveat.kind for caveat in even.caveats}
    assert "10 times slower than life" in even.notes[-1] and even.run != mixed.run


def test_times_of_events_and_frames_are_the_files_own(tmp_path):
    """Frames of a slowed clip lie ten times as dense in the file's time; an event task scores them there."""
    path = written(tmp_path / "bat.wav", tone(40_000, 0.4, 250_000), 250_000)
    plain = ev.embed("hear_ssl.melspec", path, frames=True, cache=tmp_path / "cache")
    slowed = ev.embed("hear_ssl.melspec", path, frames=True, cache=tmp_path / "cache", expand=10)
    assert plain.times[0][-1] <= 400 and 390 < slowed.times[0][-1] <= 400
    assert len(slowed.times[0]) == pytest.approx(10 * len(plain.times[0]), abs=10)


def test_an_event_task_of_slowed_clips_finds_events_where_they_are(tmp_path):
    """Calls of 40 and 60 kHz in noise, 250 kHz: heard ten times slower they are found, and onsets are in the file's ms."""
    random, folder = np.random.default_rng(0), tmp_path / "bats-v1-full"
    metadata = {"task_name": "bats", "version": "v1", "embedding_type": "event", "prediction_type": "multilabel"}
    metadata |= {
        "evaluation": ["event_onset_200ms_fms"],
        "split_mode": "trainvaltest",
        "splits": ["train", "valid", "test"],
    }
    for number, part in enumerate(("train", "valid", "test") * 4):
        samples, onset = random.normal(0, 0.003, 125_000), 100 + 20 * number
        samples[onset * 250 : (onset + 50) * 250] += tone(60_000 if number % 2 else 40_000, 0.05, 250_000, 0.5)
        written(folder / "250000" / part / f"{number}.wav", samples, 250_000)
        path = folder / f"{part}.json"
        listed = json.loads(path.read_text()) if path.exists() else {}
        listed[f"{number}.wav"] = [{"label": "ab"[number % 2], "start": onset, "end": onset + 50}]
        path.write_text(json.dumps(listed))
    (folder / "task_metadata.json").write_text(json.dumps(metadata))
    (folder / "labelvocabulary.csv").write_text("idx,label\n0,a\n1,b\n")
    hear = load("hear", "clean")
    small = replace(hear.probe, epochs=60, grid=({**hear.probe.grid[2], "hidden": (16,), "learning_rate": 0.01},))
    given = {"cache": tmp_path / "cache", "out": None, "protocol": replace(hear, probe=small, events=((0.0, 20.0),))}
    (plain,), (slowed,) = (ev.run("hear_ssl.melspec", str(folder), expand=each, **given) for each in (None, 10))
    assert slowed.score == 1.0 > plain.score and slowed.task == plain.task and slowed.run != plain.run
    (found,) = slowed.test_events
    onsets = [100 + 20 * number for number in (2, 5, 8, 11)]
    assert np.allclose(np.sort(found[:, 2]), onsets, atol=10) and np.allclose(found[:, 3] - found[:, 2], 50, atol=20)


@pytest.mark.parametrize(("given", "sentence"), [({"channel": "left"}, "channel='left'"), ({"channel": 0}, "channel=0"), ({"expand": 0}, "expand=0"), ({"expand": True}, "expand=True"), ({"expand": "10"}, "expand='10'")])  # fmt: skip
def test_wrong_channels_and_paces_are_a_sentence(given, sentence):
    with pytest.raises(UsageError, match=sentence):
        ev.check_tasks("demo/calls", **given)


def test_yaml_says_channel_and_pace_with_its_own_line(tmp_path):
    opposite_phase(tmp_path / "anti")
    text = ev.write_task(tmp_path / "anti", tmp_path / "t.yaml").read_text()
    path = tmp_path / "t.yaml"
    path.write_text(text + "channel: 2\n")
    assert ev.find_tasks(str(path))[0].channel == "2"
    path.write_text(text + "channel: right\n")
    with pytest.raises(UsageError, match=r"t.yaml.*channel.*'right' is no channel"):
        ev.find_tasks(str(path))
    path.write_text(text + "expand: 0\n")
    with pytest.raises(UsageError, match=r"t.yaml.*expand"):
        ev.find_tasks(str(path))


# Found by a review ---------------------------------------------------------------------------------------------------


def wav_with(path, audio, *behind, size=None, channels=1, width=2, rate=25_000):
    """A WAV whose data chunk says `size`, without pad bytes, with bytes behind it."""
    description = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * width, channels * width, 8 * width)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + description
    body += b"data" + struct.pack("<I", len(audio) if size is None else size) + audio + b"".join(behind)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def guan(text="GUANO|Version: 1.0\nTE: 10\n", pad=True):
    content = text.encode()
    return b"guan" + struct.pack("<I", len(content)) + content + b"\0" * (pad and len(content) % 2)


AUDIO = np.random.default_rng(0).integers(-9000, 9000, 3001, dtype=np.int16).tobytes()


@pytest.mark.parametrize(
    ("audio", "behind", "size", "width"),
    [
        (AUDIO[:3003], [guan()], None, 3),  # 24 bits, an odd number of bytes, no pad byte
        (AUDIO[:3001], [b"\0", guan()], None, 2),  # a last byte that is no whole frame
        (AUDIO, [bytes(4000), guan()], None, 2),  # zeros before it
        (AUDIO, [guan("GUANO|Version: 1.0\rTE: 10\rMake: x\r")], None, 2),
        (AUDIO, [guan("GUANO|Version: 1.0\nte: 10\nTE:10.0\n")], None, 2),
        (AUDIO, [guan(), guan("GUANO|Version: 1.0\nMake: x\n")], None, 2),
        (AUDIO, [guan()], 0, 2),
        (AUDIO, [guan()], 0xFFFFFFFF, 2),
        (AUDIO, [guan()], len(AUDIO) + 44, 2),
    ],
)  # fmt: skip
def test_the_pace_is_found_whatever_sizes_and_pads_are_like(tmp_path, audio, behind, size, width):
    """And metadata is never heard as audio."""
    found = measure(wav_with(tmp_path / "a.wav", audio, *behind, size=size, width=width))
    assert found.expansion == 10 and found.frames == len(audio) // width


def test_metadata_that_contradicts_itself_is_told(tmp_path):
    found = measure(wav_with(tmp_path / "a.wav", AUDIO, guan(), guan("GUANO|Version: 1.0\nTE: 5\n")))
    assert found.expansion == 1 and "says TE 5 and 10; it is taken as 1" in found.remark


def test_a_mono_file_has_no_second_channel_whatever_the_cache_holds(tmp_path):
    """What `mix` stored of it must not answer for a channel that is not there."""
    for label, pitch in (("low", 400), ("high", 900)):
        for number in range(6):
            z = tone(pitch + number) + 1e-4 * number
            written(tmp_path / "data" / label / f"{number}.wav", z if number < 3 else np.stack([z, z], axis=1))
    given = {"protocol": "logistic", "cache": tmp_path / "cache", "out": None}
    ev.run("hear_ssl.melspec", str(tmp_path / "data"), **given)
    with pytest.raises(ev.EvaluationError, match="6 of 12 clips cannot be used"):
        ev.run("hear_ssl.melspec", str(tmp_path / "data"), channel=2, **given)
    found = ev.embed("hear_ssl.melspec", tmp_path / "data", channel=2, cache=tmp_path / "cache", allow_failed=1.0)
    assert len(found.paths) == len(found.failed) == 6


def test_an_ensemble_of_two_sample_rates_has_a_ledger(tmp_path):
    """The highest rate counts: what one of the members hears is heard."""
    for label, pitch in (("low", 1000), ("high", 1500)):
        for number in range(6):
            written(tmp_path / "data" / label / f"{number}.wav", tone(pitch + number, 0.5, 48_000), 48_000)
    (result,) = ev.run("ensemble:hear_ssl.melspec+hear_ssl.duration_loudness", str(tmp_path / "data"), protocol="logistic", cache=tmp_path / "cache", out=None)  # fmt: skip
    assert result.hearing.sample_rate in (16_000, 44_100, 48_000) and result.hearing.unheard < 0.01


def test_a_loud_channel_that_nobody_hears_is_no_caveat(tmp_path):
    hot = np.stack([tone(440), 20 * tone(440)], axis=1)
    assert oddities(tmp_path, hot, rule=ClipRule(channel="first")) == ()
    assert oddities(tmp_path, hot) == ("over_full_scale",)


def test_a_report_tells_ways_to_hear_apart(tmp_path):
    """One module that heard a task in three ways is three rows."""
    opposite_phase(tmp_path / "anti")
    for given in ({}, {"channel": "first"}, {"expand": 4}):
        ev.run(
            "hear_ssl.melspec",
            str(tmp_path / "anti"),
            protocol="knn",
            cache=tmp_path / "cache",
            out=tmp_path / "r",
            **given,
        )
    page = ev.write_report(tmp_path / "r", tmp_path / "page.html", n_clips=0).written[0].read_text()
    assert "hear_ssl.melspec (channel first)" in page and "hear_ssl.melspec (4 times slower than life)" in page
