"""Batches of windows: what lies in them, how few operations they take, and what happens where memory does not suffice."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hear_ssl.encoders import api, batching, byol_a
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.transformer import TransformerEncoder
from tiny_checkpoints import FAMILIES, tiny_byol_a, tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MOST_OPERATIONS = 250  # beside the network's own, for a batch of 32 clips: each costs a GPU some 10 microseconds
N_CLIPS = 32
# What a GPU has to be waited for.
SYNCHRONISE = ("aten::_local_scalar_dense", "aten::item", "aten::nonzero", "aten::is_nonzero", "aten::equal")


def noise(*lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, generator=generator).cumsum(0) * 0.01 + 0.05 for n in lengths]


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


class Operations(TorchDispatchMode):
    """Counts what torch is asked to do, by name."""

    def __init__(self):
        super().__init__()
        self.names = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names[function.name().split(".")[0]] += 1
        return function(*args, **(kwargs or {}))

    @property
    def n_synchronised(self):
        return sum(self.names[name] for name in SYNCHRONISE)


def deep_model(family="hubert"):
    """A narrow network as deep as those that are published, its batches as large as on a GPU."""
    return api.Model(TransformerEncoder(tiny_network(family, num_hidden_layers=12), True), batch_seconds=160)


@pytest.mark.parametrize("lengths", [[16000] * N_CLIPS, [16000 + 100 * number for number in range(N_CLIPS)]])
@pytest.mark.parametrize("family", ["hubert", "hubert_large", "wavlm"])
def test_a_batch_takes_few_operations_beside_the_networks_own(family, lengths, monkeypatch):
    """All layers of 32 clips, normed as on a GPU: what is ours stays under 250 operations, and no clip is waited for."""
    monkeypatch.setattr(TransformerEncoder, "normed_by_clip", TransformerEncoder.normed_together)
    model, clips = deep_model(family), noise(*lengths)
    padded = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    n_frames = [model.encoder.scene_framing.n_frames(n) for n in lengths]
    network = model.encoder.network
    with torch.no_grad(), Operations() as own:
        features = network.feature_extractor(padded).transpose(1, 2)
        projected = network.feature_projection(features)
        hidden = projected[0] if isinstance(projected, tuple) else projected
        mask = torch.arange(hidden.shape[1]) < torch.tensor(n_frames).unsqueeze(1)
        network.encoder(hidden, attention_mask=None if mask.all() else mask)
    with Operations() as ours:
        api.get_clip_embeddings(clips, model)
    assert ours.names.total() - own.names.total() <= MOST_OPERATIONS
    assert ours.n_synchronised <= own.n_synchronised


def test_nothing_is_waited_for_but_what_the_network_waits_for():
    """Checks, statistics, batches and pooling of audio on the host read nothing back."""
    with Operations() as ours:
        api.get_clip_embeddings(noise(16000, 12000, 500), deep_model("hubert_large"))
    with_mask = ours.n_synchronised
    with Operations() as ours:
        api.get_clip_embeddings(noise(*[16000] * N_CLIPS), deep_model("hubert_large"))
    assert (with_mask, ours.n_synchronised) == (with_mask and 1, 0)  # transformers looks once whether all is real


def nearly_constant():
    """Clips of which a norm makes much of rounding: an offset with little noise, a constant, half of each."""
    little = [0.5 + 1e-4 * clip for clip in noise(16000, 9000)]
    constant = torch.full((12000,), 0.3)
    return [*little, constant, torch.cat([constant, *noise(5000)]), torch.zeros(8000)]


@pytest.mark.parametrize("way", ["normed_by_clip", "normed_together"])
@pytest.mark.parametrize("family", ["hubert", "wav2vec2", "wavlm"])
def test_nearly_constant_clips_are_alone_what_they_are_in_company(family, way, monkeypatch):
    """Not normalised, in float32: as a CPU norms the first layer, and as a GPU does."""
    monkeypatch.setattr(TransformerEncoder, "normed_by_clip", getattr(TransformerEncoder, way))
    model = api.Model(TransformerEncoder(tiny_network(family), False))
    clips = [*nearly_constant(), *noise(7777)]
    together = api.get_clip_embeddings(clips, model)
    for number, clip in enumerate(clips):
        alone = api.get_clip_embeddings([clip], model)
        for view, rows in alone.items():
            assert (together[view][number] - rows[0]).norm() <= 1e-5 * rows[0].norm()


def test_memory_that_ends_between_two_sums_counts_nothing_twice(monkeypatch):
    """The error goes to whoever asked, who asks anew; what was summed up by half is gone with it."""
    model, calls = deep_model(), []
    model.batch_seconds = 1.0
    add = torch.Tensor.index_add_

    def fails(self, *arguments):
        calls.append(self)
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return add(self, *arguments)

    clips = noise(*[16000] * 4)
    wanted = api.get_clip_embeddings(clips, model)
    monkeypatch.setattr(torch.Tensor, "index_add_", fails)
    try:
        given = api.get_clip_embeddings(clips, model)
    except torch.OutOfMemoryError:
        given = api.get_clip_embeddings(clips, model)
    assert len(calls) > 3 and all(error(given[view], wanted[view]) < 1e-6 for view in wanted)


def cut(clip, framing, window):
    """A window of a clip, as slowly and plainly as can be."""
    padded = torch.cat([clip.new_zeros(framing.pad), clip, clip.new_zeros(framing.pad)])
    padded = torch.cat([padded, clip.new_zeros(max(0, window.stop - len(padded)))])
    return padded[window.start : window.stop]


@pytest.mark.parametrize("pad", [0, 70])
def test_windows_are_what_the_framing_says(pad):
    """Rows are the windows of the clips between their zeros, whatever the lengths, down to a single sample."""
    framing = Framing(receptive_field=150, hop=50, sample_rate=1000, pad=pad)
    clips = noise(1, 20, 149, 150, 151, 1000, 30)
    todo = [(n, window) for n, clip in enumerate(clips) for window in framing.windows(len(clip), 7, 2)]
    rows, keep = batching.gather(clips, todo, framing), batching.kept_frames(todo, framing)
    longest = max(window.stop - window.start for _, window in todo)
    assert rows.shape == (len(todo), longest) and keep.shape == (len(todo), batching.frames_in(longest, framing))
    for row, kept, (number, window) in zip(rows, keep, todo, strict=True):
        wanted = cut(clips[number], framing, window)
        assert torch.equal(row[: len(wanted)], wanted) and not row[len(wanted) :].any()
        assert kept.nonzero().flatten().tolist() == list(range(*window.keep))


class Cramped(TransformerEncoder):
    """An encoder that takes `most` windows at once, and says at the others, in the midst of its work, what a GPU says."""

    most = 2
    kind = torch.OutOfMemoryError

    def transform(self, hidden, mask, on_layer):
        if len(hidden) > self.most:
            on_layer(0, hidden)
            raise self.kind("CUDA out of memory. Tried to allocate 2.00 GiB")
        super().transform(hidden, mask, on_layer)


@pytest.mark.parametrize(
    ("family", "kind"),
    [*((family, torch.OutOfMemoryError) for family in FAMILIES), ("hubert", RuntimeError), ("hubert", MemoryError)],
)
def test_what_does_not_fit_is_cut_in_halves_and_nothing_changes(family, kind):
    """Out of memory costs another try and no number: clips of several lengths, whole and in windows, all layers."""
    clips = noise(8000, 16000, 3000, 700, 13 * 16000, 16000)
    encoder = Cramped(tiny_network(family), True)
    encoder.kind = kind
    cramped = api.Model(encoder, window_seconds=11, batch_seconds=160)
    roomy = api.Model(TransformerEncoder(tiny_network(family), True), window_seconds=11, batch_seconds=160)
    together = api.get_clip_embeddings(clips, cramped)
    for view, wanted in api.get_clip_embeddings(clips, roomy).items():
        assert error(together[view], wanted) < 1e-5
    audio = torch.stack([clips[4], clips[4].flip(0)])
    for ours, wanted in zip(
        api.get_timestamp_embeddings(audio, cramped), api.get_timestamp_embeddings(audio, roomy), strict=True
    ):
        assert error(ours, wanted) < 1e-5
    assert cramped.fitting_seconds < 160


def test_one_window_that_does_not_fit_is_told():
    """Where there is nothing left to cut, the error is the user's; another error never leads to another try."""
    encoder = Cramped(tiny_network("hubert"), True)
    encoder.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        api.get_clip_embeddings(noise(8000, 9000), api.Model(encoder))
    encoder.kind = ValueError
    with pytest.raises(ValueError):
        api.get_clip_embeddings(noise(8000, 9000), api.Model(encoder, batch_seconds=160))


