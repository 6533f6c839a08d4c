"""Any HEAR module on clips of any lengths: what is stored is what the clip alone gives."""

import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator.embedding.module import open_module
from evaluator.embedding.plain import PlainModule
from evaluator.embedding.spec import ModuleSpec, WorkerEnded
from evaluator.errors import EvaluationError

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MODULES = Path(__file__).parent / "modules"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, where logs go."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))


GOOD = str(MODULES / "good.py")


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def ill(name, **fields):
    return ModuleSpec(str(MODULES / "ill.py"), options={"ill": name}, **fields)


def ill_frames(name, **fields):
    return ModuleSpec(str(MODULES / "ill_frames.py"), options={"ill": name}, **fields)


def good_scene(audio):
    with open_module(ModuleSpec(GOOD, in_process=True)) as module:
        return module.scene(audio)


def scenes(foreign, clips):
    """Scene embeddings (n_clips, size), and the seconds to which each clip had to be padded."""
    rows, padded = foreign.rows(clips)
    return np.stack([row["scene"] for row in rows]), padded


def test_a_crash_inside_a_batch_is_not_taken_for_a_refusal():
    """A worker that is gone ends the work; the clips are not tried one by one."""
    with open_module(ill("exits", python=sys.executable)) as module, pytest.raises(WorkerEnded, match="exit code 3"):
        scenes(PlainModule(module, "scene"), [noise(800), noise(800)])


def test_batch_dependence_is_found_and_met():
    """Where a batch changes its clips, they run one by one, and a note says so."""
    clips = [noise(900) * level for level in (0.01, 1.0, 0.2)]
    with open_module(ill("batch")) as module:
        foreign = PlainModule(module, "scene")
        rows, _ = scenes(foreign, clips)
        wanted = np.concatenate([module.scene(clip[None]) for clip in clips])
    assert np.array_equal(rows, wanted)
    assert "depend on the other clips of the batch" in foreign.remarks["batch_dependent"]


def test_equal_clips_do_not_clear_a_module():
    """A first batch of equal clips proves nothing; the next one shows that the module mixes its clips."""
    with open_module(ill("batch")) as module:
        foreign = PlainModule(module, "scene")
        scenes(foreign, [noise(900)] * 3)
        assert foreign.batches is None
        scenes(foreign, [noise(900), 0.1 * noise(900)])
        assert foreign.batches is False


def test_the_batch_that_is_judged_counts_itself():
    """A trusted module's first batch keeps its rows, so that a resumed run gives the same bytes."""
    clips = [noise(5, 800)[n] for n in range(5)]
    with open_module(ModuleSpec(str(MODULES / "good.py"))) as module:
        foreign = PlainModule(module, "scene")
        first, _ = scenes(foreign, clips)
        assert foreign.batches is True
        assert np.array_equal(first, module.scene(np.stack(clips)))
        assert np.array_equal(first, scenes(foreign, clips)[0])


def test_clips_of_different_length_never_share_a_batch():
    """Each length runs by itself, and the rows come back in the clips' order."""
    clips = [noise(n) for n in (800, 1600, 800, 321)]
    with open_module(ModuleSpec(str(MODULES / "good.py"))) as module:
        rows, padded = scenes(PlainModule(module, "scene"), clips)
    for row, clip in zip(rows, clips, strict=True):
        np.testing.assert_allclose(row, good_scene(clip[None])[0], rtol=1e-5)
    assert padded == [0, 0, 0, 0]


@pytest.mark.parametrize(("name", "n", "wanted"), [("refuses_short", 1600, 0.25), ("refuses_odd", 801, 0.25)])
def test_clips_that_a_module_refuses_are_padded(name, n, wanted):
    """The shortest padding that the module takes is used, and told."""
    with open_module(ill(name)) as module:
        rows, padded = scenes(PlainModule(module, "scene"), [noise(n), noise(8000)])
    assert padded == [wanted, 0]
    np.testing.assert_allclose(rows[0], good_scene(np.pad(noise(n), (0, 4000 - n))[None])[0], rtol=1e-5)


