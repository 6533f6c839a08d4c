"""S3PRL: speech encoders of its hub (HuBERT, wav2vec, TERA, APC, CPC, NPC, ...) and spectral features, any layer.

16 kHz; frames of 10 or 20 ms, as the network's stride says, their times the middles of that stride. `--option layer=6` takes another
layer than the last, counted from 0. Networks download their own checkpoints; `fbank`, `mfcc`, `mel`, `linear`, `spectrogram` need
none. Names that end with `_local`, `_url` or `_custom` take `--weights`.

A clip runs by itself and whole, for many of these networks change with what they are padded with; above 30 s, in stretches.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FACTS = dict(
    sample_rate=16_000,
    licence="Apache-2.0 (code); each checkpoint its own",
    citation="Yang et al. 2021, SUPERB, https://arxiv.org/abs/2105.01051",
)
# fmt: off
MODELS = (
    "fbank", "fbank_no_cmvn", "mfcc", "mel", "linear", "spectrogram", "stft_mag", "apc", "apc_360hr", "apc_960hr", "ast",
    "audio_albert", "byol_a_512", "byol_a_1024", "byol_a_2048", "byol_s_cvt", "byol_s_default", "byol_s_resnetish34",
    "contentvec", "contentvec_km100", "contentvec_km500", "cvhubert", "data2vec", "data2vec_base_960",
    "data2vec_large_ll60k", "decoar", "decoar2", "decoar_layers", "discretebert", "distilhubert", "hubert", "hubert_base",
    "hubert_base_robust_mgr", "hubert_large_ll60k", "lighthubert", "lighthubert_small", "lighthubert_stage1",
    "mae_ast_frame", "mae_ast_patch", "mhubert_base_vp_en_es_fr_it3", "mockingjay", "modified_cpc", "mos_apc", "mos_tera",
    "mos_wav2vec2", "ms_hubert", "multires_hubert_base", "multires_hubert_large", "npc", "npc_360hr", "npc_960hr", "pase_plus",
    "passt_base", "passt_hop100base", "passt_hop160base", "ssast_frame_base", "ssast_patch_base", "tera", "tera_100hr",
    "tera_960hr", "unispeech_sat", "unispeech_sat_base_plus", "unispeech_sat_large", "vggish", "vq_apc", "vq_apc_360hr",
    "vq_apc_960hr", "vq_wav2vec", "vq_wav2vec_kmeans", "wav2vec", "wav2vec_large", "wav2vec2", "wav2vec2_base_960",
    "wav2vec2_large_960", "wav2vec2_large_ll60k", "wav2vec2_large_voxpopuli_100k", "wav2vec2_conformer_relpos",
    "wav2vec2_conformer_rope", "wavlm", "wavlm_base", "wavlm_base_plus", "wavlm_large", "xls_r_300m", "xls_r_1b", "xlsr_53",
)
# fmt: on
PYTHON = ("3.9", "3.12")
INSTALL = ("torch==2.8.0 torchaudio==2.8.0 s3prl==0.4.18 setuptools<81",)
SHORTEST = 800  # samples: what its own upstream pads to
LONGEST = 480_000  # samples: 30 s, above which attention gets slow


def load(name: str, weights: str, layer: int = -1, device: str = "cpu") -> Network:
    """A network, which gives frames (n, n_frames, width) of audio (n, n_samples) at 16 kHz.

    Args:
        name: As S3PRL calls it.
        weights: Path or address of a checkpoint, for names that take one; "" for the network's own.
        layer: From 0, or from -1 backwards.
        device: Of torch.

    Raises:
        ValueError: There is no such network or layer.
        ImportError: S3PRL is not installed, or does not work here.
    """
    from s3prl.nn import S3PRLUpstream

    known = [each for each in S3PRLUpstream.available_names() if each == each.lower() and not each.startswith("load_")]
    if name not in known:
        raise ValueError(f"s3prl:{name}: S3PRL has no such network; it has {', '.join(known)}")
    return Network(S3PRLUpstream(name, path_or_url=weights or None), layer, device)


class Network:
    """A network of S3PRL at one of its layers.

    Raises:
        ValueError: It has no such layer.
    """

    sample_rate, window, fixed, shortest = FACTS["sample_rate"], LONGEST, False, SHORTEST

    def __init__(self, upstream: Any, layer: int, device: str):
        n_layers = upstream.num_layers
        if not isinstance(layer, int) or isinstance(layer, bool) or not -n_layers <= layer < n_layers:
            raise ValueError(f"option layer={layer!r}: the network has layers 0 to {n_layers - 1}")
        self.upstream, self.layer, self.device = upstream.to(device).eval(), layer, device
        self.width, self.stride = upstream.hidden_sizes[layer], upstream.downsample_rates[layer]
        self.state_dict = upstream.state_dict

    def frames(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, n_frames, width), one by one."""
        import torch

        rows = []
        with torch.no_grad():
            for clip in audio:
                wave = torch.from_numpy(np.array(clip, np.float32))[None].to(self.device)
                hidden, lengths = self.upstream(wave, torch.tensor([len(clip)]))
                rows.append(hidden[self.layer][0, : int(lengths[self.layer][0])].float().cpu().numpy())
        return np.stack(rows)

    def centres(self, n_samples: int) -> np.ndarray:
        """Middles of each stride, in ms."""
        n_frames = (n_samples - 1) // self.stride + 1
        return (np.arange(n_frames) + 0.5) * self.stride * 1000.0 / self.sample_rate
