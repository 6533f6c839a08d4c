"""Every protocol in both profiles from audio to a result: modules of three kinds, layers, seeds, events, and chance.

What is shortened here (epochs, draws, widths) decides how well a probe learns, not how it is asked.
"""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import soundfile

import miniatures_hear
import tiny_checkpoints
from evaluator import cli
from evaluator.audio.clip import Clip
from evaluator.datasets.splits import Fold
from evaluator.embedding.matrix import InMemory
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import catalogue, evaluation
from evaluator.experiment.options import RunOptions
from evaluator.experiment.run import run
from evaluator.experiment.setup import set_up
from evaluator.experiment.targets import ClipTargets
from evaluator.probes import protocol
from evaluator.probes.features import Candidate
from evaluator.probes.kinds.few_shot import FewShot
from evaluator.probes.kinds.network import Network
from evaluator.scoring import measures
from evaluator.scoring.intervals import POOLED
from evaluator.scoring.metrics import METRICS
from fitting import fit
from test_cli import GOOD, MODULES

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

ORACLE, NOISE = str(MODULES / "oracle.py"), str(MODULES / "noise.py")
ASKED = [pytest.param(each, id=f"{each.name}-{each.profile}") for each in protocol.list_protocols()]
CLASSES = ("high", "low", "noisy")
N_EACH = 33  # of a class, so that 21 are left for training: few shots want 20
N_TINY_LAYERS = 4  # the tiny HuBERT's three and what enters the first


