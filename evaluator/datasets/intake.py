"""What became of everything that lay there: files seen, rows read, clips made, and a reason for every difference.

Readers note into a `Tally` while they read; `Tally.intake` makes of it the record that a manifest carries and that `run`
and `check` show, a line a kind. Counts are whole numbers of files, rows, columns, labels or clips, as the kind says.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A reason why something that lay there became no clip, or not as it was written.

    what: The fact, for `str.format`: `{n}` and `{detail}`, and `{s}`, `{are}`, `{have}`, `{were}`, `{belong}`, `{lead}`, `{their}`.
    advice: The way out, "" where nothing has to be done.
    by_design: Whether a built-in dataset does so on purpose, so that a run of it need not say so.
    names_first: Whether the first of them is named after the fact.
    """

    what: str
    advice: str = ""
    by_design: bool = False
    names_first: bool = True


# In the order in which they are told.
KINDS: Mapping[str, Kind] = {
    "impossible_events": Kind(
        "{n} row{s} of events cannot be: the end is not after the start, or a time is not inside the recording",
        "mend or remove them",
    ),
    "missing_files": Kind("{n} row{s} of the table {are} of a file that is not there"),
    "other_formats": Kind(
        "{n} audio file{s} {have} a format that cannot be read ({detail})", "convert them to WAV or FLAC"
    ),
    "unreadable_folders": Kind("{n} folder{s} cannot be looked into", "change the permissions"),
    "broken_links": Kind("{n} link{s} to audio {lead} nowhere", "get the files that they stand for"),
    "link_loops": Kind("{n} linked folder{s} {lead} back to where the link is, and {were} not followed"),
    "linked_twice": Kind("{n} file{s} {are} reached by a linked folder too, and {were} read once"),
    "empty_folders": Kind("{n} folder{s} that {are} empty {were} passed over, and {are} no class"),
    "root_files": Kind("{n} audio file{s} beside the class folders {belong} to no class"),
    "unused_audio": Kind("{n} audio file{s} {belong} to no clip"),
    "not_looked_at": Kind(
        "only {n} files and folders were looked at, so that audio among the others may belong to no clip and is not told",
        names_first=False,
    ),
    "hidden_files": Kind("{n} hidden audio file{s} {were} passed over"),
    "suffix_case": Kind("{n} file{s} whose suffix is in another case than {detail} {were} read too"),
    "columns_read_as": Kind("columns of the table are taken by their names: {detail}", names_first=False),
    "unused_columns": Kind("{n} column{s} of the table {are} not used: {detail}", by_design=True, names_first=False),
    "encoding": Kind("{n} table{s} {are} not UTF-8 and {were} read as {detail}"),
    "absolute_paths": Kind("{n} absolute path{s} {were} read relative to the folder of the data"),
    "path_backslash": Kind("{n} path{s} with backslashes {were} read with forward slashes"),
    "path_unicode": Kind("{n} path{s} {are} written in another Unicode form on the disk ({detail})"),
    "path_case": Kind("{n} path{s} {are} written in other capital letters on the disk ({detail})"),
    "path_moved": Kind("{n} path{s} of another place or computer {were} found under the folder of the data ({detail})"),
    "left_out": Kind("{n} row{s} {were} left out by where, drop or leave_out", by_design=True),
    "not_on_disk": Kind("{n} row{s} {were} left out because {their} file is not there (on_disk)"),
    "unlabelled_rows": Kind("{n} row{s} without a label {were} left out", by_design=True),
    "unaligned_marks": Kind(
        "{n} annotation{s} {have} no time, since a time slot has no value, and {were} left out", "align them in ELAN"
    ),
    "second_views": Kind("{n} row{s} show{z} a selection once more in another view, and {were} read once"),
    "other_channels": Kind("{n} row{s} mark{z} the same in one more channel, and {were} read once"),
    "several_channels": Kind(
        "{n} selection{s} {are} of another channel than the first ({detail}), but a task hears one channel or the mix",
        "if they hold different sounds, keep those of one channel (where and channel in a YAML file)",
    ),
    "doubled_rows": Kind("{n} row{s} mark a stretch that is marked with the same label already, and {were} read once"),
    "machine_labels": Kind(
        "{n} label{s} {are} what {detail} recognised, not what a person heard, so that a score says how well it is imitated",
        names_first=False,
    ),
    "one_recording": Kind(
        "all {n} clips are from one recording, so that a score says nothing of other places or days", names_first=False
    ),
    "several_labels": Kind(
        "{n} of {detail} clips have several labels, so that the task is multi-label, scored by mAP where the protocol has no scores of its own"
    ),
    "no_several_labels": Kind(
        "none of {n} clips has several labels, though the task is multi-label, scored by mAP where the protocol has no scores of its own",
        "several in one cell are joined by ';'",
        names_first=False,
    ),
    "unlabelled_clips": Kind("{n} of {detail} clips have no label, and count as without every class"),
    "eventless_recordings": Kind(
        "{n} of {detail} recordings have no event in any table, and all of their windows count as without every class",
        by_design=True,
    ),
    "alike_labels": Kind(
        "{n} labels are classes of their own though they look alike: {detail}",
        "write them alike if they are one",
        names_first=False,
    ),
    "empty_like_labels": Kind(
        "{n} class{es} {are} called like an empty cell: {detail}", "leave those rows out if so", names_first=False
    ),
    "joined_labels": Kind(
        "{n} class{es} {are} made of the names of others: {detail}",
        "join the labels of a clip with ';' if it has several",
        names_first=False,
    ),
    "empty_like_groups": Kind(
        "{n} group{s} {are} called like an empty cell: {detail}",
        "what is in such a group counts as one individual or place; name them apart if they are several",
        names_first=False,
    ),
    "two_formats": Kind(
        "{n} recording{s} {are} there in several formats, each a clip of its own: {detail}",
        "remove one of them, or the same sound may train and test",
        names_first=False,
    ),
    "alike_folds": Kind(
        "{n} folds are kept apart though they look alike: {detail}",
        "write them alike if they are one",
        names_first=False,
    ),
    "alike_groups": Kind(
        "{n} groups are kept apart though they look alike: {detail}",
        "write them alike if they are one",
        names_first=False,
    ),
}


