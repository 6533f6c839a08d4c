"""Audio files that lie among the clips of a user's own data and became none: the part of the intake that no reader sees."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.globbing import entries, is_file, is_folder, is_hidden, is_loop
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES, OTHER_AUDIO_SUFFIXES

_MAX_ENTRIES = 3_000_000  # of files and folders that are looked at: some minutes on a slow disk


def note(tally: Tally, root: Path, clips: Sequence[Clip], whole: bool, class_folders: bool) -> None:
    """Count the audio files that lie there, and note those that belong to no clip, by reason.

    Args:
        tally: Where it is noted.
        root: The data's folder.
        clips: What was read from it, (n_clips,).
        whole: Whether all of the folder is the data's; else only its folders, at any depth, that hold clips.
        class_folders: Whether a file in the root lacks the class that a folder would give it.
    """
    look = _Look(tally, root, clips)
    tops = {clip.path.partition("/")[0] if "/" in clip.path else "" for clip in clips}
    places = [("", True)] if whole else [(top, top != "") for top in sorted(tops) if top != ".."]
    for place, deep in places:
        look.at(place, deep, class_folders)
    if look.other:
        kinds = ", ".join(f"{suffix} x {n}" for suffix, n in look.other.most_common())
        tally.note("other_formats", look.first_other, sum(look.other.values()), kinds)
    if look.n_left < 0:
        tally.note("not_looked_at", "", _MAX_ENTRIES)
    tally.files_seen = look.n_seen if places else None  # nobody looked


class _Look:
    """What was seen so far."""

    def __init__(self, tally: Tally, root: Path, clips: Sequence[Clip]) -> None:
        self.tally, self.root = tally, root
        self.used = {clip.path.removeprefix("./") for clip in clips}
        self.other: Counter[str] = Counter()
        self.first_other = ""
        self.n_seen = 0
        self.n_left = _MAX_ENTRIES

    def at(self, place: str, deep: bool, class_folders: bool) -> None:
        """Look at the files in one folder, and below it if `deep`."""
        for path, entry, linked in self._entries(place, (), deep):
            suffix = os.path.splitext(path)[1].lower()
            readable = suffix in AUDIO_SUFFIXES
            if not readable and suffix not in OTHER_AUDIO_SUFFIXES:
                continue
            if is_hidden(entry.name):
                self.tally.note("hidden_files", path)
            elif not is_file(entry):
                if path not in self.used:  # a clip's own is missing, which is told elsewhere
                    self.tally.note("broken_links", path)
            else:
                self.n_seen += 1
                self._judge(path, suffix, readable, linked, class_folders)

    def _judge(self, path: str, suffix: str, readable: bool, linked: bool, class_folders: bool) -> None:
        if path in self.used or (linked and os.path.realpath(self.root / path) in self._real):
            return
        if not readable:
            self.first_other = self.first_other or path
            self.other[suffix] += 1
        else:
            self.tally.note("root_files" if class_folders and "/" not in path else "unused_audio", path)

    @cached_property
    def _real(self) -> frozenset[str]:
        return frozenset(os.path.realpath(self.root / path) for path in self.used)

    def _entries(
        self, place: str, holders: tuple[str, ...], deep: bool
    ) -> "Iterator[tuple[str, os.DirEntry[str], bool]]":
        """Files and links to nothing, with their paths below the root and whether a linked folder led to them."""
        folder = os.path.join(self.root, place)
        for entry in entries(folder, place, Tally()):  # the reader noted what cannot be read
            self.n_left -= 1
            if self.n_left < 0:
                return
            path = f"{place}/{entry.name}" if place else entry.name
            if not is_folder(entry):
                yield path, entry, bool(holders)
            elif deep and not is_hidden(entry.name):
                inside = (*holders, folder) if entry.is_symlink() else holders
                if inside == holders or not is_loop(entry.path, inside):
                    yield from self._entries(path, inside, deep)
