"""Seeded splits draw from the order in which the published loaders list the clips, not from one of our own.

Each loader is written here once more, in its few lines that matter, from what it does (docs/protocols.md names file and commit):
the standard library reads the tables, scikit-learn, PyTorch or `random` draw. The layouts are true, the tables shuffled, and audio
files empty, since none is opened. Where a loader takes the file system's order, `sorted` stands in its place, and the task says so.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sklearn.model_selection import train_test_split

from evaluator.datasets import manifest, splits
from evaluator.experiment import catalogue
from miniature import sound, text

US8K_FOLDS = {5: 936, 10: 837, 2: 888, 6: 823, 1: 873, 9: 816, 7: 838, 4: 990, 3: 925, 8: 806}  # as they first occur
INSTRUMENTS = ["cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi"]
Parts = dict[str, tuple[list[str], list[str], list[str]]]  # fold -> names of the clips that train, validate and test


def empty(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def lines_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def shuffled(rows: list[str], seed: int = 3) -> list[str]:
    random.Random(seed).shuffle(rows)
    return rows


def ours(name: str, root: Path) -> Parts:
    """What the product makes of a task as published: names of the clips of each part, sorted."""
    (task,) = catalogue.find(name, "published")
    clips = manifest.read(task, root, root / "cache").clips
    return {
        fold.name: tuple(sorted(clips[index].name for index in part) for part in (fold.train, fold.valid, fold.test))
        for fold in splits.make(task.split, clips)
    }


def in_order(parts: Parts) -> Parts:
    return {fold: tuple(sorted(part) for part in each) for fold, each in parts.items()}


# ARCH: folds that are pooled, and files out of folders -----------------------------------------------------------------


def pooled(by_fold: dict[str, list[str]], share: float = 0.2) -> Parts:
    """Each fold is test; the lists of the others, one behind the other, are divided, 80:20 unless said otherwise."""
    parts = {}
    for fold, test in by_fold.items():
        rest = [name for other, names in by_fold.items() if other != fold for name in names]
        parts[fold] = (*train_test_split(rest, test_size=share, random_state=42), test)
    return parts


def urbansound8k(root: Path) -> Parts:
    """8732 lines; a dictionary of lists, whose folds come in the order of first appearance."""
    folds = [fold for fold, n in US8K_FOLDS.items() for _ in range(n - 1)]
    lines = [*US8K_FOLDS, *random.Random(3).sample(folds, len(folds))]  # each fold once, in its order, then mixed
    rows = [f"{n}-3-0-0.wav,{n},0,4,1,{fold},3,{('dog_bark', 'street_music')[n % 2]}" for n, fold in enumerate(lines)]
    text(root / "metadata/UrbanSound8K.csv", "slice_file_name,fsID,start,end,salience,fold,classID,class", *rows)
    by_fold: dict[str, list[str]] = {}
    for row in lines_of(root / "metadata/UrbanSound8K.csv"):
        by_fold.setdefault(row["fold"], []).append(f"audio/fold{row['fold']}/{row['slice_file_name']}")
    assert list(by_fold) == [str(fold) for fold in US8K_FOLDS]
    return pooled(by_fold)


def esc50(root: Path) -> Parts:
    """The same loader; the true table is sorted by fold, this one is not."""
    rows = [f"{n}.wav,{1 + n % 5},0,{'ab'[n // 5 % 2]},True,{n},A" for n in range(100)]
    text(root / "meta/esc50.csv", "filename,fold,target,category,esc10,src_file,take", *shuffled(rows))
    by_fold: dict[str, list[str]] = {}
    for row in lines_of(root / "meta/esc50.csv"):
        by_fold.setdefault(row["fold"], []).append(f"audio/{row['filename']}")
    return pooled(by_fold)


def emovo(root: Path) -> Parts:
    """Speakers in the order of their names, then the files of each folder; 90:10."""
    for speaker in ("m3", "f1", "m1", "f3", "f2", "m2"):
        empty(root, *(f"EMOVO/{speaker}/{emotion}-{speaker}-b{n}.wav" for emotion in ("gio", "dis") for n in (2, 1, 3)))
    by_speaker = {
        speaker: sorted(f"{speaker}/{path.name}" for path in (root / "EMOVO" / speaker).glob("*.wav"))
        for speaker in ("f1", "f2", "f3", "m1", "m2", "m3")
    }
    return pooled(by_speaker, 0.1)


def ravdess(root: Path) -> Parts:
    """All files below the folder; 80:20, and 80:20 of what trains."""
    for actor in range(24, 0, -1):
        empty(root, *(f"Actor_{actor:02}/03-01-{e:02}-01-01-01-{actor:02}.wav" for e in range(1, 9)))
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.wav"))
    rest, test = train_test_split(names, test_size=0.2, random_state=42)
    return {"test": (*train_test_split(rest, test_size=0.2, random_state=42), test)}


def irmas(root: Path) -> Parts:
    """Training folder by training folder, 80:20; the second part of the test data is not looked for where it lies."""
    for instrument in reversed(INSTRUMENTS):
        empty(root, *(f"IRMAS-TrainingData/{instrument}/[{instrument}][cla]{n:04}__1.wav" for n in (3, 1, 2, 4)))
    for place in ("1/Part1", "2/IRTestingData-Part2", "3/Part3"):
        empty(root, f"IRMAS-TestingData-Part{place}/a song-1.wav")
        text(root / f"IRMAS-TestingData-Part{place}/a song-1.txt", "cel\t", "voi\t")
    training = [
        path.relative_to(root).as_posix()
        for instrument in INSTRUMENTS
        for path in sorted((root / "IRMAS-TrainingData" / instrument).glob("*.wav"))
    ]
    tests = [
        path.relative_to(root).as_posix()
        for part in ("Part1", "Part2", "Part3")
        for path in (root / f"IRMAS-TestingData-{part}" / part).glob("*.wav")
    ]
    return {"test": (*train_test_split(training, test_size=0.2, random_state=42), tests)}


def fma_small(root: Path) -> Parts:
    """The table's tracks that have a genre and a file; 20 % off, of which the first half tests."""
    head = ["track_id,artist,set,set,track", ",id,split,subset,genre_top", ",,,,"]
    rows = [f"{n},7,training,small,{'Rock' if n % 3 else 'Pop'}" for n in range(2, 90)]
    rows += ["90,7,training,large,", "91,7,test,medium,Jazz"]
    text(root / "fma_metadata/tracks.csv", *head, *shuffled(rows))
    empty(root, *(f"fma_small/000/{n:06}.mp3" for n in range(2, 90)))
    lines = [line.split(",") for line in (root / "fma_metadata/tracks.csv").read_text().splitlines()[3:]]
    names = [f"fma_small/000/{int(line[0]):06}.mp3" for line in lines if line[4]]
    names = [name for name in names if (root / name).exists()]
    train, held = train_test_split(names, test_size=0.2, random_state=42)
    test, valid = train_test_split(held, test_size=0.5, random_state=42)
    return {"test": (train, valid, test)}


