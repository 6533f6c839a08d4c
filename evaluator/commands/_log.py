"""How much a command says on standard error (`--quiet`, `--verbose`), and the file that keeps it with times (`--log`).

Commands print what they have to say; the rooms below log it (`logging`), and here it is decided what of that is shown. The file
gets all of both, whatever is shown, and what Python code, other people's modules among it, writes to standard error; only what
compiled code of a module in this process prints stays out of it.
"""

import contextlib
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from evaluator.errors import UsageError

_OURS = ("evaluator", "hear_ssl")


def shown(record: logging.LogRecord) -> str:
    """A record as a line for people: ours under the command's name, a library's as it is."""
    ours = record.name.split(".")[0] in _OURS
    return f"hear-eval: {record.getMessage()}" if ours else record.getMessage()


def _is_new(record: logging.LogRecord) -> bool:
    """Whether nobody else says it: what failed in the API itself is said by the command."""
    return record.name != "evaluator" or record.levelno < logging.WARNING


class _Console(logging.Handler):
    """Says on standard error, as it is at that moment and above a progress bar, what the rooms below log."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(shown(record), file=getattr(sys.stderr, "screen", sys.stderr))

    @property
    def is_quiet(self) -> bool:
        """Whether only errors are shown."""
        return self.level > logging.WARNING


class _File(logging.Handler):
    """A line with its time for each record, at the end of a file."""

    def __init__(self, path: Path):
        super().__init__(logging.DEBUG)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(f"--log {path}: cannot be written ({error.strerror}); give another file") from error

    def emit(self, record: logging.LogRecord) -> None:
        self.write(shown(record))

    def write(self, text: str) -> None:
        """Write lines, each with the time of now; a disk that is full stops no run."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        with contextlib.suppress(OSError):
            self.file.write("".join(f"{now} {line}\n" for line in text.splitlines()))
            self.file.flush()


class _Each(logging.Handler):
    """Hands records on to several handlers."""

    def __init__(self, handlers: Sequence[logging.Handler]):
        super().__init__(logging.WARNING)
        self.handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        for handler in self.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)


class _Copied:
    """Standard error whose whole lines are written to the file too, of a progress bar only its last state."""

    def __init__(self, screen: TextIO, file: _File):
        self.screen, self._file, self._begun = screen, file, ""

    def write(self, text: str) -> int:
        n_written = self.screen.write(text)
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if last := line.rpartition("\r")[2].rstrip():
                self._file.write(last)
        self._begun = self._begun.rpartition("\r")[2]
        return n_written

    def __getattr__(self, name: str) -> Any:  # isatty, fileno, flush, encoding, ...
        return getattr(self.screen, name)


CONSOLE = _Console(logging.WARNING)
_file: _File | None = None


def note(line: str) -> None:
    """Write a line to the log file alone, if there is one."""
    if _file is not None:
        _file.write(f"hear-eval: {line}")


@contextlib.contextmanager
def kept(quiet: bool, verbose: bool, path: Path | None, arguments: Sequence[str]) -> Iterator[None]:
    """Say as much as is asked for, and keep all of it in the file at `path`, from now until the end of the context.

    Args:
        quiet: Show errors only.
        verbose: Show also what is done, step by step.
        path: The file of `--log`, which is appended to; None for none.
        arguments: The command's, for the first line of that file.

    Raises:
        UsageError: The file cannot be written.
    """
    global _file
    CONSOLE.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    handlers: list[logging.Handler] = [CONSOLE]
    if path is not None:
        _file = _File(path)
        handlers.append(_file)
    loggers = [logging.getLogger(name) for name in _OURS]
    levels, of_others = [logger.level for logger in loggers], logging.lastResort
    for handler in handlers:
        handler.addFilter(_is_new)
        for logger in loggers:
            logger.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.lastResort = _Each(handlers)  # what libraries log that do not show it themselves
    try:
        with _copied_stderr(arguments):
            yield
    finally:
        logging.lastResort = of_others
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
            for handler in handlers:
                logger.removeHandler(handler)
        CONSOLE.setLevel(logging.WARNING)
        if _file is not None:
            _file.file.close()
            _file = None


@contextlib.contextmanager
def _copied_stderr(arguments: Sequence[str]) -> Iterator[None]:
    """Have what is written to standard error in the file too, if there is one, with the command and a crash's traceback."""
    if _file is None:
        yield
        return
    from evaluator.api.version import __version__

    note(f"{__version__}, process {os.getpid()} in {Path.cwd()}: hear-eval {shlex.join(arguments)}")
    screen = sys.stderr
    copied: Any = _Copied(screen, _file)
    sys.stderr = copied
    try:
        yield
    except Exception:
        import traceback

        _file.write(traceback.format_exc())
        raise
    finally:
        sys.stderr = screen
