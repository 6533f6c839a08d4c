"""The log-mel baseline against librosa and against computing it slowly."""

import numpy as np
import pytest
import torch

from hear_ssl import melspec
from hear_ssl.encoders.melspec import FFT_LENGTH, HIGHEST_HZ, LOWEST_HZ, N_BANDS, mel_filters


def test_filters_equal_librosas():
    """Triangles evenly spaced on the HTK mel scale."""
    librosa = pytest.importorskip("librosa")
    wanted = librosa.filters.mel(
        sr=16000, n_fft=FFT_LENGTH, n_mels=N_BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, htk=True, norm=None
    )
    ours = mel_filters(N_BANDS, FFT_LENGTH, 16000, LOWEST_HZ, HIGHEST_HZ)
    np.testing.assert_allclose(ours.numpy().T, wanted, atol=1e-5)
    assert (wanted.sum(axis=1) > 0).all()


def test_scene_equals_the_literal_computation():
    """Frame by frame with numpy: window, spectrum, bands, log, then mean and deviation."""
    clip = np.random.default_rng(0).normal(size=2100).astype(np.float32) * 0.1
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    filters = mel_filters(N_BANDS, FFT_LENGTH, 16000, LOWEST_HZ, HIGHEST_HZ).numpy()
    padded = np.concatenate([np.zeros(200), clip, np.zeros(200)])
    frames = [
        np.log(np.abs(np.fft.rfft(padded[160 * i :][:400] * window / window.sum(), FFT_LENGTH)) ** 2 @ filters + 1e-10)
        for i in range(1 + 2100 // 160)
    ]
    wanted = np.concatenate([np.mean(frames, axis=0), np.std(frames, axis=0, ddof=1)])
    scene = melspec.get_scene_embeddings(torch.from_numpy(clip)[None], melspec.load_model())[0]
    np.testing.assert_allclose(scene.numpy(), wanted, atol=2e-3)


def test_a_tone_lights_its_band():
    """A sine at 1 kHz is loudest in the band around 1 kHz."""
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)
    mean = melspec.get_scene_embeddings(tone[None], melspec.load_model())[0, :N_BANDS]
    peaks = mel_filters(N_BANDS, FFT_LENGTH, 16000, LOWEST_HZ, HIGHEST_HZ).argmax(0) * 16000 / FFT_LENGTH
    assert abs(peaks[mean.argmax()] - 1000) < 40


def test_a_path_is_refused():
    """There are no weights to load."""
    with pytest.raises(ValueError, match="melspec has no weights to load"):
        melspec.load_model("weights.pt")
