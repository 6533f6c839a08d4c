"""Outlines of what is embedded: the numbers that a listing of all windows gives, and what a store lacks of them, in memory that hours do not fill."""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.embedding.extraction import keyed, seconds_of
from evaluator.embedding.store import Store, StoredClip
from evaluator.experiment import blocks, outline
from evaluator.experiment.blocks import blocks_of, cut_of
from evaluator.experiment.outline import outlines
from evaluator.experiment.sources import Source

NOWHERE = Path("none")


def source(name, clips, rule=None):
    return Source(name, Path("/none"), tuple(clips), rule or ClipRule())


def known(monkeypatch, facts):
    """Let files hold what these facts say."""
    monkeypatch.setattr(blocks, "file_facts", lambda root, paths, cache, rehash: {path: facts[path] for path in paths})


def listing(sources, cut, stored=()):
    """By source, from every window: how many, those with a key, their seconds, and key and seconds of what is neither stored nor there before."""
    before, told = set(stored), {}
    for block in blocks_of(sources, cut, NOWHERE, False):
        n_clips, n_keyed, seconds, lacking = told.setdefault(block.source.name, (0, 0, 0.0, {}))
        keys = keyed(block.recordings).keys
        lengths = {number: seconds_of(block.recordings, number) for number in keys}
        lacking |= {key: lengths[number] for number, key in keys.items() if key not in before}
        before.update(keys.values())
        sums = n_clips + len(block.origins), n_keyed + len(keys), seconds + sum(lengths.values())
        told[block.source.name] = (*sums, lacking)
    return told


def filled(folder, keys):
    """A store of these clips, in shards of ten."""
    store = Store(folder, {"model": "none"})
    for first in range(0, len(keys), 10):
        some = keys[first : first + 10]
        store.write([StoredClip(key) for key in some], {"scene": np.zeros((len(some), 2), np.float32)})
    return Store(folder, {"model": "none"}, begin=False, wanted=frozenset())


@pytest.fixture(params=range(3))
def random(request):
    return np.random.default_rng(request.param)


@pytest.fixture
def three(random, monkeypatch):
    """Whole recordings; stretches of some of them, of copies and of broken ones; and some of the same recordings once more."""
    facts = {}
    for number in range(9):
        rate = int(random.choice([500, 8000, 11025]))
        frames = int(random.choice([rate * random.integers(1, 6), random.integers(1, 9 * rate)]))
        facts[f"{number}.wav"] = FileFacts(f"{number:064x}", frames, rate, int(random.integers(1, 3)))
    facts |= {"copy.wav": facts["3.wav"], "again.wav": facts["4.wav"], "bad.wav": AudioError("bad.wav: no audio")}
    known(monkeypatch, facts)
    stretches = []
    for _ in range(12):
        path = str(random.choice(list(facts)))
        start = round(random.uniform(0, 4), 2)
        stretches.append(Clip(path, ("a",), start, round(start + random.uniform(0.1, 3), 1)))
    names = random.permutation([*facts]).tolist()
    return [
        source("whole", map(lambda path: Clip(path, ()), names[:9])),
        source("stretches", [*stretches, *stretches[:3]]),
        source("again", map(lambda path: Clip(path, ()), names[4:])),
    ]


CUTS = ((None, None), (2.0, None), (1.0, 0.3), (0.25, 0.003), (4.5, 0.7))


