"""The baselines: what each of them knows, and that an untrained copy knows nothing that was learned."""

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from evaluator import cli
from evaluator.embedding import baselines
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.results import on_disk
from evaluator.scoring import metrics
from hear_ssl import chance, duration_loudness, majority
from hear_ssl.encoders import weights
from hear_ssl.encoders.untrained import redraw, state_tensors
from hear_ssl.untrained import load_model as load_untrained
from tiny_checkpoints import model_path, save_byol_a

GOOD = str(Path(__file__).with_name("modules") / "good.py")


def sine(amplitude, seconds, hz=400):
    """(n_samples,) at 16 kHz; whole periods if seconds * hz is whole."""
    return amplitude * torch.sin(2 * torch.pi * hz * torch.arange(round(16000 * seconds)) / 16000)


def write_tones(folder, classes, seconds=0.3, rate=16000):
    """A folder per class of short noisy tones; classes are {name: how many clips}."""
    draw = np.random.default_rng(0)
    for number, (name, n_clips) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for clip in range(n_clips):
            times = np.arange(int(seconds * rate)) / rate
            samples = 0.3 * np.sin(2 * np.pi * 300 * (number + 1) * times) + 0.05 * draw.normal(size=len(times))
            soundfile.write(folder / name / f"{clip}.wav", samples, rate)
    return folder


def run(*arguments):
    """The exit code of `hear-eval run`."""
    return cli.main(["run", *map(str, arguments)])


def test_majority_scores_the_share_of_the_most_frequent_class(tmp_path, capsys):
    """10 of 18 clips are of one class: each fold answers that class, and the accuracy is its share of all test clips."""
    folder = write_tones(tmp_path / "data", {"crow": 10, "owl": 5, "wren": 3})
    arguments = ("--task", folder, "--protocol", "logistic", "--cache", tmp_path / "cache", "--out", tmp_path / "out")
    assert run("hear_ssl.majority", *arguments) == 0
    (path,) = (tmp_path / "out").rglob("*.json")
    result = on_disk.read(path)
    crow = result.classes.index("crow")
    for fold in result.test_probabilities:
        probabilities = fold[0]  # (n_clips, n_classes), of the only seed
        assert np.ptp(probabilities, axis=0).max() < 1e-6 and (probabilities.argmax(axis=1) == crow).all()
    by_hand = np.concatenate(result.test_targets)[:, crow].mean()
    assert result.score == pytest.approx(by_hand) and 0.4 < by_hand < 0.7


@pytest.mark.parametrize(("metric", "wanted"), [("map", 0.275), ("aucroc", 0.5), ("d_prime", 0.0), ("uar", 0.25)])
def test_what_majority_says_of_other_metrics(metric, wanted):
    """One answer to all clips: mAP is the mean share of positives, AUC 0.5, d' 0, and UAR one in n."""
    targets = np.zeros((40, 4))
    for label, n_positives in enumerate((4, 8, 12, 20)):  # 10, 20, 30 and 50 %
        targets[:n_positives, label] = 1
    if metric == "uar":
        targets = np.eye(4)[np.arange(40) % 4]
    assert metrics.score(metric, targets, np.tile([[0.1, 0.2, 0.3, 0.5]], (40, 1))) == pytest.approx(wanted)


def test_the_levels_of_a_sine_are_those_of_the_formula():
    """A sine of amplitude a: 20 log10(a) - 3.01 dB, peak 20 log10(a); the duration is the number of samples."""
    model = duration_loudness.load_model()
    for amplitude, seconds in ((1.0, 0.5), (0.1, 1.25), (0.02, 2.0)):
        clip = sine(amplitude, seconds)
        log_duration, level, peak, frames = duration_loudness.get_scene_embeddings(clip[None], model)[0].tolist()
        assert math.exp(log_duration) == pytest.approx(seconds, rel=1e-6)
        assert level == pytest.approx(20 * math.log10(amplitude) + 10 * math.log10(0.5), abs=1e-3)
        assert peak == pytest.approx(20 * math.log10(amplitude), abs=1e-3)
        n_frames = 1 + round(seconds * 40)  # the first and the last see zeros half of their time: -3.01 dB
        assert frames == pytest.approx(level - 2 * 10 * math.log10(2) / n_frames, abs=1e-3)
    silent = duration_loudness.get_scene_embeddings(torch.zeros(1, 1000), model)[0]
    assert silent[1:].tolist() == pytest.approx([-100, -100, -100])


def test_frames_tell_when_it_was_loud():
    """Half a second at -23 dB, then half a second of silence: frames away from the border say so."""
    clip = torch.cat([sine(0.1, 0.5), torch.zeros(8000)])
    frames, times = duration_loudness.get_timestamp_embeddings(clip[None], duration_loudness.load_model())
    loud, quiet = (times[0] > 25) & (times[0] < 475), times[0] > 525
    assert torch.allclose(frames[0, loud, 3], torch.tensor(-23.0103), atol=1e-3)
    assert (frames[0, quiet, 3] == -100).all()
    assert torch.equal(frames[0, :, :3], frames[0, :1, :3].expand(frames.shape[1], 3))


