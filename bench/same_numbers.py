"""Whether two checkouts give the same numbers: one fixed list of commands, recorded for each and compared bit for bit.

The commands go through the command line, each in a process and on a thread, with a cache of their own: runs of many modules on tasks of many
kinds under every protocol, and similarity, map, compare, fuse, reproduce and embed. Recorded are numbers (and the names of
clips and classes), not wording. Where checkouts spell things differently, `WORDS` and `FIELDS` say how.

    python bench/same_numbers.py record CHECKOUT OUT --audio FOLDER [--python PY] [--only TEXT ...] [--rest]
    python bench/same_numbers.py compare A B

FOLDER holds ESC-10 as `esc10/` and the Free Spoken Digit Dataset as `fsdd/`. Clips, checkpoints and protocols are small, so
that a recording takes minutes. `compare` ends with 1 if a number differs or is missing.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

# Spelling ------------------------------------------------------------------------------------------------------------

NEW = "evaluator/probes"  # a folder that only checkouts of the new spelling have
# What stands in the commands and files below -> how the old and the new checkout write it.
WORDS = {
    "UNTRAINED_SEED": ("twin_seed", "untrained_seed"),
    "UNTRAINED": ("twin", "untrained"),
    "IN_TURN": ("in_turn", "ensemble"),
    "JOINT": ("ensemble", "ensemble"),
    # Since `ensemble:` opens members itself, scenes on the members' scene grids are the in-process module's.
    "IN_PROCESS:": ("ensemble:", "hear_ssl.ensemble --weights "),
    "PROBE:": ("judge:", "probe:"),
}
# How a record calls a field -> what checkouts call it; the same for the arrays of predictions, without their numbers.
FIELDS = {
    "std": ("std", "spread"),
    "clips": ("clips",),
    "groups": ("groups",),
    "seconds": ("seconds",),
    "targets": ("targets",),
    "probabilities": ("probabilities",),
    "events": ("events",),
}
# Parts of names of modules, as the old checkout writes them -> as the new one does.
NAMES = {
    "twin:": "untrained:",
    "in_turn:": "ensemble:",
    "ensemble:hf:./wav2vec2+hear_ssl.crepe_tiny": "hear_ssl.ensemble",
}
ENTRY = ("evaluator.cli", "evaluator.cli")
# What of other JSON is left out: time, and where things came from.
UNCOMPARED = {
    "seconds",
    "provenance",
    "environment",
    "predictions_sha256",
    "result_sha256",
    "run",
    "schema_version",
    "path",
    "weights",
    "options",
    "modules",
    "asked",
}


def spelled(text: str, new: bool) -> str:
    """A text of this file as a checkout writes it."""
    for word, ways in WORDS.items():
        text = text.replace(word, ways[new])
    return text


def named(module: str) -> str:
    """A module's name as new checkouts write it."""
    for old, new in NAMES.items():
        module = module.replace(old, new)
    return module


def got(plain: Mapping[str, Any], name: str) -> Any:
    """A field by what a record calls it; None where there is none."""
    return next((plain[each] for each in FIELDS.get(name, (name,)) if each in plain), None)


# The commands --------------------------------------------------------------------------------------------------------

