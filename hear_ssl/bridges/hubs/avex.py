"""AVEX of the Earth Species Project: BEATs and EfficientNets that were trained on sounds of animals and others.

Frames of BEATs every 160 ms at 16 kHz (means over its 8 bands), of EfficientNets every 320 ms (means over frequency); a clip runs by
itself and whole, above 10 s (what they were trained on) in stretches, for padding would change it. The weights come from the hub when
a network is first loaded; `--weights FILE` names others, and `--option untrained=true` takes the same network with random ones.

Its EATs are not here: their code would be fetched from the hub and run.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

FACTS = dict(
    layers=1,
    trained_on="recordings of animals, some of them with other sounds (the name says which)",
    licence="MIT (code); each network its own: see its card on the hub",
    citation="Miron et al. 2025, What matters for bioacoustic encoding, https://arxiv.org/abs/2508.11845",
)
MODELS = (
    "esp_aves2_sl_beats_all",
    "esp_aves2_sl_beats_bio",
    "esp_aves2_naturelm_audio_v1_beats",
    "esp_aves2_effnetb0_all",
    "esp_aves2_effnetb0_bio",
    "esp_aves2_effnetb0_audioset",
    "esp_aves2_sed_birdcode_beats_encoder",
)
PYTHON = ("3.11", "3.13")
INSTALL = ("torch==2.11.0 torchaudio==2.11.0 torchvision==0.26.0 avex==1.4.0",)  # the newest three that load together
BANDS = 8  # of frequency, one after the other in each step of BEATs
WIDTHS = {"beats": 768, "efficientnet": 1280}
# In samples: from one frame to the next, and the middle of the first. BEATs: patches of 16 mel frames of 400 samples every 160;
# EfficientNet: five halvings of mel frames every 160.
HOPS = {"beats": (2560, 1400.0), "efficientnet": (5120, 2560.0)}
SHORTEST = 5120  # samples
TRAINED_SECONDS = 10


def load(name: str, weights: str, untrained: bool = False, device: str = "cpu") -> Network:
    """A network, which gives frames (n, n_frames, width) of audio (n, n_samples) at its own sample rate.

    Args:
        name: As AVEX calls it.
        weights: A checkpoint of it; "" for the published one, which is fetched.
        untrained: Whether it gets random weights instead, the same each time.
        device: Of torch.

    Raises:
        ValueError: There is no such network, or it is one whose code would be fetched.
        ImportError: AVEX is not installed, or does not work here.
    """
    import torch
    from avex import list_models, load_model
    from avex.models.utils.factory import build_model_from_spec
    from avex.models.utils.registry import get_model_spec

    with contextlib.redirect_stdout(io.StringIO()):  # it prints a table as well
        known = sorted(list_models())
    spec = get_model_spec(name) if name in known else None
    if spec is None:
        raise ValueError(f"avex:{name}: AVEX has no such network; it has {', '.join(known)}")
    if spec.name not in HOPS:
        raise ValueError(
            f"avex:{name}: its code ({spec.name}) would be fetched from the hub and run; take one of {', '.join(MODELS)}"
        )
    if untrained:
        torch.manual_seed(0)
        model = build_model_from_spec(spec, device, return_features_only=True, pretrained=False)
    else:
        model = load_model(name, device=device, checkpoint_path=weights or None, return_features_only=True)
    return Network(model.to(device).eval(), spec.name, int(spec.audio_config.sample_rate), device)


class Network:
    """A network of AVEX; features over time, means over frequency."""

    fixed, shortest = False, SHORTEST

    def __init__(self, model: Any, kind: str, sample_rate: int, device: str):
        self.model, self.kind, self.device, self.sample_rate = model, kind, device, sample_rate
        self.width, self.window = WIDTHS[kind], TRAINED_SECONDS * sample_rate
        self.state_dict = model.state_dict

    def frames(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, n_frames, width), one by one."""
        import torch

        rows = []
        with torch.no_grad():
            for clip in audio:
                wave = torch.from_numpy(np.array(clip, np.float32))[None].to(self.device)
                given = self.model(wave)[0].float().cpu().numpy()
                if self.kind == "beats":  # (n_steps * BANDS, width)
                    rows.append(given.reshape(-1, BANDS, given.shape[-1]).mean(axis=1))
                else:  # (width, frequency, n_steps)
                    rows.append(given.mean(axis=1).T)
        return np.stack(rows)

    def centres(self, n_samples: int) -> np.ndarray:
        """Of the frames, in ms."""
        hop, first = HOPS[self.kind]
        mel_frames = 1 + (n_samples - 400) // 160 if self.kind == "beats" else 1 + n_samples // 160
        n_frames = mel_frames // 16 if self.kind == "beats" else -(-mel_frames // 32)
        return (first + hop * np.arange(n_frames)) * 1000.0 / self.sample_rate
