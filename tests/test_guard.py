"""A run that checks itself: what hangs on more than the clip is refused, told or impossible."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import file_facts
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import ensemble, guard
from evaluator.embedding.embed import no_progress
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError

MODULES = Path(__file__).parent / "modules"
ILL, GOOD = str(MODULES / "forgetful.py"), str(MODULES / "good.py")


@pytest.fixture
def sounds(tmp_path):
    """Forty noises, the first half soft; folders by loudness, and a few lengths."""
    random = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "data" / ("soft" if number < 20 else "loud")
        folder.mkdir(parents=True, exist_ok=True)
        n_samples = (3200, 4000, 3200, 6400)[number % 4]
        noise = random.normal(0, 0.02 if number < 20 else 0.1, n_samples)
        soundfile.write(folder / f"{number:02}.wav", noise, 16000, subtype="FLOAT")
    return tmp_path


def recordings_of(sounds):
    """All of them, as the clips of a task."""
    root = sounds / "data"
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.wav"))]
    clips = Manifest(root, tuple(Clip(name, (name.split("/")[0],)) for name in names), ("loud", "soft"))
    return Recordings("sounds", clips, ClipRule(), file_facts(root, names, sounds / "cache"))


def embed(sounds, module, views="scene", cache="cache", **more):
    """The store and what became of the clips."""
    spec = ModuleSpec(module, device="cpu", **{"in_process": True, **more})
    with ensemble.open_any(spec) as opened:
        return ensemble.embed(spec, opened, views, recordings_of(sounds), sounds / cache, no_progress)


def scenes(store, done):
    """(n_clips, width), in the order of the clips."""
    return store.read([done.keys[number] for number in sorted(done.keys)], "scene")


@pytest.mark.parametrize("views", ["scene", "layers", "frames"])
@pytest.mark.parametrize(
    ("ill", "seen"), [("counts", "remembers"), ("running_statistics", "remembers"), ("dropout", "random")]
)
def test_state_and_chance_are_refused(sounds, ill, seen, views):
    """With what was seen and by how much; again by the next run, which finds the embeddings; and insisting takes it along."""
    options = {"ill": ill}
    for _ in range(2):
        with pytest.raises(EvaluationError, match=f"{seen} .* --allow-unrepeatable") as refused:
            embed(sounds, ILL, views, options=options)
        assert float(re.search(r"\(by ([0-9.e+]+) %", str(refused.value))[1]) > 1
    _, done = embed(sounds, ILL, views, options=options, allow_unrepeatable=True)
    assert done.change > guard.REFUSED_ABOVE and (
        done.n_embedded == 0 or ill == "dropout"
    )  # chance finds no store again


@pytest.mark.slow
@pytest.mark.parametrize("views", ["scene", "frames"])
def test_state_and_chance_are_refused_in_a_process_of_their_own_too(sounds, views):
    """As a third party's module runs unless one says otherwise."""
    for ill in ("counts", "dropout"):
        with pytest.raises(EvaluationError, match="remembers|random.* --allow-unrepeatable"):
            embed(sounds, ILL, views, options={"ill": ill}, in_process=False)


@pytest.mark.parametrize("ill", ["mixes", "mixes_neighbours"])
@pytest.mark.parametrize("views", ["scene", "frames"])
def test_mixed_batches_are_run_alone(sounds, ill, views):
    """They are noticed at the first batch; the embeddings are those of clips alone, and that it was so is told by later runs too."""
    _, done = embed(sounds, ILL, views, options={"ill": ill})
    assert done.change <= guard.TOLD_ABOVE and [kind for kind, _ in done.remarks] == ["batch_dependent"]
    again = embed(sounds, ILL, views, options={"ill": ill})[1]
    assert again.n_embedded == 0 and again.remarks == done.remarks


@pytest.mark.parametrize("views", ["scene", "frames"])
def test_a_large_feature_hides_nothing(sounds, views):
    """State in seven features beside one of 16-bit energy, and beside a constant of a million."""
    for ill in ("counts beside energy", "counts beside a constant"):
        with pytest.raises(EvaluationError, match=r"remembers .* --allow-unrepeatable"):
            embed(sounds, ILL, views, options={"ill": ill})


def test_batches_that_go_wrong_only_when_they_are_large(sounds):
    """The first three clips of a batch are right, the others are not; it is no chance. Three clips cannot find it every time."""
    refused = []
    for n_samples in (3200, 3100, 3000, 2900):
        for path in (sounds / "data").rglob("*.wav"):
            soundfile.write(path, soundfile.read(path)[0][:n_samples], 16000, subtype="FLOAT")
        try:
            embed(sounds, ILL, options={"ill": "large_batches"}, cache=f"cache{n_samples}")
        except EvaluationError as error:
            refused.append("answers otherwise in larger batches" in str(error))
    assert refused and all(refused)