MEL, BYOL, CREPE = "hear_ssl.melspec", "hear_ssl.byol_a_mini", "hear_ssl.crepe_tiny"
LOUD, MAJORITY, CHANCE = "hear_ssl.duration_loudness", "hear_ssl.majority", "hear_ssl.chance"
W2V, HUBERT, PLAIN, PLAIN8 = "hf:./wav2vec2", "hf:./hubert", "./plain.py", "./plain8.py"
RUNS = f"""
folder_melspec: {MEL} --task ./esc10 --protocol logistic
folder_crepe: {CREPE} --task ./esc10 --protocol protocols/logistic.yaml
folder_arch: {BYOL} --task ./esc10 --protocol arch
folder_arch_published: {BYOL} --task ./esc10 --protocol protocols/arch.yaml --profile published --seed 5
folder_loudness: {LOUD} --task ./esc10 --protocol knn
folder_majority: {MAJORITY} --task ./esc10 --protocol protocols/arch.yaml --seeds 3
folder_chance: {CHANCE} --task ./esc10 --protocol ogg
folder_untrained: UNTRAINED:{BYOL} --task ./esc10 --protocol protocols/logistic.yaml
folder_untrained_seed: UNTRAINED:{BYOL} --option UNTRAINED_SEED=3 --task ./esc10 --protocol knn
folder_untrained_plain: UNTRAINED:{PLAIN} --task ./tones --protocol knn
folder_untrained_transformer: UNTRAINED:{W2V} --task ./tones --protocol protocols/sarkar.yaml
folder_plain: {PLAIN} --task ./esc10 --protocol protocols/logistic.yaml
folder_plain_option: {PLAIN} --option seed=3 --task ./tones --protocol protocols/fewshot.yaml --seed 5
folder_other_python: {PLAIN} --python PYTHON --task ./tones --protocol knn
folder_baselines: {BYOL} --task ./tones --protocol protocols/logistic.yaml --baselines
folder_baselines_seeds: {W2V} --task ./tones --protocol protocols/ogg.yaml --baselines --seeds 3 --layers all
layers_all_logistic: {W2V} --task ./esc10 --protocol protocols/logistic.yaml --layers all
layers_all_published: {HUBERT} --task ./tones --protocol protocols/arch.yaml --layers all --profile published
layers_mean: {W2V} --task ./esc10 --protocol arch --layers mean
layers_weighted: {W2V} --task ./esc10 --protocol protocols/arch.yaml --layers weighted --seeds 3
layers_number: {W2V} --task ./esc10 --protocol knn --layers 1
layers_last: {HUBERT} --task ./esc10 --protocol protocols/fewshot.yaml --layers last
layers_all_fewshot: {HUBERT} --task ./tones --protocol protocols/fewshot.yaml --layers all
option_layer: {W2V} --option layer=2 --option pooling=mean+std --task ./esc10 --protocol protocols/logistic.yaml
option_weights: hear_ssl.hubert_base --weights ./hubert --option normalize=false --task ./tones --protocol ogg
sarkar_clean: {W2V} --task ./esc10 --protocol sarkar
sarkar_published: {W2V} --task ./esc10 --protocol sarkar --profile published
sarkar_seeds: {HUBERT} --task ./tones --protocol protocols/sarkar.yaml --seeds 3 --seed 5
ensemble: JOINT:{MEL}+{BYOL} --task ./esc10 --protocol protocols/logistic.yaml
ensemble_average: JOINT:average:{BYOL}+{CREPE} --option width=64 --task ./esc10 --protocol protocols/logistic.yaml
ensemble_merged: IN_PROCESS:{W2V}+{CREPE} --option scene=merged --task ./tones --protocol protocols/arch.yaml
ensemble_untrained: UNTRAINED:JOINT:{BYOL}+{CREPE} --task ./tones --protocol knn
in_turn: IN_TURN:{MEL}+{BYOL} --task ./esc10 --protocol protocols/logistic.yaml
in_turn_rates: IN_TURN:{PLAIN8}+{W2V} --option member_options={{"./plain8.py":{{"seed":2}}}} --task ./tones --protocol knn
in_turn_untrained: IN_TURN:UNTRAINED:{CREPE}+{LOUD} --task ./tones --protocol protocols/arch.yaml
csv_folds: {MEL} --task ./folds.csv --protocol logistic
csv_folds_sarkar: {BYOL} --task ./folds.csv --protocol protocols/sarkar.yaml --layers scene
csv_folds_hear: {BYOL} --task ./folds.csv --protocol protocols/hear.yaml
csv_groups_fewshot: {CREPE} --task ./groups.csv --protocol protocols/fewshot.yaml
csv_groups_knn: {MEL} --task ./groups.csv --protocol knn --seed 5
csv_groups_ogg: {W2V} --task ./groups.csv --protocol protocols/ogg.yaml --layers all
csv_split: {W2V} --task ./split.csv --protocol protocols/arch.yaml --seeds 3
csv_split_ogg: {MEL} --task ./split.csv --protocol ogg --profile published
csv_several_arch: {MEL} --task ./several.csv --protocol protocols/arch.yaml --profile published --seeds 2
csv_several_knn: {BYOL} --task ./several.csv --protocol knn
csv_several_logistic: {W2V} --task ./several.csv --protocol protocols/logistic.yaml --layers mean
csv_several_sarkar: {W2V} --task ./several.csv --protocol protocols/sarkar.yaml
csv_several_hear: {MEL} --task ./several.csv --protocol protocols/hear.yaml
yaml: {MEL} --task ./mine.yaml
yaml_fewshot: {CREPE} {PLAIN} --task ./mine.yaml --protocol protocols/fewshot.yaml --seed 5
esc10: {MEL} --task esc10 --data . --protocol protocols/logistic.yaml
esc10_published: {BYOL} --task esc10 --data . --protocol protocols/arch.yaml --profile published --seeds 3
esc10_fewshot: {CREPE} --task quick/esc10 --data . --protocol protocols/fewshot.yaml
fsdd: {BYOL} --task fsdd --data . --protocol logistic --seed 5
fsdd_hear: {MEL} --task fsdd --data . --protocol protocols/hear.yaml --seeds 2
fsdd_hear_published: {MEL} --task esc10 --data . --protocol protocols/hear.yaml --profile published
fsdd_knn: {HUBERT} --task fsdd --data . --protocol knn --layers all
made: {LOUD} {MEL} --task demo/calls --protocol protocols/logistic.yaml
suite_quick: {MEL} --task quick --data . --protocol protocols/arch.yaml
suite_arch: {MEL} --task arch --data mini --protocol protocols/arch.yaml
suite_arch_published: {BYOL} --task arch --data mini --protocol protocols/arch.yaml --profile published
suite_bioacoustics: {W2V} --task bioacoustics --data mini --protocol protocols/sarkar.yaml
suite_bioacoustics_published: {W2V} --task bioacoustics --data mini --protocol protocols/sarkar.yaml --profile published
suite_domains: {MEL} --task domains --data mini --protocol protocols/ogg.yaml
suite_beans: {LOUD} --task beans --data mini --protocol knn
suite_beans_published: {MEL} --task beans --data mini --protocol protocols/arch.yaml --profile published
suite_hear: {MEL} --task hear --data mini --protocol protocols/hear.yaml
events: {W2V} --task hear/dcase2016_task2 --data mini --protocol protocols/hear.yaml
events_published: {BYOL} --task hear/dcase2016_task2 --data mini --protocol protocols/hear.yaml --profile published
events_folds: {PLAIN} --task hear/maestro_5h --data mini --protocol protocols/hear.yaml --seeds 2
events_ensemble: JOINT:{MEL}+{BYOL} --task hear/dcase2016_task2 --data mini --protocol protocols/hear.yaml --seed 5
failed_refused: {MEL} --task ./spoiled --protocol protocols/logistic.yaml
failed_allowed: {MEL} {CREPE} --task ./spoiled --protocol protocols/logistic.yaml --allow-failed 0.1
failed_arch: {W2V} --task ./spoiled --protocol protocols/arch.yaml --allow-failed 0.1 --seeds 2
"""
# @NAME is the result that the run of that name left, in order of their modules where these are several.
OTHERS = f"""
similarity_scene: similarity {MEL} {BYOL} {CREPE} --task ./esc10 --clips 30
similarity_layers: similarity {W2V} {HUBERT} --task fsdd --task ./tones --data . --layers all --clips 40 --seed 5
map_two: map {MEL} {BYOL} --task ./esc10 --clips 40 --perplexity 8 --colour label --colour level
map_layers: map {W2V} --task ./groups.csv --layers all --method pca --colour group --clips 50 --seed 5
compare_two: compare @folder_melspec @folder_crepe
compare_many: compare @folder_arch @folder_untrained @layers_weighted @folder_majority --seed 5
compare_several_labels: compare @csv_several_arch @csv_several_knn
compare_events: compare @events @events_published
fuse_two: fuse @folder_melspec @folder_crepe
fuse_seeds: fuse @folder_majority @layers_weighted @folder_arch --seed 5
fuse_several_labels: fuse @csv_several_arch @csv_several_knn
reproduce_own: reproduce ./recipe.yaml --data .
reproduce_sarkar: reproduce recipes/sarkar2025.yaml --data mini --only dog_barks --use *={MEL} --use HuBERT={BYOL}
reproduce_wu: reproduce recipes/wu2022.yaml --data mini --table table4 --only hear/beijing_opera --use *={MEL}
embed_transformer: embed {W2V} CLIPS
embed_crepe: embed {CREPE} CLIPS
embed_untrained: embed UNTRAINED:{BYOL} CLIPS
embed_ensemble: embed JOINT:average:{MEL}+{CREPE} CLIPS
embed_plain: embed {PLAIN} CLIPS
"""


