"""A look at the encoder while it is trained: how well a linear classifier tells labelled sounds apart by its embeddings.

A sign of progress, never a result: recordings cut from one source may lie on both sides. `hear-eval` gives results.
"""

import copy
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from hear_ssl.encoders.byol_a import ByolAEncoder, ByolAModel, ByolANetwork
from hear_ssl.encoders.logmel import SAMPLE_RATE, LogMel
from hear_ssl.pretraining import corpus

HELD_OUT = 0.2  # share of each class, at least one file
MAX_SECONDS = 10.0  # read of a file, from its start
FILES_AT_ONCE = 64
MAX_ITER = 1000  # of the classifier's optimiser

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProgressProbe:
    """Labelled files by which the encoder is scored while it is trained, and which of them the classifier is tested on.

    Attributes:
        paths: The files.
        labels: Number of each file's class, (n_files,).
        held_out: Whether the file is left for the test, (n_files,), bool.
        classes: Their names.
        every: Epochs from one look to the next.
    """

    paths: tuple[Path, ...]
    labels: np.ndarray
    held_out: np.ndarray
    classes: tuple[str, ...]
    every: int = 10

    @property
    def chance(self) -> float:
        """Share of the most frequent class among the files held out."""
        return float(np.bincount(self.labels[self.held_out]).max() / self.held_out.sum())

    def is_due(self, epoch: int, n_epochs: int) -> bool:
        """Whether to look after so many epochs: every `every` ones, and after the last."""
        return epoch % self.every == 0 or epoch == n_epochs

    def accuracy(self, network: ByolANetwork, statistics: tuple[float, float], mel: str) -> float:
        """Share of the files held out whose class logistic regression finds.

        Args:
            network: As it is now; it is left untouched.
            statistics: Mean and standard deviation of the log-mel spectrogram.
            mel: Scale of the mel bands.

        Raises:
            ValueError: One of the files cannot be read any more.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        device = next(network.parameters()).device
        model = ByolAModel(ByolAEncoder(copy.deepcopy(network), *statistics, LogMel(mel))).to(device)
        firsts = range(0, len(self.paths), FILES_AT_ONCE)
        parts = ([read(path).to(device) for path in self.paths[n : n + FILES_AT_ONCE]] for n in firsts)
        scenes = torch.cat([model.clips(part, layers=False)["scene"] for part in parts]).cpu().numpy()
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITER))
        classifier.fit(scenes[~self.held_out], self.labels[~self.held_out])
        return float(classifier.score(scenes[self.held_out], self.labels[self.held_out]))


def find(folder: Path, every: int, seed: int) -> ProgressProbe:
    """The labelled files of a folder with one sub-folder per class; which are held out depends on the seed alone.

    The first `MAX_SECONDS` seconds of every file are read once; files that cannot be read, or hold NaN, are named in the
    log and left out.

    Raises:
        FileNotFoundError: No such folder.
        ValueError: Fewer than two classes, a class with fewer than two files that can be read, or `every` below 1.
    """
    if every < 1:
        raise ValueError(f"--probe-every {every}: a number of epochs from 1 is wanted")
    if not folder.is_dir():
        raise FileNotFoundError(f"--probe {folder}: no such folder")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(names) < 2:
        raise ValueError(f"--probe {folder}: one sub-folder per class is wanted, at least two; {len(names)} found")
    paths: list[Path] = []
    labels: list[int] = []
    held_out: list[bool] = []
    for label, name in enumerate(names):
        of_class = _readable([item.path for item in corpus.find([folder / name], math.inf).items])
        if len(of_class) < 2:
            raise ValueError(
                f"--probe {folder / name}: {len(of_class)} file{'s' * (not of_class)} that can be read; "
                "a class needs two, one of them held out"
            )
        ranks = np.random.default_rng([seed, label]).permutation(len(of_class))
        n_held_out = max(1, round(HELD_OUT * len(of_class)))
        paths += of_class
        labels += [label] * len(of_class)
        held_out += [bool(rank < n_held_out) for rank in ranks]
    return ProgressProbe(tuple(paths), np.array(labels), np.array(held_out), tuple(names), every)


def _readable(paths: Sequence[Path]) -> list[Path]:
    """Those of the files that `read` reads; the others are named in the log."""
    readable = []
    for path in paths:
        try:
            read(path)
        except ValueError as error:
            log.warning("%s; left out", error)
        else:
            readable.append(path)
    return readable


def read(path: Path) -> torch.Tensor:
    """The start of a file, (n_samples,), float32, mono, 16 kHz.

    Raises:
        ValueError: It cannot be decoded, or holds NaN or no samples.
    """
    try:
        with soundfile.SoundFile(path) as file:
            audio = file.read(int(MAX_SECONDS * file.samplerate), dtype="float32", always_2d=True).mean(axis=1)
            audio = soxr.resample(corpus.check_samples(audio), file.samplerate, SAMPLE_RATE)
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"--probe: {path} cannot be read ({error})") from error
    return torch.from_numpy(audio.astype(np.float32))