# Sarkar and Magimai-Doss: rows of a table, permuted by PyTorch ---------------------------------------------------------


def random_split(names: list[str]) -> Parts:
    sizes = [int(0.7 * len(names)), int(0.2 * len(names))]
    sizes.append(len(names) - sum(sizes))
    drawn = torch.utils.data.random_split(names, sizes, generator=torch.Generator().manual_seed(42))
    train, valid, test = ([names[index] for index in part.indices] for part in drawn)
    return {"test": (train, valid, test)}


def marmosets(root: Path) -> Parts:
    """labels.csv: without rows whose file is not there, then without types above 12, 11 and 12."""
    rows = [f"2016090{n % 3}_Twin1_marmoset{1 + n % 2},{n}.5,{n}.75,0.25,{n % 15},9" for n in range(200)]
    text(root / "labels.csv", "filename,start,end,duration,calltype,caller", *shuffled(rows))
    empty(root, *(f"data/twin_1/2016090{day}_Twin1_marmoset{animal}.wav" for animal in (1, 2) for day in (1, 2)))
    names = [
        f"data/twin_1/{row['filename']}.wav#{float(row['start']):g}-{float(row['end']):g}"
        for row in lines_of(root / "labels.csv")
        if (root / f"data/twin_1/{row['filename']}.wav").exists() and int(row["calltype"]) <= 10
    ]
    return random_split(names)