def sounds(folder):
    """A folder per class with clips of 0.3 to 0.6 s, easily told apart."""
    random = np.random.default_rng(0)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for number in range(N_EACH):
            n = int(16000 * random.uniform(0.3, 0.6))
            wave = np.sin(2 * np.pi * {"high": 2500, "low": 300, "noisy": 0}[label] * np.arange(n) / 16000)
            wave = 0.3 * wave + (0.2 if label == "noisy" else 0.02) * random.normal(size=n)
            soundfile.write(folder / label / f"{number}.wav", wave.clip(-1, 1), 16000)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The task, and a cache that all tests share."""
    return sounds(tmp_path_factory.mktemp("data") / "sounds"), tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def hubert(tmp_path_factory):
    """A tiny random HuBERT, with all its layers."""
    path = tiny_checkpoints.model_path("hubert_base", tmp_path_factory.mktemp("tiny"))
    return ModuleSpec(f"hf:{path}", device="cpu")


def brief(asked, epochs=12):
    """A protocol with few epochs, narrow layers and few draws."""
    probe = asked.probe
    if isinstance(probe, FewShot):
        return dataclasses.replace(asked, probe=dataclasses.replace(probe, draws=2))
    if not isinstance(probe, Network):
        return asked
    grid = tuple({**point, "hidden": (16,) * len(point["hidden"])} for point in probe.grid)
    return dataclasses.replace(asked, probe=dataclasses.replace(probe, epochs=min(epochs, probe.epochs), grid=grid))


def scored(spec, data, asked, layers="", seed=0, n_seeds=1, profile="clean"):
    """A result, at once."""
    folder, cache = data
    (wanted,) = catalogue.find(str(folder), profile)
    options = RunOptions(folder, cache, "cpu", seed, n_seeds, layers)
    with open_module(spec) as module:
        return run(spec, module, set_up(wanted, asked, folder, cache), options)


def sound_result(result, n_clips):
    """Finite numbers, in their order, and an answer for every clip."""
    assert result.ci_low <= result.score <= result.ci_high and 0 <= result.score <= 1
    assert result.n_clips == n_clips and sum(map(len, result.test_clips)) == n_clips
    for probabilities, targets in zip(result.test_probabilities, result.test_targets, strict=True):
        assert np.isfinite(probabilities).all()
        if METRICS[result.metric].of_measures:
            assert (probabilities.shape[1:], targets.shape) == ((n_clips, 1), (n_clips, 2))
            continue
        assert probabilities.shape[1:] == targets.shape
        np.testing.assert_allclose(probabilities.sum(axis=2), 1, atol=1e-5)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", ["hear_ssl.melspec", "hear_ssl.crepe_tiny"])
def test_every_protocol_evaluates(name, asked, data):
    """A module of one layer, well above chance by whatever probe."""
    asked = brief(asked, epochs=60)
    if asked.name == "ogg":  # 63 clips are one update an epoch, and its rate is for thousands
        asked = dataclasses.replace(asked, probe=dataclasses.replace(asked.probe, learning_rate=0.01))
    result = scored(ModuleSpec(name, device="cpu"), data, asked)
    sound_result(result, 3 * N_EACH)
    is_measure = METRICS[result.metric].of_measures
    assert result.score > (measures.chance(result.metric, result.test_targets[0]) + 0.1 if is_measure else 0.6)
    assert (result.protocol, result.profile) == (asked.name, asked.profile)


@pytest.mark.parametrize("asked", [each for each in ASKED if not each.values[0].probe.READS_FRAMES])
def test_every_protocol_evaluates_all_layers(asked, hubert, data):
    """A point of the curve each; which layer counts, validation says, and in one published protocol the test clips."""
    result = scored(hubert, data, brief(asked), layers="all")
    sound_result(result, 3 * N_EACH)
    names = [f"layer {number}" for number in range(N_TINY_LAYERS)]
    n_settings = len(asked.probe.shots) * len(asked.probe.heads) if isinstance(asked.probe, FewShot) else 1
    assert len(result.curve) == N_TINY_LAYERS * n_settings
    assert list(dict.fromkeys(point.name.split(",")[0] for point in result.curve)) == names
    primary = asked.probe.primary_setting
    among = [point for point in result.curve if (point.n_shots, point.head) == (primary.n_shots, primary.head)]
    assert [point.layer for point in among] == list(range(N_TINY_LAYERS))
    assert {result.curve[fold.point].n_shots for fold in result.folds} == {primary.n_shots}
    assert len(among) == N_TINY_LAYERS
    for point in result.curve:
        assert np.isfinite([point.score, point.ci_low, point.ci_high]).all()
        assert (point.valid_score is None) if asked.probe.measures else np.isfinite(point.valid_score)
        assert point.ci_low <= point.score <= point.ci_high
    if (asked.name, asked.profile) == ("sarkar", "published"):
        best = max(among, key=lambda point: point.score)  # the first of equals
        assert (result.chosen, result.score) == (best.name, best.score)
        assert ("chosen_on_test", f"{best.name} was chosen by its TEST score") in [
            (each.kind, each.text) for each in result.caveats
        ]
    else:
        assert result.chosen in (evaluation.BY_FOLD, *(point.name for point in among))
        how = "nothing validates" if asked.probe.measures else "by its validation"
        assert any(how in note and "the curve has all layers" in note for note in result.notes)


@pytest.mark.parametrize("name", ["arch", "logistic"])
def test_each_fold_tests_the_layer_that_is_best_on_its_validation_clips(name, hubert, data):
    """Against a run of every layer by itself."""
    asked = brief(protocol.load(name))
    result = scored(hubert, data, asked, layers="all")
    alone = [scored(hubert, data, asked, layers=str(number)) for number in range(N_TINY_LAYERS)]
    assert [point.score for point in result.curve] == pytest.approx([each.score for each in alone], abs=1e-6)
    for number, fold in enumerate(result.folds):
        best = max((each.folds[number] for each in alone), key=lambda one: one.valid_score)  # the first of equals
        assert (fold.score, fold.valid_score) == pytest.approx((best.score, best.valid_score), abs=1e-6)
    n_tested = [fold.n_test for fold in result.folds]
    assert result.score == pytest.approx(np.average([fold.score for fold in result.folds], weights=n_tested))
    mean = result.scores["accuracy_mean_of_folds"]
    assert mean == pytest.approx(np.mean([fold.score for fold in result.folds]))


@pytest.mark.parametrize("layers", ["scene", "last", "mean", "weighted", "0", "3"])
def test_questions_about_layers(layers, hubert, data):
    """One point, named after what was asked."""
    result = scored(hubert, data, brief(protocol.load("arch")), layers)
    name = {"scene": "", "last": "layer 3", "mean": "mean of layers", "weighted": "weighted layers"}.get(layers)
    assert result.chosen == (f"layer {layers}" if name is None else name)
    assert [point.name for point in result.curve] == [result.chosen]
    assert result.provenance["layers"] == layers


def test_scene_is_the_last_layer_of_a_transformer(hubert, data):
    """ARCH's features by either name."""
    scene, last = (scored(hubert, data, brief(protocol.load("arch")), layers) for layers in ("scene", "last"))
    for one, other in zip(scene.test_probabilities, last.test_probabilities, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_layer_that_is_not_there_is_told(hubert, data):
    """With the numbers of those that are."""
    with pytest.raises(UsageError, match="--layers 4: hf:.* has layers 0 to 3"):
        scored(hubert, data, brief(protocol.load("arch")), "4")
    with pytest.raises(UsageError, match="--layers first: give scene, all, last, mean, weighted, or numbers"):
        scored(hubert, data, brief(protocol.load("arch")), "first")


@pytest.mark.parametrize("name", ["knn", "sarkar"])
def test_all_layers_of_a_module_with_one_are_what_it_gives_anyway(name, data):
    """So that `--layers all` of several modules changes nothing of those that have one."""
    asked, plain = brief(protocol.load(name)), ModuleSpec(GOOD, device="cpu", in_process=True)
    every, usual = (scored(plain, data, asked, layers) for layers in ("all", ""))
    assert every.score == usual.score and every.chosen == usual.chosen


@pytest.mark.parametrize("layers", ["mean", "weighted", "0", "99"])
def test_a_plain_hear_module_shows_no_layers(layers, data):
    """Questions about them are refused, and what would be right is told."""
    with pytest.raises(UsageError, match="plain HEAR API, which shows no layers; leave --layers out"):
        scored(ModuleSpec(GOOD, device="cpu", in_process=True), data, protocol.load("arch"), layers)


@pytest.mark.parametrize("name", ["knn", "logistic", "fewshot"])
def test_only_networks_learn_weights_of_layers(name, hubert, data):
    """Others refuse, and name the protocols that do."""
    with pytest.raises(
        UsageError, match=f"weighted: the protocol {name} learns no weights; take arch, sarkar, ogg or hear"
    ):
        scored(hubert, data, protocol.load(name), "weighted")


def test_refits_are_told_and_solvers_that_did_not_arrive_are_a_caveat(data):
    """What the tested probes learned from, and where no optimum is proved; neither is said of the protocol as it is."""
    spec, asked = ModuleSpec("hear_ssl.melspec", device="cpu"), protocol.load("logistic")
    plain = scored(spec, data, asked)
    assert not [note for note in plain.notes if "together" in note]
    assert "unsettled_probe" not in {caveat.kind for caveat in plain.caveats}
    probe = dataclasses.replace(asked.probe, Cs=(100.0,), max_iter=1, refit=True)
    result = scored(spec, data, dataclasses.replace(asked, probe=probe))
    assert "then fitted to training and validation clips together" in " ".join(result.notes)
    (told,) = [caveat.text for caveat in result.caveats if caveat.kind == "unsettled_probe"]
    assert "did not arrive at the optimum (C = 100, C = 100, refitted for one): raise the protocol's max_iter" in told


@pytest.mark.parametrize("name", ["arch", "sarkar", "ogg", "hear", "fewshot"])
def test_several_seeds_are_the_seeds_one_by_one(name, data):
    """Each has its score, their mean is the score, and none depends on the others beside it.

    Of one layer: where several compete, the best for all seeds together counts.
    """
    spec, asked = ModuleSpec(NOISE, device="cpu", in_process=True), brief(protocol.load(name))
    layers = "1" if asked.layers == "all" else ""
    together = scored(spec, data, asked, layers, seed=5, n_seeds=3)
    assert together.seeds == [5, 6, 7] and len(together.seed_scores) == 3
    assert together.score == pytest.approx(np.mean(together.seed_scores))
    assert len(set(together.seed_scores)) > 1
    for place, seed in enumerate(together.seeds):
        alone = scored(spec, data, asked, layers, seed=seed)
        assert alone.seed_scores == [pytest.approx(together.seed_scores[place])]
        for many, one in zip(together.test_probabilities, alone.test_probabilities, strict=True):
            np.testing.assert_allclose(many[place * len(one) : (place + 1) * len(one)], one, atol=1e-5)


def test_the_command_tells_seeds_layers_and_what_it_chose(hubert, data, tmp_path, capsys):
    """The table's line has the layer and the spread over seeds; refusals are exit code 2 and a sentence."""
    folder, cache = data
    said = ["--task", str(folder), "--cache", str(cache), "--out", str(tmp_path), "--device", "cpu"]
    assert cli.main(["run", hubert.name, "--layers", "all", "--protocol", "arch", "--seeds", "2", *said]) == 0
    shown = capsys.readouterr().out
    assert "layer " in shown and "  2, +-" in shown and "the curve has all layers" in shown
    assert cli.main(["run", GOOD, "--layers", "mean", *said]) == 2
    assert "shows no layers" in capsys.readouterr().err
    assert cli.main(["run", hubert.name, "--layers", "4", *said, "--json"]) == 2
    assert "layers 0 to 3" in capsys.readouterr().err


# ---- Chance, and that the clips which are scored choose nothing

N_CHANCE, N_CHANCE_LAYERS = 240, 12  # clips, a third of each class


@pytest.fixture(scope="module")
def meaningless(tmp_path_factory):
    """Clips of noise under labels that mean nothing."""
    folder, random = tmp_path_factory.mktemp("meaningless"), np.random.default_rng(2)
    for number in range(N_CHANCE):
        path = folder / CLASSES[number % 3] / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, random.uniform(-0.5, 0.5, 800), 16000)
    return folder, tmp_path_factory.mktemp("cache")