def test_unpadded_clips_keep_their_durations_in_one_call():
    """The extension tells clips of 0.2 to 3 s by their lengths, among each other and cut in windows."""
    model = duration_loudness.load_model(window_seconds=1)
    seconds = [0.2, 3.0, 1.1]
    views = duration_loudness.get_clip_embeddings([sine(0.5, each) for each in seconds], model)
    np.testing.assert_allclose(views["scene"][:, 0].exp(), seconds, rtol=1e-5)
    np.testing.assert_allclose(views["layers_mean"][:, 0, 0].exp(), seconds, rtol=1e-5)
    assert views["layers_std"][:, 0, :3].abs().max() < 1e-5


def test_chance_is_the_same_for_the_same_sound_only():
    """One sample more or less makes another embedding; neighbours in the batch do not."""
    model = chance.load_model()
    clips = 0.1 * torch.randn(5, 5000, generator=torch.Generator().manual_seed(1))
    clips[4] = clips[0]
    scenes = chance.get_scene_embeddings(clips, model)
    assert torch.equal(scenes[0], scenes[4])
    torch.testing.assert_close(chance.get_scene_embeddings(clips[2:3], model)[0], scenes[2])
    assert torch.corrcoef(scenes[:4]).fill_diagonal_(0).abs().max() < 0.6
    nudged = clips[0].clone()
    nudged[77] += 1e-3
    pair = torch.stack([scenes[0], chance.get_scene_embeddings(nudged[None], model)[0]])
    assert torch.corrcoef(pair)[0, 1].abs() < 0.6


def test_chance_is_standard_normal_whatever_the_length():
    """Neither duration nor loudness shows in mean or deviation: 60 s beside 0.1 s, loud beside silent."""
    model = chance.load_model(window_seconds=5)
    draw = torch.Generator().manual_seed(2)
    for n_samples, level in ((1600, 1.0), (960_000, 1e-4), (16000, 0.3)):
        clips = [level * torch.randn(n_samples, generator=draw) for _ in range(8)]
        scene = chance.get_clip_embeddings(clips, model)["scene"]
        assert abs(scene.mean()) < 0.2 and abs(scene.std() - 1) < 0.15  # 512 numbers: deviations of 0.04 and 0.03


def test_silent_frames_of_two_clips_have_nothing_in_common():
    """Else a probe could find pauses in noise, and would be above chance where events are asked."""
    model = chance.load_model()
    clips = torch.zeros(2, 16000)
    clips[:, :800] = 0.1 * torch.randn(2, 800, generator=torch.Generator().manual_seed(3))
    frames, _ = chance.get_timestamp_embeddings(clips, model)
    assert torch.equal(frames[0, 10], frames[0, 11])
    assert torch.corrcoef(frames[:, 10])[0, 1].abs() < 0.6
    long = chance.load_model(window_seconds=1)
    assert torch.equal(
        chance.get_timestamp_embeddings(clips.repeat(1, 3), long)[0][:, :61],
        chance.get_timestamp_embeddings(clips.repeat(1, 3), model)[0],
    )


@pytest.mark.parametrize("module", [majority, chance, duration_loudness])
def test_a_path_is_refused(module):
    """There are no weights to load."""
    with pytest.raises(ValueError, match="has no weights to load; leave model_file_path empty"):
        module.load_model("weights.pt")


COPIED = ["hubert_base", "hubert_large", "wavlm_base", "data2vec_base", "aves_bio", "byol_a", "crepe_tiny", "good"]


def trained_and_untrained(name, folder, seed=0):
    """A module's model and its untrained copy's, by the name in `COPIED`."""
    if name == "good":
        spec = importlib.util.spec_from_file_location("good_module", GOOD)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.load_model(), load_untrained(GOOD, untrained_seed=seed)
    path = model_path(name, folder)
    trained = importlib.import_module(f"hear_ssl.{name}").load_model(path)
    return trained, load_untrained(f"hear_ssl.{name}", untrained_seed=seed, untrained_weights=path)


