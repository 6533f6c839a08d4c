"""All miniatures: one for each dataset, written down in the families' files, which are found by listing the folder."""

import importlib
from pathlib import Path

from miniature import Miniature

FAMILIES: dict[str, dict[str, Miniature]] = {
    path.stem: importlib.import_module(path.stem).MINIATURES
    for path in sorted(Path(__file__).parent.glob("miniatures_*.py"))
}
MINIATURES: dict[str, Miniature] = {name: each for family in FAMILIES.values() for name, each in family.items()}


def make_all(root: Path) -> Path:
    """Write every miniature below `root`, each under its dataset's name, as downloads would lie there."""
    for name, each in MINIATURES.items():
        each.make(root / name)
    return root