def from_chance(score):
    """How far an accuracy over these clips is from chance, in standard errors of pure guessing."""
    return (score - 1 / 3) / np.sqrt(1 / 3 * 2 / 3 / N_CHANCE)


@pytest.mark.parametrize("asked", ASKED)
def test_labels_without_meaning_score_at_chance(asked, meaningless):
    """Within three standard errors; all layers together where the test clips choose among them; measures have a chance of their own."""
    spec = ModuleSpec(NOISE, options={"n_layers": N_CHANCE_LAYERS}, device="cpu", in_process=True)
    result = scored(spec, meaningless, brief(asked, epochs=30))
    if asked.probe.measures:
        assert result.score == pytest.approx(measures.chance(result.metric, result.test_targets[0]), abs=0.05)
    elif asked.choose_layer == "test":
        mean = np.mean([point.score for point in result.curve])
        assert len(result.curve) == N_CHANCE_LAYERS and abs(from_chance(mean)) < 3
    else:
        assert abs(from_chance(result.score)) < 3
        assert from_chance(result.ci_low) < 1 and from_chance(result.ci_high) > -1


def test_choosing_the_layer_on_test_clips_beats_chance_with_noise(meaningless):
    """The accident of the published profile, far above what the clean one gives: over three modules of pure noise."""
    far = {}
    for profile in protocol.PROFILES:
        asked = brief(protocol.load("sarkar", profile), epochs=5)
        options = [{"n_layers": N_CHANCE_LAYERS, "seed": seed} for seed in range(3)]
        results = [
            scored(ModuleSpec(NOISE, options=each, device="cpu", in_process=True), meaningless, asked)
            for each in options
        ]
        far[profile] = np.mean([from_chance(result.score) for result in results])
    assert abs(far["clean"]) < 3 / 3**0.5  # of three
    assert far["published"] > max(1, far["clean"] + 1)


