"""A part of a dataset is not scored as the whole: files that are not there stop a run, or are told where the YAML admits them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.errors import EvaluationError
from evaluator.experiment import caveats, data_caveats, experiment
from evaluator.experiment.setup import set_up
from evaluator.probes import protocol
from miniatures import MINIATURES

MODULE = "hear_ssl.duration_loudness"


def esc50(root: Path, *gone: str) -> Path:
    """The miniature of ESC-50 without some of its 30 clips."""
    MINIATURES["esc50"].make(root / "esc50")
    for name in gone:
        (root / "esc50/ESC-50-master/audio" / name).unlink()
    return root


def run(task: str, root: Path, **more: object) -> ev.Result:
    (result,) = ev.run(MODULE, task, protocol="logistic", cache=root / "cache", out=None, **more)
    return result


@pytest.fixture
def embedded(monkeypatch) -> list[str]:
    """The titles of what is embedded: nothing of a dataset that is refused."""
    seen: list[str] = []
    original = experiment.ensemble.embed

    def embed(*arguments: object) -> object:
        seen.append("embedded")
        return original(*arguments)

    monkeypatch.setattr(experiment.ensemble, "embed", embed)
    return seen


def test_rows_of_a_published_dataset_without_their_file_are_refused_at_once(tmp_path, embedded):
    """How many, the first, where the whole is to be had, and the two ways to go on; nothing is embedded before."""
    root = esc50(tmp_path, "1-1000-A-0.wav", "3-3001-B-1.wav")
    with pytest.raises(
        EvaluationError,
        match=r"^arch/esc50: 2 of 30 clips lack the recording: audio/1-1000-A-0\.wav for one is not there \(in \S+ESC-50-master\)\. Get the "
        r"whole dataset\. ESC-50: .*free to download.* Or leave them out \(on_disk: true in a YAML file of your own\), or admit "
        r"them with --allow-failed 0\.067$",
    ):
        run("arch/esc50", tmp_path, data=root)
    assert embedded == []
    result = run("arch/esc50", tmp_path, data=root, allow_failed=0.067)
    assert {"failed_clips", "partial_data"} <= {caveat.kind for caveat in result.caveats}
    assert any("2 rows of the table are of a file that is not there" in note for note in result.notes)


def test_files_that_are_known_to_be_bad_need_not_be_there(tmp_path):
    """They could not be used either; FMA's three hold no audio."""
    MINIATURES["fma_small"].make(tmp_path / "fma_small")
    (tmp_path / "fma_small/fma_small/099/099134.mp3").unlink()
    assert run("arch/fma_small", tmp_path, data=tmp_path).n_clips == 16


def own(root: Path, on_disk: bool) -> Path:
    """Two classes of six clips in a table, of which two have no file."""
    rng = np.random.default_rng(0)
    (root / "rec").mkdir()
    for n in range(12):
        if n not in (3, 8):
            soundfile.write(root / f"rec/{n}.wav", (0.01 + 0.3 * (n % 2)) * rng.standard_normal(800), 8000)
    (root / "t.csv").write_text("f,c\n" + "".join(f"rec/{n}.wav,{'ab'[n % 2]}\n" for n in range(12)))
    (root / "t.yaml").write_text(
        f"name: t\ndataset:\n  root: .\n  reader: {{kind: table, table: t.csv, path: '{{f}}', label: '{{c}}', on_disk: {on_disk}}}\n"
        "split: {by: random, folds: 2, seed: 1, stratify: true, valid: {share: 0.3, seed: 1}}\nlabels: single\nmetric: uar\n".lower()
    )
    return root / "t.yaml"


def test_ones_own_rows_without_their_file_are_refused_at_once(tmp_path, embedded):
    """The same rule, with another way out."""
    with pytest.raises(
        EvaluationError, match=r"t: 2 of 12 clips lack .*rec/3\.wav for one .*Mend their paths or get the files, leave"
    ):
        run(str(own(tmp_path, False)), tmp_path)
    assert embedded == []


def test_rows_that_the_yaml_leaves_out_without_their_file_are_told(tmp_path):
    """As a note and as a caveat, which goes with the score."""
    result = run(str(own(tmp_path, True)), tmp_path)
    sentence = "2 rows were left out because their file is not there (on_disk), "
    assert result.n_clips == 10
    assert any(note.startswith(f"data: {sentence}") for note in result.notes)
    assert [caveat.text.startswith(sentence) for caveat in result.caveats if caveat.kind == "partial_data"] == [True]


def test_a_dataset_that_is_published_without_some_files_is_whole(tmp_path):
    """The caveat is of a part only: where as many clips are left as were published, there is none."""
    MINIATURES["infant_marmosets_vox"].make(tmp_path / "infant_marmosets_vox")
    (task,) = ev.find_tasks("bioacoustics/marmoset_call_types")
    expected = {**task.dataset.expected, "clips": MINIATURES["infant_marmosets_vox"].expected.clips, "classes": None}
    told = []
    for clips in (expected["clips"], expected["clips"] + 3):
        asked = dataclasses.replace(
            task, dataset=dataclasses.replace(task.dataset, expected={**expected, "clips": clips})
        )
        setup = set_up(asked, protocol.load("logistic", "clean"), tmp_path, tmp_path / "cache")
        told.append([caveat.text for caveat in data_caveats.on_data(setup) if caveat.kind == "partial_data"])
        assert [note for note in caveats.intake(setup)] == [
            "data: 1 row was left out because its file is not there (on_disk): "
            f"{tmp_path}/infant_marmosets_vox/labels.csv:104 (data/twin_5/20990101_Twin5_marmoset2.wav)"
        ]
    assert told[0] == [] and len(told[1]) == 2


def test_what_cannot_be_read_is_said_once_before_anything_is_embedded(tmp_path, embedded, caplog):
    """Of two modules on one folder; where it is admitted, nobody is warned."""
    for number in range(24):
        path = tmp_path / "mine" / "ab"[number % 2] / f"{number:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(number).normal(0, 0.1, 800), 16_000)
    path.write_bytes(path.read_bytes()[:900])  # cut off
    given = {"protocol": "logistic", "cache": tmp_path / "cache", "out": None}
    seen_before: list[int] = []
    caplog.handler.addFilter(lambda record: not seen_before.append(len(embedded)))
    with pytest.raises(ev.RunError, match="2 runs failed"):
        ev.run([MODULE, "hear_ssl.melspec"], str(tmp_path / "mine"), **given)
    told = [record.getMessage() for record in caplog.records if "no module gets a score" in record.getMessage()]
    assert len(told) == 1 and seen_before[0] == 0
    assert told[0].startswith("mine: 1 of 24 clips cannot be read (") and "b/23.wav" in told[0]
    assert told[0].endswith("admit them with --allow-failed 0.042")
    caplog.clear()
    ev.run(MODULE, str(tmp_path / "mine"), allow_failed=0.042, **given)
    assert not [record for record in caplog.records if "no module gets a score" in record.getMessage()]
