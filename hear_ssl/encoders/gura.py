"""The ensembles of Wu et al. in HEAR 2021 (team GURA), as their released code builds them.

What that code does, and ours by default:
- audio goes in raw, although the checkpoints' own processors would normalise it (`normalize="auto"` lets them);
- X, wherever CREPE takes part, is HuBERT extra large; in the two modules of HuBERT and wav2vec 2.0 alone it is Large;
- W is a wav2vec 2.0 that was trained to transcribe, not the pre-trained one that the paper speaks of;
- "fusion" is the mean of all hidden states, the encoder's input among them, before anything is resized. Only the last
  one is normalised, so layers with large values dominate;
- every member is interpolated to 1024 features where CREPE takes part, index by index: nothing is learned. Without CREPE a
  transformer keeps the width that it has;
- concatenation with CREPE is interleaved, x0 w0 c0 x1 ..., where the paper speaks of blocks (`interleave=False`);
- CREPE's frames, whose centres are whole hops, are stretched over the transformer's (`align="centres"`: put where
  they belong in time);
- CREPE steps 250 ms for scenes and 50 ms for timestamps, so a scene is not the mean of the timestamp embeddings;
- timestamps end with the last whole receptive field (`end_padding=True`: with the last centre inside the clip). Their
  number is taken in whole numbers; the released code computes it in floating point and fails for 61 lengths below 130 s.

What differs: a clip shorter than one receptive field (400 samples), which the released code refuses, is zero-padded to one; and
one longer than `window_seconds` runs in overlapping windows. 120 s are seen whole: all of HEAR but the recordings of the
beehives (600 s), whose numbers differ a little from those of the released code.

Source: Wu et al. 2022, https://arxiv.org/abs/2209.12900; https://github.com/tony10101105/HEAR-2021-NeurIPS-Challenge---NTU-GURA
"""

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hear_ssl.encoders import engines, ensemble
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.options import OPTIONS as COMMON
from hear_ssl.encoders.options import check_names

HUBERT_XLARGE = "hear_ssl.hubert_xlarge"
HUBERT_LARGE = "hear_ssl.hubert_large"
WAV2VEC2 = "hear_ssl.wav2vec2_large_960h_lv60_self"
CREPE = "hear_ssl.crepe"
WIDTH = 1024  # of every member where CREPE takes part
WINDOW_SECONDS = 120.0  # the longest clips of HEAR but for those of the beehives

OPTIONS = {
    "normalize": "false: audio goes in raw, as released (default); true; auto: as each checkpoint's processor says",
    "window_seconds": f"longest stretch of audio that a member sees at once (default {WINDOW_SECONDS:g})",
    "batch_seconds": COMMON["batch_seconds"],
    **{name: f"of the transformers: {meaning}" for name, meaning in engines.OPTIONS.items()},
}


@dataclass(frozen=True)
class Gura:
    """One of the ensembles, and how to load it as a HEAR module; 16 kHz, a frame every 20 ms.

    Attributes:
        members: Names of our modules, in the order of merging.
        layer: Option `layer` of the transformers: "last", or "mean" for fused ones.
        merge, interleave, width, time_groups: See `hear_ssl.encoders.ensemble.OPTIONS`.
    """

    members: tuple[str, ...]
    layer: str = "last"
    merge: str = "concatenate"
    interleave: bool = False
    width: int | None = None
    time_groups: int = 1
    citation: str = "Wu et al. 2022, The efficacy of self-supervised speech models as audio representations, https://arxiv.org/abs/2209.12900"

    @property
    def licence(self) -> str:
        """Of the members' weights."""
        return "; ".join(f"{name}: {importlib.import_module(name).CHECKPOINT.licence}" for name in self.members)

    def load_model(self, model_file_path: str = "", **options: Any) -> ensemble.Ensemble:
        """The model, frozen and in evaluation mode.

        Args:
            model_file_path: A folder that holds, for each member whose weights are not to be downloaded, a folder or
                file called like the member's module (`hubert_xlarge/`, `crepe.pth`); "" for none.
            **options: `normalize`, `align`, `end_padding`, `window_seconds`, `batch_seconds`, `precision` and `engine` of the
                transformers, and `interleave` where members are concatenated.

        Raises:
            ValueError: An unknown option or value, or weights that do not fit the network.
            FileNotFoundError: No such folder, nothing in it, or the hub cannot be reached and holds no cached copy.
        """
        check_names(options, self.options())
        chosen = {name: options[name] for name in ("align", "end_padding", "interleave") if name in options}
        windows: dict[str, Any] = {"window_seconds": WINDOW_SECONDS}
        windows.update((name, options[name]) for name in ("window_seconds", "batch_seconds") if name in options)
        transformers = {"layer": self.layer, "normalize": options.get("normalize", False), **windows}
        transformers.update((name, options[name]) for name in engines.OPTIONS if name in options)
        member_options: dict[str, dict[str, Any]] = {}
        for name in self.members:
            is_transformer = isinstance(importlib.import_module(name).CHECKPOINT, Checkpoint)
            member_options[name] = transformers if is_transformer else windows
        released: dict[str, Any] = {
            "merge": self.merge,
            "interleave": self.interleave,
            "width": self.width,
            "time_groups": self.time_groups,
            "end_padding": False,
            "scene": "merged",
        }
        paths = _member_paths(self.members, model_file_path)
        model = ensemble.build(self.members, member_options, paths, **(released | chosen))
        if paths and model.read_from is not None:
            model.read_from = [*model.read_from, os.path.abspath(model_file_path)]  # what lies there decides as well
        return model

    def options(self) -> dict[str, str]:
        """What may be chosen, with its meaning."""
        joins = self.merge == "concatenate" and len(self.members) > 1
        names = ("align", "end_padding", "interleave") if joins else ("align", "end_padding")
        return {**OPTIONS, **{name: ensemble.OPTIONS[name] for name in names}}


def _member_paths(members: tuple[str, ...], folder: str) -> Mapping[str, str]:
    """Weights of members that lie in `folder`, by member: a folder or file with the name of the member's module.

    Raises:
        FileNotFoundError: There is no such folder, or it holds none of the members.
    """
    if not folder:
        return {}
    stems = {name: name.rpartition(".")[2] for name in members}
    there = sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []
    paths = {name: str(path) for name, stem in stems.items() for path in there if path.stem == stem}
    if not paths:
        raise FileNotFoundError(
            f"{folder}: {'nothing for any member in it' if there else 'no such folder, or it is empty'}; an ensemble's "
            f"model_file_path is a folder with the members' weights under the names {', '.join(stems.values())}"
        )
    return paths
