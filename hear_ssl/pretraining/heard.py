"""Which sounds a model was trained on, as hashes of their samples: an evaluation finds them under any name, in any lossless file.

A hash is the first 16 hex digits of a SHA-256 over the whole recording: its channels' mean, float32 of full scale 1, little endian, at
its own sample rate.
"""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

import soundfile

N_DIGITS = 16
MOST = 200_000  # sounds: 3 MB of a file's header
_BLOCK = 1 << 16  # frames

log = logging.getLogger(__name__)


def digest(path: Path) -> str:
    """The hash of one recording; its samples are read in blocks (n_frames, n_channels).

    Raises:
        OSError, RuntimeError: It cannot be decoded.
    """
    samples = hashlib.sha256()
    with soundfile.SoundFile(path) as file:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            samples.update(block.mean(axis=1).astype("<f4").tobytes())
    return samples.hexdigest()[:N_DIGITS]


def digests(paths: Iterable[Path]) -> list[str]:
    """The hashes of recordings, sorted, each once, (n_sounds,); none of what cannot be read, and none at all of more than `MOST`."""
    distinct = list(dict.fromkeys(paths))
    if len(distinct) > MOST:
        log.warning(
            "%d sounds are too many to note which they are; say in model.trained_on what was heard", len(distinct)
        )
        return []
    found = set()
    for path in distinct:
        try:
            found.add(digest(path))
        except (OSError, RuntimeError) as error:
            log.warning("%s: cannot be noted as heard (%s)", path, error)
    return sorted(found)
