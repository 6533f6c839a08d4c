"""The attentive probe: its formula, clips of other lengths in one batch, what it can learn that a mean cannot, and chance."""

import dataclasses

import numpy as np
import pytest
import torch

import evaluator as ev
from evaluator.embedding.matrix import InMemory
from evaluator.probes import protocol
from evaluator.probes.attention import AttentivePooling, FramesOf
from evaluator.probes.jobs import FitRequest, ProbeJob, Setting
from evaluator.scoring.targets import Targets

WIDTH = 6


def frames_of(lengths, seed=0, max_frames=100):
    """Noise as frames of clips."""
    x = np.random.default_rng(seed).normal(size=(sum(lengths), WIDTH)).astype(np.float32)
    ends = np.cumsum(lengths)
    return FramesOf(
        InMemory(x), [slice(int(end) - n, int(end)) for end, n in zip(ends, lengths, strict=True)], max_frames
    )


def test_it_is_softmax_attention_of_one_query():
    """Against a loop over clips, heads and frames; padding behind a short clip changes nothing."""
    torch.manual_seed(1)
    network = AttentivePooling(WIDTH, 4, heads=4, dropout=0.3).eval()  # 2 heads: 4 does not divide 6
    frames = frames_of([3, 7, 1])
    logits = network(*frames.of(np.array([0, 1, 2]), "cpu")).detach().numpy()
    weights = {name: tensor.detach().numpy().astype(float) for name, tensor in network.state_dict().items()}
    for clip, own in enumerate(frames.slices):
        x, gathered = frames.matrix.array[own].astype(float), []
        keys, values = x @ weights["key.weight"].T, x @ weights["value.weight"].T
        for head in (slice(0, 3), slice(3, 6)):
            scores = np.exp(keys[:, head] @ weights["query"][head] / np.sqrt(3))
            gathered.append((scores / scores.sum()) @ values[:, head])
        pooled = np.concatenate(gathered)
        normed = (pooled - pooled.mean()) / np.sqrt(pooled.var() + 1e-5) * weights["norm.weight"] + weights["norm.bias"]
        np.testing.assert_allclose(logits[clip], weights["head.weight"] @ normed + weights["head.bias"], atol=1e-5)


def test_long_clips_are_looked_at_evenly():
    """Four of ten frames, the first among them; a clip as long as that keeps all."""
    frames, inside = frames_of([10, 4], max_frames=4).of(np.array([0, 1]), "cpu")
    assert frames.shape == (2, 4, WIDTH) and inside.all()
    np.testing.assert_array_equal(frames[0].numpy(), frames_of([10, 4]).matrix.array[[0, 2, 5, 7]])


def hidden_frame(shuffled=False, n=150):
    """A clip's class is in one loud frame, its sign in front of frames that cancel in the mean: (features, slices, classes)."""
    random = np.random.default_rng(0)
    classes = random.integers(0, 2, n)
    clips = []
    for label in classes:
        x = random.normal(0, 0.3, (random.integers(5, 12), WIDTH))
        x[:, 0] = 0
        x[0, 0], x[0, 1] = 5, 3 * (2 * label - 1)  # the frame that tells is marked
        x[1:, 1] -= x[:, 1].sum() / (len(x) - 1)  # and its sign is gone from the mean
        clips.append(random.permutation(x))
    ends = np.cumsum([len(x) for x in clips])
    slices = [slice(int(end) - len(x), int(end)) for end, x in zip(ends, clips, strict=True)]
    return np.concatenate(clips).astype(np.float32), slices, random.permutation(classes) if shuffled else classes


def accuracy(shuffled, seed=0):
    """Of the protocol's probe on clips that it did not see, and the outcome."""
    x, slices, classes = hidden_frame(shuffled)
    rows = np.arange(len(classes))
    job = ProbeJob((0,), rows[:80], rows[80:100], rows[100:], seed=seed)
    targets = Targets(np.eye(2, dtype=np.float32)[classes], "single", "accuracy")
    probe = dataclasses.replace(protocol.load("attentive").probe, learning_rate=0.01)  # 150 steps are few
    (outcomes,) = probe.fit(FitRequest([job], [InMemory(x)], targets, device="cpu", frames=slices))
    (outcome,) = outcomes[Setting()]
    return (outcome.test.argmax(axis=1) == classes[100:]).mean(), outcome


def test_it_finds_the_frame_that_tells():
    """A mean over frames holds nothing of the class; the same seed gives the same bytes, shuffled labels chance."""
    right, outcome = accuracy(False)
    assert right > 0.9
    np.testing.assert_allclose(outcome.test.sum(axis=1), 1, atol=1e-5)
    assert 1 <= outcome.chosen_epoch <= 50 and len(outcome.valid_scores) == 50
    assert outcome.valid_score == max(outcome.valid_scores) == outcome.valid_scores[outcome.chosen_epoch - 1]
    assert np.array_equal(accuracy(False)[1].test, outcome.test)
    assert abs(accuracy(True)[0] - 0.5) < 0.2