def chosen(labels, layers, asked):
    """What a protocol's probe says of three layers with some labels, and which layer it chooses; 75, 45 and 30 rows."""
    clips = [Clip(f"{number}.wav", (CLASSES[label],)) for number, label in enumerate(labels)]
    targets = ClipTargets(clips, CLASSES, "single", "accuracy")
    folds = [Fold("test", *np.split(np.arange(150), [75, 120]))]
    candidates = [Candidate(f"layer {number}", (number,)) for number in range(len(layers))]
    jobs = evaluation.plan(targets, folds, candidates, [0], np.arange(150))
    matrices = [InMemory(layer) for layer in layers]
    frames = [slice(row, row + 1) for row in range(150)] if asked.probe.READS_FRAMES else []
    plain = [each.job for each in jobs]
    outcomes = fit(plain, matrices, targets.row_targets, asked.probe, asked.standardise, frames=frames)
    found = evaluation.collect(jobs, outcomes, targets, folds, candidates, POOLED)
    return found, evaluation.choose(found, asked.probe, asked.choose_layer)


@pytest.mark.parametrize("asked", [each for each in ASKED if not each.values[0].probe.measures])
def test_the_clips_that_are_scored_choose_nothing(asked):
    """With other labels on the test clips everything is the same, to the last bit: epoch, setting, layer, probabilities.

    Only one published protocol takes another layer: the one that the new labels favour.
    """
    random = np.random.default_rng(3)
    labels = np.arange(150) % 3
    means = random.normal(size=(3, 3, 6))
    layers = (means[:, labels] + np.array([1, 2, 3])[:, None, None] * random.normal(size=(3, 150, 6))).astype(
        np.float32
    )
    asked = brief(asked, epochs=15)
    found, best = chosen(labels, layers, asked)
    worst = min((each for key, each in found.items() if key[1] == asked.probe.primary_setting), key=score_of)
    assert worst.name != best.name
    labels[120:] = worst.predictions[0][0].probabilities.argmax(axis=1)  # the worst layer is now right
    again, best_again = chosen(labels, layers, asked)
    for one, other in zip(found.values(), again.values(), strict=True):
        for before, after in zip(one.outcomes[0], other.outcomes[0], strict=True):
            assert (before.chosen_epoch, before.chosen, before.n_epochs) == (
                after.chosen_epoch,
                after.chosen,
                after.n_epochs,
            )
            assert np.array_equal(before.test, after.test) and np.array_equal(before.valid, after.valid)
    by_test = (asked.name, asked.profile) == ("sarkar", "published")
    assert best_again.name == (worst.name if by_test else best.name)


