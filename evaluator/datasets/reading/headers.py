"""What people call the columns of their tables: the names that mean a field of a clip, and those that nearly do.

`ALIASES` are taken for the field, and that is told. `HINTS` could mean several things (a group of what? an offset from
where?), so that they are only named: the user renames the column, or leaves it unused.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence

FIELDS = ("path", "label", "start", "end", "fold", "split", "group")
# In lower case, with spaces for underscores; the first that a table has counts.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "path": (
        *(
            "path",
            "filename",
            "file name",
            "file",
            "filepath",
            "file path",
            "audio path",
            "audio file",
            "audio filename",
        ),
        *("wav", "wav file", "begin path", "begin file", "in file", "recording path"),
    ),
    "label": (
        *("label", "labels", "species", "class", "class name", "category", "annotation", "call type", "common name"),
        *("scientific name", "species code", "sound class"),
    ),
    "start": ("start", "begin time (s)", "start (s)", "start time (s)", "start time", "begin time", "start s"),
    "end": ("end", "end time (s)", "end (s)", "end time", "stop time", "end s"),
    "fold": ("fold",),
    "split": ("split", "subset"),
    "group": ("group",),
}
SEVERAL_LABELS = "labels"  # the header that says that a clip may have several
HINTS: Mapping[str, tuple[str, ...]] = {
    "start": ("onset", "begin", "from", "t min", "tmin", "start sec", "start seconds", "start ms", "start sample"),
    "end": (
        *("offset", "stop", "to", "t max", "tmax", "end sec", "end seconds", "end ms", "end sample", "stop sample"),
        *("duration", "length"),
    ),
    "group": (
        *("individual", "individual id", "animal", "animal id", "bird id", "subject", "speaker", "speaker id", "site"),
        *("location", "station", "recorder", "recording", "recording id", "recordist", "session"),
    ),
}
_CUTOFF = 0.75  # of difflib: gruop is 0.8 like group, species and spectrum are 0.53
_NEAR = (
    0.82  # of programs' longer names: Begn Time (s) is 0.96 like Begin Time (s), Begin Time 0.83, Delta Time (s) 0.71
)


def columns_by_field(columns: Sequence[str]) -> dict[str, str]:
    """Field of a clip -> the column that means it, for those that are there.

    Args:
        columns: Of the table, (n_columns,).

    >>> columns_by_field(["Filename", "Species", "quality"])
    {'path': 'Filename', 'label': 'Species'}
    """
    lower = {_plain(column): column for column in reversed(columns)}
    return {
        field: lower[next(name for name in names if name in lower)]
        for field, names in ALIASES.items()
        if any(name in lower for name in names)
    }


def is_hint(column: str, field: str) -> bool:
    """Whether a column could mean a field of a clip, without being sure.

    >>> is_hint("Duration", "end"), is_hint("Duration", "start")
    (True, False)
    """
    return _plain(column) in HINTS.get(field, ())


def is_length(column: str) -> bool:
    """Whether a column says how long something is rather than when it ends."""
    return _plain(column) in ("duration", "length")


def with_hints(unused: Sequence[str], filled: Collection[str]) -> str:
    """The unused columns in words, each that nearly means a field of a clip with that field.

    Args:
        unused: Columns, (n_columns,).
        filled: Fields that come from other columns, so that no hint leads to them.

    >>> with_hints(["quality", "gruop", "onset"], ["path", "label"])
    'quality, gruop (did you mean group?), onset (did you mean start?)'
    """
    free = [field for field in FIELDS if field not in filled]
    return ", ".join(f"{column}{_hint(_plain(column), free)}" for column in unused)


def hint_of(column: str) -> str:
    """The field of a clip of which an annotation program's column may tell, "" for none: an individual or site, a part of a split.

    >>> hint_of("indvidual"), hint_of("Low Freq (Hz)")
    ('group', '')
    """
    plain = _plain(column)
    for field in ("group", "split", "fold"):
        if nearest(plain, (*ALIASES[field], *HINTS.get(field, ()))):
            return field
    return ""


def nearest(name: str, names: Sequence[str]) -> str:
    """The one of the names that is that name, or nearly, case left aside; "" for none."""
    plain = {_plain(each): each for each in reversed(names)}
    return next((plain[each] for each in difflib.get_close_matches(_plain(name), list(plain), 1, _NEAR)), "")


def is_nearly(columns: Sequence[str], needed: Sequence[str]) -> bool:
    """Whether columns are there, or all but one of them and that one nearly: a table of that form with a slip of the pen."""
    lacking = [name for name in needed if name not in columns]
    if len(lacking) != 1:
        return not lacking
    whole = {"path", "label", "start", "end"} <= set(
        columns_by_field(columns)
    )  # a table of its own, with nothing amiss
    return not whole and nearest(lacking[0], [column for column in columns if column not in needed]) != ""


def _plain(column: str) -> str:
    return " ".join(column.lower().replace("_", " ").split())


def _hint(column: str, fields: Sequence[str]) -> str:
    meant = [field for field in fields if column in HINTS.get(field, ()) or column in ALIASES[field]]
    meant = meant or difflib.get_close_matches(column, fields, 1, _CUTOFF)
    return f" (did you mean {meant[0]}?)" if meant else ""
