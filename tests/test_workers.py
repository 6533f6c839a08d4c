"""Several processes embed, on this machine or on a cluster: the bytes and scores of one, whoever joins or is killed."""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import claims, workers
from evaluator.embedding.embed import no_progress
from evaluator.embedding.ensemble import embed, open_any
from evaluator.embedding.extraction import Help
from evaluator.embedding.spec import ModuleSpec
from evaluator.probes import apart
from evaluator.probes.jobs import ProbeJob, Setting
from evaluator.probes.protocol import load as load_protocol
from evaluator.results import equality
from evaluator.scoring.targets import Targets
from fitting import request_for
from hear_ssl import melspec
from tiny_checkpoints import tiny_network, write

WAITS = str(Path(__file__).parent / "modules" / "waits.py")
FUNCTIONS = ("load_model", "get_scene_embeddings", "get_timestamp_embeddings")
PATIENCE = 120.0  # seconds in which a process has to show itself on a machine that is busy
N_CLIPS = 60


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """A folder with two classes of short clips of many lengths: low and high tones in noise."""
    folder, random = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for number in range(N_CLIPS):
        name, hertz = ("low", 300) if number % 2 else ("high", 3000)
        (folder / name).mkdir(exist_ok=True)
        t = np.arange(int(16000 * random.uniform(0.2, 1.2))) / 16000
        samples = 0.3 * np.sin(2 * np.pi * hertz * t) + random.uniform(-0.1, 0.1, len(t))
        soundfile.write(folder / name / f"{number}.wav", samples, 16000)
    return folder


@pytest.fixture(scope="module")
def small_hubert(tmp_path_factory):
    """A transformer with random weights, as a module."""
    folder = tmp_path_factory.mktemp("checkpoint")
    write(folder, tiny_network("hubert"))
    return f"hf:{folder}"


def scored(module, sounds, cache, **options):
    """The only result of a run that writes none."""
    asked = {"protocol": "knn", "cache": cache, "out": None, "device": "cpu", **options}
    (result,) = ev.run(module, sounds, **asked)
    return result


def shards(cache):
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*.safetensors")}


def recordings_of(sounds, cache):
    paths = sorted(str(path.relative_to(sounds)) for path in sounds.rglob("*.wav"))
    clips = Manifest(sounds, tuple(Clip(path, ("x",)) for path in paths), ("x",))
    return Recordings("x", clips, ClipRule(), decode.file_facts(sounds, paths, cache))


class Nobody:
    """Workers that do nothing."""

    def __init__(self):
        self.asked = []

    def embed(self, spec, views, recordings, cache, look):
        self.asked.append(views)
        look()
        return Help(n_workers=0, n_lost=0, threads=1, start_seconds=0.5, seconds=2.0)


def test_what_workers_leave_is_made_here(sounds, tmp_path):
    """Workers that make nothing cost time and nothing else; what took part is told apart from what was asked."""
    spec, recordings, nobody = ModuleSpec("hear_ssl.melspec"), recordings_of(sounds, tmp_path), Nobody()
    with open_any(spec) as module:
        store, done = embed(spec, module, "scene", recordings, tmp_path, no_progress, nobody)
        assert nobody.asked == ["scene"] and len(done.keys) == done.n_embedded == N_CLIPS
        assert [each.n_workers for each in done.help] == [0] and done.seconds["workers"] == 2.5
        again, known = embed(spec, module, "scene", recordings, tmp_path, no_progress, nobody)
    assert nobody.asked == ["scene"] and not known.help and "workers" not in known.seconds
    assert again.locations == store.locations


class Others:
    """Workers that do all they are asked for, here."""

    def __init__(self):
        self.asked = []

    def embed(self, spec, views, recordings, cache, look):
        self.asked.append((spec.name, views))
        with open_any(spec) as module:
            embed(spec, module, views, recordings, cache, no_progress)
        look()
        return Help(n_workers=1, n_lost=0, threads=1, start_seconds=0.0, seconds=1.0)


