"""Results that can be traced: whole task and protocol, equality without the machine, `--no-paths`, `rerun` and `verify`."""

import dataclasses
import json
import re
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.cli import main
from evaluator.datasets import task as tasks
from evaluator.experiment import catalogue
from evaluator.probes import protocol as protocols
from evaluator.results import environment, on_disk, sharing
from evaluator.results.caveats import Caveat
from evaluator.results.equality import differences, same

MODULE = '''"""Two numbers of each sound."""

import torch


class Model(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 2


def load_model(model_file_path=""):
    return Model()


def get_scene_embeddings(audio, model):
    return torch.stack([audio.abs().mean(dim=1), (audio[:, 1:] * audio[:, :-1]).mean(dim=1)], dim=1)


def get_timestamp_embeddings(audio, model):
    return get_scene_embeddings(audio, model)[:, None], torch.full((len(audio), 1), 1.0)
'''


def write_tones(folder, extra=0):
    """Two classes of eight noisy tones."""
    for label, pitch in (("low", 300), ("high", 900)):
        (folder / label).mkdir(parents=True)
        for number in range(8):
            sound = 0.2 * np.sin(2 * np.pi * (pitch + extra) * np.arange(4000) / 16000)
            sound += np.random.default_rng(pitch + number).normal(0, 0.3, 4000)
            soundfile.write(folder / label / f"{number}.wav", sound / 2, 16000)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, in the home of Jane Doe: class folders of tones, a module, and a cache."""
    home = tmp_path / "home of janedoe"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(home / "cache"))
    monkeypatch.chdir(home / "work")
    write_tones(home / "work" / "tones")
    (home / "work" / "mine.py").write_text(MODULE)
    return home / "work"


def run_one(*words, out="results"):
    """The path of the one result of `hear-eval run`."""
    assert main(["run", *words, "--out", out]) == 0
    (path,) = Path(out).rglob("*.json")
    return path


# The whole task and protocol ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["clean", "published"])
def test_every_task_comes_back_from_its_document(profile):
    """Through JSON, with the same hash; only what is downloaded is not part of it."""
    for task in catalogue.list_tasks(profile):
        document = json.loads(json.dumps(task.document()))
        again = tasks.from_document(document)
        whole = dataclasses.replace(again, dataset=dataclasses.replace(again.dataset, download=task.dataset.download))
        assert whole == task and tasks.spec_sha256(document) == task.spec_sha256


def test_every_protocol_comes_back_from_its_document():
    """Through JSON, with the same hash."""
    for protocol in protocols.list_protocols():
        document = json.loads(json.dumps(protocol.document()))
        assert protocols.from_document(document) == protocol
        assert protocols.sha256_of(document) == protocol.sha256


@pytest.mark.parametrize("spoilt", [{}, {"dataset": {"readers": [{"kind": "none"}]}}, {"dataset": 3}])
def test_what_is_no_whole_task_or_protocol_is_refused(spoilt):
    """With a sentence, whatever is missing."""
    with pytest.raises(ev.UsageError, match="the result's task is not whole"):
        tasks.from_document(spoilt)
    with pytest.raises(ev.UsageError, match="the result's protocol is not whole"):
        protocols.from_document({"probe": {"kind": "none"}, **spoilt})


# Environment and equality ---------------------------------------------------------------------------------------------


def test_a_result_tells_where_it_was_made_apart_from_what_was_asked(here):
    """Host, folder, command, versions, commit, device lie in one block; task and protocol stand whole beside it."""
    plain = json.loads(run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "knn").read_text())
    told = plain["environment"]
    assert (told["host"], told["working_directory"]) == (socket.gethostname(), str(here))
    assert told["data"] == str((here / "tones").resolve()) and told["asked_task"] == str(here / "tones")
    assert told["packages"]["hear-ssl"] == ev.__version__ and told["packages"]["torch"]
    assert told["threads"] >= 1 and told["probe_device"] == "cpu" and told["processor"]
    assert told["n_embedded"] == 16 and told["module"]["device"] == "cpu" and told["commit"] == environment.commit()
    asked = plain["provenance"]
    assert asked["task"]["dataset"]["readers"][0]["kind"] == "folders" and asked["task"]["split"]["by"] == "random"
    assert asked["protocol"]["probe"] == {"kind": "neighbours", "n_neighbors": [1, 3, 5, 10, 20], "refit": False}
    assert not {"started", "command", "host", "platform", "packages", "data", "store"} & set(asked)
    assert str(here) not in json.dumps(asked)


def test_the_commit_is_that_of_the_checkout(monkeypatch, tmp_path):
    """40 digits, and a mark if files were edited; nothing where the code is in no checkout."""
    checkout = Path(environment.__file__).resolve().parents[2]
    digits, _, dirty = environment.commit().partition("-")
    assert (len(digits), dirty in ("", "dirty")) == ((40 if (checkout / ".git").exists() else 0), True)
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "a" / "b" / "environment.py"))
    assert environment.commit.__wrapped__() == ""


def test_the_same_run_elsewhere_is_equal(here, monkeypatch):
    """In another folder, with another cache, at another time: equal results, hashes and names, whatever `environment` says."""
    first = run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "logistic")
    shutil.copytree(here / "tones", here.parent / "elsewhere" / "tones")
    monkeypatch.chdir(here.parent / "elsewhere")
    second = run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "logistic", "--cache", "other")
    one, other = on_disk.read(here / first), on_disk.read(second)
    assert same(one, other) and first.name == second.name and one.environment != other.environment
    hashes = [json.loads(path.read_text())["result_sha256"] for path in (here / first, second)]
    assert hashes[0] == hashes[1]


def test_what_differs_is_told(here):
    """The score, predictions by clip, and causes first; NaN is equal to NaN."""
    one = on_disk.read(run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "knn"))
    none = dataclasses.replace(one, ci_low=float("nan"))
    assert same(none, dataclasses.replace(none, seconds={}, environment={})) and not same(one, none)
    moved = [each.copy() for each in one.test_probabilities]
    moved[1][0, 2, 0] += 0.25
    other = dataclasses.replace(
        one, score=0.25, test_probabilities=moved, provenance={**one.provenance, "audio_sha256": "0" * 64}
    )
    lines = differences(one, other)
    assert lines[0].startswith("audio: another one") and lines[1].startswith("score: ")
    assert f"1 of {len(one.test_clips[1])} clips differ, by at most 0.25, {one.test_clips[1][2]} for one" in lines[2]
    assert len(lines) == 3


# Handed on ------------------------------------------------------------------------------------------------------------


def test_without_paths_no_host_user_or_folder_is_told(here, capsys):
    """Of a module and a protocol given by path, with options, a broken clip and a log: names relative to the data are left."""
    (here / "tones" / "low" / "broken.wav").write_bytes(b"")
    shutil.copy(Path(__file__).parents[1] / "tasks" / "protocols" / "knn.yaml", here / "near.yaml")
    words = [
        "--task",
        str(here / "tones"),
        "--protocol",
        str(here / "near.yaml"),
        "--allow-failed",
        "0.1",
        "--no-paths",
    ]
    path = run_one(str(here / "mine.py"), *words, "--python", "")
    text = path.read_text()
    for secret in (str(here), str(here.parent), "janedoe", "home of", str(here.parents[1]), socket.gethostname() + '"'):
        assert secret not in text, secret
    plain = json.loads(text)
    assert plain["module"] == "mine.py" and "low/broken.wav" in plain["failed"]
    told = plain["environment"]
    assert (told["asked_task"], told["asked_protocol"], told["data"]) == ("tones", "near.yaml", "tones")
    assert (
        "host" not in told
        and "working_directory" not in told
        and "command" not in told
        and told["packages"]
        and "janedoe" not in str(path)
    )
    assert main(["verify", "results"]) == 0 and "1 verified" in capsys.readouterr().out
    (handed_on,) = ev.load_results("results")
    assert same(handed_on, ev.rerun(handed_on, data="tones").result)


def test_without_paths_of_a_named_module_the_run_is_the_same(here):
    """Of hear_ssl's modules nothing but `environment` changes."""
    with_paths = run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "knn", out="with")
    (shared,) = ev.run("hear_ssl.melspec", "./tones", protocol="knn", paths=False, out="without")
    assert same(on_disk.read(with_paths), shared) and shared.run == on_disk.read(with_paths).run


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("/home/jane doe/data/a b.wav: is empty", "a b.wav: is empty"),
        ("traceback in /tmp/x/worker.log; see https://a.org/b/c", "traceback in worker.log; see https://a.org/b/c"),
        ("/somewhere else/my weights.pt", "my weights.pt"),
        ("../jane/mine.py", "mine.py"),
        ("C:\\Users\\jane\\mine.py", "mine.py"),
        ("./mine.py", "./mine.py"),
        ("1/2 and kHz / Hz and/or arXiv/2101", "1/2 and kHz / Hz and/or arXiv/2101"),
    ],
)
def test_paths_in_sentences_become_names(text, shared):
    """Absolute ones, also with spaces, and those out of the folder; nothing else with a slash."""
    from test_results import result

    one = result(
        environment={"data": "/home/jane doe/data"},
        weights=text,
        options={"a": [text]},
        caveats=[Caveat("edited", text)],
    )
    other = sharing.without_paths(one)
    assert (other.weights, other.options["a"][0], other.caveats[0].text) == (shared,) * 3


