"""How fast a store is verified, against plainly reading the same files; and that reading after it costs nothing more.

    python bench/verification_speed.py [--megabytes 1024] [--threads 1]

Prints GB/s (the best of three) and the ratio to plain reading, both from the system's memory, which is the hard case: a disk
that gives less than a core hashes (1 to 2 GB/s) hides the hashing behind itself.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
from fastest import best

from evaluator.embedding import index
from evaluator.embedding.store import Store, StoredClip

WIDTH, CLIPS = 768, 64  # of a shard: 13 layers of mean and deviation, as HuBERT base gives them


def read_plainly(paths: list[Path]) -> None:
    """The baseline: every byte once, in blocks of a megabyte."""
    block = bytearray(1 << 20)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(block):
                pass


def fill(folder: Path, n_bytes: int) -> list[str]:
    """A store of so many bytes; gives its keys."""
    store, keys = Store(folder, {"bench": "verification"}), []
    rows = np.random.default_rng(0).standard_normal((CLIPS, 13, WIDTH)).astype(np.float32)
    for number in range(max(1, n_bytes // (2 * rows.nbytes))):
        clips = [StoredClip(f"{number}-{clip}") for clip in range(CLIPS)]
        store.write(clips, {"layers_mean": rows, "layers_std": rows})
        keys += [clip.key for clip in clips]
    return keys


def main() -> None:
    """Fill a store, verify it, read it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=index.N_THREADS, help="that hash at once")
    parsed = parser.parse_args()
    index.N_THREADS = parsed.threads
    with tempfile.TemporaryDirectory() as folder:
        keys = fill(Path(folder), parsed.megabytes << 20)
        paths = sorted(Path(folder).rglob("*.safetensors"))
        gigabytes = sum(path.stat().st_size for path in paths) / 1e9
        time.sleep(2.5)  # younger files are verified by every store anew

        def verify() -> Store:
            index.proven.clear()
            store = Store(Path(folder), {"bench": "verification"})
            assert not store.verify(keys)
            return store

        content = paths[0].read_bytes()
        hashing = len(content) / 1e9 / best(lambda: hashlib.sha256(content))
        plain, verified = best(lambda: read_plainly(paths)), best(verify)
        store = verify()
        again = best(lambda: store.verify(keys))
        rows = best(lambda: store.read_layers(keys, "layers_mean"))
    print(f"{gigabytes:.2f} GB in {len(paths)} shards, {parsed.threads} threads")
    print(f"SHA-256 alone: {hashing:.2f} GB/s a thread")
    print(f"plain reading: {gigabytes / plain:.2f} GB/s")
    print(f"verification:  {gigabytes / verified:.2f} GB/s, {verified / plain:.2f}x the time of plain reading")
    print(
        f"again in the same process: {1000 * again:.1f} ms; reading half of it as rows: {gigabytes / 2 / rows:.2f} GB/s"
    )


if __name__ == "__main__":
    main()
