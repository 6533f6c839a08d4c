"""Whether a recording that lies where a result says is the one that was evaluated, so that its clips can be heard."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from evaluator.audio import lengths
from evaluator.audio.clip import named
from evaluator.errors import EvaluationError


def another(folder: Path, name: str, seconds: float) -> str:
    """Why a recording cannot be that of the clip, by its length: a sentence without its full stop, "" if it can be.

    Args:
        folder: In which it lies.
        name: Of the clip.
        seconds: The clip's length as it was evaluated; NaN where nobody knows.
    """
    try:
        clip = named(name)
        if clip.start is not None or clip.end is not None or seconds != seconds:
            return ""  # a stretch says itself where it ends
        path = inside(folder, clip.path)
        found = lengths.measure(path)
    except (EvaluationError, OSError, ValueError):
        return ""  # said where it is read
    now = found.frames / found.sample_rate
    if abs(now - seconds) <= 1e-3 + 1e-4 * seconds:
        return ""
    return (
        f"{path} is another recording: it has {now:.3f} s, and the one that was evaluated {seconds:.3f} s; "
        "--data names the folder of the right one"
    )


def inside(folder: Path, path: str) -> Path:
    """The file of a path below a folder; names in results are not trusted.

    Raises:
        EvaluationError: The path leads out of the folder, upwards, by a link or by itself.
    """
    posix, windows = PurePosixPath(path), PureWindowsPath(path)
    outside = ".." in posix.parts or ".." in windows.parts or windows.drive or "\0" in path
    if outside or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise EvaluationError(f"{path!r} leads out of the data folder {folder}, and is not read; --data names another")
    return folder / path
