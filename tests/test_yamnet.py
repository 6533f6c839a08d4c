"""YAMNet over a tiny SavedModel of the same signature, in processes of their own: TensorFlow stays out of this one."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hear_ssl import yamnet

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed"
)

# What a process with TensorFlow finds out about the module; each line is a claim of a test below.
ASK = """
import json, sys
import numpy as np, tensorflow as tf
from evaluator.embedding import conformance
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from hear_ssl import yamnet

sys.path.append(sys.argv[1])
import tiny_yamnet

path, other, narrow, damaged = (f"{sys.argv[2]}/{name}" for name in ("one", "other", "narrow", "damaged"))
for name, shape in ((path, {}), (other, {"seed": 6}), (narrow, {"width": 1000}), (damaged, {})):
    tiny_yamnet.save(name, **shape)
with open(f"{damaged}/variables/variables.data-00000-of-00001", "r+b") as file:
    file.write(bytes(4))
network, rng, report = tf.saved_model.load(path), np.random.default_rng(1), {}
# 975 ms make one patch and one sample more the next; 29 s and 33 s lie around the longest stretch
lengths = (1, 400, 15599, 15600, 15601, 23280, 23281, 50000, 29 * 16000, 33 * 16000)
clips = [rng.uniform(-1, 1, n).astype(np.float32) for n in lengths]
model = yamnet.load_model(path)
wanted = [network(clip)[1].numpy() for clip in clips]
ours = [yamnet.get_timestamp_embeddings(tf.constant(clip[None]), model) for clip in clips]
report["counts"] = [[len(one), frames.shape[1]] for one, (frames, _) in zip(wanted, ours)]
report["frames"] = max(float(np.abs(frames[0] - one).max()) for one, (frames, _) in zip(wanted, ours))
report["times"] = ours[7][1].numpy().tolist()
both = yamnet.load_model(path, pooling="mean+std")
views = yamnet.get_clip_embeddings([tf.constant(clip) for clip in clips], both)
alone = [yamnet.get_scene_embeddings(tf.constant(clip[None]), both)[0] for clip in clips]
report["alone"] = max(float(np.abs(scene - one).max()) for scene, one in zip(views["scene"], alone))
deviations = [one.std(axis=0, ddof=1) if len(one) > 1 else np.zeros(1024) for one in wanted]
report["mean"] = max(float(np.abs(row[0] - one.mean(axis=0)).max()) for row, one in zip(views["layers_mean"], wanted))
report["std"] = max(float(np.abs(row[0] - one).max()) for row, one in zip(views["layers_std"], deviations))
report["shapes"] = [list(views[name].shape) for name in ("scene", "layers_mean", "layers_std")]
refused = [tf.zeros(5), tf.zeros((2, 0)), tf.zeros((1, 5), tf.int16), np.zeros((1, 5)), tf.constant([[np.nan]])]
report["refused"] = []
for call in [lambda one=one: yamnet.get_scene_embeddings(one, model) for one in refused] + [
    lambda: yamnet.load_model(narrow), lambda: yamnet.load_model(damaged), lambda: yamnet.load_model(path, pooling="max"),
    lambda: yamnet.load_model(path, window_seconds=0.5),
]:
    try:
        call()
    except (TypeError, ValueError) as error:
        report["refused"].append(f"{type(error).__name__}: {error}")
