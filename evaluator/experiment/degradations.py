"""Which degradations a user asks for: levels of each kind, made noise or a folder of recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.audio import decode
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.audio.degradation import KINDS, PINK, WHITE, Degradation, NoiseFile, NoiseSource
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES
from evaluator.errors import UsageError
from evaluator.experiment.setup import Setup

# Levels where the user names none, from hardly audible to severe; each in the unit of its kind.
USUAL: Mapping[str, tuple[float, ...]] = {
    "noise": (30.0, 20.0, 10.0, 0.0),  # dB
    "gain": (-40.0, -20.0, 20.0),  # dB
    "low_pass": (8000.0, 4000.0, 2000.0, 1000.0),  # Hz: fewer than most modules' 8 kHz
    "length": (2.0, 1.0, 0.5, 0.25),  # s
    "sample_rate": (16_000.0, 8000.0, 4000.0, 2000.0),  # Hz
}


@dataclass(frozen=True)
class Wanted:
    """What a user asks for.

    levels: Of each kind that is asked for, in its unit (dB, Hz or seconds); a kind without any has the usual ones, no kind at all stands
        for all.
    noise: `white`, `pink`, or folders of recordings.
    seed: Of what is drawn.
    """

    levels: Mapping[str, Sequence[float]]
    noise: Sequence[str | Path] = (WHITE, PINK)
    seed: int = 0


def degradations(wanted: Wanted, setup: Setup, sources: Sequence[NoiseSource]) -> list[Degradation]:
    """Every degradation that is asked for of a task of (n_clips,) clips, kind by kind.

    Where the user names no kind, tasks of events are spared stretches of clips, which would move their labels.

    Args:
        wanted: What is asked for.
        setup: The task.
        sources: Of noise, as `noise_sources` gives them.

    Raises:
        UsageError: A level is none.
    """
    named = wanted.levels or {kind: () for kind in KINDS if kind != "length" or setup.task.labels != "events"}
    made = []
    for kind in (each for each in KINDS if each in named):
        for source in sources if kind == "noise" else [None]:
            for level in named[kind] or USUAL[kind]:
                try:
                    made.append(Degradation(kind, float(level), source, wanted.seed))
                except ValueError as error:
                    raise UsageError(str(error)) from error
    return made


def noise_sources(wanted: Wanted, cache: Path) -> list[NoiseSource]:
    """Where noise comes from, (n_sources,); recordings are hashed, and their lengths measured in seconds.

    Args:
        wanted: What is asked for.
        cache: Folder in which facts about files are remembered.

    Raises:
        UsageError: There is no such folder, it holds no recording, or one cannot be read.
    """
    if wanted.levels and "noise" not in wanted.levels:
        return []
    if not wanted.noise:
        raise UsageError("--noise: give white, pink, or a folder of recordings")
    made = {WHITE, PINK}
    sources = [NoiseSource(str(each)) if str(each) in made else _recordings(Path(each), cache) for each in wanted.noise]
    names = [each.name for each in sources]
    if len(set(names)) < len(names):
        raise UsageError(f"--noise: two sources are called {max(names, key=names.count)}; rename one folder")
    return sources


def _recordings(folder: Path, cache: Path) -> NoiseSource:
    """The recordings of a folder and the folders in it as noise, in the order of their content."""
    if not folder.is_dir():
        raise UsageError(f"--noise {folder}: there is no such folder; give white, pink, or a folder of recordings")
    paths = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()
    )
    if not paths:
        raise UsageError(f"--noise {folder}: holds no audio file in one of {' '.join(AUDIO_SUFFIXES)}")
    files = []
    for path, facts in decode.file_facts(folder, paths, cache).items():
        if isinstance(facts, AudioError):
            raise UsageError(f"--noise {folder}: {facts}; mend or remove it")
        files.append(NoiseFile(folder.resolve() / path, facts.sha256, _seconds(facts)))
    distinct = {each.sha256: each for each in sorted(files, key=lambda each: each.sha256)}
    return NoiseSource(folder.resolve().name, tuple(distinct.values()))


def _seconds(facts: FileFacts) -> float:
    return facts.frames / facts.sample_rate