def dog_barks(root: Path) -> Parts:
    """All files two folders below data/, those of S dropped."""
    for dog in ("zebri_2", "Lola_1", "dog_3"):
        empty(root, *(f"data/{dog}/{code}/{n}.wav" for code in ("S", "L-S1", "CH-N") for n in range(9, 0, -1)))
    names = sorted(path.relative_to(root).as_posix() for path in (root / "data").glob("*/*/*.wav"))
    return random_split([name for name in names if name.split("/")[-2] != "S"])


# BEANS: rows of a table, stratified -------------------------------------------------------------------------------------


def in_halves(names: list[str], labels: list | None) -> Parts:
    """60:40 by class, and the 40 in halves, of which the first validates."""
    train, held, _, held_labels = train_test_split(
        names, labels or names, test_size=0.4, random_state=42, stratify=labels
    )
    valid, test = train_test_split(held, test_size=0.5, random_state=42, stratify=labels and held_labels)
    return {"test": (train, valid, test)}


def watkins(root: Path) -> Parts:
    """annotations.csv without the species that has two clips."""
    rows = [f"{s}/{s}{n}.wav,{s}" for s in ("Narwhal", "Walrus", "Killer_Whale") for n in range(20)]
    text(root / "annotations.csv", "path,species", *shuffled([*rows, "a/1.wav,Weddell_Seal", "a/2.wav,Weddell_Seal"]))
    kept = [row for row in lines_of(root / "annotations.csv") if row["species"] != "Weddell_Seal"]
    return in_halves([row["path"] for row in kept], [row["species"] for row in kept])


def bats(root: Path) -> Parts:
    """annotations.csv; emitters are numbers."""
    rows = [f"{emitter},{emitter}_{n}.WAV" for emitter in (231, 111, 210) for n in range(20)]
    text(root / "annotations.csv", "Emitter,File Name", *shuffled(rows))
    lines = lines_of(root / "annotations.csv")
    return in_halves([f"audio/{row['File Name']}" for row in lines], [int(row["Emitter"]) for row in lines])


def dogs(root: Path) -> Parts:
    """annotations.csv."""
    rows = [f"{dog}-{n}..aif,{dog},play" for dog in ("Zoe", "Mac", "Luke") for n in range(20)]
    text(root / "annotations.csv", "filename,name,context", *shuffled(rows))
    lines = lines_of(root / "annotations.csv")
    return in_halves([f"audio/{row['filename']}" for row in lines], [row["name"] for row in lines])


def humbugdb(root: Path) -> Parts:
    """The table; no species is no mosquito, species with at most 100 rows are others."""
    counts = {"an dirus": 120, "": 110, "an rarus": 100, "an minor": 40, "culex quinquefasciatus": 101}
    kinds = shuffled([kind for kind, n in counts.items() for _ in range(n)])
    rows = [f"{n},#{n // 3}.wav,{kind}" for n, kind in enumerate(kinds)]
    text(root / "data/metadata/neurips_2021_zenodo_0_0_1.csv", "id,name,species", *rows)
    lines = lines_of(root / "data/metadata/neurips_2021_zenodo_0_0_1.csv")
    labels = ["others" if counts[row["species"]] <= 100 else row["species"] or "non-mosquito" for row in lines]
    return in_halves([f"data/audio/{row['id']}.wav" for row in lines], labels)


