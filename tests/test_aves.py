"""AVES weights in torchaudio's format: the mapped network against torchaudio's own, and every way to get it wrong."""

import http.server
import json
import threading

import pytest
import torch

from hear_ssl import aves_bio
from hear_ssl.encoders import api, aves
from hear_ssl.encoders.transformer import TransformerEncoder
from tiny_checkpoints import AVES_CONFIG as CONFIG
from tiny_checkpoints import aves_state as tiny_state
from tiny_checkpoints import save_aves as save

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


@pytest.mark.parametrize("first", [False, True])
def test_equals_torchaudio(tmp_path, first):
    """Every layer is that of torchaudio's own model with the same weights, within 1e-4."""
    try:
        import torchaudio
    except Exception as error:  # a pair that does not fit raises OSError or RuntimeError
        pytest.skip(f"torchaudio cannot be imported here: {error}")
    config = {**CONFIG, "encoder_layer_norm_first": first}
    torch.manual_seed(4)
    theirs = torchaudio.models.wav2vec2_model(**config, aux_num_out=None).eval()
    model = aves_bio.load_model(str(save(tmp_path, theirs.state_dict(), config)))
    audio = torch.randn(1, 9000) * 0.1
    with torch.no_grad():
        layers, _ = theirs.extract_features(audio)
    seen = []
    batch = next(model.batches(list(audio), model.encoder.scene_framing))
    with torch.no_grad():
        model.encoder(batch.audio, [9000], model.encoder.scene_framing, batch.clip_stats, lambda n, x: seen.append(x))
    compared = len(layers) - first  # pre-norm: torchaudio lists the last layer before its norm
    for number in range(compared):
        assert (seen[number + 1] - layers[number]).abs().max() < 1e-4


def test_both_names_of_weight_norm_load_the_same(tmp_path):
    """The old names of the positional convolution's weights and the new ones give the same network."""
    audio = torch.randn(2, 3000)
    scenes = []
    for number, old in enumerate((True, False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        scenes.append(api.get_scene_embeddings(audio, aves_bio.load_model(str(save(folder, tiny_state(old))))))
    assert torch.equal(*scenes)


def test_input_is_not_normalised_unless_asked(tmp_path):
    """AVES hears raw audio: louder audio changes the embedding, unless normalize=True."""
    path, audio = str(save(tmp_path)), torch.randn(1, 4000) * 0.1 + 0.2
    for options, same in (({}, False), ({"normalize": True}, True)):
        model = aves_bio.load_model(path, **options)
        one, other = api.get_scene_embeddings(audio, model), api.get_scene_embeddings(3 * audio, model)
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4) == same
        assert isinstance(model.encoder, TransformerEncoder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encoder_dim": 3}, "encoder_dim is unknown"),
        ({"extractor_mode": "batch_norm"}, "extractor_mode .batch_norm. is unknown; known: group_norm, layer_norm"),
        ({"encoder_num_layers": 4}, "encoder.layers.3.* is missing"),
        ({"encoder_embed_dim": 48}, "has shape"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tmp_path, change, sentence):
    """The field or weight that does not fit is named."""
    with pytest.raises(ValueError, match=sentence):
        aves_bio.load_model(str(save(tmp_path, config={**CONFIG, **change})))


def test_wrong_files_are_refused(tmp_path):
    """A fairseq checkpoint, a missing configuration, a missing file and half a file: a sentence each."""
    torch.save({"model": tiny_state(), "args": {}}, tmp_path / "fairseq.pt")
    (tmp_path / "fairseq.json").write_text(json.dumps(CONFIG))
    with pytest.raises(ValueError, match="this is the fairseq file of the model"):
        aves_bio.load_model(str(tmp_path / "fairseq.pt"))
    path = save(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="5000 bytes.*truncated"):
        aves_bio.load_model(str(path))
    (tmp_path / "tiny.torchaudio.model_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="tiny.torchaudio.model_config.json"):
        aves_bio.load_model(str(path))
    with pytest.raises(FileNotFoundError, match="no such weight file"):
        aves_bio.load_model(str(tmp_path / "none.pt"))


def test_the_onnx_export_is_told_apart(tmp_path):
    """It has no layers; the file that would do is named."""
    (tmp_path / "aves-base-bio.onnx").write_bytes(b"\x08\x07")
    with pytest.raises(ValueError, match=r"ONNX export.*\.torchaudio\.pt.*model_config\.json"):
        aves_bio.load_model(str(tmp_path / "aves-base-bio.onnx"))


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local server in place of the published address, and an empty cache; gives the served folder."""
    served = tmp_path / "served"
    (served / "ported_aves").mkdir(parents=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(served))

        def log_message(self, *args):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    monkeypatch.setattr(aves, "PUBLISHED_AT", f"http://127.0.0.1:{web.server_port}")
    monkeypatch.setenv("HEAR_SSL_CACHE", str(tmp_path / "cache"))
    yield served / "ported_aves"
    web.shutdown()


def test_download_once_and_then_from_the_cache(server):
    """Without a path both files are fetched; afterwards no server is needed."""
    path = save(server)
    for name in (path.name, "tiny.torchaudio.model_config.json"):
        (server / name).rename(server / name.replace("tiny", "aves-base-bio"))
    first = api.get_scene_embeddings(torch.ones(1, 500), aves_bio.load_model())
    for file in server.iterdir():
        file.unlink()
    assert torch.equal(first, api.get_scene_embeddings(torch.ones(1, 500), aves_bio.load_model()))


def test_a_download_that_fails_says_what_to_do(server, tmp_path):
    """A file that is not there is told with both addresses and the folder to put them in; nothing half is left."""
    with pytest.raises(
        FileNotFoundError, match=r"aves-base-bio.torchaudio.model_config.json cannot be downloaded .*404.*put both into"
    ):
        aves_bio.load_model()
    assert not list((tmp_path / "cache").iterdir())


def test_a_download_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    """Fewer bytes than the server announced are no file: the sentence counts them and the cache stays empty."""

    class BreaksOff(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b"{" * 300)

        def log_message(self, *args):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BreaksOff)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    monkeypatch.setattr(aves, "PUBLISHED_AT", f"http://127.0.0.1:{web.server_port}")
    monkeypatch.setenv("HEAR_SSL_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"cannot be downloaded .*(300 of 500 bytes|IncompleteRead)"):
        aves_bio.load_model()
    web.shutdown()
    assert not list(tmp_path.iterdir())


def test_a_fairseq_file_without_a_configuration_is_still_told_apart(tmp_path):
    """The usual download of the wrong format brings no JSON file; the sentence is about the format all the same."""
    torch.save({"model": tiny_state(), "cfg": {}}, tmp_path / "aves-base-bio.pt")
    with pytest.raises(
        ValueError, match=r"fairseq file of the model.*\.torchaudio\.pt.*hear-ssl convert aves-base-bio\.pt --out"
    ):
        aves_bio.load_model(str(tmp_path / "aves-base-bio.pt"))


def test_a_configuration_under_another_name_is_found_if_it_is_the_only_one(tmp_path):
    """X.pt takes X_config.json; a second candidate makes it a question to the user."""
    path = save(tmp_path)
    (tmp_path / "tiny.torchaudio.model_config.json").rename(tmp_path / "tiny.torchaudio_config.json")
    aves_bio.load_model(str(path))
    (tmp_path / "tiny.torchaudio-old-config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"several could be it: tiny.*old-config.json, tiny.*_config.json"):
        aves_bio.load_model(str(path))
