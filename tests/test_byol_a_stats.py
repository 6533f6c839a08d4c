"""NTT's files of BYOL-A, which come without stats.csv: a pair as an option, that of the training clips, and the ways out of neither."""

import json

import numpy as np
import pytest
import soundfile
import torch

import evaluator as ev
from hear_ssl import byol_a
from hear_ssl.encoders.byol_a_statistics import statistics_of
from hear_ssl.encoders.logmel import LogMel, mirrored
from tiny_checkpoints import save_byol_a, tiny_byol_a

pytestmark = pytest.mark.slow  # the whole file: it runs modules

AUDIO = 0.1 * torch.randn(2, 20000, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def ntt(tmp_path):
    """Weights alone, under NTT's name."""
    path = tmp_path / "AudioNTT2020-BYOLA-64x96d12.pth"
    torch.save(tiny_byol_a(1, 12).state_dict(), path)
    return path


@pytest.mark.parametrize("given", ["-5.25,4.5", "-5.25, 4.5", [-5.25, 4.5]])
def test_a_pair_as_an_option_is_the_pair_beside_the_weights(ntt, tmp_path, given):
    """Both ways give the same embedding."""
    (tmp_path / "with").mkdir()
    beside = byol_a.load_model(str(save_byol_a(tmp_path / "with", 1, 12, (-5.25, 4.5))))
    wanted = byol_a.get_scene_embeddings(AUDIO, beside)
    torch.testing.assert_close(byol_a.get_scene_embeddings(AUDIO, byol_a.load_model(str(ntt), stats=given)), wanted)
    other = byol_a.get_scene_embeddings(AUDIO, byol_a.load_model(str(ntt), stats="-5.4919195,5.0389895"))
    assert (other - wanted).abs().max() > 1e-3


@pytest.mark.parametrize(("version", "pair"), [(1, "-5.4919195,5.0389895"), (2, "-9.660292,4.7219563")])
def test_without_statistics_every_way_out_is_named(tmp_path, version, pair):
    """The file that is missing, the option, and the pair that NTT printed for this version."""
    torch.save(tiny_byol_a(version, 12).state_dict(), tmp_path / "x.pth")
    with pytest.raises(
        FileNotFoundError,
        match=rf"stats\.csv: no such file.*stats=data.*stats=MEAN,STD.*stats={pair}.*version {version}",
    ):
        byol_a.load_model(str(tmp_path / "x.pth"))
    with pytest.raises(FileNotFoundError, match=r"checkpoint\.pth: no such weight file; give one of its files: x\.pth"):
        byol_a.load_model(str(tmp_path))


@pytest.mark.parametrize("given", ["-5.25", "a,b", [1, 2, 3], "1,0", "nan,1", 7, "1,-2"])
def test_other_values_are_refused(ntt, given):
    """Nothing is guessed from half a pair."""
    with pytest.raises(ValueError, match="option stats="):
        byol_a.load_model(str(ntt), stats=given)


def test_data_is_for_a_task(ntt):
    """A model by itself has no training clips."""
    with pytest.raises(ValueError, match="stats='data': the training clips of a task decide.*hear-eval run"):
        byol_a.load_model(str(ntt), stats="data")


def spectrograms(paths):
    """All values of the spectrograms of some recordings, padded to 1 s, (n_values,)."""
    values = []
    for path in paths:
        audio = soundfile.read(path, dtype="float32")[0]
        audio = torch.from_numpy(np.pad(audio, (0, max(0, 16000 - len(audio)))))
        values.append(LogMel()(mirrored(audio[None])).double().numpy().ravel())
    return np.concatenate(values)


def test_statistics_are_those_of_all_values():
    """Clips of other lengths count by their frames; silence alone has none."""
    clips = [
        0.1 * np.random.default_rng(seed).standard_normal(n).astype(np.float32)
        for seed, n in ((0, 20000), (1, 3000), (2, 16000))
    ]
    padded = [torch.from_numpy(np.pad(clip, (0, max(0, 16000 - len(clip))))) for clip in clips]
    values = np.concatenate([LogMel()(mirrored(clip[None])).double().numpy().ravel() for clip in padded])
    np.testing.assert_allclose(statistics_of(clips, LogMel()), (values.mean(), values.std()), rtol=1e-9)
    for nothing in ([], [np.zeros(16000, np.float32)]):
        with pytest.raises(ValueError, match="stats=data"):
            statistics_of(nothing, LogMel())


@pytest.mark.parametrize("split", ["own split", "folds"])
def test_data_takes_the_tasks_training_clips(ntt, tmp_path, monkeypatch, split):
    """Of a split its training part alone; of folds in turn all clips, which a note tells. The score is that of the pair by hand."""
    random, rows = np.random.default_rng(0), ["path,label,split"]
    for number in range(20):
        label = ("low", "high")[number % 2]
        tone = 0.2 * np.sin(2 * np.pi * (300, 900)[number % 2] * np.arange(18000) / 16000)
        sound = (0.02 if number < 12 else 0.5) * tone + random.normal(0, 0.01, 18000)
        soundfile.write(tmp_path / f"{number:02d}.wav", sound, 16000)
        rows.append(f"{number:02d}.wav,{label},{'train' if number < 10 else 'valid' if number < 14 else 'test'}")
    if split == "folds":
        rows = [row.rpartition(",")[0] for row in rows]
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    arguments = {"protocol": "knn", "weights": str(ntt), "out": None}
    (made,) = ev.run("hear_ssl.byol_a", str(tmp_path / "table.csv"), options={"stats": "data"}, **arguments)
    heard = spectrograms(sorted(tmp_path.glob("*.wav"))[: 10 if split == "own split" else 20])
    taken = made.provenance["from_clips"]["stats"]
    np.testing.assert_allclose(taken, (heard.mean(), heard.std()), rtol=1e-4)
    assert made.options == {"stats": "data"}
    (note,) = [note for note in made.notes if note.startswith("stats=data: ")]
    assert ("those that are tested among them, without labels" in note) == (split == "folds")
    (by_hand,) = ev.run(
        "hear_ssl.byol_a", str(tmp_path / "table.csv"), options={"stats": json.dumps(taken)[1:-1]}, **arguments
    )
    assert by_hand.score == made.score
    assert by_hand.environment["store"] == made.environment["store"]