@dataclass(frozen=True)
class Command:
    """A command line, its first word left out of `words`."""

    name: str
    kind: str
    words: tuple[str, ...]


def commands() -> list[Command]:
    """All commands, in the order in which they have to run."""
    found = []
    for line in [each.replace(": ", ": run ", 1) for each in RUNS.strip().splitlines()] + OTHERS.strip().splitlines():
        name, _, said = line.partition(": ")
        kind, *words = said.split()
        found.append(Command(name, kind, tuple(words)))
    return found


# Data ----------------------------------------------------------------------------------------------------------------

CLASSES = ("001 - Dog bark", "005 - Clock tick", "009 - Rooster")
PER_FOLD = {"1": 2, "2": 2, "3": 2, "4": 1, "5": 1}
DIGITS, TAKES = "017", "012568"
# Runs with the checkout's own shorter protocols: what is replaced in each.
SHORTER = {
    "arch": [(r"\n  epochs: \d+", "\n  epochs: 12")],
    "sarkar": [(r"\n  epochs: \d+", "\n  epochs: 6")],
    "ogg": [(r"\n  epochs: \d+", "\n  epochs: 15"), (r"learning_rate: 0.0001", "learning_rate: 0.01")],
    "hear": [(r"\n  epochs: \d+", "\n  epochs: 9"), (r"\b1024\b", "32")],
    "logistic": [
        (r"(strengths|Cs): \[.*\]", r"\1: [0.001, 0.1, 10]"),
        (r"(most_iterations|max_iter): \d+", r"\1: 60"),
    ],
    "fewshot": [(r"\n  draws: \d+", "\n  draws: 6"), (r"(headline|primary): \[5", r"\1: [2")],
}
# Runs each command line in a process of its own, forked from one that has imported what takes long: arguments, standard
# output and standard error come as a line of JSON, and the exit code goes back.
FORKING = """
import contextlib, gc, importlib, json, os, pkgutil, sys, traceback
names = "torch scipy.stats sklearn.linear_model sklearn.neighbors sklearn.manifold matplotlib.figure soundfile soxr torchcrepe"
names += " transformers.modeling_utils transformers.models.auto"
names += "".join(f" transformers.models.{name}.modeling_{name}" for name in ("wav2vec2", "hubert", "wavlm"))
for name in names.split():
    importlib.import_module(name)
entry = importlib.import_module(sys.argv[1])
for package in map(importlib.import_module, ("evaluator", "hear_ssl.encoders")):
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "yamnet" not in each.name:  # takes TensorFlow, whose threads do not outlive a fork
            with contextlib.suppress(ImportError):
                importlib.import_module(each.name)
gc.collect()
gc.freeze()
for line in sys.stdin:
    said, out, err = json.loads(line)
    pid = os.fork()
    if not pid:
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["hear-eval", *said]
        code = 1
        try:
            code = entry.main(said)
        except SystemExit as error:
            code = error.code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # without taking apart what was imported
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
RECIPES = {"sarkar2025": "sarkar", "wu2022": "hear"}
MODULE = '''"""A HEAR module that knows nothing of the evaluator: a random convolution."""

import torch


class Model(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 24

    def __init__(self):
        super().__init__()
        self.filters = torch.nn.Conv1d(1, 24, kernel_size=400, stride=400)

    def forward(self, audio):
        audio = torch.nn.functional.pad(audio, (0, max(0, 400 - audio.shape[1])))
        return self.filters(audio[:, None]).abs().transpose(1, 2)


def load_model(model_file_path="", seed=0):
    torch.manual_seed(seed)
    return Model()


def get_timestamp_embeddings(audio, model):
    frames = model(audio)
    centres = (200 + 400 * torch.arange(frames.shape[1])) * 1000 / model.sample_rate
    return frames, centres.clamp(max=1000 * audio.shape[1] / model.sample_rate).repeat(len(audio), 1)


def get_scene_embeddings(audio, model):
    return model(audio).mean(dim=1)
'''
CHECKPOINTS = """
import json, torch, transformers
small = dict(hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, conv_dim=(32,) * 7)
small["num_conv_pos_embedding_groups"] = 4
stable = dict(feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)
for folder, name, changes in (("wav2vec2", "Wav2Vec2", {}), ("hubert", "Hubert", stable)):
    torch.manual_seed(1)
    config = getattr(transformers, name + "Config")(**small, **changes)
    getattr(transformers, name + "Model")(config).eval().save_pretrained(folder)
    with open(folder + "/preprocessor_config.json", "w") as file:
        json.dump({"do_normalize": True, "sampling_rate": 16000}, file)
