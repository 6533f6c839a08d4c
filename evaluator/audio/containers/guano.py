"""GUANO, what bat recorders write into a chunk `guan` of a WAV file: how many times slower than life the file plays.

Its text has lines `Field: value`; the field `TE` is the factor of the time expansion, 1 where it is absent.
Source: https://guano-md.org, specification 1.0.
"""

import re

from evaluator.audio.clip_rule import MOST_EXPANDED
from evaluator.audio.containers.source import Source

CHUNK = b"guan"
MOST_BYTES = 1 << 16  # of the text that are looked at
_FIELD = re.compile(r"^[ \t]*TE[ \t]*:(.*)$", re.MULTILINE)


def time_expansion(source: Source, position: int, n_bytes: int) -> tuple[float, str]:
    """The factor of a chunk of so many bytes, and a remark if it says one that cannot be, "" otherwise."""
    text = source.at(position, min(n_bytes, MOST_BYTES)).decode("utf-8", "replace")
    field = _FIELD.search(text)
    if field is None or not field[1].strip():
        return 1.0, ""
    value = field[1].strip(" \t\r\0")
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if 1 <= factor <= MOST_EXPANDED:
        return factor, ""
    return 1.0, f"its GUANO field TE says {value[:20]!r}, which is no factor of time expansion; it is taken as 1"