@pytest.mark.parametrize("name", COPIED)
def test_no_weight_of_an_untrained_copy_is_a_trained_one(name, tmp_path):
    """Same sizes, same tensors, none with its trained values; the same seed draws the same weights, another others."""
    trained, untrained = trained_and_untrained(name, tmp_path)
    # Files of their own: older libraries leave weights in the file, and would hear of it being written anew.
    again, other = (trained_and_untrained(name, tmp_path / str(seed), seed)[1] for seed in (0, 1))
    for key in ("sample_rate", "scene_embedding_size", "timestamp_embedding_size"):
        assert getattr(trained, key) == getattr(untrained, key)
    before, after, same, another = (list(state_tensors(model).values()) for model in (trained, untrained, again, other))
    parameters = {id(tensor) for tensor in trained.parameters()} if name != "crepe_tiny" else set()
    keys = [each for each in trained.state_dict(keep_vars=True).values() if isinstance(each, torch.Tensor)]
    assert [tensor.shape for tensor in before] == [tensor.shape for tensor in after]
    for number, tensor in enumerate(before):
        assert torch.equal(after[number], same[number])
        if (id(keys[number]) in parameters or name == "crepe_tiny") and tensor.numel() > 1 and tensor.std() > 0:
            assert not torch.equal(tensor, after[number])
    assert any(not torch.equal(one, two) for one, two in zip(after, another, strict=True))
    assert all(torch.isfinite(torch.view_as_real(each) if each.is_complex() else each).all() for each in after)
    assert not untrained.training and not any(each.requires_grad for each in untrained.parameters())


def test_an_untrained_copy_keeps_what_was_not_learned(tmp_path):
    """Statistics, filters and options of BYOL-A stay; its batch norms have seen nothing."""
    path = str(save_byol_a(tmp_path))
    trained = importlib.import_module("hear_ssl.byol_a").load_model(path, pooling="mean")
    untrained = load_untrained("hear_ssl.byol_a", untrained_weights=path, pooling="mean")
    assert (
        (untrained.encoder.mean, untrained.encoder.std) == (trained.encoder.mean, trained.encoder.std) == (-5.25, 4.5)
    )
    assert untrained.pooling == "mean"
    for one, two in zip(trained.encoder.front_end.buffers(), untrained.encoder.front_end.buffers(), strict=True):
        assert torch.equal(one, two)
    norms = [part for part in untrained.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert norms and all((norm.running_mean == 0).all() and (norm.running_var == 1).all() for norm in norms)


def test_weights_are_drawn_as_the_authors_draw_them(tmp_path):
    """A HuBERT's linear layers get the deviation of its config, not the trained one, although transformers marked them."""
    with weights.quiet_transformers() as transformers:  # as a module of another author loads it
        network = transformers.AutoModel.from_pretrained(model_path("hubert_base", tmp_path)).requires_grad_(False)
    layer = network.encoder.layers[0]
    weight = layer.feed_forward.intermediate_dense.weight  # 4608 numbers
    assert weight._is_hf_initialized
    for tensor in (weight, layer.layer_norm.weight):
        tensor.mul_(7).add_(1)
    redraw(network, 0)
    assert weight.std().item() == pytest.approx(network.config.initializer_range, rel=0.05)
    assert abs(weight.mean().item()) < 0.002 and (layer.layer_norm.weight == 1).all()


def test_what_has_no_initialiser_keeps_its_scale_only():
    """A bare parameter gets normal numbers of its own mean and deviation; a constant one stays."""

    class Bare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Parameter(5 + 2 * torch.rand(100, 50))
            self.gain = torch.nn.Parameter(torch.ones(7))

    network = Bare()
    before = network.table.detach().clone()
    assert redraw(network, 0) == 1
    assert torch.corrcoef(torch.stack([before.flatten(), network.table.detach().flatten()]))[0, 1].abs() < 0.1
    assert network.table.mean().item() == pytest.approx(6, abs=0.05)
    assert network.table.std().item() == pytest.approx(2 / math.sqrt(12), rel=0.05)
    assert (network.gain == 1).all()


def test_what_the_authors_froze_stays():
    """A fixed front end beside parameters that ask for gradients is no trained weight."""
    network = torch.nn.Sequential(torch.nn.Conv1d(1, 3, 5), torch.nn.Linear(4, 2), torch.nn.BatchNorm1d(2))
    network[0].requires_grad_(False)
    kept, drawn = network[0].weight.detach().clone(), network[1].weight.detach().clone()
    redraw(network, 4)
    assert torch.equal(network[0].weight, kept) and not torch.equal(network[1].weight, drawn)


def test_drawing_leaves_the_process_as_it_was():
    """The next random number is the one that would have come without it."""
    torch.manual_seed(9)
    wanted = torch.rand(3)
    torch.manual_seed(9)
    load_untrained(GOOD)
    assert torch.equal(torch.rand(3), wanted)


def test_a_third_partys_copy_is_called_as_its_original():
    """No extension appears, and scenes come from the module's own function with the drawn weights."""
    spec = ModuleSpec(f"untrained:{GOOD}", options={"untrained_seed": 5, "seed": 2}, in_process=True)
    with open_module(spec) as opened:
        assert opened.describe()["extension"] is False
        audio = np.random.default_rng(0).uniform(-1, 1, (2, 4000)).astype(np.float32)
        scene, (frames, _) = opened.scene(audio), opened.timestamps(audio)
        weight = opened.driver.model.member.model.weight
    wanted = torch.conv1d(torch.from_numpy(audio)[:, None], weight, stride=160).abs()
    np.testing.assert_allclose(scene, wanted.mean(dim=2), rtol=1e-5)
    np.testing.assert_allclose(frames, wanted.transpose(1, 2), rtol=1e-5)


def test_an_untrained_copy_shows_the_layers_of_its_module(tmp_path):
    """Of a module that is not ours too: `--layers 1` is of both, and means the same one."""
    page = (Path(__file__).parents[1] / "docs" / "own_model.md").read_text(encoding="utf-8")
    for name, text in re.findall(
        r"<!-- file: (my_model|layered_model)\.py -->\n\n```python\n(.*?)```", page, re.DOTALL
    ):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    module, audio = str(tmp_path / "layered_model.py"), np.random.default_rng(0).normal(0, 0.1, (2, 8000))
    clips = [clip[:length].astype(np.float32) for clip, length in zip(audio, (8000, 350), strict=True)]
    with open_module(ModuleSpec(module)) as trained, open_module(ModuleSpec(f"untrained:{module}")) as untrained:
        assert trained.describe()["n_layers"] == untrained.describe()["n_layers"] == 2
        ours, theirs = (each.clips(clips) for each in (trained, untrained))
    assert ours["layers_mean"].shape == theirs["layers_mean"].shape == (2, 2, 32)
    assert np.isfinite(theirs["layers_std"]).all() and not np.allclose(ours["scene"], theirs["scene"])


def test_an_untrained_ensemble_draws_every_member_anew():
    """Both members' weights are new, and the sizes are the ensemble's."""
    with open_module(ModuleSpec("ensemble:hear_ssl.byol_a_mini+hear_ssl.crepe_tiny")) as trained:
        sizes, before = trained.describe(), state_tensors(trained.driver.model)
    with open_module(ModuleSpec("untrained:ensemble:hear_ssl.byol_a_mini+hear_ssl.crepe_tiny")) as untrained:
        after = state_tensors(untrained.driver.model)
        assert untrained.describe()["scene_embedding_size"] == sizes["scene_embedding_size"]
    new = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert new == {"0", "1"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("untrained:hear_ssl.melspec", "hear_ssl.melspec has no untrained copy: it holds no torch weights"),
        ("untrained:no_such_module", "module 'no_such_module' cannot be imported"),
        ("untrained:", "needs the name of a module"),
    ],
)
def test_what_has_no_untrained_copy_is_refused(name, sentence):
    """One sentence that names the module."""
    with pytest.raises(UsageError, match=sentence), open_module(ModuleSpec(name)):
        pass