def test_of_an_ensemble_workers_embed_the_members_or_what_is_merged(sounds, tmp_path):
    """Scenes member by member, frames together; nothing is left to be embedded here."""
    names = ("hear_ssl.melspec", "hear_ssl.duration_loudness")
    spec, recordings, others = ModuleSpec(f"ensemble:{'+'.join(names)}"), recordings_of(sounds, tmp_path), Others()
    with open_any(spec) as module:
        _, scenes = embed(spec, module, "scene", recordings, tmp_path, no_progress, others)
        assert others.asked == [(name, "scene") for name in names] and scenes.n_embedded == 2 * N_CLIPS
        assert scenes.seconds["workers"] == 2.0 and scenes.seconds["embed"] == 0.0
    pair = ModuleSpec("ensemble:hear_ssl.melspec+hear_ssl.melspec")
    with open_any(pair) as module:
        _, frames = embed(pair, module, "frames", recordings, tmp_path, no_progress, others)
    assert others.asked[2:] == [(pair.name, "frames")] and len(frames.help) == 1 and frames.n_embedded == N_CLIPS


class Hired(Others, contextlib.AbstractContextManager):
    """As what `--workers` asks for: others until the end of the work."""

    ended = False

    def __exit__(self, *_):
        self.ended = True


@pytest.mark.parametrize("analyse", [ev.compute_similarity, partial(ev.draw_maps, methods=["pca"])])
def test_similarity_and_maps_have_workers_embed(analyse, sounds, tmp_path, monkeypatch):
    """One module after another, and what comes of it is that of one process; they are let go at the end."""
    others = Hired()
    monkeypatch.setattr(workers, "hired", lambda *asked: others if any(asked) else None)
    modules = ["hear_ssl.melspec", "hear_ssl.duration_loudness"]
    analyse(modules, sounds, workers=2, cache=tmp_path / "cache")
    assert others.asked == [(module, "scene") for module in modules] and others.ended
    analyse(modules, sounds, cache=tmp_path / "alone")
    assert shards(tmp_path / "cache") == shards(tmp_path / "alone")


def test_embed_has_workers_embed(sounds, tmp_path, monkeypatch):
    """The table is that of one process, byte for byte."""
    others = Hired()
    monkeypatch.setattr(workers, "hired", lambda *asked: others if any(asked) else None)
    made = [
        ev.write_embeddings("hear_ssl.melspec", sounds, tmp_path / f"by{n}.csv", cache=tmp_path / f"c{n}", workers=n)
        for n in ("", 2)
    ]
    assert others.asked == [("hear_ssl.melspec", "scene")] and others.ended
    assert made[0].path.read_bytes() == made[1].path.read_bytes()
    ev.embed("hear_ssl.melspec", sounds, cache=tmp_path / "third", workers=2)
    assert len(others.asked) == 2


def test_a_few_clips_and_objects_are_no_work_for_others(sounds, tmp_path):
    """What fits into one shard, or no other process can open, stays here."""
    recordings, nobody = recordings_of(sounds, tmp_path), Nobody()
    few = replace(recordings, manifest=replace(recordings.manifest, clips=recordings.clips[:8]))
    mine = types.SimpleNamespace(**{name: getattr(melspec, name) for name in FUNCTIONS})
    held = ModuleSpec("mine", instance=mine, session=TemporaryDirectory())
    with contextlib.ExitStack() as opened:
        for spec, clips in ((ModuleSpec("hear_ssl.melspec"), few), (held, recordings)):
            module = opened.enter_context(open_any(spec))
            _, done = embed(spec, module, "scene", clips, tmp_path, no_progress, nobody)
            assert done.n_embedded == len(clips.clips) and not done.help
    assert not nobody.asked


class Copies:
    """Workers that are lost with every second piece of work, and get copies of the others."""

    def __init__(self):
        self.n_items = 0

    def each(self, function, items):
        self.n_items += len(items)
        copies = [pickle.loads(pickle.dumps(item)) for item in items]
        return [function(copy) if number % 2 else None for number, copy in enumerate(copies)]


def test_layers_may_be_fitted_apart(monkeypatch):
    """The very outcomes of one process, in the order of the jobs, whoever is lost; networks and single layers stay here."""
    draw = np.random.default_rng(0)
    matrices = [draw.normal(size=(40, width)).astype(np.float32) for width in (3, 5, 2)]
    values = np.eye(2, dtype=np.float32)[draw.integers(0, 2, 40)]
    targets = Targets(values, "single", "accuracy")
    parts = np.arange(20), np.arange(20, 30), np.arange(30, 40)
    jobs = [ProbeJob((layer,), *parts, seed=0, fold=fold, series=layer) for fold in range(2) for layer in (2, 0, 1)]
    request, probe, steps = request_for(jobs, matrices, targets), load_protocol("logistic").probe, []
    wanted, copies = probe.fit(request), Copies()
    assert apart.fit(probe, request, copies) and not copies.n_items  # little work
    monkeypatch.setattr(apart, "MIN_VALUES", 0)
    outcomes = apart.fit(probe, replace(request, progress=steps.append), copies)
    assert copies.n_items == 3 and len(outcomes) == 6
    for mine, its in zip(outcomes, wanted, strict=True):
        (one,), (other,) = mine[Setting()], its[Setting()]
        assert np.array_equal(one.test, other.test) and one.chosen == other.chosen
    assert not np.array_equal(outcomes[0][Setting()][0].test, outcomes[1][Setting()][0].test)
    assert apart.fit(probe, request.only(jobs[:1]), copies) and copies.n_items == 3