def cbi(root: Path) -> Parts:
    """Recordists as they first occur, shuffled by Python's `random`, cut at 60 and 80 %."""
    rows = [f"{'ab'[n % 2]},XC{n}.mp3,Recordist {n % 23}" for n in range(230)]
    text(root / "train.csv", "ebird_code,filename,recordist", *shuffled(rows))
    lines = lines_of(root / "train.csv")
    recordists = list(dict.fromkeys(row["recordist"] for row in lines))
    random.seed(42)
    random.shuffle(recordists)
    cuts = int(0.6 * len(recordists)), int(0.8 * len(recordists))
    sides = (recordists[: cuts[0]], recordists[cuts[0] : cuts[1]], recordists[cuts[1] :])
    train, valid, test = (
        [f"train_audio/{row['ebird_code']}/{row['filename']}" for row in lines if row["recordist"] in side]
        for side in sides
    )
    return {"test": (train, valid, test)}


def rfcx(root: Path) -> Parts:
    """All recordings sorted by name, 60:40 and halves; two windows of each here."""
    stems = shuffled([f"{n:02}" for n in range(15)])
    for stem in stems:
        sound(root / f"train/{stem}.flac", 15, 400)
    boxes = [f"{stem},{int(stem) % 3},1,1.0,2500,2.5,5000" for stem in stems[:8]]
    text(root / "train_tp.csv", "recording_id,species_id,songtype_id,t_min,f_min,t_max,f_max", *boxes)
    recordings = sorted(path.stem for path in (root / "train").glob("*.flac"))
    parts = in_halves(recordings, None)["test"]
    return {"test": tuple([f"train/{stem}.flac#{at}" for stem in part for at in ("0-10", "5-15")] for part in parts)}


LOADERS = {
    "arch/urbansound8k": urbansound8k,
    "arch/esc50": esc50,
    "arch/emovo": emovo,
    "arch/ravdess": ravdess,
    "arch/irmas": irmas,
    "arch/fma_small": fma_small,
    "bioacoustics/marmoset_call_types": marmosets,
    "bioacoustics/marmoset_callers": marmosets,
    "bioacoustics/dog_barks": dog_barks,
    "beans/watkins": watkins,
    "beans/bats": bats,
    "beans/dogs": dogs,
    "beans/humbugdb": humbugdb,
    "beans/cbi": cbi,
    "beans/rfcx": rfcx,
}
# Loaders that list folders without sorting: no order of ours can be theirs.
UNSORTED = {"arch/emovo", "arch/ravdess", "arch/irmas", "bioacoustics/dog_barks"}


@pytest.mark.parametrize("name", LOADERS)
def test_a_seeded_split_is_the_published_loaders(name, tmp_path):
    """The very clips in each part of each fold."""
    theirs = LOADERS[name](tmp_path)
    assert ours(name, tmp_path) == in_order(theirs)


def seeded() -> Iterator[catalogue.Task]:
    """Tasks of published suites whose published split draws from clips in an order."""
    for suite in ("arch", "bioacoustics", "beans"):
        for task in catalogue.find(suite, "published"):
            if "seed" in str(task.split):
                yield task


def test_every_seeded_split_has_its_loader_here_and_tells_its_order():
    """A task that is added with a seed and without a proof fails here; Watkins is told as not to be repeated."""
    tasks = {task.name: task for task in seeded()}
    assert set(tasks) - set(LOADERS) == {"bioacoustics/watkins"}
    assert all(task.order.endswith(".") for task in tasks.values())
    unrepeatable = {name for name, task in tasks.items() if "cannot be repeated" in task.order}
    assert unrepeatable == UNSORTED | {"bioacoustics/watkins"}
    assert all("sorted by path" in tasks[name].order for name in UNSORTED)
