"""What is wrong with a task's data is found before anything is trained, and sound data gives no alarm."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluator import check, manifest, task

DATA = Path(__file__).parents[2] / "shared" / "data"
RATE = 16_000


def noise(seed: int, seconds: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE))


class Data:
    """A folder of clips with a table: two classes, four folds, two clips of each class in each fold."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows = [
            {"path": f"{fold}{label}{take}.wav", "label": label, "fold": str(fold), "group": f"{fold}{label}"}
            for fold in (1, 2, 3, 4)
            for label in ("cat", "dog")
            for take in (0, 1)
        ]
        for seed, row in enumerate(self.rows):
            soundfile.write(root / row["path"], noise(seed), RATE)

    def findings(self, **facts) -> list[check.Finding]:
        """What `check` says of the folder as it now is; `facts` change the dataset's."""
        lines = ["path,label,fold,group", *(",".join(row.values()) for row in self.rows)]
        (self.root / "mine.csv").write_text("\n".join(lines))
        (asked,) = task.find(str(self.root / "mine.csv"))
        for name, value in facts.items():
            object.__setattr__(asked.dataset, name, value)
        return check.check(asked, manifest.read(asked, None, self.root), self.root / "cache")

    def said(self, **facts) -> list[tuple[str, str]]:
        return [(finding.level, finding.what) for finding in self.findings(**facts) if finding.level != "note"]


@pytest.fixture
def data(tmp_path) -> Data:
    return Data(tmp_path)


def test_sound_data_gives_notes_only(data):
    """How much there is, and in what form."""
    notes = [finding.what for finding in data.findings()]
    assert data.said() == []
    assert notes[0].startswith("16 clips, 2 classes in ")
    assert notes[1] == "16000 Hz x 16; 0 of 16 files have several channels; clips last 0.1 to 0.1 s, median 0.1 s"


def test_counts_are_held_against_the_datasets(data):
    """A part of a dataset is no mistake, but its scores are others."""
    expected = {"clips": 18, "classes": 2, "folds": {"1": 4, "2": 5}}
    assert data.said(expected=expected) == [
        ("warning", "16 clips; the whole dataset has 18"),
        ("warning", "4 clips in fold 2; the whole dataset has 5"),
    ]


def test_each_broken_clip_is_an_error(data):
    """Missing, empty, cut off, not a number; unless the dataset is known to be broken there."""
    (data.root / "1cat0.wav").unlink()
    (data.root / "1cat1.wav").write_bytes(b"")
    whole = (data.root / "1dog0.wav").read_bytes()
    (data.root / "1dog0.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(data.root / "1dog1.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    said = data.said()
    assert [level for level, _ in said] == ["error"] * 4
    for (_, what), words in zip(said, ("no such file", "0 bytes", "cut off", "NaN"), strict=True):
        assert words in what
    assert data.said(known_bad=("1cat0.wav", "1cat1.wav", "1dog0.wav", "1dog1.wav")) == []


def test_silent_clips_are_counted_once(data):
    """They are no doubles of each other."""
    for name in ("1cat0.wav", "2cat0.wav"):
        soundfile.write(data.root / name, np.zeros(RATE), RATE)
    assert data.said() == [("warning", "2 clips are silent: all their samples are 0")]


def test_the_same_audio_on_both_sides_of_a_split_is_an_error(data):
    """Also under another name, format and label; the labels are told."""
    soundfile.write(data.root / "3dog0.flac", soundfile.read(data.root / "1cat0.wav", dtype="int16")[0], RATE)
    data.rows[10]["path"] = "3dog0.flac"
    (finding,) = [finding for finding in data.findings() if finding.level == "error"]
    assert finding.what.startswith("identical audio (labelled cat and dog) trains and tests in fold 1")
    assert finding.where == ("1cat0.wav", "3dog0.flac")


def test_the_same_audio_on_one_side_is_a_warning(data):
    """It weighs twice, but nothing leaks."""
    (data.root / "1cat1.wav").write_bytes((data.root / "1cat0.wav").read_bytes())
    assert data.said() == [("warning", "identical audio, labelled cat")]


def test_a_group_on_both_sides_is_a_warning(data):
    """The score then says nothing about new individuals."""
    data.rows[0]["group"] = data.rows[8]["group"] = "tom"
    said = data.said()
    assert said and all(
        level == "warning" and "1 groups are heard in training and in test" in what for level, what in said
    )


def test_a_class_without_training_clips_is_an_error_and_the_rest_is_still_told(data):
    """A split that cannot be made does not hide what else is wrong."""
    for row in (*data.rows[:2], *data.rows[12:14]):
        row["label"] = "dog"
    (data.root / "1dog0.wav").unlink()
    said = data.said()
    assert (
        "error",
        "fold 2 tests classes that it has no training clip of",
    ) in said
    assert any("1dog0.wav: there is no such file" in what for _, what in said)


def test_a_class_that_a_fold_does_not_test_is_a_warning(data):
    """Its score is an average over fewer classes."""
    for row in data.rows[8:10]:
        row["label"] = "dog"
    (finding,) = [finding for finding in data.findings() if finding.level == "warning"]
    assert (finding.what, finding.where) == ("fold 3 has no test clip of some classes", ("cat",))


def test_sound_above_8_khz_is_measured(data):
    """Half of the power in a tone at 12 kHz: a 16 kHz model never hears it."""
    time = np.arange(4800) / 48_000
    for number, row in enumerate(data.rows):
        both = np.sin(2 * np.pi * (1000 + 10 * number) * time) + np.sin(2 * np.pi * 12_000 * time)
        soundfile.write(data.root / row["path"], 0.3 * both, 48_000)
    (what,) = [what for _, what in data.said() if "power" in what]
    assert what.startswith(
        "50 % of the power lies above 8 kHz, which a model at 16 kHz never hears (mean over 16 clips)"
    )


def test_progress_counts_every_clip(data):
    """So that a bar ends at its end."""
    data.findings()
    (asked,) = task.find(str(data.root / "mine.csv"))
    steps = []
    check.check(asked, manifest.read(asked, None, data.root), data.root / "cache", advance=steps.append)
    assert sum(steps) == 16


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data")
def test_real_esc10_is_sound(tmp_path):
    """400 clips as published: nothing missing, no leak; 44.1 kHz, with a few percent of the power above 8 kHz."""
    (esc10,) = task.find("esc10")
    findings = check.check(esc10, manifest.read(esc10, DATA, tmp_path), tmp_path)
    assert not [finding for finding in findings if finding.level == "error"]
    assert any(finding.what.startswith("44100 Hz x 400") for finding in findings)
