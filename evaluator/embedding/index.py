"""Which clips lie in which shards of a store, and whether these shards prove themselves.

A shard is believed once this process has read it whole and found what was written (`Index.verify`). One that does not prove
itself is set aside as `NAME.damaged`, told by a warning, and forgotten, so that its clips are embedded again.
"""

import contextlib
import logging
import os
import time
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from evaluator.embedding.shard import Damaged, Shard, StoredClip, open_shard, prove
from evaluator.files import DAMAGED, Stamp, sweep
from evaluator.own_cache import own_folder

LOG = logging.getLogger(__name__)
N_THREADS = min(4, os.cpu_count() or 1)  # hashing leaves Python's lock

proven: dict[Path, Stamp] = {}  # shards that this process read whole, and what the file system said of each then


@dataclass(frozen=True)
class _Fault:
    """Why a shard is not believed, and what the file system said of it before it was read."""

    stamp: Stamp | None
    reason: str


class Index:
    """The shards of one part of a store.

    Args:
        cache: Folder of all stores.
        key: The store's name.
        part: "", "layers" or "frames".
        begin: Whether to begin one where there is none; else nothing is written for it.
        wanted: Keys of the clips that are asked for, so that a large store takes no more memory than they do; None for all.

    Attributes:
        folder: Where shards are written.
        folders: Where they are read: first a cache that can only be read, if it is one, then `folder`.
        locations: The shard of each clip by its key, and its row or first frame there.
        clips: What is remembered of each clip, by its key.
        shards: What each shard says of itself.
    """

    def __init__(self, cache: Path, key: str, part: str, begin: bool = True, wanted: Container[str] | None = None):
        self.key, self.part, self.wanted = key, part, wanted
        shared = cache / "embeddings" / key / part
        self.folder = own_folder(cache, f"embeddings/{key}/{part}", begin)
        self.folders = list(dict.fromkeys([shared, self.folder]))
        self.locations: dict[str, tuple[Path, int]] = {}
        self.clips: dict[str, StoredClip] = {}
        self.shards: dict[Path, Shard] = {}
        self.believed: dict[Path, Stamp] = {}  # shards that were proven or written here
        self.left_out: set[Path] = set()  # damaged ones that could not be renamed
        self.unwanted: set[Path] = set()  # those without a clip that is asked for
        sweep(self.folder)
        self.rescan()

    def __contains__(self, key: object) -> bool:
        return key in self.locations

    def rescan(self) -> None:
        """Take in the shards that other processes added since, and forget those that are gone; each is opened once.

        Those that cannot be opened are set aside. What the new ones hold is believed once it is read or verified.
        """
        there = (
            {path for folder in self.folders for path in folder.glob("*.safetensors")} - self.left_out - self.unwanted
        )
        gone = set(self.shards) - there
        for path in gone:
            del self.shards[path]
        order = {folder: number for number, folder in enumerate(self.folders)}
        new = sorted(there - set(self.shards), key=lambda path: (order[path.parent], path))
        for path in new:
            self.take_in(path)
        if gone:
            self._locate()

    def want(self, keys: Iterable[str]) -> None:
        """Look for these clips from now on, and for no others, in whatever shards there are by now; what others hold is forgotten."""
        self.wanted = set(keys)
        self.unwanted.clear()
        self.shards.clear()
        self._locate()
        self.rescan()

    def every_key(self) -> Iterator[str]:
        """Keys of all clips that lie there, wanted or not, a shard at a time so that they take no memory; one may come twice.

        Shards that cannot be opened are passed over: whoever needs them tells it.
        """
        for folder in self.folders:
            for path in folder.glob("*.safetensors"):
                with contextlib.suppress(OSError, Damaged):
                    yield from (clip.key for clip in open_shard(path).clips)

    def take_in(self, path: Path) -> None:
        """Learn which clips a shard holds; one that cannot be opened, or is another store's, is set aside."""
        stamp = _stamp(path)
        try:
            shard = open_shard(path)
            self._refuse_others(shard)
        except FileNotFoundError:
            return
        except OSError as error:
            self._leave_out(path, f"cannot be read ({error.strerror or error})")
        except Damaged as error:
            self._set_aside(path, str(error), stamp)
        else:
            self.left_out.discard(path)
            if self.wanted is not None and not any(clip.key in self.wanted for clip in shard.clips):
                self.unwanted.add(path)
                return
            self.shards[path] = shard
            self._place(path, shard)

    def verify(self, keys: Iterable[str]) -> list[Path]:
        """Read the shards that hold some clips, unless this process has since they were last written to; gives the damaged ones.

        Those are set aside as `NAME.damaged` in their folder and forgotten: their clips are not in the store any more. Each is
        told by a warning. Rows are (n_clips, width), and all of a shard's are looked at.

        Args:
            keys: Of clips; those that are not in the store are passed over.
        """
        keys, damaged, seen = list(keys), [], set()
        while paths := [path for path in self._paths(keys) if path not in seen]:
            seen.update(paths)
            with ThreadPoolExecutor(N_THREADS) as threads:
                proofs = list(threads.map(self._proof, paths))
            for path, proof in zip(paths, proofs, strict=True):
                if isinstance(proof, Shard):
                    self._renew(path, proof)
                elif proof.stamp == _stamp(path) is not None:
                    damaged.append(path)
                    self._set_aside(path, proof.reason, proof.stamp)
                else:  # it is gone, or another process made it again meanwhile
                    seen.discard(path)
                    self._forget(path)
                    self.take_in(path)
        return damaged

    def _paths(self, keys: Iterable[str]) -> list[Path]:
        """The shards that some clips lie in, each once."""
        return list(dict.fromkeys(self.locations[key][0] for key in keys if key in self.locations))

    def _proof(self, path: Path) -> "Shard | _Fault":
        """What a shard says of itself now that it is believed, or why it is not."""
        now, stamp = time.time_ns(), _stamp(path)
        try:
            if stamp is not None and stamp in (self.believed.get(path), proven.get(path)):
                shard = open_shard(path)
            else:
                shard = prove(path)
            self._refuse_others(shard)
        except (Damaged, OSError) as error:
            return _Fault(stamp, str(error) or type(error).__name__)
        if stamp is not None:
            self.believed[path] = stamp
            if stamp.settled(now):
                proven[path] = stamp
        return shard

    def _renew(self, path: Path, shard: Shard) -> None:
        """Take a shard as it is now, if another process wrote it again."""
        if shard != self.shards.get(path):
            self.shards[path] = shard
            self._locate()

    def _refuse_others(self, shard: Shard) -> None:
        """Look whether a shard belongs here.

        Raises:
            Damaged: It does not.
        """
        if (shard.store, shard.part) != (self.key, self.part):
            raise Damaged(f"it belongs to the store {'/'.join(filter(None, (shard.store, shard.part)))}")

    def _set_aside(self, path: Path, reason: str, stamp: Stamp | None) -> None:
        """Rename a damaged shard and forget it, unless another process did so."""
        self._forget(path)
        if stamp != _stamp(path):
            return
        aside = path.with_name(f"{path.name}{DAMAGED}")
        try:
            if path.parent != self.folder:
                raise PermissionError("not ours to write to")
            os.replace(path, aside)
        except FileNotFoundError:
            return
        except OSError:
            self._leave_out(path, f"is damaged ({reason})")
            return
        with contextlib.suppress(OSError):
            os.utime(aside)  # from when on it may be swept
        LOG.warning(
            "%s: this shard of the store is damaged (%s); it was set aside as %s, and its clips are embedded again",
            path,
            reason,
            aside.name,
        )

    def _leave_out(self, path: Path, why: str) -> None:
        """Forget a shard that cannot be used and cannot be renamed."""
        self._forget(path)
        self.left_out.add(path)
        LOG.warning("%s: this shard of the store %s; it is not used, and its clips are embedded again", path, why)

    def _forget(self, path: Path) -> None:
        """Its clips are not in the store any more, but for those that lie in another shard as well."""
        self.believed.pop(path, None)
        if self.shards.pop(path, None):
            self._locate()

    def _locate(self) -> None:
        """Find every clip anew."""
        self.locations.clear()
        self.clips.clear()
        for path, shard in self.shards.items():
            self._place(path, shard)

    def _place(self, path: Path, shard: Shard) -> None:
        row = 0
        for clip in shard.clips:
            if self.wanted is None or clip.key in self.wanted:
                self.locations[clip.key] = (path, row)
                self.clips[clip.key] = clip
            row += clip.n_frames or 1


def _stamp(path: Path) -> Stamp | None:
    """What the file system says of a file; None if it is gone."""
    try:
        return Stamp.of(path)
    except OSError:
        return None