"""
MINIATURES = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:]
from miniatures import MINIATURES
for name, each in MINIATURES.items():
    each.make(Path("mini") / name)
"""
TASK = """name: digits
dataset:
  root: fsdd
  reader: {kind: paths, files: "recordings/*.wav", pattern: "recordings/(?P<label>[0-9])_(?P<group>[a-z]+)_[0-9]+[.]wav"}
split: {by: group, valid: next}
clip_seconds: 0.4
labels: single
metric: uar
PROBE: {epochs: 15}
"""
RECIPE = """name: recipe
title: t
citation: c
source: made up
protocol: protocols/arch.yaml
seeds: 2
profiles: [published, clean]
tables:
  t:
    title: Accuracy in %
    printed: recipe.csv
    row: [model]
    column: task
    rows:
      Mel: {module: hear_ssl.melspec}
      Transformer: {module: "hf:./wav2vec2"}
      Both: {fuse: [Mel, Transformer]}
      None: {cannot: it was never made}
    columns: {ESC: quick/esc10, FSDD: quick/fsdd}
footnotes:
  - {rows: [Mel], text: untrained, source: its docstring}
"""


def prepare(checkout: Path, audio: Path, work: Path, run: Callable[..., Any], new: bool) -> None:
    """Write all that the commands read into the folder `work`: clips, tables, checkpoints, modules and protocols."""
    for name in CLASSES:
        taken: Counter[str] = Counter()
        for path in sorted((audio / "esc10" / name).glob("*.ogg")):
            taken[path.name[0]] += 1
            if taken[path.name[0]] <= PER_FOLD[path.name[0]]:
                copy(path, work / "esc10" / name / path.name)
    for path in sorted((audio / "fsdd" / "recordings").glob("*.wav")):
        digit, _, take = path.stem.split("_")
        if digit in DIGITS and take in TAKES:
            copy(path, work / "fsdd" / "recordings" / path.name)
    tones(work / "tones")
    tones(work / "spoiled")
    spoil(work / "spoiled")
    write_tables(work)
    (work / "plain.py").write_text(MODULE)
    (work / "plain8.py").write_text(MODULE.replace("16000", "8000"))
    (work / "mine.yaml").write_text(spelled(TASK, new))
    (work / "recipe.yaml").write_text(RECIPE)
    (work / "recipe.csv").write_text("model,task,value\nMel,ESC,71.5\nMel,FSDD,85.0\nTransformer,ESC,50\nBoth,ESC,75\n")
    for name, changes in SHORTER.items():
        text = (checkout / "tasks" / "protocols" / f"{name}.yaml").read_text()
        for old, other in changes:
            text, n_changed = re.subn(old, other, text)
            assert n_changed, f"{name}.yaml has no {old}"
        (work / "protocols").mkdir(exist_ok=True)
        (work / "protocols" / f"{name}.yaml").write_text(text)
    for name, protocol in RECIPES.items():
        for path in (checkout / "tasks" / "recipes").glob(f"{name}*"):
            copy(path, work / "recipes" / path.name)
        copy(work / "protocols" / f"{protocol}.yaml", work / "recipes" / "protocol.yaml")
        path = work / "recipes" / f"{name}.yaml"
        text, n_changed = re.subn(rf"\nprotocol: {protocol}\n", "\nprotocol: protocol.yaml\n", path.read_text())
        assert n_changed, f"{name}.yaml does not name its protocol"
        path.write_text(text)
    run("-c", CHECKPOINTS)
    places = {path.parent for path in (checkout / "tests").rglob("miniature*.py")}
    run("-c", MINIATURES, *map(str, [*sorted(places), checkout / "tests"]))
    (work / "ready").touch()