with open_module(ModuleSpec("hear_ssl.yamnet", path)) as module, open_module(ModuleSpec("hear_ssl.yamnet", other)) as two:
    report["broken"] = {check.name: check.detail for check in conformance.validate(module) if not check.passed}
    report["facts"] = module.describe()
    report["weights"] = [each.describe()["weights_sha256"] for each in (module, two)]
    report["codes"] = [json.dumps(each.describe()["identity"], sort_keys=True) for each in (module, two)]
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What the process found out."""
    folder = tmp_path_factory.mktemp("yamnet")
    program = [sys.executable, "-c", ASK, str(Path(__file__).parent), str(folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(program, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_tensorflow
def test_patches_are_those_of_the_saved_model(report):
    """Every length, shorter than a patch and longer than a stretch, gives what the SavedModel gives for the whole clip."""
    assert [ours for _, ours in report["counts"]] == [theirs for theirs, _ in report["counts"]]
    assert [ours for _, ours in report["counts"]][:8] == [1, 1, 1, 1, 2, 2, 3, 6]
    assert report["frames"] < 1e-4


@needs_tensorflow
def test_timestamps_are_the_centres_of_what_a_patch_hears(report):
    """95 steps of 10 ms and a window of 25 ms: 975 ms, whose middle lies at 487.5; then every 480 ms."""
    assert report["times"] == [[487.5, 967.5, 1447.5, 1927.5, 2407.5, 2887.5]]


@needs_tensorflow
def test_scenes_are_pooled_patches(report):
    """Mean and sample deviation by NumPy; clips of different lengths in one call are what they are alone."""
    assert report["shapes"] == [[10, 2048], [10, 1, 1024], [10, 1, 1024]]
    assert report["alone"] == 0 and report["mean"] < 1e-4 and report["std"] < 1e-4


@needs_tensorflow
def test_our_own_checks_find_only_the_coarse_grid(report):
    """`hear-eval validate`: two warnings, that 480 ms are more than 50, and 487.5 before the first centre more than 480."""
    assert list(report["broken"]) == ["timestamps are at most 50 ms apart", "timestamps cover the clip"]
    assert "480 ms apart" in report["broken"]["timestamps are at most 50 ms apart"]
    assert "start at 487.5" in report["broken"]["timestamps cover the clip"]
    facts = report["facts"]
    assert facts["framework"] == "tensorflow" and facts["extension"] and facts["sample_rate"] == 16000
    assert facts["scene_embedding_size"] == facts["timestamp_embedding_size"] == 1024


@needs_tensorflow
def test_another_saved_model_is_another_model(report):
    """One weight that differs shows in the weights' hash and in the version under which embeddings are stored."""
    assert len(set(report["weights"])) == len(set(report["codes"])) == 2 and all(report["weights"])


@needs_tensorflow
@pytest.mark.parametrize(
    ("number", "sentence"),
    list(
        enumerate(
            (
                "ValueError: audio must have shape (n_sounds, n_samples) with at least one sample; (5,) came",
                "ValueError: audio must have shape (n_sounds, n_samples) with at least one sample; (2, 0) came",
                "TypeError: audio must be a TensorFlow tensor of floats",
                "TypeError: audio must be a TensorFlow tensor of floats",
                "ValueError: audio of shape (1, 1) holds NaN",
                "narrow: for 15600 samples YAMNet gives scores, embeddings of shape (1, 1024)",
                "damaged: this SavedModel cannot be loaded and called as YAMNet is",
                "ValueError: option pooling='max': known values are 'mean' and 'mean+std'",
                "ValueError: option window_seconds=0.5: a number of seconds from 1 is wanted",
            )
        )
    ),
)
def test_what_is_not_audio_or_not_yamnet_is_refused(number, sentence, report):
    """What came and what is wanted stand in the error; two are SavedModels of another width, and damaged."""
    assert sentence in report["refused"][number]


def test_without_a_path_it_says_where_the_weights_are(tmp_path):
    """Both errors come before TensorFlow is imported."""
    before = "tensorflow" in sys.modules
    with pytest.raises(FileNotFoundError, match=r"needs a model_file_path: .*tfhub\.dev/google/yamnet/1"):
        yamnet.load_model()
    with pytest.raises(FileNotFoundError, match=r"no saved_model\.pb there; .*google/yamnet"):
        yamnet.load_model(str(tmp_path))
    assert ("tensorflow" in sys.modules) == before
