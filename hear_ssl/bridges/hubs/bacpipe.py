"""bacpipe: bioacoustic encoders behind one package (AudioMAE, BirdMAE, SurfPerch, BatDetect2, VGGish, ...), in its own interpreter.

Each network has its own sample rate, 2 to 256 kHz, and windows of 0.2 to 10 s: one vector a window, no layers. Windows are cut here, with
zeros behind a short clip, and not as bacpipe cuts files (it repeats the audio). Some networks need checkpoints that bacpipe downloads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FACTS = dict(
    layers=1,
    licence="Apache-2.0 (code); each network its own, most of them CC BY-NC",
    citation="bacpipe, https://github.com/bioacoustic-ai/bacpipe; each network its own",
)
# fmt: off
MODELS = (
    "audiomae", "audioprotopnet", "avesecho_passt", "aves_especies", "bat", "batdetect2_clip_avg", "batdetect2_dets_avg", "beats",
    "biolingual", "birdaves_especies", "birdmae", "birdnet", "birdnet_v3", "convnext_birdset", "google_whale", "hbdet", "insect459",
    "insect66", "mix2", "naturebeats", "perch_bird", "perch_v2", "protoclr", "rcl_fs_bsed", "surfperch", "vggish",
)
# fmt: on
PYTHON = ("3.11", "3.12")
INSTALL = ("bacpipe==1.3.5",)


def load(name: str, weights: str, device: str = "cpu") -> Network:
    """A network, which gives vectors (n, width) of windows (n, n_samples), at the sample rate and of the length that are its own.

    Args:
        name: As bacpipe calls it.
        weights: Folder in which its checkpoints lie; "" for bacpipe's own.
        device: "cpu", "cuda", ...

    Raises:
        ValueError: There is no such network.
        ImportError: bacpipe is not installed, or does not work here.
    """
    import bacpipe
    from bacpipe.core.constants import EMBEDDING_DIMENSIONS

    known = sorted(bacpipe.supported_models)
    if name not in known:
        raise ValueError(f"bacpipe:{name}: bacpipe has no such network; it has {', '.join(known)}")
    settings = dict(device=device, run_pretrained_classifier=False)
    if weights:
        settings["model_base_path"] = weights
    return Network(bacpipe.Embedder(model_name=name, **settings), int(EMBEDDING_DIMENSIONS[name]))


class Network:
    """A network of bacpipe."""

    fixed = True

    def __init__(self, embedder: Any, width: int):
        self.embedder, self.width = embedder, width
        self.sample_rate, self.window = int(embedder.model.sr), int(embedder.model.segment_length)
        network: Any = getattr(embedder.model, "model", None)
        if "torch" in str(type(network).__mro__) and hasattr(network, "state_dict"):
            self.state_dict = network.state_dict

    def vectors(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, width)."""
        import torch

        prepared = self.embedder.model.preprocess(
            torch.from_numpy(np.array(audio, np.float32)).to(self.embedder.model.device)
        )
        return np.asarray(self.embedder.get_embeddings_for_audio(prepared)).reshape(len(audio), -1)