@pytest.mark.parametrize(("said", "complaint"), [("0", "--workers 0: give a number"), ("many", "--workers many")])
def test_workers_are_a_number_or_gpu(said, complaint):
    """Anything else is refused before any work."""
    with pytest.raises(ev.UsageError, match=complaint):
        workers.hired(said, "")


def test_without_ray_a_sentence_says_how_to_install_it(monkeypatch):
    """And nothing of it is needed by those who ask for no workers."""
    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: None)
    assert workers.hired("", "") is None
    with pytest.raises(ev.UsageError, match=r'--ray head:6379: .*pip install "hear-ssl\[ray\]"'):
        workers.hired("", "head:6379")
    with pytest.raises(ev.UsageError, match="--workers gpu: workers run on Ray"):
        workers.hired("gpu", "")


class NoRay:
    """What there is of Ray as far as workers are asked for: resources, and a list of what was asked."""

    def __init__(self, **resources):
        self.resources, self.asked = resources, []

    def cluster_resources(self):
        return self.resources

    def remote(self, actor):
        return types.SimpleNamespace(options=lambda **room: types.SimpleNamespace(remote=lambda *_: self.add(room)))

    def add(self, room):
        self.asked.append(room)
        return len(self.asked)


@pytest.mark.parametrize(
    ("asked", "threads", "resources", "room", "n"),
    [
        ((None, False, "head:6379"), "", {"CPU": 5.0}, {"num_cpus": 1, "num_gpus": 0}, 5),
        ((None, False, "head:6379"), "2", {"CPU": 5.0}, {"num_cpus": 2, "num_gpus": 0}, 2),
        ((7, False, "head:6379"), "3", {"CPU": 5.0}, {"num_cpus": 3, "num_gpus": 0}, 7),
        ((None, True, "head:6379"), "", {"CPU": 5.0, "GPU": 3.0}, {"num_cpus": 0, "num_gpus": 1}, 3),
        ((2, False, ""), "4", {"CPU": 8.0}, {"num_cpus": 4, "num_gpus": 0}, 2),
    ],
)
def test_how_many_workers_are_asked_for_and_with_what(asked, threads, resources, room, n, monkeypatch):
    """One for each core, by threads, or each GPU, unless the user says how many."""
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    ray, hired = NoRay(**resources), workers.RayWorkers(*asked)
    hired.hire(ray)
    hired.hire(ray)  # those that are there stay
    assert ray.asked == [room] * n and len(hired.actors) == n


def test_workers_without_a_gpu_are_refused_to_who_wants_one(sounds, tmp_path):
    """Before anything is embedded."""
    with pytest.raises(ev.UsageError, match="--workers gpu: Ray finds no GPU at head:6379"):
        workers.RayWorkers(None, True, "head:6379").hire(NoRay(CPU=4.0))
    recordings = recordings_of(sounds, tmp_path)
    with pytest.raises(ev.UsageError, match="--device cuda:0: workers that have a GPU each are --workers gpu"):
        workers.RayWorkers(2, False, "").embed(ModuleSpec("x", device="cuda:0"), "scene", recordings, tmp_path, print)


def test_an_address_at_which_nobody_answers_is_told_at_once(sounds, tmp_path):
    """Before any module is opened elsewhere; Ray itself would try for minutes."""
    pytest.importorskip("ray")
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ev.UsageError, match=f"--ray {address}: no cluster of Ray answers there"):
            scored("hear_ssl.melspec", sounds, tmp_path, ray=address)


