"""What is wrong with a task's data is found before anything is trained, and sound data gives no alarm."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator
from evaluator.check import check
from evaluator.check.issue import MAX_PLACES, Issue
from evaluator.cli import main
from evaluator.datasets import intake, manifest
from evaluator.experiment import catalogue

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

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

    def issues(self, **facts) -> list[Issue]:
        """What `check` says of the folder as it now is; `facts` change the dataset's."""
        lines = ["path,label,fold,group", *(",".join(row.values()) for row in self.rows)]
        (self.root / "mine.csv").write_text("\n".join(lines))
        (task,) = catalogue.find(str(self.root / "mine.csv"))
        for name, value in facts.items():
            object.__setattr__(task.dataset, name, value)
        return list(check.check(task, manifest.read(task, None, self.root), self.root / "cache"))

    def problems(self, **facts) -> list[tuple[str, str]]:
        return [(issue.level, issue.what) for issue in self.issues(**facts) if issue.level != "note"]


@pytest.fixture
def data(tmp_path) -> Data:
    return Data(tmp_path)


def test_sound_data_gives_notes_only(data):
    """How much there is, and in what form."""
    notes = [issue.what for issue in data.issues()]
    assert data.problems() == []
    assert notes[0].startswith("16 clips, 2 classes in ")
    assert notes[1] == "8 groups (individuals, sites, recordings)"
    assert notes[2] == "16000 Hz x 16; 0 of 16 files have several channels; clips last 0.1 to 0.1 s, median 0.1 s"


