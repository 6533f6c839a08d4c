"""What is known of the shards in a folder beside their embeddings: small JSON files in `proofs/`, each about some shards.

They are only added, whole or not at all, under names that the shards decide; so several processes may write them, and an
interrupted run that goes on ends with the same ones.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluator.files import write_whole

Remark = tuple[str, str]
"""Kind and sentence of what is to be known of embeddings."""


@dataclass(frozen=True)
class Proof:
    """What is known of the embeddings in some shards, of (n_clips,) clips each.

    Attributes:
        shards: File names of the shards.
        looked: Whether some of their clips were embedded again.
        change: The largest difference from what is stored, in standard deviations between clips.
        seen: What that means, a sentence; "" where nothing is wrong.
        remarks: What else is to be known of them.
    """

    shards: tuple[str, ...]
    looked: bool = True
    change: float = 0.0
    seen: str = ""
    remarks: tuple[Remark, ...] = ()


def read(folder: Path) -> list[Proof]:
    """What is known of the shards in a folder, of (n_clips,) clips each; a damaged file proves nothing."""
    proofs = []
    for path in sorted((folder / "proofs").glob("*.json")):
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            remarks = tuple((str(kind), str(text)) for kind, text in plain["remarks"])
            shards = tuple(map(str, plain["shards"]))
            proofs.append(Proof(shards, plain["looked"] is True, float(plain["change"]), str(plain["seen"]), remarks))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return proofs


def keep(proof: Proof, folder: Path) -> None:
    """Write a proof beside the shards, of (n_clips,) clips each, that it is about."""
    about = "\n".join([*proof.shards, "looked" if proof.looked else "remarks"])
    (folder / "proofs").mkdir(exist_ok=True)
    path = folder / "proofs" / f"{hashlib.sha256(about.encode()).hexdigest()[:24]}.json"
    write_whole(path, (json.dumps(asdict(proof), indent=1, allow_nan=False) + "\n").encode())


def note_down(shard: Path, remarks: Sequence[Remark]) -> None:
    """Keep, with a shard of (n_clips,) clips, what is known while it is made: a run may end before it looks again."""
    if remarks:
        keep(Proof((shard.name,), looked=False, remarks=tuple(remarks)), shard.parent)
