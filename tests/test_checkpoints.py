"""Checkpoints in the hub's format: every way in which they are written, against transformers' own classes.

The independent reference is `AutoModel` and `AutoFeatureExtractor` on the same folder.
"""

import importlib
import json
import shutil
import socket

import pytest
import torch

from hear_ssl.encoders import api, hub, weights
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.families import FAMILIES as KINDS
from tiny_checkpoints import FAMILIES, SMALL, edit_config, tiny_network, write

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

FORMATS = ("safetensors", "bin", "old bin", "sharded", "sharded bin", "v5 processor", "half precision")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def reference(folder, clip):
    """Hidden states of transformers' own classes on that folder: each (n_frames, width), layer 0 first."""
    with weights.quiet_transformers() as transformers:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
        network = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    values = extractor(clip.numpy(), sampling_rate=extractor.sampling_rate, return_tensors="pt").input_values
    with torch.no_grad():
        out = network(values, output_hidden_states=True)
    return [state[0] for state in (*out.hidden_states[:-1], out.last_hidden_state)]


def noise(n, seed=0):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed)) * 0.1 + 0.05


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_format_gives_the_hidden_states_of_transformers(tmp_path, family, form, normalize):
    """Layers and normalisation are those of AutoModel and AutoFeatureExtractor on the same folder."""
    folder, clip = write(tmp_path, tiny_network(family), form, normalize), noise(8080)
    ours = api.get_clip_embeddings([clip], Checkpoint("").load_model(str(folder)))["layers_mean"][0]
    theirs = torch.stack([layer.mean(0) for layer in reference(folder, clip)])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("form", ["safetensors", "v5 processor"])
@pytest.mark.parametrize("rate", [8000, 48000, 22050])
def test_a_checkpoint_of_another_rate_runs_at_it(tmp_path, rate, form):
    """The model asks for that rate, its frames lie at that rate's times, and its numbers are transformers' own."""
    folder, clip = write(tmp_path, tiny_network("wavlm"), form, rate=rate), noise(8080)
    model = Checkpoint("", normalize=True).load_model(str(folder))
    frames, times = api.get_timestamp_embeddings(clip[None], model)
    theirs = reference(folder, clip)[-1]
    assert model.sample_rate == rate
    torch.testing.assert_close(frames[0, : len(theirs)], theirs, rtol=1e-4, atol=2e-5)
    wanted = [1000 * (200 + 320 * number) / rate for number in range(frames.shape[1])]
    assert times[0].tolist() == pytest.approx(wanted, rel=1e-6)


def test_windows_are_exact_at_a_low_rate_too(tmp_path):
    """Overlaps are counted in frames: at 8 kHz a frame is 40 ms and the encoder's input still shows no seam."""
    clip = noise(8000 * 60).cumsum(0) * 0.01
    folder = write(tmp_path, tiny_network("hubert"), rate=8000)
    whole, cut = (
        Checkpoint("").load_model(str(folder), layer=0, window_seconds=seconds).timestamps(clip[None])[0]
        for seconds in (200, 22)
    )
    assert (whole - cut).abs().max() < 1e-4 * whole.square().mean().sqrt()


@pytest.mark.parametrize(
    ("plain", "nested", "sentence"),
    [
        (
            {"do_normalize": True},
            {"do_normalize": False},
            "disagree on do_normalize: preprocessor.*True, processor.*False",
        ),
        ({"sampling_rate": 8000}, {"sampling_rate": 16000}, "disagree on sampling_rate: preprocessor.*8000, processor"),
        ({"sampling_rate": "16000"}, None, "preprocessor_config.json: sampling_rate is '16000'; a whole number of Hz"),
        (None, {"sampling_rate": 1}, "processor_config.json: sampling_rate is 1; a whole number of Hz from 1000"),
        ({"sampling_rate": 16000.5}, None, "sampling_rate is 16000.5"),
        ({"do_normalize": "no"}, None, "do_normalize is 'no'; true or false"),
        ([], None, "preprocessor_config.json: a JSON object is wanted, list came"),
    ],
)
def test_a_processor_that_cannot_be_right_is_refused(tmp_path, plain, nested, sentence):
    """Two files that disagree, and values that mean nothing, are named with what they say."""
    tiny_network("hubert").save_pretrained(tmp_path)
    if plain is not None:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(plain))
    if nested is not None:
        (tmp_path / "processor_config.json").write_text(json.dumps({"feature_extractor": nested}))
    with pytest.raises(ValueError, match=sentence):
        Checkpoint("").load_model(str(tmp_path))


