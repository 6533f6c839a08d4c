"""Recordings by what they sound like: a hash of their samples, the same in every lossless file and under every name.

It is the hash that `hear_ssl/pretraining/heard.py` defines, so that what a model was trained on is found again.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.errors import EvaluationError
from evaluator.files import sweep, write_whole
from evaluator.own_cache import own_folder

LOG = logging.getLogger(__name__)
N_DIGITS = 16
_WHOLE = Clip("", ())


def digest(path: Path) -> str:
    """The hash of one recording, 16 hex digits; it is decoded in blocks (n_samples,) at its own rate.

    Raises:
        AudioError: It cannot be decoded.
    """
    samples = hashlib.sha256()
    for block in decode.read_blocks(path, _WHOLE):
        samples.update(block.astype("<f4").tobytes())
    return samples.hexdigest()[:N_DIGITS]


def digests(root: Path, facts: Mapping[str, FileFacts | AudioError], cache: Path) -> dict[str, str]:
    """The hashes of the recordings that can be read, by path; those of files that were decoded before are remembered.

    Args:
        root: Folder that the paths are relative to.
        facts: Of the recordings, by path; lengths in frames.
        cache: Folder in which hashes are remembered by the files' content.
    """
    own = own_folder(cache, "sounds")
    sweep(own)
    known: dict[str, str] = {}
    for memory in dict.fromkeys([cache / "sounds" / "heard.json", own / "heard.json"]):
        known |= _recall(memory)
    fresh: dict[str, str] = {}
    found = {}
    for path, one in facts.items():
        if isinstance(one, AudioError):
            continue
        if one.sha256 not in known and one.sha256 not in fresh:
            try:
                fresh[one.sha256] = digest(root / path)
            except AudioError:
                continue  # told where its clips are embedded
        found[path] = known.get(one.sha256) or fresh[one.sha256]
    if fresh:
        try:
            memory = own / "heard.json"
            write_whole(memory, json.dumps({**_recall(memory), **fresh}, indent=0).encode())
        except EvaluationError as error:
            LOG.warning("%s", error)
    return found


def _recall(memory: Path) -> dict[str, str]:
    """What is remembered, hashes by the SHA-256 of files; nothing if it cannot be read."""
    try:
        document = json.loads(memory.read_text(encoding="utf-8"))
        return {name: value for name, value in document.items() if len(name) == 64 and len(value) == N_DIGITS}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