def test_without_locks_workers_begin_at_different_shards(tmp_path, monkeypatch):
    """Each goes through all of them in an order of its own, always the same one; a process alone in the plan's."""
    every = [(str(number), [[number]]) for number in range(30)]

    def order(place):
        monkeypatch.setattr(claims, "_place", 0)
        claims.take_place(place)
        return [claim.batches[0][0] for claim in claims.each_claimed(tmp_path, every, lambda shard: shard) if claim]

    def refuse(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(claims.filelock.FileLock, "acquire", refuse)
    orders = [order(place) for place in (0, 1, 2, 1)]
    assert orders[0] == list(range(30)) and orders[1] == orders[3] != orders[2]
    assert all(sorted(each) == orders[0] for each in orders)
    assert len({tuple(each[:2]) for each in orders[:3]}) == 3


@pytest.mark.slow
def test_workers_on_this_machine_give_the_bytes_of_one(sounds, small_hubert, tmp_path, monkeypatch):
    """Every shard, and the probes of every layer; all of the result but its environment, which says how many took part."""
    pytest.importorskip("ray")
    monkeypatch.setattr(apart, "MIN_VALUES", 0)
    asked = {"layers": "all", "protocol": "logistic"}
    alone = scored(small_hubert, sounds, tmp_path / "alone", **asked)
    result = scored(small_hubert, sounds, tmp_path / "cache", workers=2, **asked)
    assert shards(tmp_path / "cache") == shards(tmp_path / "alone") != {}
    assert equality.differences(alone, result) == [] and "workers" not in alone.environment
    (told,) = result.environment["workers"]
    assert told["n_workers"] in (1, 2) and told["n_lost"] == 0  # one alone, where it is done before the other began
    assert len(told["processor_seconds"]) == told["n_workers"] and result.environment["n_embedded"] == N_CLIPS


@pytest.mark.slow
def test_when_all_workers_are_killed_the_rest_is_made_here(sounds, tmp_path, monkeypatch, caplog):
    """Nothing is lost but the shards that they were making."""
    pytest.importorskip("ray")
    alone = scored(WAITS, sounds, tmp_path / "alone")
    trace = trace_in(tmp_path, monkeypatch)

    def kill():
        for worker in begun(trace, 1):
            os.kill(worker, signal.SIGKILL)
        (trace / "go").touch()

    killing = threading.Thread(target=kill)
    killing.start()
    result = scored(WAITS, sounds, tmp_path / "cache", workers=1)
    killing.join()
    assert shards(tmp_path / "cache") == shards(tmp_path / "alone") != {}
    assert equality.differences(alone, result) == []
    (told,) = result.environment["workers"]
    assert (told["n_workers"], told["n_lost"]) == (1, 1) and "1 of 1 workers were lost" in caplog.text


@pytest.mark.slow
def test_a_node_may_join_and_be_killed_while_others_embed(sounds, tmp_path, monkeypatch):
    """Two nodes of a cluster share nothing but a folder, and a module needs another interpreter: the bytes of one process."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    alone = scored(WAITS, sounds, tmp_path / "alone", python=sys.executable)
    trace = trace_in(tmp_path, monkeypatch)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    places = ["--task", str(sounds), "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    asked = [*places, "--device", "cpu", "--protocol", "knn", "--python", sys.executable]
    command = [sys.executable, "-m", "evaluator", "run", WAITS, *asked, "--ray", cluster.address, "--workers", "3"]
    try:
        with subprocess.Popen(command) as running:
            begun(trace, 1)
            node = cluster.add_node(num_cpus=1)
            begun(trace, 2)
            n_before = len(shards(tmp_path / "cache"))
            cluster.remove_node(node, allow_graceful=False)
            (trace / "go").touch()
            assert running.wait(PATIENCE) == 0
    finally:
        cluster.shutdown()
    made = shards(tmp_path / "cache")
    assert made == shards(tmp_path / "alone") and n_before < len(made)
    (result,) = ev.load_results(tmp_path / "out")
    assert equality.differences(alone, result) == []
    (told,) = result.environment["workers"]
    assert (told["n_workers"], told["n_lost"]) == (2, 1)


def trace_in(folder, monkeypatch):
    """A folder in which workers that have begun with clips leave their number, and wait for a file called `go`."""
    trace = folder / "trace"
    trace.mkdir()
    monkeypatch.setenv("HEAR_TEST_TRACE", str(trace))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    return trace


def begun(trace, n):
    """The workers that have begun, as soon as there are n of them."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = [int(path.name) for path in trace.iterdir()]
        if len(found) >= n:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{n} workers did not begin")