def test_a_seed_is_a_whole_number():
    """Anything else is refused with what is wanted."""
    with pytest.raises(ValueError, match="option untrained_seed=-1: .*whole number from 0"):
        load_untrained(GOOD, untrained_seed=-1)


def test_baselines_stand_beside_what_was_given_once():
    """What was given is not repeated; an untrained copy is loaded as its module, the others as nothing in particular."""
    shared = ("mine", {"layer": 3}, "cpu", "old", 5.0)
    modules = [
        ModuleSpec(name, *shared) for name in ("hear_ssl.byol_a", "hear_ssl.melspec", "./m.py", "untrained:./m.py")
    ]
    added = baselines.beside(modules)
    plain = ["hear_ssl.majority", "hear_ssl.chance", "hear_ssl.duration_loudness"]
    assert [spec.name for spec in added] == [*plain, "untrained:hear_ssl.byol_a"]
    assert added[-1] == ModuleSpec("untrained:hear_ssl.byol_a", *shared)
    assert all(spec == ModuleSpec(spec.name, device="cpu") for spec in added[:-1])


def test_the_flag_adds_rows_and_names_what_cannot_be_untrained(tmp_path, capsys):
    """A module without weights gets every baseline but the untrained one, which is no failure; the module's own is there."""
    folder = write_tones(tmp_path / "data", {"crow": 6, "owl": 6})
    noise = str(Path(GOOD).with_name("noise.py"))
    arguments = ("--task", folder, "--protocol", "logistic", "--cache", tmp_path / "cache", "--out", tmp_path / "out")
    assert run("--baselines", GOOD, noise, *arguments) == 0
    names = {on_disk.read(path).module for path in (tmp_path / "out").rglob("*.json")}
    assert names == {*baselines.WITHOUT_WEIGHTS, GOOD, noise, f"untrained:{GOOD}"}
    assert f"untrained:{noise}: " in (shown := capsys.readouterr()).err and "has no untrained copy" in shown.err
