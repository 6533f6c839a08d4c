"""BYOL-A against a literal computation of its network and librosa's spectrogram."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hear_ssl import byol_a, byol_a_mini, byol_a_speech
from hear_ssl.encoders.byol_a import ByolANetwork
from hear_ssl.encoders.byol_a_statistics import read_statistics
from hear_ssl.encoders.logmel import LogMel, mirrored
from tiny_checkpoints import save_byol_a, tiny_byol_a

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MEAN, STD = -5.25, 4.5


def sound(n_samples, seed=0):
    """Noise whose loudness swells, (n_samples,)."""
    noise = torch.randn(n_samples, generator=torch.Generator().manual_seed(seed))
    return 0.1 * noise * torch.linspace(0.1, 1, n_samples)


def load(folder, version=1, width=12, **options):
    """A tiny random model through the public door."""
    return byol_a.load_model(str(save_byol_a(folder, version, width, (MEAN, STD))), **options)


def literal(network, x):
    """The network in numpy, one position after the other: (n_bands, n_frames) -> (n_frames / 8 or 4, width)."""
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    x = x.double().numpy()[None]  # (channel, mel, time)
    for at in range(0, 4 * network.n_blocks, 4):
        kernel, bias = state[f"features.{at}.weight"], state[f"features.{at}.bias"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        y = np.empty((64, *x.shape[1:]))
        for mel in range(x.shape[1]):
            for time in range(x.shape[2]):
                y[:, mel, time] = np.tensordot(kernel, padded[:, mel : mel + 3, time : time + 3], 3) + bias
        mean, variance = state[f"features.{at + 1}.running_mean"], state[f"features.{at + 1}.running_var"]
        scale = state[f"features.{at + 1}.weight"] / np.sqrt(variance + 1e-5)
        y = (y - mean[:, None, None]) * scale[:, None, None] + state[f"features.{at + 1}.bias"][:, None, None]
        y = np.maximum(y, 0)[:, : y.shape[1] // 2 * 2, : y.shape[2] // 2 * 2]
        x = np.maximum(np.maximum(y[:, ::2, ::2], y[:, 1::2, ::2]), np.maximum(y[:, ::2, 1::2], y[:, 1::2, 1::2]))
    frames = []
    for time in range(x.shape[2]):
        seen = np.array([x[channel, mel, time] for mel in range(x.shape[1]) for channel in range(64)])
        hidden = np.maximum(state["fc.0.weight"] @ seen + state["fc.0.bias"], 0)
        out = np.maximum(state["fc.3.weight"] @ hidden + state["fc.3.bias"], 0)
        frames.append(out if network.version == 1 else np.concatenate([seen, out]))
    return np.array(frames)


@pytest.mark.parametrize(("version", "n_frames"), [(1, 21), (2, 10)])
def test_network_equals_the_literal_one(version, n_frames):
    """Convolution, batch norm, ReLU, pooling, (mel slow, channel fast), perceptron; odd ends fall away."""
    network = tiny_byol_a(version, 7)
    x = torch.randn(64, n_frames, generator=torch.Generator().manual_seed(1))
    wanted = literal(network, x)
    assert wanted.shape == ((2, 7) if version == 1 else (2, 1024 + 7))
    np.testing.assert_allclose(network(x[None])[0].numpy(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("version", "width", "n_parameters"), [(1, 2048, 5_321_856), (2, 2048, 6_333_376)])
def test_as_many_parameters_as_published(version, width, n_parameters):
    """The counts of the two published sizes."""
    assert sum(p.numel() for p in ByolANetwork(version, width).parameters()) == n_parameters


@pytest.mark.parametrize(("mel", "htk", "norm"), [("htk", True, None), ("slaney", False, "slaney")])
@pytest.mark.parametrize("window", [1024, 400])
def test_front_end_equals_librosas(mel, htk, norm, window):
    """Log power in 64 bands from 60 to 7800 Hz, ends mirrored, on both mel scales and both windows."""
    librosa = pytest.importorskip("librosa")
    audio = sound(16100)
    energies = librosa.feature.melspectrogram(
        y=audio.numpy(), sr=16000, n_fft=1024, win_length=window, hop_length=160, n_mels=64, fmin=60, fmax=7800,
        htk=htk, norm=norm, pad_mode="reflect", power=2,
    )  # fmt: skip
    ours = LogMel(mel, window)(mirrored(audio[None]))[0]
    np.testing.assert_allclose(ours.numpy(), np.log(energies + np.finfo(np.float32).eps), atol=2e-3)


def whole_clip(model, clip):
    """The network's frames of a whole clip at once, (n_frames, width), from torch's own spectrogram."""
    spectrogram = torch.stft(clip, 1024, 160, window=torch.hann_window(1024), return_complex=True).abs() ** 2
    bands = torch.einsum("ft,fm->mt", spectrogram, model.encoder.front_end.filters)
    return model.encoder.network(((bands + torch.finfo(torch.float32).eps).log()[None] - MEAN) / STD)[0]


def published(model, clip):
    """A scene as the published script makes it: zeros up to 1 s, the whole clip at once, maximum plus mean."""
    frames = whole_clip(model, torch.nn.functional.pad(clip, (0, max(0, 16000 - len(clip)))))
    return frames.max(dim=0).values + frames.mean(dim=0)


@pytest.mark.parametrize("version", [1, 2])
def test_scenes_are_the_published_ones_alone_in_a_batch_and_in_windows(version, tmp_path):
    """Clips of any lengths together, and a long one in windows of 1.4 s, give what the whole clip alone gives."""
    model, cut = load(tmp_path, version), load(tmp_path, version, window_seconds=1.4)
    clips = [sound(n, seed=n) for n in (1, 700, 16000, 16159, 30001, 45678)]
    together = byol_a.get_clip_embeddings(clips, model)["scene"]
    for clip, ours in zip(clips, together, strict=True):
        wanted = published(model, clip)
        assert (ours - wanted).abs().max() < 1e-5 * wanted.abs().max()
        for one in (model, cut):
            alone = byol_a.get_scene_embeddings(clip[None], one)[0]
            assert (alone - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_timestamps_are_scenes_of_one_second(tmp_path):
    """Every 50 ms from 0, half a second of zeros around the clip; the vector is the scene of that second."""
    model = load(tmp_path)
    clip = sound(20000)
    frames, times = byol_a.get_timestamp_embeddings(clip[None], model)
    assert times[0].tolist() == [50.0 * i for i in range(26)] and frames.shape == (1, 26, 12)
    padded = torch.nn.functional.pad(clip, (8000, 8000))
    for i in (0, 7, 25):
        torch.testing.assert_close(frames[0, i], published(model, padded[800 * i :][:16000]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("version", "hop", "first"), [(1, 80, 35), (2, 40, 15)])
def test_the_networks_own_frames_by_option(version, hop, first, tmp_path):
    """timestamps="frames": 80 or 40 ms apart, at the centre of the spectrogram frames that they are made of."""
    model = load(tmp_path, version, timestamps="frames")
    frames, times = byol_a.get_timestamp_embeddings(sound(17920)[None], model)
    assert times[0].tolist() == [first + hop * i for i in range(frames.shape[1])] and times.max() <= 1120
    wanted = whole_clip(model, sound(17920))
    inside = len(wanted) - 2  # the last one may see zeros behind the clip
    torch.testing.assert_close(frames[0, :inside], wanted[:inside], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "mean+std"])
def test_other_pooling_by_option(pooling, tmp_path):
    """Mean, and mean with deviation, over the frames of the whole clip."""
    model = load(tmp_path, pooling=pooling)
    frames = whole_clip(model, sound(30001))
    wanted = torch.cat([frames.mean(0), frames.std(0)]) if pooling == "mean+std" else frames.mean(0)
    scene = byol_a.get_scene_embeddings(sound(30001)[None], model)[0]
    torch.testing.assert_close(scene, wanted, rtol=1e-4, atol=1e-5)


def test_shape_decides_version_and_width(tmp_path):
    """512, 1024 and 2048 wide files of version 1, and 3072 of version 2, say themselves what they are."""
    sizes = [load(tmp_path, 1, width).scene_embedding_size for width in (512, 1024, 2048)]
    assert sizes == [512, 1024, 2048] and load(tmp_path, 2, 2048).scene_embedding_size == 3072


def test_a_folder_a_file_and_safetensors_give_the_same(tmp_path):
    """checkpoint.pth, its folder, or tensors and statistics in one file."""
    path = save_byol_a(tmp_path, 1, 12, (MEAN, STD))
    facts = {"mean": str(MEAN), "std": str(STD), "mel": "htk", "stft_window": "1024"}
    save_file(tiny_byol_a(1, 12).state_dict(), tmp_path / "one.safetensors", facts)
    scenes = [
        byol_a.get_scene_embeddings(sound(16000)[None], byol_a.load_model(str(source)))
        for source in (path, tmp_path, tmp_path / "one.safetensors")
    ]
    assert torch.equal(scenes[0], scenes[1]) and torch.equal(scenes[0], scenes[2])


def test_byol_s_and_other_bands_are_options(tmp_path):
    """A window of 400 samples and the other mel scale give other numbers; what the weights say can be overruled."""
    plain, speech, other = (load(tmp_path, **options) for options in ({}, {"stft_window": 400}, {"mel": "slaney"}))
    assert speech.encoder.front_end.window.count_nonzero() == 399  # a periodic Hann window begins with 0
    scenes = [byol_a.get_scene_embeddings(sound(16000)[None], model) for model in (plain, speech, other)]
    assert not torch.allclose(scenes[0], scenes[1], rtol=1e-3) and not torch.allclose(scenes[0], scenes[2], rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mel": "bark"}, "mel='bark': known values are 'htk' and 'slaney'"),
        ({"stft_window": 2000}, "stft_window=2000: a number of samples from 1 to 1024"),
        ({"timestamps": "all"}, "timestamps='all': known values are 'windows' and 'frames'"),
        ({"pooling": "max"}, "pooling='max'"),
    ],
)
def test_wrong_options_are_refused(options, sentence, tmp_path):
    """The option, its value and the right ones."""
    with pytest.raises(ValueError, match=sentence):
        load(tmp_path, **options)


def test_foreign_and_torn_weights_are_refused(tmp_path):
    """Strictly: a missing tensor, a wrong shape, another network, no statistics."""
    path = save_byol_a(tmp_path, 1, 12, (MEAN, STD))
    state = torch.load(path, weights_only=True)
    cases = {
        r"features.4.bias is missing": {name: t for name, t in state.items() if name != "features.4.bias"},
        r"fc.3.bias has shape \(5,\), not \(12,\)": {**state, "fc.3.bias": torch.zeros(5)},
        r"head.weight is unknown": {**state, "head.weight": torch.zeros(5)},
        r"not the weights of BYOL-A: fc.0.weight is wanted.*tensors a.weight came": {"a.weight": torch.zeros(5)},
        r"shape \(12, 13\) came": {**state, "fc.0.weight": torch.zeros(12, 13)},
    }
    for sentence, damaged in cases.items():
        torch.save(damaged, path)
        with pytest.raises(ValueError, match=sentence):
            byol_a.load_model(str(path))
    torch.save(state, path)
    (tmp_path / "stats.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"stats.csv: no such file, and the weights need mean and std"):
        byol_a.load_model(str(path))


@pytest.mark.parametrize(
    "text", ["mean,std\n-5.5,4.25\n", ",mean,std\n0,-5.5,4.25\n", "mean,-5.5\nstd,4.25\n", "-5.5\n4.25\n", "-5.5, 4.25"]
)
def test_statistics_by_name_or_order(text, tmp_path):
    """Columns or rows called mean and std, or just the two numbers."""
    (tmp_path / "stats.csv").write_text(text)
    assert read_statistics(tmp_path / "stats.csv") == (-5.5, 4.25)


@pytest.mark.parametrize("text", ["", "mean,std\n", "1,2,3\n", "mean,std\nlow,high\n"])
def test_other_statistics_are_refused(text, tmp_path):
    """Nothing is guessed."""
    (tmp_path / "stats.csv").write_text(text)
    with pytest.raises(ValueError, match="a column mean and a column std are wanted"):
        read_statistics(tmp_path / "stats.csv")


def test_without_a_path_the_way_to_the_weights_is_told():
    """The error says where Ogg's weights are; of others, how to make some."""
    with pytest.raises(FileNotFoundError, match="download https://.*checkpoints_sp.zip"):
        byol_a_speech.load_model()
    with pytest.raises(FileNotFoundError, match="hear-ssl pretrain byol-a"):
        byol_a.load_model()


