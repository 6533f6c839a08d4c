"""What a user wants embedded, as clips of recordings: files, folders, tables, annotations beside recordings, tasks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.datasets.intake import Intake, Tally
from evaluator.datasets.reading import annotation_formats
from evaluator.datasets.reading.annotations import tables_in
from evaluator.datasets.reading.globbing import visible
from evaluator.datasets.reading.own_table import of_table
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES, OTHER_AUDIO_SUFFIXES
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.experiment import catalogue, own_tasks
from evaluator.experiment.setup import list_clips
from evaluator.probes import protocol

YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """Clips of recordings under one folder.

    Attributes:
        name: What it is called: the place as it was given.
        root: Folder that the clips' paths are relative to.
        clips: (n_clips,), in order.
        rule: What of each is heard.
        shown: What a recording is called in the output where that is not its path below `root`.
        notes: What became of what lay there, sentences.
    """

    name: str
    root: Path
    clips: tuple[Clip, ...]
    rule: ClipRule
    shown: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hearing:
    """How clips are heard, where the user says so; None for as a task says.

    channel: As that of a `ClipRule`.
    expand: How many times slower than life: at 10, a call at 50 kHz is heard at 5 kHz.
    """

    channel: str | None = None
    expand: float | None = None

    @property
    def rule(self) -> ClipRule:
        """The rule for whole clips."""
        return ClipRule(channel=self.channel or "mix", expand=self.expand)


def sources_of(
    places: Sequence[str | Path | Task], hearing: Hearing, data: Path | None, cache: Path, whole: bool = False
) -> list[Source]:
    """What several places hold, (n_sources,), in their order; neighbouring files and folders of audio are one.

    Args:
        places: Each a file or folder of audio, a table (path, and start, end, label, group if there), a table of an annotation
            program or a folder with such tables, or a task by name, YAML file or object. A `Path` is never a task's name.
        hearing: Which channel is heard, and how slowly.
        data: Where datasets of built-in tasks lie.
        cache: Folder for made data.
        whole: Whether clips of tasks are used whole, as for windows, rather than up to the task's length.

    Raises:
        UsageError: A place is not there or cannot be read.
    """
    kinds = [(_is_audio(place), place) for place in places]
    made: list[Source] = []
    for audio, group in groupby(kinds, key=lambda each: each[0]):
        named = [place for _, place in group]
        if audio:
            made.append(_of_audio([Path(str(place)).expanduser() for place in named], hearing))
        else:
            made += [source for place in named for source in _of_other(place, hearing, data, cache, whole)]
    if not any(source.clips for source in made):
        raise UsageError(f"{', '.join(map(str, places)) or 'nothing'}: give one audio file or folder at least")
    return made


def _is_audio(place: str | Path | Task) -> bool:
    """Whether a place is a recording or a folder of recordings, there or not."""
    if isinstance(place, Task):
        return False
    path = Path(place).expanduser()
    if path.is_dir():
        return not (path / own_tasks.METADATA).is_file() and not tables_in(path)
    suffix = path.suffix.lower()
    if suffix in (*YAML, *own_tasks.TABLES):
        return False
    return path.is_file() or isinstance(place, Path) or suffix in (*AUDIO_SUFFIXES, *OTHER_AUDIO_SUFFIXES)


def _of_audio(paths: Sequence[Path], hearing: Hearing) -> Source:
    """Whole recordings; the label of one in a sub-folder of a folder that was given is the sub-folder's name."""
    labels: dict[Path, str] = {}
    tally = Tally()
    for path in paths:
        if not path.is_dir():
            labels.setdefault(path, "")  # one that is not there is told among the failed
            continue
        inside = visible(path, "**/*", tally)
        audio = [name for name in sorted(inside) if Path(name).suffix.lower() in AUDIO_SUFFIXES]
        others = [name for name in inside if Path(name).suffix.lower() in OTHER_AUDIO_SUFFIXES]
        kinds = Counter(Path(name).suffix.lower() for name in others)
        tally.note("other_formats", "".join(others[:1]), len(others), ", ".join(sorted(kinds)))
        if not audio:
            raise UsageError(f"{path}: holds no audio file in one of {' '.join(AUDIO_SUFFIXES)}")
        for name in audio:
            labels.setdefault(path / name, name.partition("/")[0] if "/" in name else "")
    root = _common_folder(list(labels))
    below = {path: path.absolute().relative_to(root).as_posix() for path in labels}
    clips = tuple(Clip(below[path], (label,) if label else ()) for path, label in labels.items())
    shown = {below[path]: path.as_posix() for path in labels}
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return Source(name, root, clips, hearing.rule, shown, _notes(tally.intake(len(clips))))