def test_two_processor_files_may_complete_each_other(tmp_path):
    """What only one of them says holds; one that has no part on audio says nothing."""
    tiny_network("hubert").save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 8000, "do_normalize": False}))
    nested = tmp_path / "processor_config.json"
    for content in ({"feature_extractor": {"do_normalize": False}}, {"processor_class": "Wav2Vec2Processor"}):
        nested.write_text(json.dumps(content))
        model = Checkpoint("", normalize=True).load_model(str(tmp_path))
        assert (model.sample_rate, model.encoder.normalize) == (8000, False)


def with_head(kind, **changes):
    """A tiny network with one of transformers' heads on it."""
    name = kind.partition("For")[0]
    with weights.quiet_transformers() as transformers:
        torch.manual_seed(2)
        config = getattr(transformers, f"{name}Config")(**SMALL, vocab_size=9, tdnn_dim=(8,) * 5, **changes)
        return getattr(transformers, kind)(config).eval()


def heads():
    """Every class of transformers with a head on one of the families around wav2vec 2.0."""
    with weights.quiet_transformers() as transformers:
        starts = tuple(f"{kind.classes}For" for kind in KINDS.values() if "precision" in kind.options)
        return [name for name in dir(transformers) if name.startswith(starts)]


@pytest.mark.parametrize("weighted", [False, True])
def test_known_heads_are_left_out(tmp_path, weighted):
    """Whatever transformers puts on an encoder, the encoder's own numbers come out."""
    kinds, clip = heads(), noise(8080)
    assert len(kinds) > 10
    for kind in kinds:
        folder = write(tmp_path / kind, with_head(kind, use_weighted_layer_sum=weighted))
        ours = api.get_clip_embeddings([clip], Checkpoint("").load_model(str(folder)))["layers_mean"][0]
        theirs = torch.stack([layer.mean(0) for layer in reference(folder, clip)])
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5, msg=lambda text, kind=kind: f"{kind}: {text}")


def edit_weights(folder, change):
    """`change(state)` on the tensors of a folder, saved again."""
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


EXTRA = torch.ones(2)
KEY = "encoder.layers.1.attention.k_proj.weight"


@pytest.mark.parametrize(
    ("family", "change", "sentence"),
    [
        ("hubert", lambda s: s.pop(KEY), rf"of 67 tensors \(1 missing\): {KEY} is missing"),
        ("hubert", lambda s: s.update({"encoder.gate": EXTRA}), r"\(1 unknown\): encoder.gate is unknown"),
        ("hubert", lambda s: s.update({"emotion.weight": EXTRA}), r"\(1 unknown\): emotion.weight is unknown"),
        ("hubert", lambda s: s.update({KEY: EXTRA}), r"1 of another shape\): .* has shape \(2,\), not \(48, 48\)"),
        ("hubert", lambda s: s.update({KEY: s[KEY].to(torch.int8)}), r"1 of another type.*of type torch.int8"),
        (
            "hubert",
            lambda s: s.update({"wavlm.encoder.x": EXTRA}),
            "says hubert, but 1 tensors belong to wavlm, such as",
        ),
        ("hubert", lambda s: s.update({"encoder.layers.3.x": EXTRA}), "num_hidden_layers is 3, but .* of 4 layers"),
    ],
)
def test_weights_that_are_not_the_encoders_are_refused(tmp_path, family, change, sentence):
    """Missing, left over, of another shape, type or family: counted, and some of them named."""
    folder = write(tmp_path, tiny_network(family))
    edit_weights(folder, change)
    with pytest.raises(ValueError, match=sentence):
        Checkpoint("").load_model(str(folder))