def copy(path: Path, to: Path) -> None:
    """Copy a file's content, whoever may write the original."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def sound(path: Path, samples: np.ndarray, rate: int = 16000) -> None:
    """Write samples in [-1, 1] as 16 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def tones(folder: Path, n: int = 9) -> None:
    """A folder for each of three classes with noisy tones of different lengths, so hard that none is told for sure."""
    random = np.random.default_rng(0)
    for frequency, number in product((300, 420, 600), range(n)):
        times = np.arange(int(16000 * 0.4 * random.uniform(0.3, 2))) / 16000
        wanted = 0.1 * np.sin(2 * np.pi * frequency * random.uniform(0.7, 1.3) * times)
        sound(folder / f"tone{frequency}" / f"{number}.wav", wanted + 0.1 * random.uniform(-1, 1, len(times)))


def spoil(folder: Path) -> None:
    """Make one clip empty, cut one off, silence three."""
    (folder / "tone300" / "3.wav").write_bytes(b"")
    cut = folder / "tone420" / "4.wav"
    cut.write_bytes(cut.read_bytes()[:2000])
    for name in ("tone300/5", "tone420/6", "tone600/7"):
        sound(folder / f"{name}.wav", np.zeros(5000))


def write_tables(work: Path) -> None:
    """A CSV of each kind: folds and stretches of clips, groups, parts, several labels."""
    tables: dict[str, list[list[Any]]] = {
        "folds": [["path", "start", "end", "label", "fold", "group"]],
        "groups": [["path", "label", "group"]],
        "split": [["path", "label", "split"]],
        "several": [["path", "label", "fold"]],
    }
    for path in sorted((work / "tones").rglob("*.wav")):
        for start in (0, 0.06):
            row = [path.relative_to(work), start, start + 0.06, path.parent.name, 1 + int(path.stem) % 3, path.stem]
            tables["folds"].append(row)
    parts = {"0": "test", "1": "test", "2": "valid", "3": "valid"}
    for path in sorted((work / "fsdd").rglob("*.wav")):
        digit, speaker, take = path.stem.split("_")
        place = path.relative_to(work)
        tables["groups"].append([place, digit, f"{speaker}{int(take) % 2}"])
        tables["split"].append([place, speaker, parts.get(take, "train")])
        tables["several"].append([place, f"{speaker};digit{digit}" if take != "5" else speaker, int(take) % 4])
    for name, rows in tables.items():
        with (work / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)