def test_the_mini_is_in_the_package():
    """It loads without a path, is below 4 MB, and names every sound of others that it heard, with a free licence."""
    model = byol_a_mini.load_model()
    assert model.scene_embedding_size == 1536
    folder = Path(byol_a_mini.__file__).parent / "weights"
    assert (folder / "byol_a_mini.safetensors").stat().st_size < 4e6
    assert "CC BY-SA 4.0" in (folder / "byol_a_mini.md").read_text(encoding="utf-8")
    with (folder / "byol_a_mini_sounds.csv").open(encoding="utf-8", newline="") as file:
        sounds = list(csv.DictReader(file))
    assert len(sounds) == 238 and {row["licence"] for row in sounds} == {"CC0", "CC-BY"}
    assert {row["clip"][0] for row in sounds} == {"1", "2", "3"}  # the folds; 4 and 5 are for tests


def test_a_trainings_checkpoint_loads_too(tmp_path):
    """Tensors under `state_dict`, behind the names of the modules around them, as the original loader takes them."""
    path = save_byol_a(tmp_path, 1, 12, (MEAN, STD))
    state = torch.load(path, weights_only=True)
    audio = torch.randn(1, 20000, generator=torch.Generator().manual_seed(0)) * 0.1
    wanted = byol_a.get_scene_embeddings(audio, byol_a.load_model(str(path)))
    torch.save({"epoch": 3, "state_dict": {f"online.net.{name}": tensor for name, tensor in state.items()}}, path)
    torch.testing.assert_close(byol_a.get_scene_embeddings(audio, byol_a.load_model(str(path))), wanted)
