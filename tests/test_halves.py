"""Embeddings kept in half the bytes: what is lost of a number, how large a clip is, and that a score and a result say so."""

import numpy as np
import pytest

import evaluator as ev
from evaluator.cli import main
from evaluator.embedding import halves
from evaluator.embedding.shard import StoredClip
from evaluator.embedding.store import Store
from evaluator.experiment import rerun
from evaluator.experiment.options import RunOptions


@pytest.mark.parametrize("size", [1e-38, 1e-20, 1e-3, 1.0, 7e4, 1e20, 3.4e38])
def test_a_number_loses_its_last_digits_only(size):
    """Rows of any magnitude: none overflows or vanishes, and every number is within 2**-11 of itself, but the very small ones."""
    rows = (size * np.random.default_rng(0).uniform(-1, 1, (50, 300))).astype(np.float32)
    back = halves.unpacked(halves.packed(rows))
    assert np.isfinite(back).all() and back.dtype == np.float32
    small = np.abs(rows) < 2.0**-13 * np.abs(rows).max(axis=1, keepdims=True)
    assert (np.abs(back - rows)[~small] <= halves.ROUNDING * np.abs(rows)[~small]).all()
    assert (np.abs(back - rows)[small] <= 2.0**-23 * np.abs(rows).max()).all()


def test_the_largest_of_float32_is_still_a_number():
    """No scale above it is a float32."""
    largest = np.finfo(np.float32).max
    back = halves.unpacked(halves.packed(np.float32([[largest, -largest, 1.0]])))
    assert np.isfinite(back).all() and abs(back[0, 0] / largest - 1) < 1e-3 and back[0, 1] == -back[0, 0]


def test_what_float16_holds_comes_back_bit_for_bit():
    """Also zeros, and a row of them; twice packed is once packed."""
    rows = np.random.default_rng(1).normal(size=(20, 64)).astype(np.float16).astype(np.float32)
    rows[3] = 0
    once = halves.packed(rows)
    np.testing.assert_array_equal(halves.unpacked(once), rows)
    np.testing.assert_array_equal(halves.packed(halves.unpacked(once)), once)
    assert once.shape == (20, halves.row_bytes(64))


def test_a_constant_feature_stays_constant():
    """Rows of different magnitude share no scale, and yet the same number is kept as the same number."""
    rows = np.random.default_rng(2).normal(size=(40, 8)).astype(np.float32) * np.logspace(0, 2, 40)[:, None].astype("f")
    rows[:, 5] = 0.123456
    assert len(np.unique(halves.unpacked(halves.packed(rows))[:, 5])) == 1


def test_thirteen_layers_take_forty_kilobytes_a_clip(tmp_path):
    """Mean and deviation of 13 x 768, read back by layer and as a whole, in any order."""
    store = Store(tmp_path, {"module": "m"}, kept_as="float16")
    views = {
        name: np.random.default_rng(3).normal(size=(40, 13, 768)).astype(np.float32)
        for name in ("layers_mean", "layers_std")
    }
    path = store.write([StoredClip(f"k{number}") for number in range(40)], views)
    assert path.stat().st_size / 40 < 45_000
    keys = ["k7", "k0", "k39"]
    wanted = views["layers_std"][[7, 0, 39], 6]
    np.testing.assert_allclose(store.read(keys, "layers_std", 6), wanted, rtol=2.0**-11, atol=1e-6)
    np.testing.assert_allclose(
        store.read_layers(keys, "layers_mean"),
        views["layers_mean"][[7, 0, 39]].swapaxes(0, 1),
        rtol=2.0**-11,
        atol=1e-6,
    )
    assert not Store(tmp_path, {"module": "m"}).locations  # another store than that of float32


def test_frames_are_kept_so_too(tmp_path):
    """Each with its own scale; times in ms stay exact."""
    store = Store(tmp_path, {"module": "m"}, "frames", kept_as="float16")
    frames = np.random.default_rng(4).normal(size=(9, 5)).astype(np.float32) * np.logspace(-3, 3, 9)[:, None].astype(
        "f"
    )
    clips = [StoredClip("a", n_frames=4), StoredClip("b", n_frames=5)]
    store.write(clips, {"frames": frames, "times": np.arange(9) / 7})
    for memory in (0, 1 << 20):
        matrix, times, (of_b, of_a) = store.read_frames(["b", "a"], memory)
        np.testing.assert_allclose(matrix.take(np.arange(of_b.start, of_b.stop)), frames[4:], rtol=2.0**-11, atol=1e-7)
        np.testing.assert_allclose(matrix.take(np.arange(of_a.start, of_a.stop)), frames[:4], rtol=2.0**-11, atol=1e-7)
        np.testing.assert_array_equal(times[0], np.arange(4, 9) / 7)


def test_a_score_says_how_its_embeddings_were_kept(tmp_path):
    """The run has another name, the same score within a clip or two, no caveat more, and is asked again in the same way."""
    calls = {"protocol": "knn", "cache": tmp_path / "cache", "out": tmp_path / "out"}
    ((exact,), (kept,)) = (
        ev.run("hear_ssl.melspec", "demo/calls", store=each, **calls) for each in ("float32", "float16")
    )
    assert kept.run != exact.run and "kept_as" not in exact.provenance and kept.provenance["kept_as"] == "float16"
    assert abs(kept.score - exact.score) < 0.01
    assert [each.kind for each in kept.caveats] == [each.kind for each in exact.caveats]
    assert any("float16" in note for note in kept.notes)
    assert kept.environment["store"] != exact.environment["store"]
    request = rerun.request_of(kept, RunOptions(None, tmp_path / "cache"))
    assert request.spec.kept_as == "float16"


def test_other_numbers_are_refused(capsys):
    """With what there is."""
    assert main(["run", "hear_ssl.melspec", "--task", "demo/calls", "--store", "float61"]) == 2
    assert "--store: unknown kind of numbers 'float61'; did you mean" in capsys.readouterr().err