# Recording -----------------------------------------------------------------------------------------------------------


@dataclass
class Record:
    """What is kept of a result, or of a command without one.

    numbers: By their place, such as `folds.0.score`; None for what is not defined.
    names: Of clips and classes; compared, as numbers are.
    words: Told where they differ, and not compared.
    arrays: Predictions, embeddings, points.
    """

    numbers: dict[str, float | None] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, text and None in what JSON holds, with its place, under the names that records use."""
    if isinstance(value, Mapping):
        renamed = {other: name for name, others in FIELDS.items() for other in others}
        for key, item in value.items():
            if key not in UNCOMPARED:
                yield from leaves(item, f"{place}.{renamed.get(key, named(str(key)))}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{place}.{number}".lstrip("."))
    else:
        yield place, value


def of_json(value: Any) -> Record:
    """All numbers of what is no result; texts are words."""
    record = Record()
    for place, item in leaves(value):
        if isinstance(item, str):
            record.words[place] = named(item)
        else:
            record.numbers[place] = item
    return record


def of_result(path: Path) -> tuple[str, Record]:
    """What a result is called, and what is kept of it and its predictions."""
    plain = json.loads(path.read_text())
    wanted = [
        "score",
        "ci_low",
        "ci_high",
        "std",
        "seeds",
        "seed_scores",
        "n_clips",
        "n_failed",
        "n_silent",
        "confusion",
    ]
    kept: dict[str, Any] = {name: got(plain, name) for name in wanted}
    kept["scores"] = list(plain["scores"].values())
    points = ["score", "ci_low", "ci_high", "valid_score", "std"]
    kept["curve"] = [{name: got(each, name) for name in points} for each in plain["curve"]]
    parts = ["score", "n_train", "n_valid", "n_test", "chosen_epoch", "valid_score", "layer_shares"]
    kept["folds"] = [{name: got(each, name) for name in parts} for each in plain["folds"]]
    record = of_json(kept)
    record.names = dict(leaves({"classes": plain["classes"], "failed": sorted(plain["failed"])}))
    told = {name: plain[name] for name in ("metric", "chosen", "notes")}
    told["scores"] = list(plain["scores"])
    told["curve"] = [each["name"] for each in plain["curve"]]
    told["folds"] = [[each["name"], each["chosen"]] for each in plain["folds"]]
    record.words = dict(leaves(told))
    record.arrays = predictions(path.with_suffix(".npz"))
    return f"{named(plain['module'])} {plain['task']} {plain['profile']}", record


def predictions(path: Path) -> dict[str, np.ndarray]:
    """The arrays of each fold under the names that records use."""
    renamed = {other: name for name, others in FIELDS.items() for other in others}
    found = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays.files:
            name, _, number = key.rpartition("_")
            found[f"{renamed.get(name, name)}_{number}" if name else key] = arrays[key]
    return found


def of_map(folder: Path) -> Record:
    """The figures of maps, and where each clip lies."""
    record = of_json(json.loads((folder / "map.json").read_text()))
    with (folder / "coordinates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    record.arrays["points"] = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    record.arrays["clips"] = np.array([row["clip"] for row in rows])
    return record


def gathered(kind: str, out: Path, printed: str) -> dict[str, Record]:
    """The records of a command of a kind, from what it wrote below `out` and printed."""
    found: dict[str, Record] = {}
    if kind == "compare":
        found["pairs"] = of_json([json.loads(line) for line in printed.splitlines()])
    elif kind == "similarity":
        for path in out.glob("similarity-*/similarity.json"):
            found["similarity"] = of_json(json.loads(path.read_text()))
    elif kind == "map":
        for path in sorted(out.glob("map-*/map.json")):
            record = of_map(path.parent)
            found[f"map of {record.words['task']}"] = record
    elif kind == "embed":
        with np.load(out / "e.npz", allow_pickle=False) as arrays:
            name = "vectors" if "vectors" in arrays.files else "scene"  # as earlier versions called them
            found["embeddings"] = Record(arrays={"vectors": arrays[name]})
    else:
        for path in out.glob("reproduce-*/tables.json"):
            found["tables"] = of_json(json.loads(path.read_text()))
        for path in sorted(out.rglob("*.json")):
            if path.with_suffix(".npz").is_file():
                name, record = of_result(path)
                assert name not in found, f"two results of {name}"
                found[name] = record
    return found


def arguments(command: Command, out: Path, new: bool, python: str) -> list[str]:
    """A command's words as the checkout takes them, results and places filled in."""
    said = [command.kind]
    for word in command.words:
        if word.startswith("@"):
            folder = out / "results" / word[1:]
            said += [str(path) for path in sorted(folder.rglob("*.json")) if path.with_suffix(".npz").is_file()]
        elif word == "CLIPS":
            said += ["tones/tone300/0.wav", "tones/tone600/1.wav", "fsdd/recordings/7_theo_0.wav"]
        else:
            said += spelled(word.replace("PYTHON", python), new).split()
    folder = out / "results" / command.name
    if command.kind == "embed":
        return [*said, "--out", str(folder / "e.npz")]
    if command.kind not in ("compare", "fuse"):
        said += ["--cache", str(out / "cache")]
    return [*said, *(["--json"] if command.kind == "compare" else ["--out", str(folder)])]