def test_counts_are_held_against_the_datasets(data):
    """A part of a dataset is no mistake, but its scores are others."""
    expected = {"clips": 18, "classes": 2, "folds": {"1": 4, "2": 5}}
    assert data.problems(expected=expected) == [
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
    problems = [(level, what) for level, what in data.problems() if level == "error"]
    assert len(problems) == 4
    for (_, what), words in zip(problems, ("no such file", "0 bytes", "cut off", "NaN"), strict=True):
        assert words in what
    left = data.problems(known_bad=("1cat0.wav", "1cat1.wav", "1dog0.wav", "1dog1.wav"))
    assert left == [  # the one with NaN
        ("warning", "1 clip is shorter than one frame of a speech model (25 ms)"),
        ("warning", "1 clip has another length than the others (0.1 s)"),
    ]


def test_silent_clips_are_counted_once(data):
    """They are no doubles of each other."""
    for name in ("1cat0.wav", "2cat0.wav"):
        soundfile.write(data.root / name, np.zeros(RATE), RATE)
    assert data.problems() == [("warning", "2 clips are silent: all their samples are 0")]


def test_the_same_audio_on_both_sides_of_a_split_is_an_error(data):
    """Also under another name, format and label; the labels are told."""
    soundfile.write(data.root / "3dog0.flac", soundfile.read(data.root / "1cat0.wav", dtype="int16")[0], RATE)
    data.rows[10]["path"] = "3dog0.flac"
    (issue,) = [issue for issue in data.issues() if issue.level == "error"]
    assert issue.what == "identical audio trains and tests: 1 sets of clips"
    assert issue.where == ("1cat0.wav = 3dog0.flac (labelled cat and dog)",)


def test_the_same_audio_on_one_side_is_a_warning(data):
    """It weighs twice, but nothing leaks; with two labels it is an error."""
    (data.root / "1cat1.wav").write_bytes((data.root / "1cat0.wav").read_bytes())
    assert data.problems() == [("warning", "identical audio, on one side of the split: 1 sets of clips")]
    (data.root / "1dog1.wav").write_bytes((data.root / "1cat0.wav").read_bytes())
    (issue,) = [issue for issue in data.issues() if issue.level == "error"]
    assert issue.what == "identical audio has different labels: 1 sets of clips"
    assert issue.where == ("1cat0.wav = 1cat1.wav = 1dog1.wav (labelled cat and dog)",)


def test_a_fault_of_all_clips_is_one_finding(data):
    """It says how many there are, and names the first hundred."""
    for number in range(MAX_PLACES + 20):
        data.rows.append({"path": f"gone{number}.wav", "label": "cat", "fold": "1", "group": f"x{number}"})
    (issue,) = [issue for issue in data.issues() if issue.level == "error"]
    assert issue.what.startswith(f"{MAX_PLACES + 20} clips cannot be read for one reason, the first of them: ")
    assert issue.what.endswith("gone0.wav: there is no such file")
    assert issue.where == tuple(f"gone{number}.wav" for number in range(MAX_PLACES))


def test_findings_come_before_anything_is_listened_to(data):
    """What the table alone shows is told at once, however long the audio takes."""
    data.rows[0]["group"] = data.rows[8]["group"] = "tom"
    data.issues()
    (task,) = catalogue.find(str(data.root / "mine.csv"))
    steps: list[int] = []
    found = check.check(task, manifest.read(task, None, data.root), data.root / "cache", advance=steps.append)
    assert any("1 group is in training and in test" in issue.what for issue in found if not steps)


def test_paths_from_the_root_of_the_disk_are_no_strays(data):
    """A table with absolute paths is checked to its end, and its own files are not taken for others."""
    for row in data.rows:
        row["path"] = str(data.root / row["path"])
    assert data.problems() == []
    assert not any("belong to none" in issue.what for issue in data.issues())


def test_a_group_on_both_sides_is_a_warning(data):
    """The score then says nothing about new individuals."""
    data.rows[0]["group"] = data.rows[8]["group"] = "tom"
    problems = data.problems()
    assert problems and all(
        level == "warning" and "1 group is in training and in test" in what for level, what in problems
    )


def test_clips_without_a_group_are_counted(data):
    """Beside those that have one, each counts by itself; where none has one, that is said too."""
    data.rows[3]["group"] = ""
    assert "8 groups (individuals, sites, recordings); 1 clip has none, and each counts as one of its own" in [
        issue.what for issue in data.issues()
    ]
    for row in data.rows:
        row["group"] = ""
    assert "no groups (individuals, sites, recordings) are known: each clip counts by itself" in [
        issue.what for issue in data.issues()
    ]


def test_a_class_without_training_clips_is_an_error_and_the_rest_is_still_told(data):
    """A split that cannot be made does not hide what else is wrong."""
    for row in (*data.rows[:2], *data.rows[12:14]):
        row["label"] = "dog"
    (data.root / "1dog0.wav").unlink()
    problems = data.problems()
    assert ("error", "a fold tests classes that it has no training clip of") in problems
    assert any("1dog0.wav: there is no such file" in what for _, what in problems)


def test_a_class_that_a_fold_does_not_test_is_a_warning(data):
    """Its score is an average over fewer classes."""
    for row in data.rows[8:10]:
        row["label"] = "dog"
    (issue,) = [issue for issue in data.issues() if issue.level == "warning"]
    assert (issue.what, issue.where) == ("1 of 4 folds have no test clip of some classes", ("fold 3: cat",))


def test_sound_above_8_khz_is_measured(data):
    """Half of the power in a tone at 12 kHz: a 16 kHz model never sees it."""
    time = np.arange(4800) / 48_000
    for number, row in enumerate(data.rows):
        both = np.sin(2 * np.pi * (1000 + 10 * number) * time) + np.sin(2 * np.pi * 12_000 * time)
        soundfile.write(data.root / row["path"], 0.3 * both, 48_000)
    (what,) = [what for _, what in data.problems() if "power" in what]
    assert what.startswith(
        "50 % of the power lies above 8 kHz, which a model at 16 kHz never sees (mean over 16 clips;"
    )


def test_progress_counts_every_clip(data):
    """So that a bar ends at its end."""
    data.issues()
    (task,) = catalogue.find(str(data.root / "mine.csv"))
    steps = []
    list(check.check(task, manifest.read(task, None, data.root), data.root / "cache", advance=steps.append))
    assert sum(steps) == 16


def test_clips_without_a_sound_or_distorted_are_counted(data):
    """One value throughout; samples at full scale."""
    soundfile.write(data.root / "1cat0.wav", np.full(RATE // 10, 0.25), RATE)
    soundfile.write(data.root / "2dog1.wav", np.clip(8 * noise(99), -1, 0.99999), RATE)
    assert data.problems() == [
        ("warning", "1 clip holds one value throughout, so no sound"),
        ("warning", "1 clip is clipped: more than 1 % of their samples are at full scale"),
    ]


def test_what_stands_out_is_named(data):
    """One file in ten or fewer with another rate, channels or length."""
    for number in range(12):
        data.rows.append({"path": f"x{number}.wav", "label": "cat", "fold": "1", "group": f"x{number}"})
        soundfile.write(data.root / f"x{number}.wav", noise(200 + number), RATE)
    soundfile.write(data.root / "1cat0.wav", noise(300), 2 * RATE)  # half as long, too
    soundfile.write(data.root / "2dog0.wav", np.stack([noise(301)] * 2, axis=1), RATE)
    where = {issue.what: issue.where for issue in data.issues() if issue.level == "warning"}
    assert where == {
        "1 file has another sample rate than the others (16000 Hz)": ("1cat0.wav: 32000 Hz",),
        "1 file has another number of channels than the others (1)": ("2dog0.wav: 2",),
        "1 clip has another length than the others (0.1 s)": ("1cat0.wav: 0.05 s",),
    }


def test_the_first_differences_from_what_is_expected_are_named(data):
    """Where all others have two clips, the class and fold that has one."""
    data.rows.pop(2)
    (data.root / "1dog0.wav").unlink()
    where = {issue.what: issue.where for issue in data.issues(expected={"clips": 16, "hours": 0.2})}
    assert where["every class has 2 clips in every fold, but not everywhere"] == ("dog in fold 1: 1 clip",)
    assert "15 clips; the whole dataset has 16" in where
    assert "0.000417 h of audio; the whole dataset has about 0.2 h" in where


def test_files_that_no_clip_uses_are_told(data):
    """A forgotten line in a table, with the file's name."""
    soundfile.write(data.root / "left.wav", noise(3), RATE)
    (note,) = [issue for issue in data.issues() if "left.wav" in issue.where]
    assert note.level == "note" and "1 audio file" in note.what


def test_strays_beside_a_published_dataset_are_told_whatever_else_is(data):
    """Its intake looks no further than its readers do; that it has something to say hides nothing."""
    soundfile.write(data.root / "left.wav", noise(3), RATE)
    data.issues()  # writes the table
    (task,) = catalogue.find(str(data.root / "mine.csv"))
    object.__setattr__(task.dataset, "access", "request")
    clips = manifest.read(task, None, data.root / "cache")
    told = intake.Intake(differences=(intake.Discrepancy("links", 1, "0.wav", "1 link"),))
    issues = list(check.check(task, replace(clips, intake=told), data.root / "cache"))
    places = {issue.what: issue.where for issue in issues}
    assert places["1 link"] == ("0.wav",)
    assert places["1 recording lies beside the clips without belonging to one"] == ("left.wav",)


def test_a_test_part_that_was_trained_on_is_an_error(data):
    """Most of its clips are training clips under other names: the split itself is wrong."""
    for row in data.rows[:3]:
        double = data.rows[data.rows.index(row) + 8]
        (data.root / row["path"]).write_bytes((data.root / double["path"]).read_bytes())
    errors = {issue.what: issue.where for issue in data.issues() if issue.level == "error"}
    where = errors["most test clips are training clips too in 2 folds; the split is wrong"]
    assert where == ("fold 1: 3 of 4", "fold 3: 3 of 4")


def test_the_same_sound_through_another_road_is_a_warning(data):
    """Softer, later, cut and through a codec: not one sample is the same."""
    time = np.arange(2 * RATE) / RATE
    song = sum(
        np.sin(2 * np.pi * pitch * time) * (np.sin(2 * np.pi * beat * time) > 0)
        for pitch, beat in ((500, 3), (1300, 5), (2900, 7))
    )
    song = 0.2 * song + 0.1 * np.random.default_rng(5).standard_normal(len(song)) * (np.sin(11 * time) > 0.5)
    soundfile.write(data.root / "1cat0.wav", song, RATE)
    soundfile.write(data.root / "3cat0.ogg", 0.25 * np.concatenate([np.zeros(5000), song[:24000]]), RATE)
    data.rows[8]["path"] = "3cat0.ogg"
    (issue,) = [issue for issue in data.issues() if "sound like one" in issue.what]
    assert issue.level == "warning"
    assert [re.sub(r"\d+ %", "N %", place) for place in issue.where] == ["1cat0.wav and 3cat0.ogg (N %)"]
    alike = "1 pairs of clips that are compared with each other sound like one"
    assert any(said.startswith(alike) for said in told(data.root / "mine.csv", "retrieval", "warning"))


def test_stretches_that_overlap_across_a_split_are_told(tmp_path):
    """Segments of one recording."""
    lines = ["path,start,end,label,split"]
    for number in range(26):
        soundfile.write(tmp_path / f"{number}.wav", noise(number, 1.0), RATE)
        lines += [f"{number}.wav,0,0.5,{'ab'[number % 2]},{'train' if number < 20 else 'test'}"]
    lines += ["1.wav,0.4,0.9,b,test", "2.wav,0.5,0.9,a,test"]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    (task,) = catalogue.find(str(tmp_path / "mine.csv"))
    issues = check.check(task, manifest.read(task, None, tmp_path), tmp_path / "cache")
    (issue,) = [issue for issue in issues if "stretches overlap" in issue.what]
    assert issue.what == "1 clip holds audio of clips that train, where stretches overlap"
    assert issue.where == ("1.wav#0.4-0.9 and 1.wav#0-0.5",)


# Twenty faults, planted in copies of real datasets --------------------------------------------------------------------


class Copy:
    """A copy of a real dataset into which faults are planted; the files go by number, in sorted order."""

    def __init__(self, source: Path, root: Path, kind: str) -> None:
        self.files = []
        for path in sorted(source.rglob(f"*.{kind}")):
            goal = root / path.relative_to(source)
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_bytes(path.read_bytes())
            self.files.append(goal)
        self.samples, self.rate = soundfile.read(self.files[0], dtype="float32")

    def write(self, number: int, samples: np.ndarray, rate: int | None = None, **options) -> None:
        """Other samples, in a file that libsndfile recognises by its content, whatever its name."""
        soundfile.write(self.files[number], samples, rate or self.rate, format="WAV", **options)

    def plant(self, other_side: int) -> None:
        """Twenty kinds of faults; file 5 is tested when file `other_side` is trained on, or the other way round."""
        steady = np.random.default_rng(0).uniform(-0.3, 0.3, len(self.samples)).astype("float32")
        self.files[0].unlink()
        self.files[1].write_bytes(b"")
        self.files[2].write_bytes(b"this is no audio at all")
        self.write(3, steady)
        self.files[3].write_bytes(self.files[3].read_bytes()[: len(self.files[3].read_bytes()) // 2])
        self.write(4, np.zeros(0))
        song, rate = soundfile.read(self.files[5], dtype="float32")
        self.files[other_side].write_bytes(self.files[5].read_bytes())
        self.write(6, np.zeros(len(steady)))
        self.write(7, np.full(len(steady), 0.5))
        self.write(8, np.where(np.arange(len(steady)) == 9, np.nan, steady), subtype="FLOAT")
        self.write(9, np.where(np.arange(len(steady)) == 9, np.inf, steady), subtype="FLOAT")
        self.files[11].write_bytes(self.files[10].read_bytes())
        self.write(12, np.stack([steady, steady[::-1]], axis=1))
        self.write(13, steady[::2], 3 * self.rate)
        self.write(14, steady[: self.rate // 100])
        self.write(15, np.clip(9 * steady, -1, 0.99999))
        self.write(16, np.tile(steady[::-1], 9))
        song, rate = soundfile.read(self.files[17], dtype="float32")
        shifted = 0.25 * np.concatenate([np.zeros(round(0.3 * rate), "float32"), song])
        soundfile.write(self.files[other_side + 1], shifted, rate, format="OGG", subtype="VORBIS")
        self.files[-1].write_bytes(self.files[18].read_bytes())

    def drop(self, *globs: str) -> None:
        """Take away a class of one fold."""
        for pattern in globs:
            for path in sorted(self.files[0].parents[1].glob(pattern)):
                path.unlink()


WORDS = {
    "missing": "there is no such file|whole dataset has",
    "empty file": r"the file is empty \(0 bytes\)",
    "not audio": "not audio that libsndfile can read",
    "cut off": "the file is cut off",
    "no samples": "0 frames",
    "identical across the split": "identical audio trains and tests",
    "silent": "1 clip is silent",
    "constant": "1 clip holds one value throughout",
    "not a number or infinite": "2 clips cannot be read .* NaN or infinite",
    "identical on one side": "identical audio",
    "channels": "another number of channels",
    "rate": "another sample rate",
    "shorter than a frame": "shorter than one frame",
    "clipped": "1 clip is clipped",
    "sounds alike": "sound like one",
    "fewer than expected": "the whole dataset has",
    "above the Nyquist frequency": "of the power lies above",
    "two labels": r"identical audio.*labelled \w+ and \w+",
    "a group on both sides": "groups? (are|is) in training and in test",
    "a class that is not tested": "have no test clip of some classes",
}


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data")
@pytest.mark.parametrize(("name", "kind"), [("esc10", "ogg"), ("fsdd", "wav")])
def test_twenty_faults_planted_in_real_data_are_found(name, kind, tmp_path):
    """Each kind, in the dataset's own layout, each broken file by its name."""
    copy = Copy(DATA / name, tmp_path / name, kind)
    (task,) = catalogue.find(name)
    clips = manifest.read(task, tmp_path, tmp_path / "cache").clips
    part = {clip.path: clip.fold or clip.split for clip in clips}
    parts = [part[path.relative_to(tmp_path / name).as_posix()] for path in copy.files]
    other_side = next(n for n in range(20, len(parts)) if parts[n] != parts[5] and parts[n + 1] != parts[17])
    copy.plant(other_side)
    if name == "esc10":
        copy.drop("009 - Rooster/3-*.ogg")
        copy.files[25].rename(
            copy.files[25].with_name(f"{'12'[parts[25] == '1']}-{copy.files[26].name.split('-')[1]}-Z.ogg")
        )
    else:
        copy.drop(*(f"recordings/9_*_{take}.wav" for take in range(5)))
    issues = list(check.check(task, manifest.read(task, tmp_path, tmp_path / "cache"), tmp_path / "cache"))
    sentences = [f"{issue.what} {issue.where}" for issue in issues if issue.level != "note"] + [
        issue.what for issue in issues if "power lies" in issue.what
    ]
    missing = [what for what, words in WORDS.items() if not any(re.search(words, sentence) for sentence in sentences)]
    assert missing == []
    errors = " ".join(f"{issue.what} {issue.where}" for issue in issues if issue.level == "error")
    for number in (1, 2, 3, 4, 8, 9):
        assert copy.files[number].name in errors
    if name == "esc10":  # clips of one length, folds of one size
        assert any(re.search("clips? ha(s|ve) another length", sentence) for sentence in sentences)
        assert any("but not everywhere" in sentence for sentence in sentences)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data")
@pytest.mark.parametrize(("name", "first"), [("esc10", "400 clips, 10 classes"), ("fsdd", "900 clips, 10 classes")])
def test_the_real_sets_are_sound(name, first, tmp_path):
    """Exactly as many clips as were published or shared, and no error."""
    (task,) = catalogue.find(name)
    issues = list(check.check(task, manifest.read(task, DATA, tmp_path), tmp_path))
    assert not [issue for issue in issues if issue.level == "error"]
    assert any(issue.what.startswith(first) for issue in issues)


def test_too_few_clips_for_folds_is_an_error_only_where_folds_are_drawn(tmp_path, capsys):
    """Of no protocol in particular it is said so; one that trains nothing is content with them."""
    for number in range(8):
        path = tmp_path / "few" / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(number), RATE)

    def errors(**given):
        (issues,) = evaluator.check_tasks(str(tmp_path / "few"), cache=tmp_path / "cache", **given).values()
        return [issue.what for issue in issues if issue.level == "error"]

    few = "no class has more than 4 clips, too few for 5 stratified parts; give more clips"
    (said,) = errors()
    assert said.startswith(f"for protocols that train in folds: {few}. Those that train nothing need none")
    assert errors(protocol="knn") == [few]
    assert errors(protocol="retrieval") == errors(protocol="clustering") == []
    with pytest.raises(evaluator.UsageError, match="did you mean 'retrieval'"):
        errors(protocol="retreival")
    given = ["check", str(tmp_path / "few"), "--cache", str(tmp_path / "cache")]
    assert main(given) == 1 and main([*given, "--protocol", "vocsim"]) == 0
    assert few in capsys.readouterr().out


def written(root: Path, name: str, rows: list[str], header: str = "path,label,group") -> Path:
    """A table in a folder of its own, with a clip of noise for each row, another for each path."""
    root.mkdir(exist_ok=True)
    for seed, path in enumerate(dict.fromkeys(row.split(",")[0] for row in rows)):
        soundfile.write(root / path, noise(seed), RATE)
    (root / name).write_text("\n".join([header, *rows]))
    return root / name


def told(table: Path, protocol: str, level: str = "error", profile: str = "clean") -> list[str]:
    """What a check for a protocol says of a table's clips."""
    (issues,) = evaluator.check_tasks(str(table), protocol=protocol, profile=profile, cache=table.parent / "c").values()
    return [issue.what for issue in issues if issue.level == level]


def refused(table: Path, protocol: str) -> str:
    """Why a run refuses the same."""
    with pytest.raises((evaluator.UsageError, evaluator.EvaluationError)) as error:
        evaluator.run("hear_ssl.melspec", str(table), protocol=protocol, cache=table.parent / "c")
    return str(error.value)


SHOTS = [f"{label}{n}.wav,{label}" for label in "ab" for n in range(12)]
OF_ONE_GROUP = [f"{label}{n}.wav,{label},{label}" for label in "ab" for n in range(6)]
SEVERAL = [f"{n}.wav,{('a', 'a;b', 'c')[n % 3]}" for n in range(12)]


@pytest.mark.parametrize(
    ("rows", "column", "protocol", "enough", "sentence"),
    [
        (SHOTS, "label", "mteb8shot", "knn", "a class has 7 training clips, but the primary setting takes 8 shots"),
        (OF_ONE_GROUP, "label,group", "retrieval", "clustering", "retrieval_auc: none of 12 clips has another"),
        (SEVERAL, "labels", "vocsim", "retrieval", "the separation of classes is for tasks with one label a clip"),
    ],
)
def test_what_a_run_refuses_is_an_error_of_the_check(tmp_path, rows, column, protocol, enough, sentence):
    """In the words of the run; a protocol that takes the same clips has no error."""
    table = written(tmp_path / "set", "mine.csv", rows, f"path,{column}")
    (said,) = told(table, protocol)
    assert said.startswith(sentence) and said in refused(table, protocol)
    assert told(table, enough) == []


@pytest.mark.parametrize("protocol", [None, "logistic", "retrieval"])
def test_a_class_of_one_clip_is_refused_for_a_reason_that_holds_with_and_without_training(tmp_path, protocol):
    """A measure trains nothing, and has nothing to find for that clip."""
    table = written(tmp_path / "set", "mine.csv", [*SHOTS, "c.wav,c"], "path,label")
    words = "mine: class c has one clip only, and no other of its class to train with or to be compared with; give more"
    with pytest.raises(evaluator.UsageError, match=words):
        evaluator.check_tasks(str(table), protocol=protocol, cache=tmp_path / "cache")


# Where nothing is trained: each tested clip is compared with the others ------------------------------------------------


def test_audio_that_is_compared_with_its_copy_is_an_error_where_the_two_can_meet(tmp_path):
    """Unless both are of one group, which a clean retrieval keeps apart; the published one and a clustering do not."""
    rows = [f"{label}{n}.wav,{label},{label}{n // 2}" for label in "ab" for n in range(6)]
    table = written(tmp_path / "set", "mine.csv", rows)
    (table.parent / "a1.wav").write_bytes((table.parent / "a0.wav").read_bytes())  # of one group
    meet = "identical audio is compared with itself, and a copy is nearest whatever the module: 1 sets of clips"
    assert told(table, "retrieval") == told(table, "vocsim") == []
    apart = "identical audio, which is not compared with itself: 1 sets of clips"
    assert told(table, "retrieval", "warning") == [apart]
    assert told(table, "clustering") == told(table, "retrieval", profile="published") == [meet]
    (table.parent / "a1.wav").write_bytes((table.parent / "a2.wav").read_bytes())  # of two
    assert told(table, "retrieval") == [meet]
    assert all("side of the split" not in said for said in told(table, "retrieval", "warning"))


def test_groups_that_a_measure_does_not_keep_apart_are_told(tmp_path):
    """Of a clustering or published retrieval; a clean retrieval keeps them apart."""
    table = written(
        tmp_path / "set", "mine.csv", [f"{label}{n}.wav,{label},{label}{n // 2}" for label in "ab" for n in range(6)]
    )
    words = "6 groups have several clips that are compared with each other, so the score does not tell how well new ones would do"
    assert told(table, "clustering", "warning") == told(table, "retrieval", "warning", "published") == [words]
    assert told(table, "retrieval", "warning") == []


@pytest.mark.parametrize("protocol", ["retrieval", "clustering", "vocsim"])
def test_individuals_that_file_names_name_are_told_without_training_too(tmp_path, protocol):
    """A neighbour of the same individual counts as a hit; once a column says so, a clean retrieval keeps them apart."""
    rows = [f"{label}_{who}_{n}.wav,{label},{who}" for who in ("anna", "ben", "cleo") for label in "ab" for n in (1, 2)]
    table = written(tmp_path / "set", "mine.csv", [row.rpartition(",")[0] for row in rows], "path,label")
    (said,) = told(table, protocol, "warning")
    assert said.startswith("file names seem to name 3 individuals, sites or recordings (anna, ben, cleo)")
    assert "all of them have several clips that are compared with each other" in said
    assert "name them in a column group, or take the YAML file that hear-eval init writes" in said
    table.write_text("\n".join(["path,label,group", *rows]))
    assert not any("seem to name" in said for said in told(table, protocol, "warning"))


def test_stretches_of_a_recording_that_overlap_are_told_where_they_are_compared(tmp_path):
    """By published retrieval; the clean one finds none of a clip's own recording."""
    rows = [f"{n}.wav,{start},{start + 0.06},{'ab'[n % 2]}" for n in range(8) for start in (0, 0.04)]
    table = written(tmp_path / "set", "mine.csv", rows, "path,start,end,label")
    said = told(table, "retrieval", "warning", "published")
    assert "16 clips hold audio of one that they are compared with" in said
    assert not any("hold audio" in each for each in told(table, "retrieval", "warning"))


def test_only_tested_clips_are_compared(tmp_path):
    """A copy in the training part is none of a measure's."""
    rows = [f"{label}{n}.wav,{label},{('train', 'valid', 'test', 'test')[n % 4]}" for label in "ab" for n in range(8)]
    table = written(tmp_path / "set", "mine.csv", rows, "path,label,split")
    (table.parent / "a0.wav").write_bytes((table.parent / "a2.wav").read_bytes())
    assert told(table, "retrieval") == []
    (table.parent / "a3.wav").write_bytes((table.parent / "a2.wav").read_bytes())
    (said,) = told(table, "retrieval")
    assert said.startswith("identical audio is compared with itself")
