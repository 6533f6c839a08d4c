"""Individuals, sites or recordings that the paths of clips seem to name, where the data does not say which clips belong together.

A path is read from the left: its folders, then the parts of its file name between `_`, `-`, spaces and dots. What is the same for all
clips, follows from the class, is one digit or counts clips is passed over; the first part that is left has to look like names that come
back, or else nothing is guessed. So `1_anna_03.wav` names anna, and `clip_001.wav`, `1001_IEO_SAD.wav` or `20240501_0600.wav` name nobody.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.lookalikes import likeness
from evaluator.datasets.single_split import SPLIT_WORDS
from evaluator.datasets.splits import Fold, divided

_MIN_GROUPS = 3  # below, nothing could be trained, chosen and tested apart
_MIN_CLIPS = 2  # of a group, on average: else it is no more than a name of the clip
_ID_DIGITS, _ID_SPREAD = (
    4,
    10,
)  # of numbers that are names: so long, and that many times as far apart as numbers that count
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])|([01]\d|2[0-3])[0-5]\d([0-5]\d)?")  # or a time of day
# A number after such a word counts clips, copies or parts of the data, and names no source of sounds.
_COUNTS = re.compile(
    r"(audio|aug|batch|ch|channel|chunk|clip|crop|file|fold|item|part|rep|sample|seg|segment|set|slice|snd|sound|split|take|track|"
    r"trial|v|version|win|window)?\d+",
    re.IGNORECASE,
)
_OF_SPLIT = re.compile(
    rf"{'|'.join(word for words in SPLIT_WORDS.values() for word in words)}|.*(train|valid|test).*", re.IGNORECASE
)
LABEL_FOLDER = "(?P<label>[^/]+)/"  # at the beginning of a path: a folder called like its clips' class
_ANY_FOLDER = "(?:.*/)?"
_BETWEEN = "[_. -]+"
_PART = "[^/_. -]+"
_SHOWN = 3
NAMES, PASSED, UNCLEAR = "names", "passed over", "unclear"


@dataclass(frozen=True)
class NameGroups:
    """What paths seem to name.

    Attributes:
        pattern: Regular expression of a whole path, with a group called `group`, and one called `label` where the first folder is the class.
        clips: With these groups, (n_clips,).
    """

    pattern: str
    clips: tuple[Clip, ...]

    @property
    def names(self) -> list[str]:
        """Of the groups, sorted, (n_groups,)."""
        return sorted({clip.group for clip in self.clips})

    @property
    def sentence(self) -> str:
        """What was seen, without its full stop."""
        n, names = len(self.names), ", ".join(self.names[:_SHOWN])
        one = self.clips[0]
        return (
            f"file names seem to name {n} individuals, sites or recordings ({names}{', ...' if n > _SHOWN else ''}), such as "
            f"{one.group} in {one.path}"
        )


def find(clips: Sequence[Clip], in_class_folders: bool = False) -> NameGroups | None:
    """What the paths of clips, (n_clips,), seem to name, or else the recordings that several clips are cut from; None for neither.

    Args:
        clips: Of one task, none of which has a group.
        in_class_folders: Whether the first folder of each path is called like the clip's class, and is no part of a name.
    """
    start = LABEL_FOLDER if in_class_folders else ""
    paths = [clip.path.split("/", 1)[-1] if in_class_folders else clip.path for clip in clips]
    for pattern in _patterns(paths):
        values = _matched(pattern, paths)
        kind = _kind(values, clips, in_name=pattern.startswith(_ANY_FOLDER)) if values else PASSED
        if kind == NAMES:
            return _named(start + pattern, values, clips)
        if kind == UNCLEAR:
            break
    recordings = {clip.path for clip in clips}
    if not in_class_folders and _MIN_GROUPS <= len(recordings) <= len(clips) / _MIN_CLIPS:
        return _named("(?P<group>.+)", paths, clips)
    return None


def divided_by(
    folds: Sequence[Fold], clips: Sequence[Clip], in_class_folders: bool = False
) -> tuple[NameGroups, list[str]] | None:
    """What the paths of clips without groups seem to name, and which of these names, (n_divided,), folds divide; None if none.

    Args:
        folds: (n_folds,).
        clips, in_class_folders: As those of `find`.
    """
    if any(clip.group for clip in clips):
        return None
    found = find(clips, in_class_folders)
    both = divided(folds, found.clips) if found is not None else []
    return (found, both) if found is not None and both else None


def _named(pattern: str, values: Sequence[str], clips: Sequence[Clip]) -> NameGroups:
    return NameGroups(pattern, tuple(replace(clip, group=value) for clip, value in zip(clips, values, strict=True)))


def _matched(pattern: str, paths: Sequence[str]) -> list[str]:
    """The groups of the paths, (n_paths,); none where one does not fit."""
    matches = [re.fullmatch(pattern, path) for path in paths]
    return [match["group"] for match in matches if match is not None] if all(matches) else []


def _patterns(paths: Sequence[str]) -> Iterator[str]:
    """A regular expression for each part that all paths have, from the left; after a part the part without its last number."""
    depths = {path.count("/") for path in paths}
    for folder in range(min(depths)) if len(depths) == 1 else ():
        yield "[^/]+/" * folder + "(?P<group>[^/]+)/.+"
    n_parts = min(len(re.split(_BETWEEN, path.rpartition("/")[2])) - 1 for path in paths)  # the last is the suffix
    for part in range(n_parts):
        start = _ANY_FOLDER + f"{_PART}{_BETWEEN}" * part
        yield f"{start}(?P<group>{_PART}){_BETWEEN}[^/]*"
        yield f"{start}(?P<group>[^/_. -]*[^/_. 0-9-])[0-9]+{_BETWEEN}[^/]*"


def _kind(values: Sequence[str], clips: Sequence[Clip], in_name: bool) -> str:
    """What the same part of each path is, of its file's name or of its folders: names, passed over or unclear; both are (n_clips,)."""
    distinct = set(values)
    of_label = {(value, clip.labels) for value, clip in zip(values, clips, strict=True)}
    in_folder = {(value, clip.path.rpartition("/")[0]) for value, clip in zip(values, clips, strict=True)}
    counts_clips = len(of_label) == len({(clip.path, clip.labels) for clip in clips}) or (
        in_name and len(in_folder) == len({clip.path for clip in clips})
    )
    one_a_class = len(of_label) == len({clip.labels for clip in clips})
    same_word = all(
        likeness(value) == likeness("".join(clip.labels)) for value, clip in zip(values, clips, strict=True)
    )
    if len(distinct) == 1 or one_a_class or same_word or all(map(_OF_SPLIT.fullmatch, distinct)):
        return PASSED
    if all(len(value) == 1 and value.isdecimal() for value in distinct) or counts_clips:
        return PASSED
    if not _MIN_GROUPS <= len(distinct) <= len(clips) / _MIN_CLIPS:
        return UNCLEAR
    counting = sum(_COUNTS.fullmatch(value) is not None for value in distinct)
    return NAMES if 2 * counting < len(distinct) or _are_ids(distinct) else UNCLEAR


def _are_ids(values: set[str]) -> bool:
    """Whether numbers are names, as of recordings of a collection: long, far apart, and no dates or times."""
    if not all(value.isdecimal() and len(value) >= _ID_DIGITS for value in values):
        return False
    if all(_DATE.fullmatch(value) for value in values):
        return False
    numbers = np.array([float(value) for value in values])
    return bool(np.ptp(numbers) >= _ID_SPREAD * len(numbers))
