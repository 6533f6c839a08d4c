"""How much of what a network computes is padding: python bench/padding.py [FOLDER ...].

For lengths as those of FSDD, of 0.5 to 5 s, and of the audio in folders, by the batches of `evaluator/embedding/plan.py` and by those that our
transformers make of them, with the settings of a CPU and of a GPU; beside it the padding of batches of clips as they come, 16 at a
time. Nothing is embedded. Goal: at most 3 % of real audio.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from transformers import HubertConfig, HubertModel

from evaluator.embedding import plan
from hear_ssl.encoders.api import Model
from hear_ssl.encoders.transformer import TransformerEncoder

RATE = 16000
SETTINGS = {"CPU": (plan.ON_CPU, 5.0), "GPU": (plan.ON_GPU, 160.0)}  # of the plan, and `batch_seconds` of a model


def lengths_in(folder: Path) -> list[float]:
    """Seconds of each WAV, FLAC or Ogg file below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in (".wav", ".flac", ".ogg")]
    return [soundfile.info(path).duration for path in paths]


def computed(model: Model, lengths: Sequence[float], limits: plan.Limits) -> Iterator[int]:
    """Samples of each batch that the network is given, padding included."""
    keys = {number: hashlib.sha256(b"%d" % number).hexdigest() for number in range(len(lengths))}
    for shard in plan.planned(keys, lengths.__getitem__, lambda number: 0.0, limits):
        for batch in shard:
            clips = [torch.zeros(int(RATE * lengths[number])) for number in batch]
            for each in model.batches(clips, model.encoder.scene_framing):
                yield each.audio.numel()


def as_they_come(lengths: Sequence[float]) -> float:
    """Share of padding in batches of 16 clips."""
    batches = [lengths[first : first + 16] for first in range(0, len(lengths), 16)]
    return sum(len(batch) * max(batch) for batch in batches) / sum(lengths) - 1


def main() -> None:
    """Count and print."""
    random = np.random.default_rng(0)
    sets = {
        "900 clips as FSDD's": np.clip(random.lognormal(np.log(0.42), 0.35, 900), 0.14, 2.3).tolist(),
        "2,000 clips of 0.5 to 5 s": random.uniform(0.5, 5, 2000).tolist(),
        "60 clips of 0.5 to 5 s": random.uniform(0.5, 5, 60).tolist(),
        **{folder: lengths_in(Path(folder)) for folder in sys.argv[1:]},
    }
    print(f"{'padding (forward passes)':28}{'as they come':>14}{'CPU':>14}{'GPU':>14}")
    encoder = TransformerEncoder(HubertModel(HubertConfig(num_hidden_layers=1)).eval(), normalize=False)
    for name, lengths in sets.items():
        cells = [f"{100 * as_they_come(lengths):.1f} %"]
        for limits, seconds in SETTINGS.values():
            sizes = list(computed(Model(encoder, batch_seconds=seconds), lengths, limits))
            real = sum(int(RATE * each) for each in lengths)
            cells.append(f"{100 * (sum(sizes) / real - 1):.1f} % ({len(sizes)})")
        print(f"{name:28}" + "".join(f"{cell:>14}" for cell in cells))


if __name__ == "__main__":
    main()
