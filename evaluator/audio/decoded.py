"""Decoded clips that somebody else will ask for: several modules of one command hear the same audio, and it is decoded once."""

import threading
from collections.abc import Callable

from evaluator.audio.decode import AudioError, Heard

KEPT_BYTES = 512 << 20  # 2.3 hours at 16 kHz


class Decoded:
    """Clips as they were decoded, in memory until it is full; what finds no room is decoded again by whoever asks.

    Nothing is put out for something newer: modules go through the same clips one after another, and the last of them would find none.
    It may be used from several threads. Sent to another process, it is empty and has no room.

    Args:
        n_bytes: Room for samples.
    """

    def __init__(self, n_bytes: int = KEPT_BYTES):
        self.n_left = n_bytes
        self.kept: dict[tuple[str, int], Heard] = {}
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[type["Decoded"], tuple[int]]:
        return Decoded, (0,)

    def heard(self, key: str, sample_rate: int, decode: Callable[[], Heard | AudioError]) -> Heard | AudioError:
        """A clip's samples (n_samples,), decoded only if they are not here; errors are not kept.

        Args:
            key: Names audio content and clip rule (`decode.clip_key`).
            sample_rate: That it is wanted at, in Hz.
            decode: Reads it.
        """
        with self.lock:
            kept = self.kept.get((key, sample_rate))
        if kept is not None:
            return kept
        heard = decode()
        if isinstance(heard, Heard):
            with self.lock:
                if heard.samples.nbytes <= self.n_left and (key, sample_rate) not in self.kept:
                    self.n_left -= heard.samples.nbytes
                    self.kept[key, sample_rate] = heard
        return heard