@pytest.mark.parametrize(("says", "has"), [(2, 3), (1, 3), (4, 3), (12, 3)])
def test_layers_are_as_many_as_the_checkpoint_has(tmp_path, says, has):
    """A config that cuts a network off, or wants more than there is, gives no shorter network and no random layers."""
    folder = write(tmp_path, tiny_network("wav2vec2"))
    edit_config(folder, num_hidden_layers=says)
    with pytest.raises(
        ValueError, match=f"config.json: num_hidden_layers is {says}, but the weights are of {has} layers"
    ):
        Checkpoint("").load_model(str(folder))


def test_an_unknown_head_beside_a_prefix_is_refused(tmp_path):
    """Nothing is passed over but what is known by its name."""
    folder = write(tmp_path, with_head("HubertForCTC"))
    edit_weights(folder, lambda state: state.update({"emotion.weight": EXTRA}))
    with pytest.raises(
        ValueError, match=r"1 of \d+ tensors belong neither to the encoder \(hubert.*\): emotion.weight; if"
    ):
        Checkpoint("").load_model(str(folder))


@pytest.mark.parametrize("name", ["hubert_base", "wavlm_base", "wav2vec2_base", "data2vec_base"])
def test_a_module_takes_its_own_family_only(tmp_path, name):
    """A checkpoint of another network under a module's name is refused, and the way to run it is told."""
    module = importlib.import_module(f"hear_ssl.{name}")
    for family in ("hubert", "wavlm", "wav2vec2", "data2vec"):
        folder = tmp_path / family
        if not folder.exists():
            write(folder, tiny_network(family))
        if family in name:
            module.load_model(str(folder))
        else:
            with pytest.raises(
                ValueError, match=r"config.json: model type '.*' is not .* hear_ssl.hf \(hf:FOLDER\) runs any"
            ):
                module.load_model(str(folder))


def test_loading_leaves_the_callers_random_numbers_alone(tmp_path):
    """No weight is drawn, and the network is in evaluation mode, in float32."""
    folder, state = write(tmp_path, tiny_network("wav2vec2"), "half precision"), torch.get_rng_state()
    network = hub.load_transformer(hub.Files(str(folder)))
    assert torch.equal(state, torch.get_rng_state()) and not network.training
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}


@pytest.mark.parametrize("revision", ["", COMMIT])
def test_the_hubs_cache_serves_one_commit_and_names_it(tmp_path, monkeypatch, revision):
    """Without a pin the newest commit is found out and told; with one it is that one. Layout as of huggingface_hub."""
    root = tmp_path / "models--someone--tiny"
    for commit, rate in ((COMMIT, 8000), ("f" * 40, 16000)):
        write(root / "snapshots" / commit, tiny_network("hubert"), rate=rate)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("f" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = Checkpoint("someone/tiny", revision).load_model()
    assert model.encoder.revision == (revision or "f" * 40) and model.sample_rate == (8000 if revision else 16000)
    folder = Checkpoint("").load_model(str(root / "snapshots" / COMMIT))
    assert folder.encoder.revision == ""
    shutil.rmtree(root / "snapshots")
    with pytest.raises(FileNotFoundError, match=r"someone/tiny.*neither a local folder .*`hf download"):
        Checkpoint("someone/tiny", revision).load_model()


def test_a_hub_without_an_address_is_told_at_once(monkeypatch):
    """The library is not let try again and again; behind a proxy the hub is asked all the same."""
    asked = []

    def nowhere(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def download(source, name, local_files_only, **_):
        asked.append(local_files_only)
        raise ConnectionError("no way")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    for proxies, is_local, why in (
        ({}, True, "huggingface.co cannot be found from here"),
        ({"https": "p"}, False, "no way"),
    ):
        hub.unreachable.cache_clear()
        monkeypatch.setattr("urllib.request.getproxies", lambda proxies=proxies: proxies)
        with pytest.raises(FileNotFoundError, match=f"{why}.*hf download"):
            hub.Files("someone/tiny").find("config.json")
        assert asked.pop() == is_local
    hub.unreachable.cache_clear()
