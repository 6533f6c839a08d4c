"""Miniatures of HEAR's archives, in the layout of hear-preprocess."""

import json
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from miniature import Expected, Miniature, sound, text

Splits = dict[str, dict[str, list[Any]]]  # split -> file -> labels or events


def task(
    root: Path,
    stem: str,
    splits: Splits,
    vocabulary: Sequence[str],
    rates: tuple[int, ...] = (48000,),
    wrapper: str = "",
) -> None:
    """A task's folder: metadata, vocabulary, a JSON for each split, the audio at each rate, and what lies about."""
    folder = root / wrapper / "tasks" / stem
    metadata = metadata_of(stem, splits)
    text(folder / "task_metadata.json", json.dumps(metadata, indent=4), end="")
    text(folder / "labelvocabulary.csv", "idx,label", *(f"{number},{label}" for number, label in enumerate(vocabulary)))
    text(folder / ".DS_Store", "of a file manager")
    text(folder / "._task_metadata.json", "of another system")
    seconds = 0.3 if metadata["embedding_type"] == "event" else 0.2
    for number, (split, clips) in enumerate(splits.items()):
        text(folder / f"{split}.json", json.dumps(clips, indent=4), end="")
        for rate, (index, file) in product(rates, enumerate(clips)):
            sound(folder / f"{rate}/{split}/{file}", seconds, rate, 100 * number + index)


def metadata_of(stem: str, splits: Splits) -> dict[str, Any]:
    """What hear-preprocess says of a task with such clips (protocols.md 2.2)."""
    name, _, rest = stem.partition("-")
    version, _, mode = rest.rpartition("-")  # some versions hold a hyphen
    labels_of = [labels for clips in splits.values() for labels in clips.values()]
    several = any(len(labels) != 1 for labels in labels_of)
    in_folds = any(split.startswith("fold") for split in splits)
    return {
        "task_name": name,
        "version": version,
        "mode": mode,
        "embedding_type": "event" if any(isinstance(one, dict) for labels in labels_of for one in labels) else "scene",
        "prediction_type": "multilabel" if several else "multiclass",
        "split_mode": f"{'presplit' if name == 'esc50' else 'new_split'}_kfold" if in_folds else "trainvaltest",
        "nfolds": len(splits) if in_folds else None,
        "sample_duration": None if name == "fsd50k" else 0.2,
        "evaluation": ["mAP" if several else "top1_acc"],
        "splits": list(splits),
    }


def folds(n: int, labels: list[Any], each: int = 1) -> Splits:
    """n folds with every label `each` times."""
    return {
        f"fold{fold:02}": {f"{label}-{fold}-{take}.wav": [label] for label, take in product(labels, range(each))}
        for fold in range(n)
    }


def parts(labels: list[Any], train: int = 2) -> Splits:
    """Train, valid and test with every label."""
    return {
        split: {
            f"{split}_{label}_{take}.wav": [label]
            for label, take in product(labels, range(train if split == "train" else 1))
        }
        for split in ("train", "valid", "test")
    }


def events(splits: tuple[str, ...], one: str, other: str) -> Splits:
    """Two recordings a split: both labels, out of order, one of them twice; and one label only."""
    both = [
        {"label": other, "start": 120.5, "end": 200.0},
        {"label": one, "start": 10.0, "end": 90.0},
        {"label": one, "start": 150, "end": 160},
    ]
    return {
        split: {f"{split}a.wav": both, f"{split}b.wav": [{"label": other, "start": 0, "end": 300}]} for split in splits
    }


NOTES = [str(note) for note in range(21, 109)]
FIVE = tuple(f"fold{fold:02}" for fold in range(5))


def scene(
    stem: str, n: int, labels: list[Any], wrapper: str = "", rates: tuple[int, ...] = (48000,), each: int = 1
) -> Miniature:
    """A task with folds: where its clips lie, and what they are, by hand; labels may be numbers in the JSON."""
    names = tuple(map(str, labels))
    path = f"{f'{wrapper}/' if wrapper else ''}tasks/{stem}/{max(rates)}/fold01/{names[0]}-1-0.wav"
    return Miniature(
        partial(task, stem=stem, splits=folds(n, labels, each), vocabulary=names, rates=rates, wrapper=wrapper),
        Expected(
            n * len(labels) * each,
            names,
            {path: names[:1]},
            folds={f"fold{fold:02}": len(labels) * each for fold in range(n)},
        ),
    )


def divided(stem: str, labels: list[Any], vocabulary: list[str], rates: tuple[int, ...] = (48000,)) -> Miniature:
    """A task with train, valid and test; labels may be numbers in the JSON."""
    return Miniature(
        partial(task, stem=stem, splits=parts(labels), vocabulary=vocabulary, rates=rates),
        Expected(
            4 * len(labels),
            tuple(vocabulary),
            {f"tasks/{stem}/{max(rates)}/test/test_{labels[-1]}_0.wav": (str(labels[-1]),)},
            splits={"train": 2 * len(labels), "valid": len(labels), "test": len(labels)},
        ),
    )