@dataclass(frozen=True)
class Discrepancy:
    """One reason, with how often it was met.

    kind: One of `KINDS`.
    count: Of files, rows, columns, labels or clips.
    first: The first of them.
    text: All of it as a sentence without its full stop.
    """

    kind: str
    count: int
    first: str
    text: str


@dataclass(frozen=True)
class Intake:
    """What lay there and what it became: whole numbers of files, rows and clips.

    files_seen: Audio files that were seen, of any format, hidden ones apart; None where nobody looked beyond the clips'.
    rows_read: Rows of tables, or files that stand for themselves.
    clips_made: Clips of the task.
    differences: Why these differ, and what was read otherwise than it is written, (n_differences,), in the order of `KINDS`.
    """

    files_seen: int | None = None
    rows_read: int = 0
    clips_made: int = 0
    differences: tuple[Discrepancy, ...] = ()

    @property
    def summary(self) -> str:
        """The three numbers in words."""
        seen = "" if self.files_seen is None else f"; {_counted(self.files_seen, 'audio file')} seen"
        return (
            f"{_counted(self.clips_made, 'clip')} from {_counted(self.rows_read, 'row')} or files that were read{seen}"
        )

    def unexpected(self) -> tuple[Discrepancy, ...]:
        """The differences that are not by a built-in dataset's own design."""
        return tuple(each for each in self.differences if not KINDS[each.kind].by_design)


NOTHING = Intake()


class Tally:
    """Counts of what readers meet while they read."""

    def __init__(self) -> None:
        self.rows = 0
        self.files_seen: int | None = None
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}
        self._details: dict[str, str] = {}
        self._listed: dict[str, list[str]] = {}

    def note(self, kind: str, first: str, n: int = 1, detail: str = "") -> None:
        """Count `n` more of a kind; the first ones' name and detail are kept."""
        if n:
            self._counts[kind] = self._counts.get(kind, 0) + n
            self._first.setdefault(kind, first)
            self._details.setdefault(kind, detail)

    def list(self, kind: str, item: str) -> None:
        """Count a thing of a kind once, however often it is met; the detail names all of them."""
        details = self._listed.setdefault(kind, [])
        if item not in details:
            details.append(item)
            self.note(kind, item)
            self._details[kind] = ", ".join(details)

    def n(self, kind: str) -> int:
        """How many of a kind there were."""
        return self._counts.get(kind, 0)

    def intake(self, n_clips: int) -> Intake:
        """The record of what was noted.

        Args:
            n_clips: Clips that were made.
        """
        return Intake(
            self.files_seen, self.rows, n_clips, tuple(self._difference(kind) for kind in KINDS if self.n(kind))
        )

    def _difference(self, kind: str) -> Discrepancy:
        n, first, how = self._counts[kind], self._first[kind], KINDS[kind]
        text = how.what.format(n=n, detail=self._details[kind], **_forms(n))
        if how.names_first and first:
            text += f", {first} for one" if n > 1 else f": {first}"
        return Discrepancy(kind, n, first, text + (f"; {how.advice}" if how.advice else ""))


def _counted(n: int, thing: str) -> str:
    return f"{n} {thing}{'' if n == 1 else 's'}"


def _forms(n: int) -> dict[str, str]:
    """Words that follow the number."""
    one = {"s": "", "es": "", "z": "s", "are": "is", "have": "has", "were": "was", "belong": "belongs", "lead": "leads"}
    many = {"s": "s", "es": "es", "z": "", "are": "are", "have": "have", "were": "were", "belong": "belong"}
    return {**one, "their": "its"} if n == 1 else {**many, "lead": "lead", "their": "their"}