def test_a_task_that_names_folders_is_refused_before_the_work(here):
    """Where the folder is part of what is hashed, it cannot be left out."""
    (task,) = ev.find_tasks("./tones")
    with pytest.raises(ev.UsageError, match="--no-paths: tones says"):
        ev.run("hear_ssl.melspec", dataclasses.replace(task, source=f"{here}/x"), protocol="knn", paths=False)


# Asked again ----------------------------------------------------------------------------------------------------------


def own_tasks(here):
    """A CSV with groups, a YAML file with a dataset of its own, and a protocol file beside it."""
    rows = [f"tones/{label}/{number}.wav,{label},bird{number % 4}" for label in ("low", "high") for number in range(8)]
    (here / "birds.csv").write_text("\n".join(["path,label,group", *rows]) + "\n")
    (here / "birds.yaml").write_text(
        "name: birds\ndataset:\n  root: tones\n  reader:\n    kind: paths\n    files: '*/*.wav'\n"
        "    pattern: '(?P<label>[a-z]+)/[0-9]+[.]wav'\n    leave_out: ['low/7.wav']\n"
        "split: {by: random, folds: 2, seed: 1, stratify: true, groups: false, valid: {share: 0.25, seed: 1, stratify: true, groups: false}}\n"
        "clip_seconds: 0.2\nlabels: single\nmetric: uar\nprotocol: knn\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("hear_ssl.melspec", "--task", "./tones", "--protocol", "knn", "--seeds", "3", "--folds", "3"),
        ("hear_ssl.melspec", "--task", "birds.csv", "--protocol", "arch", "--seed", "4", "--seeds", "2"),
        ("hear_ssl.melspec", "--task", "birds.yaml", "--profile", "published"),
        ("hear_ssl.duration_loudness", "--task", "./tones", "--protocol", "knn", "--channel", "first", "--expand", "2"),
        ("hear_ssl.byol_a_mini", "--task", "birds.csv", "--protocol", "knn", "--layers", "last"),
        ("./mine.py", "--task", "./tones", "--protocol", "knn"),
        ("untrained:hear_ssl.byol_a_mini", "--option", "untrained_seed=3", "--task", "./tones", "--protocol", "knn"),
    ],
)
def test_the_same_is_asked_again(here, capsys, words):
    """From the result alone, after the YAML or protocol is gone: equal, exit code 0, and nothing is written unless asked."""
    own_tasks(here)
    path = run_one(*words)
    (here / "birds.yaml").unlink()
    capsys.readouterr()
    assert main(["rerun", str(path), "--cache", "another", "--out", "again"]) == 0
    assert capsys.readouterr().out.startswith("equal: ")
    (again,) = Path("again").rglob("*.json")
    assert again.name == path.name and same(on_disk.read(path), on_disk.read(again))