def test_a_batch_that_failed_takes_none_before_it_along():
    """The sums of the batches before the one that did not fit stay, though it gave no layer."""
    moments = api.Moments(1, 1, 2, torch.device("cpu"))
    moments.add(0, torch.ones(1, 3, 2), torch.ones(1, 3), torch.tensor([0]))
    moments.drop(torch.ones(1, 3))
    assert moments.mean().tolist() == [[[1.0, 1.0]]]


def test_maximum_over_time_comes_from_all_windows_of_a_clip():
    """BYOL-A's maximum of a clip in many windows is that of the clip in one, its ends mirrored."""
    encoder = byol_a.ByolAEncoder(tiny_byol_a(), -5.0, 4.0, byol_a.LogMel())
    clips = noise(16000 * 9, 16000 * 3)
    whole, parts = (byol_a.ByolAModel(encoder, window_seconds=seconds) for seconds in (20, 2))
    torch.testing.assert_close(
        api.get_clip_embeddings(clips, parts)["scene"],
        api.get_clip_embeddings(clips, whole)["scene"],
        rtol=1e-4,
        atol=1e-4,
    )


def test_audio_is_left_as_it_came():
    """Whoever hands over audio need not copy it first."""
    clips = noise(16000, 5000, 40 * 16000)
    model = api.Model(TransformerEncoder(tiny_network("hubert"), True))
    before = [clip.clone() for clip in clips]
    api.get_clip_embeddings(clips, model)
    assert model.leaves_audio and all(torch.equal(clip, kept) for clip, kept in zip(clips, before, strict=True))
