"""GUANO, what bat recorders write into a chunk `guan` of a WAV file: how many times slower than life the file plays.

Its text begins with `GUANO|Version` and has lines `Field: value`; the field `TE` is the factor of the time expansion, 1 where it is
absent. Source: https://guano-md.org, specification 1.0.
"""

import re
import struct
from collections.abc import Iterable

from evaluator.audio.clip_rule import MOST_EXPANDED
from evaluator.audio.containers.source import Source

CHUNK = b"guan"
Place = tuple[int, int]  # first byte of a chunk's text, and how many bytes it has
_SIGNATURE = b"GUANO|"
_TAIL = 1 << 17  # bytes at the end of a file that are searched, whatever its other chunks say
_MOST_BYTES = 1 << 16  # of a text that are looked at
_FIELD = re.compile(r"^[ \t]*TE[ \t]*:(.*)$", re.MULTILINE | re.IGNORECASE)


def at_end(source: Source, start: int, order: str) -> list[Place]:
    """The texts in the last bytes of a file, from a byte on, found by their first words, since sizes before them may be wrong.

    Of each come its first byte and how many bytes it has, (n_texts, 2).
    """
    places, position = [], max(start, source.size - _TAIL)
    while (position := source.find(CHUNK, position)) >= 0:
        if source.at(position + 8, len(_SIGNATURE)) == _SIGNATURE:
            (length,) = struct.unpack(f"{order}I", source.at(position + 4, 4))
            places.append((position + 8, min(length, source.size - position - 8)))
        position += len(CHUNK)
    return places


def time_expansion(source: Source, places: Iterable[Place]) -> tuple[float, str]:
    """The factor that a file's texts say, and a remark if they say what cannot be, "" otherwise.

    At a factor of 10 a call at 50 kHz lies at 5 kHz in the file; 1 where no text says one.
    """
    said = []
    for position, n_bytes in sorted(set(places)):
        text = source.at(position, min(n_bytes, _MOST_BYTES)).decode("utf-8", "replace").replace("\r", "\n")
        said += [value.strip(" \t\0") for value in _FIELD.findall(text)]
    known = {value: _factor(value) for value in said if value}
    wrong = next((value for value, factor in known.items() if factor is None), None)
    if wrong is not None:
        return 1.0, f"its GUANO field TE says {wrong[:20]!r}, which is no factor of time expansion; it is taken as 1"
    factors = sorted({factor for factor in known.values() if factor is not None})
    if len(factors) > 1:
        listed = " and ".join(f"{factor:g}" for factor in factors)
        return 1.0, f"its GUANO metadata says TE {listed}; it is taken as 1"
    return (factors[0] if factors else 1.0), ""


def _factor(value: str) -> float | None:
    try:
        factor = float(value)
    except ValueError:
        return None
    return factor if 1 <= factor <= MOST_EXPANDED else None