@pytest.mark.slow
def test_a_run_reads_frames_of_the_store(tmp_path, monkeypatch):
    """A task with labels; a layer is the module's option, not that of the run."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    mine = tmp_path / "brief.yaml"
    from evaluator.schema import tasks_folder

    text = (tasks_folder() / "protocols" / "attentive.yaml").read_text(encoding="utf-8")
    for published, brief in (
        ("epochs: 50", "epochs: 10"),
        ("warmup_epochs: 5", "warmup_epochs: 1"),
        ("learning_rate: 0.001", "learning_rate: 0.01"),
    ):
        text = text.replace(published, brief)
    mine.write_text(text, encoding="utf-8")
    (result,) = ev.run("hear_ssl.melspec", "demo/calls", protocol=mine, out=None)
    assert result.metric == "accuracy" and result.score > 0.3
    with pytest.raises(ev.UsageError, match="give --option layer=6"):
        ev.run("hear_ssl.melspec", "demo/calls", protocol="attentive", layers="6", out=None)


def frame_by_frame(x, slices, classes, job, probe):
    """The probe as its YAML says it, clip by clip: test probabilities of the first best epoch, that epoch, and each epoch's accuracy.

    The generator of `torch.manual_seed` draws the query, the weights of key, value and head, then all dropout; numpy's draws the orders,
    which are cut into as few batches of about one size as there can be.
    """
    torch.manual_seed(job.seed)
    query = torch.nn.Parameter(0.02 * torch.randn(WIDTH))
    key, value = (torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
    norm, head = torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, 2)
    learned = [query, *(each for part in (key, value, norm, head) for each in part.parameters())]
    n_heads = max(n for n in range(1, probe.heads + 1) if probe.heads % n == 0 and WIDTH % n == 0)
    size = WIDTH // n_heads

    def gathered(clip):
        frames = torch.from_numpy(x[slices[clip]])
        if len(frames) > probe.max_frames:
            frames = frames[[n * len(frames) // probe.max_frames for n in range(probe.max_frames)]]
        parts = []
        for n in range(n_heads):
            own = slice(n * size, (n + 1) * size)
            raised = torch.exp(frames @ key.weight[own].T @ query[own] / size**0.5)
            parts.append(raised / raised.sum() @ (frames @ value.weight[own].T))
        return norm(torch.cat(parts))

    def said(clips):
        with torch.no_grad():
            return torch.stack([head(gathered(clip)) for clip in clips]).softmax(dim=1).numpy()

    optimiser = torch.optim.AdamW(learned, lr=probe.learning_rate, weight_decay=probe.weight_decay)
    n_batches = -(-len(job.train) // probe.batch_size)
    rising, n_steps = probe.warmup_epochs * n_batches, probe.epochs * n_batches
    orders, step, scores, best = np.random.default_rng(job.seed), 0, [], None
    for epoch in range(1, probe.epochs + 1):
        for clips in np.array_split(orders.permutation(job.train), n_batches):
            step += 1
            falling = 0.5 * (1 + np.cos(np.pi * (step - rising) / (n_steps + 1 - rising)))
            optimiser.param_groups[0]["lr"] = probe.learning_rate * (step / rising if step < rising else falling)
            pooled = torch.stack([gathered(clip) for clip in clips])
            logits = head(torch.nn.functional.dropout(pooled, probe.dropout))
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits, torch.from_numpy(classes[clips])).backward()
            length = torch.sqrt(sum((each.grad**2).sum() for each in learned))
            for each in learned:
                each.grad *= min(1.0, float(probe.clip_gradients / (length + 1e-6)))
            optimiser.step()
        scores.append((said(job.valid).argmax(axis=1) == classes[job.valid]).mean())
        if best is None or scores[-1] > max(scores[:-1]):
            best = said(job.test), epoch
    return *best, scores


@pytest.mark.slow
def test_it_is_what_its_file_says():
    """With the protocol's own settings, against a loop over clips and heads; one clip is longer than it looks at."""
    x, slices, classes = hidden_frame(n=70)
    seed = 3
    probe = protocol.load("attentive").probe
    last = slices[-1]
    x = np.concatenate([x[: last.start], np.repeat(x[last], 1 + 1000 // (last.stop - last.start), axis=0)])
    slices[-1] = slice(last.start, len(x))
    rows = np.random.default_rng(seed).permutation(len(classes) - 1)
    job = ProbeJob((0,), np.append(rows[:36], len(rows)), rows[36:50], rows[50:], seed)
    targets = Targets(np.eye(2, dtype=np.float32)[classes], "single", "accuracy")
    (outcomes,) = probe.fit(FitRequest([job], [InMemory(x)], targets, device="cpu", frames=slices))
    (outcome,) = outcomes[Setting()]
    test, chosen, scores = frame_by_frame(x, slices, classes, job, probe)
    np.testing.assert_allclose(outcome.valid_scores, scores, atol=1e-9)
    assert outcome.chosen_epoch == chosen
    np.testing.assert_allclose(outcome.test, test, atol=1e-4)