def _common_folder(paths: Sequence[Path]) -> Path:
    """The folder that all lie in."""
    folders = [path.absolute().parent for path in paths]
    common = folders[0]
    while not all(folder.is_relative_to(common) for folder in folders):
        common = common.parent
    return common


def _of_other(place: str | Path | Task, hearing: Hearing, data: Path | None, cache: Path, whole: bool) -> list[Source]:
    """The clips of a table, of annotations or of a task; of a suite those of each of its tasks."""
    if not isinstance(place, Task):
        path = Path(place).expanduser()
        if path.is_dir() and not (path / own_tasks.METADATA).is_file():
            return [_of_annotations(path, hearing)]
        if path.is_file() and path.suffix.lower() not in YAML:
            return [_of_table(path, hearing)]
    tasks = [place] if isinstance(place, Task) else _found(place)
    return [_of_task(task, hearing, data, cache, whole) for task in tasks]


def _found(place: str | Path) -> list[Task]:
    """The tasks of a name, a YAML file or a HEAR task's folder; what is neither is told as no file either."""
    path = Path(place).expanduser()
    if path.exists() or path.suffix.lower() in (*YAML, *own_tasks.TABLES):
        return catalogue.find(str(path.absolute()))
    try:
        return catalogue.find(str(place))
    except UsageError as error:
        raise UsageError(f"{error}; nor is there a file or folder {place}") from error


def _of_annotations(folder: Path, hearing: Hearing) -> Source:
    """The stretches that tables of one annotation program mark in recordings of a folder."""
    tables = tables_in(folder)
    if len(tables) > 1:
        raise UsageError(
            f"{folder}: holds tables of several programs: {', '.join(f'{form} ({names[0]})' for form, names in tables.items())}; "
            "give the tables of one of them, or the recordings themselves"
        )
    ((format, names),) = tables.items()
    source = _read(own_tasks.annotations_reader(format, names), str(folder), folder, hearing)
    told = (
        f"{folder}: holds {len(names)} table{'s' * (len(names) != 1)} of {format}, {names[0]} for one, so that the "
        f"{len(source.clips)} marked stretches are embedded; for whole recordings give these themselves"
    )
    return replace(source, notes=(told, *source.notes))


def _of_table(path: Path, hearing: Hearing) -> Source:
    """The rows of a user's table, or the stretches that a table of an annotation program marks."""
    format = annotation_formats.recognise(path)
    if format:
        return _read(own_tasks.annotations_reader(format, (path.name,)), str(path), path.parent, hearing)
    return _read(of_table(path, needed=("path",)), str(path), path.parent, hearing)


def _read(reader: own_tasks.Reader, name: str, root: Path, hearing: Hearing) -> Source:
    tally = Tally()
    clips = reader.read_clips(root, tally)
    return Source(name, root, tuple(clips), hearing.rule, notes=_notes(tally.intake(len(clips))))


def _of_task(task: Task, hearing: Hearing, data: Path | None, cache: Path, whole: bool) -> Source:
    """The clips of a task, heard as a run under its own protocol hears them."""
    listed = list_clips(task.heard(hearing.channel, hearing.expand), protocol.load(task.protocol), data, cache)
    recordings = listed.recordings
    rule = ClipRule(channel=recordings.rule.channel, expand=recordings.rule.expand) if whole else recordings.rule
    return Source(task.name, recordings.manifest.root, recordings.clips, rule, notes=_notes(recordings.manifest.intake))


def _notes(intake: Intake) -> tuple[str, ...]:
    """What of files and rows did not become clips as they are."""
    return tuple(each.text for each in intake.unexpected())
