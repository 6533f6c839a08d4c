"""The kind `paths`: everything is in the file names, found by globs and read by a regular expression over the path.

Columns of a row: the pattern's named groups, and `path`, `folder` and `stem` of the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import spellings
from evaluator.datasets.reading.globbing import is_any, visible
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import SourceRow, path_columns
from evaluator.datasets.reading.shape import CLIP_FIELDS, TEMPLATES, columns_of
from evaluator.errors import UsageError
from evaluator.typed import fixed_key, key


@dataclass(frozen=True, kw_only=True)
class PathsReader(RowReader):
    """Clips are files; what is known of them stands in their paths, their start and end (in seconds) too if there are any."""

    label_key: ClassVar[str] = "pattern"

    kind: str = fixed_key("paths", "Clips are files, and what is known of them stands in their paths.")
    files: str | tuple[str, ...] = key("Glob, or several, of the clips' files, such as `*/*.wav`.")
    pattern: str = key("Regular expression that matches a file's whole path; its named groups become columns.")

    @property
    def globs(self) -> tuple[str, ...]:
        """The globs, of which one may be written without a list."""
        return (self.files,) if isinstance(self.files, str) else self.files

    @property
    def implied(self) -> tuple[str, ...]:
        """The path, and the named groups that are called like a field of a clip."""
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error:  # which `problems` names
            return ("path",)
        return ("path", *(name for name in CLIP_FIELDS if name in groups))

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the fields beyond their types: (key, sentence) pairs."""
        try:
            re.compile(self.pattern)
        except re.error as error:
            yield "pattern", f"is no regular expression: {error}"
        for pattern in self.globs:
            try:
                next(Path("nowhere").glob(pattern), None)
            except (ValueError, NotImplementedError) as error:
                yield "files", f"is no glob over relative paths, such as */*.wav: {error}"
        yield from super().problems()

    def unused_groups(self) -> list[str]:
        """Named groups of the pattern that become nothing: in a user's own file, most likely a typing mistake."""
        templates = [getattr(self, name) for name in (*TEMPLATES, "label_file")] + [step.source for step in self.derive]
        used = {column for template in templates for column in columns_of(template)}
        used |= {*CLIP_FIELDS, *self.where, *self.drop, *self.label_columns}
        return [name for name in re.compile(self.pattern).groupindex if name not in used]

    def traces(self, root: Path) -> tuple[str, bool]:
        """Whether a file fits the first glob."""
        return f"files like {spellings.paths_of(self.globs[0])[0]}", is_any(root, self.globs[0])

    def read_rows(self, root: Path, tally: Tally) -> Iterator[SourceRow]:
        """A row for each file, sorted by path; files that fit no pattern are refused at the end."""
        pattern = re.compile(self.pattern)
        paths: set[str] = set()
        for glob in self.globs:
            matching = set(visible(root, glob, tally))
            if not matching and not self._leaves_out(glob):
                raise UsageError(f"{root}: there are no files like {glob}; get them, or say with --data where they lie")
            paths |= matching
        strangers = []
        for path in sorted(paths):
            match = _match(pattern, path)
            if match is None:
                strangers.append(path)
                continue
            groups = {name: value for name, value in match.groupdict().items() if value is not None}
            yield SourceRow(path, {**path_columns(path), **groups})
        if strangers:
            raise UsageError(
                f"{root}: {len(strangers)} files fit the dataset's files: {' '.join(self.globs)}, but not its pattern: "
                f"{self.pattern}; the first: {', '.join(strangers[:3])}. Move what does not belong there"
            )

    def _leaves_out(self, glob: str) -> bool:
        """Whether all files that fit a glob are left out by their path, so that none has to be there."""
        patterns = [pattern for pattern in self.leave_out if not set("?[") & set(pattern)]  # in which a * has no equal
        return all(any(fnmatchcase(each, pattern) for pattern in patterns) for each in spellings.paths_of(glob))


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str] | None:
    """The match of a whole path, its suffix in any case, as the glob took it."""
    stem, dot, suffix = path.rpartition(".")
    return next(
        filter(None, (pattern.fullmatch(stem + dot + each) for each in (suffix, suffix.lower(), suffix.upper()))), None
    )
