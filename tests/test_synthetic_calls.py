"""The built-in calls are the same everywhere, appear whole, and ask neither too little nor too much."""

import multiprocessing
import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluator import own_cache
from evaluator.datasets import manifest, splits, synthetic_calls
from evaluator.errors import EvaluationError
from evaluator.experiment import catalogue
from evaluator.files import can_write


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    synthetic_calls.make(folder)
    return folder


@pytest.fixture(scope="module")
def made(cache) -> manifest.Manifest:
    return manifest.read(catalogue.find("demo/calls")[0], None, cache)


def log_mel(samples: np.ndarray, n_bands: int = 40, window: int = 512) -> np.ndarray:
    """Log power in triangular mel bands from 50 Hz up, (n_frames, n_bands), hop 10 ms."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, window)), window)[
        :: synthetic_calls.SAMPLE_RATE // 100
    ]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2
    mel = np.linspace(
        2595 * np.log10(1 + 50 / 700), 2595 * np.log10(1 + synthetic_calls.SAMPLE_RATE / 1400), n_bands + 2
    )
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.fft.rfftfreq(window, 1 / synthetic_calls.SAMPLE_RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.log(power @ np.clip(np.minimum(rising, falling), 0, None).T + 1e-6)


def test_the_clips_are_as_announced(made):
    """330 clips of six species, 16-bit WAV of 0.1 to 3 s, five folds that share no individual."""
    assert len(made.clips) == 330 and made.classes == tuple(sorted(synthetic_calls.SPECIES))
    heads = [soundfile.info(made.root / clip.path) for clip in made.clips]
    assert {(head.samplerate, head.channels, head.subtype) for head in heads} == {(22050, 1, "PCM_16")}
    seconds = [head.duration for head in heads]
    assert min(seconds) >= 0.1 and max(seconds) <= 3.0 and min(seconds) < 0.3 and max(seconds) > 2.5
    folds_of = defaultdict(set)
    for clip in made.clips:
        folds_of[clip.group].add(clip.fold)
    assert len(folds_of) == 60 and all(len(folds) == 1 for folds in folds_of.values())
    assert set(Counter((clip.fold, clip.labels) for clip in made.clips).values()) == {11}


def test_the_same_bytes_come_again(cache, tmp_path):
    """Made anew elsewhere, every file is equal; asked for again, nothing is made."""
    again = synthetic_calls.make(tmp_path)
    first = cache / again.name
    paths = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(paths) == 331 and all((first / path).read_bytes() == (again / path).read_bytes() for path in paths)
    before = again.stat().st_mtime_ns
    assert synthetic_calls.make(tmp_path) == again and again.stat().st_mtime_ns == before


def test_no_clip_is_clipped_or_silent_and_levels_differ(made):
    """Peaks lie between 8 and 34 dB below full scale."""
    peaks = [np.abs(soundfile.read(made.root / clip.path)[0]).max() for clip in made.clips]
    decibels = 20 * np.log10(peaks)
    assert -34.1 < decibels.min() < -30 and -12 < decibels.max() < -7.9


def test_an_average_spectrum_is_above_chance_and_below_perfect(made):
    """Logistic regression over unheard individuals; chance is 17 %. What is missing is in the order of things."""
    spectra = [log_mel(soundfile.read(made.root / clip.path)[0]) for clip in made.clips]
    labels = np.array([clip.labels[0] for clip in made.clips])
    folds = splits.make({"by": "fold", "valid": "next"}, made.clips)

    def accuracy(features: np.ndarray) -> float:
        scores = []
        for fold in folds:
            known = np.concatenate([fold.train, fold.valid])
            probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
            scores.append(probe.fit(features[known], labels[known]).score(features[fold.test], labels[fold.test]))
        return float(np.mean(scores))

    mean = accuracy(np.array([spectrum.mean(axis=0) for spectrum in spectra]))
    both = accuracy(np.array([np.r_[spectrum.mean(axis=0), spectrum.std(axis=0)] for spectrum in spectra]))
    assert 0.5 < mean < 0.7
    assert mean + 0.05 < both < 0.88


def test_several_processes_may_make_it_at_once(tmp_path):
    """Each gets the whole folder, and nothing else is left in the cache."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        folders = pool.map(synthetic_calls.make, [tmp_path] * 3)
    assert set(folders) == set(tmp_path.iterdir()) and len(set(folders)) == 1


def test_a_damaged_folder_is_not_used(tmp_path):
    """Without its table it was not made by us; the sentence says what to do."""
    (tmp_path / "demo-calls-v1" / "mine").mkdir(parents=True)
    with pytest.raises(EvaluationError, match="demo-calls-v1: cannot be made .*; delete what is there"):
        synthetic_calls.make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["demo-calls-v1"]


def test_a_cache_that_can_only_be_read_lends_it_or_has_it_beside(tmp_path, monkeypatch, cache):
    """Made data is used where it is, and made in one's own cache where it is not."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "mine"))
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(
        own_cache, "can_write", lambda folder: folder not in (cache, tmp_path / "empty") and can_write(folder)
    )
    assert synthetic_calls.make(cache) == cache / "demo-calls-v1"
    monkeypatch.setattr(synthetic_calls, "_write_all", lambda folder: (folder / "manifest.csv").write_text("made"))
    folder = synthetic_calls.make(tmp_path / "empty")
    assert folder.is_relative_to(tmp_path / "mine" / "beside") and (folder / "manifest.csv").read_text() == "made"
    assert synthetic_calls.make(tmp_path / "empty") == folder and not list((tmp_path / "empty").iterdir())


def test_what_killed_processes_left_of_it_is_swept(tmp_path, monkeypatch):
    """Unfinished folders of this version and of earlier ones, once they are an hour old."""
    monkeypatch.setattr(synthetic_calls, "_write_all", lambda folder: (folder / "manifest.csv").write_text("made"))
    for name in (".demo-calls-v1.12.abc_1234.part", "demo-calls-v1.abc_1234", "mine"):
        (tmp_path / name / "riser").mkdir(parents=True)
        os.utime(tmp_path / name, (0, 0))
    synthetic_calls.make(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"demo-calls-v1", "mine"}