def test_data_that_moved_is_found_where_it_is_said(here, capsys, monkeypatch):
    """Of one's own: elsewhere with --data, and a sentence without it."""
    own_tasks(here)
    path = run_one("hear_ssl.melspec", "--task", "birds.csv", "--protocol", "knn").resolve()
    shutil.copytree(here, here.parent / "moved", ignore=lambda *_: ["results"])
    shutil.rmtree(here / "tones")
    assert main(["rerun", str(path)]) == 2
    told = capsys.readouterr().err
    assert "recordings of 16 of its 16 test clips are not in" in told and "and 11 more; say with --data" in told
    assert main(["rerun", str(path), "--data", str(here.parent / "moved")]) == 0
    shutil.copytree(here.parent / "moved", here.parent / "everything" / "b_birds")
    (here.parent / "everything" / "a_frogs" / "tones").mkdir(parents=True)
    assert main(["rerun", str(path), "--data", str(here.parent / "everything")]) == 0  # as run looks below a folder
    result = on_disk.read(path)
    gone = dataclasses.replace(result, environment={**result.environment, "data": str(here / "nowhere")})
    with pytest.raises(ev.UsageError, match="its recordings are not in .*nowhere; say with --data"):
        ev.rerun(gone)


def test_another_answer_is_told_with_its_cause(here, capsys):
    """Another recording under the same name, another label: exit code 1, the cause by name, scores old and new."""
    path = run_one("./mine.py", "--task", "./tones", "--protocol", "knn")
    shutil.copy(here / "tones" / "high" / "0.wav", here / "tones" / "low" / "0.wav")
    capsys.readouterr()
    assert main(["rerun", str(path)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("not equal: ./mine.py on tones") and "differs: audio: another one" in told
    shutil.copy(here / "tones" / "low" / "1.wav", here / "tones" / "low" / "new.wav")
    assert main(["rerun", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["equal"] and any(each.startswith("list of clips") for each in told["differences"])
    assert told["versions"] == [] and told["path"] is None


def test_another_code_is_told(here):
    """Of the module, although its name and its score may be the same."""
    path = run_one("./mine.py", "--task", "./tones", "--protocol", "knn")
    (here / "mine.py").write_text(MODULE.replace("audio.abs()", "3 * audio.abs()"))
    again = ev.rerun(path)
    assert not again.equal and again.differences[0].startswith("the module's code: others")


def test_what_cannot_be_asked_again_says_why(here, capsys):
    """Fusions, objects, and modules whose file is not in this folder."""
    results = ev.run(["hear_ssl.melspec", "hear_ssl.duration_loudness", "./mine.py"], "./tones", protocol="knn")
    with pytest.raises(ev.UsageError, match="made of other results; rerun those, and fuse them again"):
        ev.rerun(ev.fuse(results))
    (here / "mine.py").rename(here / "other.py")
    with pytest.raises(ev.UsageError, match=r"mine.py: there is no such file in .*; it was run in .*work: go there"):
        ev.rerun(results[2])
    an_object = dataclasses.replace(results[0], provenance={**results[0].provenance, "session": "hear-eval-x"})
    with pytest.raises(ev.UsageError, match="was an object in Python"):
        ev.rerun(an_object)
    assert main(["rerun", "nothing"]) == 2 and "no such file or folder" in capsys.readouterr().err


def test_several_results_are_asked_again(here, capsys):
    """A folder of them: one that cannot be asked is named and stops no other, and the last line counts."""
    ev.run(["hear_ssl.melspec", "./mine.py"], "./tones", protocol="knn")
    (here / "mine.py").unlink()
    assert main(["rerun", "results"]) == 1
    out, err = capsys.readouterr()
    assert out.count("equal: hear_ssl.melspec on tones") == 1 and "mine.py: there is no such file" in err
    assert out.endswith("1 of 2 results equal, 0 not equal, 1 could not be asked again\n")


def as_written_before(path):
    """Make a result one of schema 5: task and protocol by their hashes, the machine among the provenance."""
    plain = json.loads(path.read_text())
    for name in ("n_units", "over_folds", "group_scores", "result_sha256"):
        del plain[name]
    told = plain.pop("environment")
    moved = {
        name: told[name] for name in ("started", "command", "packages", "data", "asked_task", "asked_protocol", "store")
    }
    kept = {
        name: value for name, value in plain["provenance"].items() if name not in ("task", "protocol", "asked_seeds")
    }
    kept["module"] |= told["module"]
    path.write_text(json.dumps({**plain, "schema_version": 5, "provenance": {**kept, **moved}}))


def test_results_of_before_are_read_verified_and_asked_again(here, capsys):
    """They keep hashes only: the task is looked for by its name, and refused if it is another one today."""
    path = run_one("hear_ssl.melspec", "--task", "demo/calls", "--protocol", "knn")
    before = on_disk.read(path)
    as_written_before(path)
    result = on_disk.read(path)
    assert result.environment["command"] == before.environment["command"] and result.run == before.run
    assert result.environment["module"] == before.environment["module"] and "store" not in result.provenance
    assert main(["verify", "results"]) == 0
    again = ev.rerun(result)
    assert not again.equal and not [each for each in again.differences if each.startswith(("score", "predictions: p"))]
    other = dataclasses.replace(result, provenance={**result.provenance, "task_sha256": "0" * 64})
    with pytest.raises(ev.UsageError, match="the task is another one today"):
        ev.rerun(other)


# Held against themselves ----------------------------------------------------------------------------------------------


def edited(path, sign=True, **changes):
    """Change fields; `sign` as somebody would who knows of `result_sha256`."""
    plain = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({**plain, "result_sha256": on_disk.sha256_of(plain)} if sign else plain))


def other_predictions(path):
    """Predictions that fit in every size, and their hash."""
    result = on_disk.read(path)
    away = dataclasses.replace(result, test_probabilities=[each[:, ::-1] for each in result.test_probabilities])
    on_disk.write(away, path.parents[2])


def with_(path, block, **changes):
    return {block: {**json.loads(path.read_text())[block], **changes}}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_text("{"), "half of one"),
        (lambda path: path.with_suffix(".npz").unlink(), "its predictions cannot be read"),
        (lambda path: path.with_suffix(".npz").write_bytes(b"PK"), "is damaged or of another run"),
        (lambda path: edited(path, caveats=[], sign=False), "edited: what it says is not what was written"),
        (lambda path: edited(path, notes=["all well"], sign=False), "edited: "),
        (lambda path: edited(path, score=0.123), "its accuracy is 0.123, but "),
        (lambda path: edited(path, ci_low=0.0), "ci_low is 0, but "),
        (lambda path: edited(path, seed_scores=[0.0]), r"seed_scores\[0\] is 0, but "),
        (lambda path: edited(path, n_units=99), "its interval is over 99 "),
        (lambda path: edited(path, **with_(path, "group_scores", bird0=-1)), r"group_scores\['bird0'\] is -1, but "),
        (lambda path: edited(path, confusion=[[1, 7], [7, 1]]), "confusion has other counts than its predictions"),
        (
            lambda path: edited(path, module="hear_ssl.best"),
            "its name does not fit its fields, by which it would be knn-clean-",
        ),
        (
            lambda path: edited(path, **with_(path, "provenance", protocol_sha256="0" * 64)),
            "its protocol is another than protocol_sha256 says",
        ),
        (
            lambda path: edited(
                path,
                **with_(path, "provenance", task=with_(path, "provenance")["provenance"]["task"] | {"metric": "uar"}),
            ),
            "its task is another than task_sha256 says",
        ),
        (lambda path: edited(path, **with_(path, "provenance", task={})), "its task is not whole"),
        (lambda path: other_predictions(path), "its accuracy is .*, but .* by its predictions"),
        (lambda path: path.rename(path.with_name("knn-clean-00000000.json")), "its predictions cannot be read"),
    ],
)
def test_what_is_not_as_it_was_written_is_told(here, capsys, spoil, sentence):
    """Every kind of edit is seen, with a line that names the file, and a count; the other result is verified."""
    own_tasks(here)
    run_one("hear_ssl.duration_loudness", "--task", "birds.csv", "--protocol", "knn", out="results/other")
    path = run_one("hear_ssl.melspec", "--task", "birds.csv", "--protocol", "knn", out="results/this")
    assert main(["verify", "results"]) == 0
    capsys.readouterr()
    spoil(path)
    assert main(["verify", "results"]) == 1
    *lines, count = capsys.readouterr().out.splitlines()
    assert (
        len(lines) == 1
        and lines[0].startswith("results/this/")
        and count.startswith("2 results: 1 verified, 1 not; not looked at: environment")
    )
    assert re.search(sentence, lines[0]), lines[0]
    assert main(["verify", "results", "--json"]) == 1
    assert sorted(json.loads(line)["ok"] for line in capsys.readouterr().out.splitlines()) == [False, True]