def record(checkout: Path, out: Path, audio: Path, python: str, only: Sequence[str], rest: bool) -> int:
    """Run every command against a checkout, and write what is kept of each into `out`; 1 if one failed against its will."""
    new, work = (checkout / NEW).is_dir(), out / "data"
    work.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(checkout), "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"}
    environment |= dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    environment |= {"HEAR_EVAL_CACHE": str(out / "cache"), "HEAR_SSL_CACHE": str(out / "cache" / "weights")}
    environment |= {"CUDA_VISIBLE_DEVICES": ""}

    def run(*said: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run([python, *said], cwd=work, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr[-3000:]
        return done

    where = Path(run("-c", "import evaluator; print(evaluator.__file__)").stdout.strip())
    assert where.is_relative_to(checkout), f"{python} takes the evaluator from {where}"
    if not (work / "ready").is_file():
        prepare(checkout, audio, work, run, new)
    chosen = [each for each in commands() if not only or any(text in each.name for text in only)]
    chosen = [each for each in chosen if not (rest and (out / f"{each.name}.npz").is_file())]
    started, n_unexpected = time.monotonic(), 0
    forking = subprocess.Popen(
        [python, "-c", FORKING, ENTRY[new]],
        cwd=work,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert forking.stdin and forking.stdout
    counted: Counter[str] = Counter()
    for command in chosen:
        folder = out / "results" / command.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        begun = time.monotonic()
        said = arguments(command, out, new, python)
        print(
            json.dumps([said, *(str(folder / f"{name}.txt") for name in ("out", "err"))]),
            file=forking.stdin,
            flush=True,
        )
        code = int(forking.stdout.readline())
        seconds = time.monotonic() - begun
        printed, complaints = ((folder / f"{name}.txt").read_text() for name in ("out", "err"))
        found = gathered(command.kind, folder, printed) if code == 0 else {}
        found["exit"] = Record(numbers={"code": code})
        keep(command, found, seconds, out)
        counted[command.kind] += len(found) - 1
        refused = command.name.endswith("_refused")
        if refused != bool(code):
            n_unexpected += 1
            print(f"{command.name}: exit code {code}: {complaints[-1500:]}", flush=True)
        print(f"{command.name}: {len(found) - 1} records, {seconds:.1f} s", flush=True)
    forking.stdin.close()
    forking.wait()
    kinds = Counter(each.kind for each in chosen)
    print("commands:", ", ".join(f"{n} {kind} ({counted[kind]} records)" for kind, n in kinds.items()))
    print(f"{len(chosen)} commands in {time.monotonic() - started:.0f} s, {n_unexpected} failed")
    return int(n_unexpected > 0)


def keep(command: Command, found: Mapping[str, Record], seconds: float, out: Path) -> None:
    """Write the records of a command."""
    plain = {
        name: {"numbers": each.numbers, "names": each.names, "words": each.words}
        for name, each in sorted(found.items())
    }
    said = {"command": [command.kind, *command.words], "seconds": seconds, "records": plain}
    (out / f"{command.name}.json").write_text(json.dumps(said, indent=1) + "\n")
    arrays: dict[str, Any] = {
        f"{number}/{name}": array
        for number, (_, each) in enumerate(sorted(found.items()))
        for name, array in each.arrays.items()
    }
    np.savez_compressed(out / f"{command.name}.npz", **arrays)


# Comparing -----------------------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Record]:
    """The records of a command, by their names."""
    plain = json.loads(path.read_text())["records"]
    found = {name: Record(**each) for name, each in plain.items()}
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
        for key in arrays.files:
            number, _, name = key.partition("/")
            list(found.values())[int(number)].arrays[name] = arrays[key]
    return found


def differences(one: Record, other: Record) -> list[tuple[float, str]]:
    """What two records do not share: by how much, and where; infinity for what is no matter of more or less."""
    found = []
    for what in ("numbers", "names", "arrays"):
        ours, theirs = getattr(one, what), getattr(other, what)
        found += [(np.inf, f"{place} is only in one") for place in ours.keys() ^ theirs.keys()]
        for place in ours.keys() & theirs.keys():
            apart = distance(np.asarray(ours[place]), np.asarray(theirs[place]))
            if apart is not None:
                found.append((apart, place if np.isfinite(apart) else f"{place}: {told(ours[place], theirs[place])}"))
    return sorted(found, key=lambda each: (-each[0], each[1]))


def told(one: Any, other: Any) -> str:
    """Two values in few words."""
    return " and ".join(
        f"{each.dtype}{each.shape}" if isinstance(each, np.ndarray) else repr(each) for each in (one, other)
    )


def distance(one: np.ndarray, other: np.ndarray) -> float | None:
    """The largest absolute difference; None where two are the same bit for bit, infinity where they are of another kind."""
    if one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes():
        return None
    numbers = all(each.dtype.kind in "fiub" for each in (one, other))
    if not numbers or one.shape != other.shape:
        return np.inf
    if one.dtype.kind == "b" or other.dtype.kind == "b":
        return 1.0
    wide, others = one.astype(np.float64), other.astype(np.float64)
    if (np.isnan(wide) != np.isnan(others)).any():
        return np.inf
    return float(np.nanmax(np.abs(wide - others), initial=0.0))


def compare(first: Path, second: Path) -> int:
    """Say of each record whether it is the same in both recordings; 1 if one differs or is missing."""
    n_equal = n_differ = n_missing = 0
    names = sorted({path.stem for folder in (first, second) for path in folder.glob("*.json")})
    for name in names:
        sides = [
            read(folder / f"{name}.json") if (folder / f"{name}.json").is_file() else {} for folder in (first, second)
        ]
        for key in sorted(sides[0].keys() | sides[1].keys()):
            title = f"{name} / {key}"
            if key not in sides[0] or key not in sides[1]:
                n_missing += 1
                print(f"{title}: MISSING in {second if key in sides[0] else first}")
                continue
            one, other = sides[0][key], sides[1][key]
            if found := differences(one, other):
                n_differ += 1
                apart, place = found[0]
                by = f"by {apart:.3g} at {place}" if np.isfinite(apart) else place
                print(f"{title}: DIFFERS at {len(found)} places, most {by}")
            else:
                n_equal += 1
                print(f"{title}: equal")
            for place in sorted(one.words.keys() | other.words.keys()):
                ours, theirs = one.words.get(place), other.words.get(place)
                if ours != theirs:
                    print(f"    in other words: {place}: {ours!r} and {theirs!r}")
    print(f"{n_equal} equal, {n_differ} differ, {n_missing} missing")
    return int(n_differ + n_missing > 0)


def main() -> int:
    """Record, or compare two recordings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    calls = parser.add_subparsers(dest="call", required=True)
    recording = calls.add_parser("record", help="run all commands against a checkout")
    recording.add_argument("checkout", type=Path)
    recording.add_argument("out", type=Path)
    recording.add_argument("--audio", type=Path, required=True, metavar="FOLDER", help="holds esc10/ and fsdd/")
    recording.add_argument("--python", default=sys.executable, metavar="PY", help="default: this one")
    recording.add_argument(
        "--only", nargs="+", default=[], metavar="TEXT", help="only commands with this in their name"
    )
    recording.add_argument("--rest", action="store_true", help="only commands that have no record yet")
    comparing = calls.add_parser("compare", help="compare two recordings")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path)
    parsed = parser.parse_args()
    if parsed.call == "compare":
        return compare(parsed.first, parsed.second)
    return record(
        parsed.checkout.resolve(), parsed.out.resolve(), parsed.audio.resolve(), parsed.python, parsed.only, parsed.rest
    )


if __name__ == "__main__":
    sys.exit(main())