def score_of(evaluation):
    """Of the only fold."""
    return evaluation.score


# ---- Events


def drawn_events(random, n_ms):
    """Events of 300 to 2000 ms of each class, those of one class at least 400 ms apart; classes overlap."""
    said = []
    for label in ("a", "b", "c"):
        onset = random.integers(0, 60) * 10
        while (length := random.integers(30, 201) * 10) + onset < n_ms:
            said.append({"label": label, "start": float(onset), "end": float(onset + length)})
            onset += length + random.integers(40, 200) * 10
    return said


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """DCASE 2016's task in miniature, its events told in sines: 6 recordings of 8 s to train, 4 to choose, 4 to test."""
    sys.path.insert(0, str(MODULES))
    try:
        import oracle
    finally:
        sys.path.remove(str(MODULES))
    root, random = tmp_path_factory.mktemp("office"), np.random.default_rng(1)
    said = {
        split: {f"{split}{number}.wav": drawn_events(random, 8000) for number in range(n)}
        for split, n in (("train", 6), ("valid", 4), ("test", 4))
    }
    stem = "dcase2016_task2-hear2021-full"
    miniatures_hear.task(root, stem, said, ["a", "b", "c"], rates=(16000,))
    for split, files in said.items():
        for file, events in files.items():
            audio = np.zeros(8 * 16000)
            for event in events:
                first, last = (int(16 * event[end]) for end in ("start", "end"))
                frequency = oracle.FREQUENCIES["abc".index(event["label"])]
                audio[first:last] += oracle.AMPLITUDE * np.sin(2 * np.pi * frequency * np.arange(first, last) / 16000)
            soundfile.write(root / "tasks" / stem / "16000" / split / file, audio, 16000)
    return root, tmp_path_factory.mktemp("cache")