def fsd50k(root: Path) -> None:
    """Several labels, and none."""
    splits: Splits = {
        "train": {"1.wav": ["Hi-hat", "Music"], "2.wav": ["Bathtub_(filling_or_washing)"], "3.wav": []},
        "valid": {"4.wav": ["Hi-hat", "Music"], "5.wav": ["Bathtub_(filling_or_washing)"]},
        "test": {"6.wav": ["Music"], "7.wav": ["Hi-hat", "Bathtub_(filling_or_washing)"]},
    }
    task(root, "fsd50k-v1.0-full", splits, ["Bathtub_(filling_or_washing)", "Hi-hat", "Music"])


def of_events(stem: str, splits: tuple[str, ...], one: str, other: str, vocabulary: list[str], part: str) -> Miniature:
    """An event task; labels come in the order of their first onset."""
    path = f"tasks/{stem}/48000/{splits[1]}/{splits[1]}"
    both = ((one, 10.0, 90.0), (other, 120.5, 200.0), (one, 150.0, 160.0))
    return Miniature(
        partial(task, stem=stem, splits=events(splits, one, other), vocabulary=vocabulary),
        Expected(
            2 * len(splits),
            tuple(vocabulary),
            {f"{path}a.wav": (one, other), f"{path}b.wav": (other,)},
            events={f"{path}a.wav": both, f"{path}b.wav": ((other, 0.0, 300.0),)},
            **{part: dict.fromkeys(splits, 2)},
        ),
    )


GENRES = ["blues", "jazz"]
MINIATURES: dict[str, Miniature] = {
    "hear_dcase2016_task2": of_events(
        "dcase2016_task2-hear2021-full",
        ("train", "valid", "test"),
        "cough",
        "drawer",
        ["cough", "drawer", "keys"],
        "splits",
    ),
    "hear_nsynth_pitch_5h": divided("nsynth_pitch-v2.2.3-5h", [60, 100], NOTES),  # numbers in the JSON
    "hear_nsynth_pitch_50h": divided("nsynth_pitch-v2.2.3-50h", ["60", "100"], NOTES, rates=(16000, 48000)),
    "hear_speech_commands_5h": divided(
        "speech_commands-v0.0.2-5h", ["_silence_", "yes"], ["_silence_", "_unknown_", "yes"]
    ),
    "hear_speech_commands_full": divided(
        "speech_commands-v0.0.2-full", ["_silence_", "yes"], ["_silence_", "_unknown_", "yes"]
    ),
    "hear_beehive_states_fold0": divided("beehive_states_fold0-v2-full", ["NOQUEEN", "QUEEN"], ["NOQUEEN", "QUEEN"]),
    "hear_beehive_states_fold1": divided("beehive_states_fold1-v2-full", ["NOQUEEN", "QUEEN"], ["NOQUEEN", "QUEEN"]),
    "hear_beijing_opera": scene("beijing_opera-v1.0-hear2021-full", 5, ["Bangu", "Naobo"], "hear-2021.0.6"),
    "hear_crema_d": scene("tfds_crema_d-1.0.0-full", 5, ["ANG", "SAD"], rates=(22050, 16000)),
    "hear_esc50": scene("esc50-v2.0.0-full", 5, ["airplane", "dog", "door_wood_knock"]),
    "hear_fsd50k": Miniature(
        fsd50k,
        Expected(
            7,
            ("Bathtub_(filling_or_washing)", "Hi-hat", "Music"),
            {
                "tasks/fsd50k-v1.0-full/48000/train/1.wav": ("Hi-hat", "Music"),
                "tasks/fsd50k-v1.0-full/48000/train/3.wav": (),
            },
            splits={"train": 3, "valid": 2, "test": 2},
        ),
    ),
    "hear_gunshot_triangulation": scene("gunshot_triangulation-v1.0-full", 7, ["iPod A", "iPod D"], "hear-2021.0.6"),
    "hear_gtzan_genre": scene("tfds_gtzan-1.0.0-full", 10, GENRES),
    "hear_gtzan_music_speech": scene("tfds_gtzan_music_speech-1.0.0-full", 10, ["music", "speech"]),
    "hear_libricount": scene("libricount-v1.0.0-hear2021-full", 5, [0, 10]),
    "hear_maestro_5h": of_events("maestro-v3.0.0-5h", FIVE, "60", "100", NOTES, "folds"),
    "hear_mridangam_stroke": scene("mridangam_stroke-v1.5-full", 5, ["bheem", "cha"]),
    "hear_mridangam_tonic": scene("mridangam_tonic-v1.5-full", 5, ["b", "csh"]),
    "hear_vocal_imitation": scene("vocal_imitation-v1.1.3-full", 3, ["001_A", "302_B"], each=2),
    "hear_vox_lingua_top10": scene("vox_lingua_top10-hear2021-full", 5, ["de", "zu"]),
}
