"""Clips that are decoded once for all modules of a command, and what is never kept of them."""

import pickle

import numpy as np
import pytest

import evaluator as ev
from evaluator.audio.decode import AudioError, Heard
from evaluator.audio.decoded import Decoded
from evaluator.embedding import work


@pytest.fixture
def decoded(monkeypatch):
    """The clips that were decoded, each time they were."""
    calls = []

    def listen(path, clip, rule, sample_rate, content):
        calls.append((path.name, clip.start, sample_rate))
        return listened(path, clip, rule, sample_rate, content)

    listened = work.listen
    monkeypatch.setattr(work, "listen", listen)
    return calls


def scores(results):
    """The score of each module."""
    return {result.module: result.score for result in results}


def test_two_modules_decode_a_task_once(decoded, tmp_path):
    """Their scores are those of each alone, which decodes for itself and keeps nothing."""
    modules = ["hear_ssl.melspec", "hear_ssl.byol_a_mini"]
    both = ev.run(modules, "demo/calls", protocol="knn", cache=tmp_path / "both", out=None)
    n_clips = len(set(decoded))
    assert n_clips == 330
    assert len(decoded) <= n_clips + 10  # what is asked for again to prove that it comes again
    decoded.clear()
    alone = [ev.run(each, "demo/calls", protocol="knn", cache=tmp_path / each, out=None)[0] for each in modules]
    assert len(decoded) >= 2 * n_clips and scores(both) == scores(alone)


@pytest.mark.parametrize("scene", ["members", "merged"])
def test_members_of_one_rate_decode_once(decoded, scene, tmp_path):
    """Whether their scenes are merged or their frames."""
    name = "ensemble:hear_ssl.melspec+hear_ssl.byol_a_mini"
    ev.run(name, "demo/calls", protocol="knn", cache=tmp_path, out=None, options={"scene": scene})
    assert 330 <= len(decoded) <= 330 + 10


def test_memory_is_bounded_and_what_has_room_stays():
    """The first clips are kept, and the rest is decoded each time; errors too are asked for again."""
    kept, calls = Decoded(n_bytes=100), []

    def decode(n):
        calls.append(n)
        return AudioError("broken") if n == 0 else Heard(np.zeros(n, np.float32), None, 0.0)

    for _ in range(2):
        for key, n in [("a", 20), ("b", 10), ("c", 5), ("d", 0)]:
            kept.heard(key, 16000, lambda n=n: decode(n))
    assert calls == [20, 10, 5, 0, 10, 0] and kept.n_left == 0
    assert len(kept.heard("a", 8000, lambda: decode(3)).samples) == 3  # at another rate it is another sound


def test_another_process_gets_none_of_it():
    """It can be sent, and decodes for itself."""
    kept = Decoded()
    kept.heard("a", 16000, lambda: Heard(np.zeros(9, np.float32), None, 0.0))
    sent = pickle.loads(pickle.dumps(kept))
    assert not sent.kept and sent.n_left == 0
