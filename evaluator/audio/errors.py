"""What is raised when a clip cannot be had from its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluator.errors import EvaluationError


class AudioError(EvaluationError):
    """A clip cannot be had from its file; the sentence names the file and says why."""


@contextmanager
def named(path: Path, doing: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes an AudioError that names the file, so that one bad file never ends a run."""
    try:
        yield
    except AudioError:
        raise
    except MemoryError as error:
        raise AudioError(f"{path}: {doing} takes more memory than there is") from error
    except Exception as error:  # a decoder that is given damaged bytes may raise anything
        raise AudioError(f"{path}: {doing} fails ({reason(error)})") from error


def reason(error: Exception) -> str:
    """What a decoder says of an error, without its own prefixes; the kind of error where it says nothing."""
    return str(getattr(error, "error_string", "") or error or type(error).__name__).strip(" .")