@pytest.mark.parametrize(("window", "hop"), CUTS)
@pytest.mark.parametrize("n_blocks", [1000, 2])
def test_an_outline_tells_what_a_listing_tells(three, random, tmp_path, monkeypatch, window, hop, n_blocks):
    """Clips, seconds, what is stored and what is the same audio as before; of few blocks all keys, of many some of them."""
    monkeypatch.setattr(outline, "N_BLOCKS", n_blocks)
    monkeypatch.setattr(outline, "LISTED_KEYS", 100)
    monkeypatch.setattr(outline, "LONGEST_SECONDS", 4.0)
    monkeypatch.setattr(blocks, "MOST_CLIPS", 4096 if hop == 0.003 else 23)
    cut = cut_of(window, hop)
    if hop == 0.003:  # windows that begin at every sample or two of 500 Hz, of which some are the same
        three = [
            source(each.name, [Clip(c.path, (), c.start or 0.0, (c.start or 0.0) + 0.5) for c in each.clips])
            for each in three
        ]
    every = [key for *_, lacking in listing(three, cut).values() for key in lacking]
    for n_stored in (0, 1 + min(40, len(every) // 3)):
        stored = random.permutation(every)[:n_stored].tolist()
        store, expected = filled(tmp_path / str(n_stored), stored), listing(three, cut, stored)
        made = outlines(three, cut, NOWHERE, False)
        assert [each.name for each in made] == list(expected)
        for each, (n_clips, n_keyed, seconds, lacking) in zip(made, expected.values(), strict=True):
            assert (each.n_clips, each.n_keyed) == (n_clips, n_keyed) and each.seconds == pytest.approx(seconds)
            missing, too_long = each.missing(store), [length for length in lacking.values() if length > 4.0]
            assert missing.n_clips == len(lacking) and missing.seconds == pytest.approx(sum(lacking.values()))
            assert missing.too_long_seconds == pytest.approx(sum(too_long))
            drawn = set(missing.missing_keys)
            assert drawn == set(lacking) if n_blocks == 1000 else drawn <= set(lacking) and bool(drawn) == bool(lacking)
            assert drawn <= set(missing.keys.values()) and missing.keys == keyed(missing.some).keys


def test_two_rules_of_one_recording_are_compared_by_key(monkeypatch, tmp_path):
    """A clip that a rule would cut, and does not, is the same audio without it; one that it cuts is not."""
    known(monkeypatch, {f"{n}.wav": FileFacts(f"{n:064x}", 1000 * n, 1000, 1) for n in (3, 7)})
    clips = [Clip("3.wav", ()), Clip("7.wav", ())]
    whole, cut = outlines(
        [source("whole", clips), source("cut", clips, ClipRule(seconds=5.0))], cut_of(None, None), NOWHERE, False
    )
    store = filled(tmp_path, [])
    assert (whole.seconds, cut.seconds) == (10.0, 8.0) and whole.missing(store).n_clips == 2
    assert cut.missing(store).n_clips == 1 and cut.missing(store).seconds == 5.0


def test_blocks_are_drawn_by_what_is_lacking_of_them(monkeypatch, tmp_path):
    """Each for an equal share of the audio: none of what is stored, and none that is too long for a trial where others are there."""
    monkeypatch.setattr(blocks, "MOST_CLIPS", 1)
    monkeypatch.setattr(outline, "N_BLOCKS", 4)
    lengths = [1, 1, 1, 1, 30, 1, 10, 700, 10, 10, 1]  # seconds
    known(monkeypatch, {f"{n}.wav": FileFacts(f"{n:064x}", 1000 * each, 1000, 1) for n, each in enumerate(lengths)})
    (each,) = outlines(
        [source("all", [Clip(f"{n}.wav", ()) for n in range(len(lengths))])], cut_of(None, None), NOWHERE, False
    )
    missing = each.missing(filled(tmp_path, [f"{4:064x}"]))
    assert [clip.path for clip in missing.some.clips] == ["5.wav", "6.wav", "8.wav", "9.wav"]
    assert missing.n_clips == 10 and missing.seconds == 736.0 and missing.too_long_seconds == 700.0


@pytest.mark.parametrize("n_stored", [0, 1])
def test_memory_does_not_grow_with_hours(monkeypatch, tmp_path, n_stored):
    """A window every 0.1 s: ten times the hours take the same memory but for lists of recordings and blocks; a window's key alone has 100 bytes."""
    for name, most in (("N_BLOCKS", 1), ("LISTED_KEYS", 512)):
        monkeypatch.setattr(outline, name, most)
    monkeypatch.setattr(blocks, "MOST_CLIPS", 512)
    peaks, sizes = [], {0: (10, 60), 1: (2, 12)}[n_stored]  # recordings of three minutes
    for n in sizes:
        known(monkeypatch, {f"{k}.wav": FileFacts(f"{k:064x}", 180 * 8000, 8000, 1) for k in range(n)})
        every = [source("all", [Clip(f"{k}.wav", ()) for k in range(n)])]
        store = filled(tmp_path / str(n), [f"{k:064x}-frames0-8000" for k in range(n) if n_stored])
        gc.collect()
        tracemalloc.start()
        (each,) = outlines(every, cut_of(1.0, 0.1), NOWHERE, False)
        missing = each.missing(store)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert each.n_clips == 1791 * n and missing.n_clips == (1791 - n_stored) * n
        assert missing.seconds == pytest.approx(missing.n_clips) and len(missing.some.clips) <= blocks.MOST_CLIPS
    assert (peaks[1] - peaks[0]) / (1791 * (sizes[1] - sizes[0])) < 8  # bytes a window