@pytest.mark.parametrize("python", ["", sys.executable])
@pytest.mark.parametrize("ill", ["none", "mixes"])
def test_layers_are_mean_and_deviation_over_the_clips_own_frames(ill, python):
    """One layer of a plain module, here and in another interpreter, whether or not it mixes its clips."""
    clips = [noise(n) * level for n, level in ((800, 1), (4800, 0.1), (1600, 1), (4800, 1), (1600, 0.5), (160, 1))]
    with open_module(ill_frames(ill, python=python)) as module:
        foreign = PlainModule(module, "layers")
        rows, padded = foreign.rows(clips)
        alone = [module.timestamps(clip[None])[0][0] for clip in clips]
    assert foreign.batches is (ill == "none") and padded == [0] * 6
    for row, frames in zip(rows, alone, strict=True):
        assert row["layers_mean"].shape == row["layers_std"].shape == (1, 8)
        np.testing.assert_allclose(row["layers_mean"][0], frames.mean(axis=0), rtol=1e-5)
        deviation = frames.std(axis=0, ddof=1) if len(frames) > 1 else np.zeros(8)
        np.testing.assert_allclose(row["layers_std"][0], deviation, rtol=1e-4, atol=1e-6)
    assert not rows[5]["layers_std"].any()  # a single frame: 0, not NaN


@pytest.mark.parametrize("python", ["", sys.executable])
def test_frames_and_times_are_the_clips_own(python):
    """Clips of one length and of others, in order."""
    clips = [noise(n) * level for n, level in ((800, 1), (4800, 0.1), (1600, 1), (4800, 1))]
    with open_module(ModuleSpec(GOOD, python=python)) as module:
        rows, _ = PlainModule(module, "frames").rows(clips)
        alone = [module.timestamps(clip[None]) for clip in clips]
    for row, (frames, times) in zip(rows, alone, strict=True):
        np.testing.assert_allclose(row["frames"], frames[0], rtol=1e-4, atol=1e-6)
        assert row["times"].dtype == np.float64 and np.array_equal(row["times"], times[0])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mixes", "by "),
        ("shifts", "times shift by 10 ms"),
        ("drops", "another number of frames"),
    ],
)
def test_frames_that_depend_on_their_batch_are_had_one_by_one(name, sentence):
    """Values, times or the number of frames: the note says which, and the clip alone counts."""
    clips = [noise(1600), 0.01 * noise(1600)]
    with open_module(ill_frames(name)) as module:
        foreign = PlainModule(module, "frames")
        rows, _ = foreign.rows(clips)
        alone = [module.timestamps(clip[None]) for clip in clips]
    assert foreign.batches is False
    assert len(foreign.remarks) == 1
    assert np.all([np.array_equal(row["frames"], frames[0]) for row, (frames, _) in zip(rows, alone, strict=True)])
    assert np.all([np.array_equal(row["times"], times[0]) for row, (_, times) in zip(rows, alone, strict=True)])
    assert f"({sentence}" in foreign.remarks["batch_dependent"]


@pytest.mark.parametrize("views", ["layers", "frames"])
def test_refused_clips_are_padded_for_every_view(views):
    """The shortest padding that the module takes, told for each clip."""
    with open_module(ill_frames("refuses_short")) as module:
        rows, padded = PlainModule(module, views).rows([noise(1600), noise(8000)])
        (frames,), _ = module.timestamps(np.pad(noise(1600), (0, 2400))[None])
    assert padded == [0.25, 0]
    got = rows[0]["frames"].mean(axis=0) if views == "frames" else rows[0]["layers_mean"][0]
    np.testing.assert_allclose(got, frames.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("views", ["layers", "frames"])
def test_a_module_without_frames_is_refused(views):
    """No frame at all is no embedding, and never NaN."""
    with (
        open_module(ill_frames("no_frames")) as module,
        pytest.raises(EvaluationError, match="gives no frame for a clip of 900 samples"),
    ):
        PlainModule(module, views).rows([noise(900)])