def events_scored(name, office, profile, metric="event_onset_200ms_fms", epochs=100, ways=()):
    """The result of a module on the event task."""
    (wanted,) = catalogue.find("hear/dcase2016_task2", profile)
    wanted = dataclasses.replace(wanted, metric=metric, events=ways)
    asked, spec = brief(protocol.load("hear", profile), epochs), ModuleSpec(name, device="cpu")
    with open_module(spec) as module:
        return run(spec, module, set_up(wanted, asked, *office), RunOptions(*office, "cpu"))


@pytest.mark.parametrize(
    ("metric", "profile"),
    [
        ("event_onset_200ms_fms", "clean"),
        ("event_onset_200ms_fms", "published"),
        ("event_onset_50ms_fms", "clean"),
        ("event_onset_offset_50ms_20perc_fms", "clean"),
    ],
)
def test_a_module_that_returns_the_labels_finds_every_event(metric, profile, office):
    """F-measure 1, through frames, probes, post-processing and matching."""
    result = events_scored(ORACLE, office, profile, metric)
    assert (result.score, result.ci_high) == (1, 1) and result.ci_low < 1  # so few files leave room for doubt
    assert len(result.test_events) == 1 and len(result.test_events[0]) == sum(map(np.sum, result.test_targets))
    assert result.folds[0].chosen


@pytest.mark.parametrize("profile", protocol.PROFILES)
def test_noise_finds_no_event(profile, office):
    """F-measure about 0."""
    assert events_scored(NOISE, office, profile, epochs=40).score < 0.1


def test_the_events_that_are_scored_choose_nothing(office, tmp_path):
    """With other events in the test recordings the same epochs, post-processing and events are found.

    The other events can be found by neither way of post-processing; of equals the one that drops all would win.
    """
    ways = ((0.0, 0.0), (0.0, 9000.0))
    before = events_scored("hear_ssl.melspec", office, "clean", epochs=20, ways=ways)
    root = shutil.copytree(office[0], tmp_path / "other")
    path = next(root.rglob("test.json"))
    nowhere = [{"label": "a", "start": 7990, "end": 8000}]
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), nowhere)))
    after = events_scored("hear_ssl.melspec", (root, office[1]), "clean", epochs=20, ways=ways)
    assert after.score == 0 < before.score
    assert [(one.chosen, one.chosen_epoch) for one in before.folds] == [
        (one.chosen, one.chosen_epoch) for one in after.folds
    ]
    assert np.array_equal(before.test_events[0], after.test_events[0]) and len(before.test_events[0])


@pytest.mark.parametrize("name", sorted({asked.values[0].name for asked in ASKED} - {"hear"}))
def test_protocols_for_clips_refuse_events(name, office, tmp_path, capsys):
    """Exit code 2 before anything is embedded, and the protocol that can."""
    said = [
        "--task",
        "hear/dcase2016_task2",
        "--data",
        str(office[0]),
        "--cache",
        str(tmp_path),
        "--out",
        str(tmp_path),
    ]
    assert cli.main(["run", ORACLE, "--protocol", name, *said]) == 2
    assert f"the protocol {name} evaluates whole clips; take --protocol hear" in capsys.readouterr().err


def test_layers_are_no_question_about_events(office, hubert):
    """Frames are the module's timestamp embeddings."""
    (wanted,) = catalogue.find("hear/dcase2016_task2")
    with open_module(hubert) as module, pytest.raises(UsageError, match="timestamp embeddings; leave --layers all out"):
        run(
            hubert,
            module,
            set_up(wanted, protocol.load("hear"), *office),
            RunOptions(*office, "cpu", layers="all"),
        )