def test_an_edit_is_a_caveat_wherever_the_result_goes(here):
    """A caveat that was taken away comes back as another; machines and times may be edited."""
    path = run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "knn")
    edited(path, sign=False, environment={}, seconds={})
    assert "edited" not in [each.kind for each in on_disk.read(path).caveats] and ev.verify("results")[0].ok
    edited(path, sign=False, notes=[])
    (result,) = ev.load_results("results")
    assert [each.kind for each in result.caveats][-1] == "edited"


def test_fusions_and_events_are_verified(here):
    """A fusion has the whole tasks of its parts; other JSON in the folder is passed over, and no folder is an error."""
    results = ev.run(["hear_ssl.melspec", "hear_ssl.duration_loudness"], "./tones", protocol="knn")
    on_disk.write(ev.fuse(results), Path("results"))
    Path("results/else.json").write_text('{"kind": "map", "schema_version": 1}')
    found = ev.verify("results")
    assert [each.problems for each in found] == [(), (), ()]
    with pytest.raises(ev.UsageError, match="there is no such file or folder"):
        ev.verify("nowhere")
    with pytest.raises(ev.UsageError, match="no result of a run"):
        ev.verify("tones")


def test_an_edit_is_seen_where_the_hash_was_taken_away_too(here):
    """Also under the number of an earlier schema, which knew no hash."""
    path = run_one("hear_ssl.melspec", "--task", "./tones", "--protocol", "knn")
    plain = json.loads(path.read_text())
    for gone in (["result_sha256"], ["result_sha256", "caveats"]):
        spoilt = {name: value for name, value in plain.items() if name not in gone}
        for version in (5, plain["schema_version"]):
            path.write_text(json.dumps({**spoilt, "schema_version": version}))
            assert "edited" in [each.kind for each in on_disk.read(path).caveats]


def test_without_paths_clips_outside_the_data_lose_their_way_there(here):
    """A table may name recordings of another folder of the user's, with blanks in it."""
    aside = here.parent / "jane's other disk"
    write_tones(aside)
    rows = [f"{path},{path.parent.name}" for path in sorted(aside.rglob("*.wav"))]
    (here / "mine.csv").write_text("path,label\n" + "\n".join(rows))
    path = run_one("./mine.py", "--task", "./mine.csv", "--protocol", "knn", "--no-paths")
    result = on_disk.read(path)
    told = path.read_text() + " ".join(name for fold in result.test_clips for name in fold)
    assert "jane" not in told and "other disk" not in told and str(here.parent) not in told
    names = [name for fold in result.test_clips for name in fold]
    assert len(set(names)) == 16 and all(re.fullmatch(r"[0-9a-f]{8}-\d\.wav", name) for name in names)
