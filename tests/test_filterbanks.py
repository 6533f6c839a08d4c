"""The front ends, in torch, against the library's own feature extractors, which compute in numpy."""

import numpy as np
import pytest
import torch

from hear_ssl.encoders import filterbanks, weights


@pytest.fixture(scope="module")
def library():
    """transformers, and its audio utilities."""
    with weights.quiet_transformers() as transformers:
        import transformers.audio_utils as utils

        yield transformers, utils


def noise(n, seed=0):
    """A clip (n,) of noise that fades, so that loud and quiet bands are there."""
    return torch.randn(n, generator=torch.Generator().manual_seed(seed)) * torch.linspace(0.2, 1e-4, n)


def assert_same(ours, wanted):
    """Equal to 1e-5 of the RMS."""
    wanted = torch.as_tensor(np.asarray(wanted)).double()
    assert ours.shape == wanted.shape
    assert ((ours.double() - wanted).square().mean() / wanted.square().mean()).sqrt() < 1e-5


@pytest.mark.parametrize(
    ("scale", "ours", "theirs"),
    [
        ("kaldi", (80, 512, 16000, 20.0, 8000.0), {"norm": None, "triangularize_in_mel_space": True}),
        ("slaney", (80, 400, 16000, 0.0, 8000.0), {"norm": "slaney"}),
        ("htk", (64, 1024, 48000, 0.0, 14000.0), {"norm": None}),
        ("slaney", (64, 1024, 48000, 0.0, 14000.0), {"norm": "slaney"}),
    ],
)
def test_filters_are_the_librarys(library, scale, ours, theirs):
    """Weights of every bin and band."""
    n_bands, fft_length, rate, lowest, highest = ours
    wanted = library[1].mel_filter_bank(
        num_frequency_bins=fft_length // 2 + 1,
        num_mel_filters=n_bands,
        min_frequency=lowest,
        max_frequency=highest,
        sampling_rate=rate,
        mel_scale=scale,
        **theirs,
    )
    assert_same(filterbanks.mel_filters(*ours, scale), wanted)


@pytest.mark.parametrize("n", [400, 559, 560, 16000, 11111])
@pytest.mark.parametrize(("window", "gain", "n_bands"), [("hann", 1.0, 128), ("povey", 32768.0, 80)])
def test_kaldis_filter_bank_is_the_librarys(library, n, window, gain, n_bands):
    """Frames of any clip, as the extractors of AST and of Seamless M4T ask for them, without torchaudio."""
    clip, (_, utils) = noise(n), library
    wanted = utils.spectrogram(
        clip.numpy() * gain,
        utils.window_function(400, window, periodic=False),
        frame_length=400,
        hop_length=160,
        fft_length=512,
        power=2.0,
        center=False,
        preemphasis=0.97,
        mel_filters=utils.mel_filter_bank(257, n_bands, 20, 8000, 16000, None, "kaldi", True),
        log_mel="log",
        mel_floor=1.192092955078125e-07,
        remove_dc_offset=True,
    ).T
    assert_same(filterbanks.KaldiFilterBank(n_bands, 16000, window, gain)(clip[None])[0], wanted)


def test_rows_of_a_batch_are_computed_alone():
    """A clip's features do not depend on its company, to the last bit."""
    bank, clips = filterbanks.KaldiFilterBank(80, 16000, "povey"), torch.stack([noise(8000), noise(8000, 1)])
    assert torch.equal(bank(clips)[1], bank(clips[1:])[0])


@pytest.mark.parametrize("n", [1, 300, 8000, 32000])
def test_whispers_features_are_the_extractors(library, n):
    """Padded to the network's length, floored below the loudest and scaled, by the numpy road of the extractor."""
    from hear_ssl.encoders.families import whisper
    from hear_ssl.encoders.family import Loaded
    from tiny_families import network

    transformers, _ = library
    encoder = whisper.WhisperEncoder(Loaded(network("whisper").encoder, ""), "padded")
    extractor = transformers.WhisperFeatureExtractor(chunk_length=2, feature_size=24)
    padded = torch.nn.functional.pad(noise(n), (0, 32000 - n))
    (wanted,) = extractor._np_extract_fbank_features(padded.numpy()[None], "cpu")
    assert_same(encoder.features(noise(n)[None])[0], wanted)


@pytest.mark.parametrize("truncation", ["fusion", "rand_trunc"])
@pytest.mark.parametrize("padding", ["repeatpad", "repeat", "pad"])
@pytest.mark.parametrize("n", [7, 100_000, 480_000])
def test_claps_features_are_the_extractors(library, truncation, padding, n):
    """Clips of up to 10 s, padded in each of three ways."""
    from hear_ssl.encoders.families import clap
    from hear_ssl.encoders.family import Loaded
    from tiny_families import TINY

    transformers, _ = library
    processor = {"truncation": truncation, "padding": padding, "frequency_min": 50}
    extractor = transformers.ClapFeatureExtractor(**processor)
    network = clap.bare(transformers, TINY["clap"].config().audio_config)
    encoder = clap.build(Loaded(network, "", processor))
    wanted = extractor(noise(n).numpy(), sampling_rate=48000, return_tensors="np").input_features
    assert_same(encoder.features(noise(n)[None])[0, 0], wanted[0, 0])
