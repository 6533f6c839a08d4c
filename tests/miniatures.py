"""All miniatures: one for each dataset, written down in the families' files."""

from pathlib import Path

from miniature import Miniature
from miniatures_arch import MINIATURES as ARCH
from miniatures_beans import MINIATURES as BEANS
from miniatures_bioacoustic import MINIATURES as BIOACOUSTIC
from miniatures_hear import MINIATURES as HEAR

MINIATURES: dict[str, Miniature] = {**ARCH, **BIOACOUSTIC, **BEANS, **HEAR}


def make_all(root: Path) -> Path:
    """Write every miniature below `root`, each under its dataset's name, as downloads would lie there."""
    for name, each in MINIATURES.items():
        each.make(root / name)
    return root