def test_an_answer_kept_for_another_clip_is_told(sounds):
    """Equal embeddings of clips that sound different."""
    _, done = embed(sounds, ILL, options={"ill": "caches_by_length"}, allow_unrepeatable=True)
    assert "equal_embeddings" in [kind for kind, _ in done.remarks]


def test_what_was_seen_before_a_kill_is_told(sounds, monkeypatch):
    """A run that ends after its last shard, before it looks again, leaves what it knew."""
    with monkeypatch.context() as patched:
        patched.setattr(guard, "watch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            embed(sounds, ILL, options={"ill": "mixes"})
    _, done = embed(sounds, ILL, options={"ill": "mixes"})
    assert done.n_embedded == 0 and [kind for kind, _ in done.remarks] == ["batch_dependent"]


def test_a_passing_error_of_the_second_look_leaves_no_verdict(sounds, monkeypatch):
    """The run ends with what the module said; the next one looks again, and all is well."""
    options = {"ill": "busy", "folder": str(sounds)}
    look = guard._look_again

    def busy(*arguments):
        (sounds / "busy").touch()
        return look(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(guard, "_look_again", busy)
        with pytest.raises(EvaluationError, match="took before is refused now: .*device busy.*; run again"):
            embed(sounds, ILL, options=options)
    (sounds / "busy").unlink()
    _, done = embed(sounds, ILL, options=options)
    assert (done.n_embedded, done.change, done.remarks) == (0, 0.0, [])


def test_odd_times_are_told_where_they_do_not_matter(sounds):
    """Of a scene task, whose score does not use them."""
    (remark,) = embed(sounds, ILL, options={"ill": "seconds"})[1].remarks
    assert remark[0] == "odd_times" and "are they seconds?" in remark[1]


@pytest.mark.parametrize("views", ["scene", "frames"])
def test_one_module_is_asked_for_forty_clips_more_and_no_more(sounds, views):
    """On ten tasks one after another; what is left then is looked at by the next run."""
    spec, n_asked = ModuleSpec(ILL, options={"ill": "listens"}, device="cpu", in_process=True), 0
    for run in range(2):
        with ensemble.open_any(spec) as opened:
            whole = recordings_of(sounds)
            for number in range(10):
                some = Manifest(whole.manifest.root, whole.clips[4 * number : 4 * number + 4], whole.manifest.classes)
                part = Recordings(f"part{number}", some, whole.rule, whole.facts)
                ensemble.embed(spec, opened, views, part, sounds / "cache", no_progress)
            n_asked = opened.driver.model.n_clips
        assert n_asked <= (40 if run == 0 else 0) + 40


def test_a_small_drift_is_told_and_not_refused(sounds):
    """Between 1e-4 and 1 % of the standard deviation between clips."""
    _, done = embed(sounds, ILL, options={"ill": "slowly_drifts"})
    assert guard.TOLD_ABOVE < done.change < guard.REFUSED_ABOVE and done.seen


def test_a_reused_buffer_changes_nothing(sounds):
    """Every answer is copied before the next."""
    ill = embed(sounds, ILL, options={"ill": "reused_buffer"})
    np.testing.assert_array_equal(scenes(*ill), scenes(*embed(sounds, ILL)))


@pytest.mark.parametrize("module", [GOOD, "hear_ssl.melspec", "hear_ssl.majority", "hear_ssl.byol_a_mini"])
@pytest.mark.parametrize("views", ["scene", "frames"])
def test_a_good_module_is_told_nothing(sounds, module, views):
    """No caveat, also where all embeddings are equal."""
    _, done = embed(sounds, module, views)
    assert (done.change <= guard.TOLD_ABOVE, done.seen, done.remarks) == (True, "", [])


def test_an_ensemble_is_looked_at_member_by_member(sounds):
    """Merged scenes and merged frames."""
    options = {"member_options": {ILL: {"ill": "counts"}}}
    for views in ("scene", "frames"):
        with pytest.raises(EvaluationError, match="--allow-unrepeatable"):
            embed(sounds, f"ensemble:{GOOD}+{ILL}", views, options=options)


def test_neither_path_nor_label_sets_the_order(sounds, monkeypatch):
    """The order in which clips are heard is that of a hash of their samples: labels alternate, and names change nothing."""
    heard = []

    def listen(self, clips):
        heard.append([float(np.abs(clip).max()) for clip in clips])
        return rows(self, clips)

    from evaluator.embedding import plain

    rows = plain.PlainModule.rows
    monkeypatch.setattr(plain.PlainModule, "rows", listen)
    embed(sounds, GOOD)
    first, heard = heard, []
    (sounds / "data" / "loud").rename(sounds / "data" / "a_loud")
    for number, path in enumerate(sorted((sounds / "data" / "soft").glob("*.wav"))):
        path.rename(path.with_name(f"renamed{99 - number}.wav"))
    embed(sounds, GOOD, cache="other")
    assert heard == first
    loud = [peak > 0.2 for batch in first[:5] for peak in batch]
    changes = sum(one != other for one, other in pairwise(loud))
    assert changes >= 10  # by path it would be one


@pytest.mark.parametrize(
    ("ill", "sentence"),
    [
        ("seconds", "are they seconds?"),
        ("falling", "do not rise"),
        ("zero", "do not rise: 0, 0, 0, 0, ..."),
        ("beyond", "inside the clip"),
    ],
)
def test_events_take_no_times_that_are_no_centres_in_ms(sounds, ill, sentence):
    """Frames are refused with what came; scenes, for which times say nothing, are not."""
    with pytest.raises(EvaluationError, match=re.escape(sentence)):
        embed(sounds, ILL, "frames", options={"ill": ill})
    for views in ("scene", "layers"):
        assert len(embed(sounds, ILL, views, options={"ill": ill})[1].keys) == 40


def test_sound_above_what_the_module_hears_is_told(sounds):
    """A tone of 30 kHz, recorded at 96 kHz, under a module of 16 kHz; by later runs too. Nothing is told of what it hears."""
    for number in range(6):
        tone = np.sin(2 * np.pi * 30_000 * np.arange(9600) / 96_000 + number) + 0.1 * np.sin(
            np.arange(9600) / (9 + number)
        )
        soundfile.write(sounds / "data" / "loud" / f"bat{number}.wav", tone / 2, 96_000)
    for path in (sounds / "data").rglob("[0-9]*.wav"):
        path.unlink()
    for _ in range(2):
        assert 0.97 < embed(sounds, GOOD)[1].unheard < 0.995  # 1 / (1 + 0.1 ** 2) of the power, tone against tone


def test_the_cost_is_bounded(sounds, monkeypatch):
    """At most 40 clips more than there are, and at the second run none but the fixed sounds."""
    from evaluator.embedding import module

    n_heard = 0

    def listen(self, audio):
        nonlocal n_heard
        n_heard += len(audio)
        return scene(self, audio)

    scene = module.Local.scene
    monkeypatch.setattr(module.Local, "scene", listen)
    embed(sounds, GOOD)
    assert 40 <= n_heard <= 40 + 40
    n_heard = 0
    embed(sounds, GOOD)
    assert n_heard <= 8


def test_weights_that_nobody_sees_part_stores(sounds):
    """A model in a plain class whose weights lie beside it: other weights, other embeddings; the old ones are found again."""
    (sounds / "hidden.py").write_text(HIDDEN)
    vectors = []
    for scale in (1.0, 2.0, 1.0):
        (sounds / "weights.json").write_text(json.dumps(scale))
        store, done = embed(sounds, str(sounds / "hidden.py"), cache="hidden")
        vectors.append((scenes(store, done), done.n_embedded))
    np.testing.assert_allclose(vectors[1][0], 2 * vectors[0][0], rtol=1e-6)
    np.testing.assert_array_equal(vectors[2][0], vectors[0][0])
    assert [n for _, n in vectors] == [40, 40, 0]


HIDDEN = """
import json
from itertools import pairwise
from pathlib import Path

import numpy as np


class Plain:
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 4
    input_type = "numpy"

    def __init__(self):
        self.scale = json.loads((Path(__file__).parent / "weights.json").read_text())


def load_model(path=""):
    return Plain()


def get_timestamp_embeddings(audio, model):
    audio = np.asarray(audio)
    n = audio.shape[1] // 400
    frames = np.abs(audio[:, : 400 * n].reshape(len(audio), n, 4, 100)).mean(axis=3) * model.scale
    return frames.astype(np.float32), np.repeat(12.5 + 25.0 * np.arange(n)[None], len(audio), axis=0)


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 8])
def test_processes_that_share_a_cache_embed_each_clip_once(sounds, n_processes):
    """All of them end with all clips, the same bytes as one process makes."""
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "import test_guard; store, done = test_guard.embed(Path(sys.argv[2]), 'hear_ssl.melspec', cache='shared');"
        "print(len(done.keys), done.n_embedded)"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(sounds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(n_processes)]
    ends = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * n_processes
    assert [int(n_keys) for n_keys, _ in ends] == [40] * n_processes
    assert sum(int(n_embedded) for _, n_embedded in ends) == 40
    embed(sounds, "hear_ssl.melspec", cache="alone")
    files = [
        {path.relative_to(sounds / cache): path.read_bytes() for path in (sounds / cache).rglob("*.safetensors")}
        for cache in ("shared", "alone")
    ]
    assert files[0] == files[1] and len(files[0]) == 4
    assert not list((sounds / "shared").rglob("*.lock"))
