"""The command line `hear-eval`: a command for each file of `evaluator/commands/`.

Results go to standard output, everything else (bars, warnings, what modules print) to standard error. Exit codes: 0
done, 1 failed, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated (SIGTERM). Rooms that need torch are entered only by the
commands that use them.
"""

import argparse
import contextlib
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

from evaluator import commands
from evaluator.commands._console import tell_warnings
from evaluator.errors import EvaluationError, UsageError

COMMANDS = {
    each.name: importlib.import_module(f"{commands.__name__}.{each.name}")
    for each in pkgutil.iter_modules(commands.__path__)
    if not each.name.startswith("_")
}


class Terminated(KeyboardInterrupt):
    """SIGTERM, by which batch systems end a job whose time is over: it ends what runs as Ctrl-C does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; every expected failure is one sentence on standard error."""
    parsed = parser().parse_args(arguments)
    tell_warnings()
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's my_model.py is found; appended, so that it shadows nothing
    try:
        with _terminable():
            return int(parsed.run(parsed))
    except (UsageError, EvaluationError) as error:
        print(f"hear-eval: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt as error:
        how, code = ("terminated", 143) if isinstance(error, Terminated) else ("interrupted", 130)
        print(
            f"hear-eval: {how}; embeddings and finished results are kept, the same command goes on from there",
            file=sys.stderr,
        )
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader went away; nothing more to say
        return 1
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"hear-eval: {error.filename or 'input or output'}: {error.strerror or error}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Have the first SIGTERM end what runs inside in good order; later ones, which often follow at once, change nothing."""

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # in a thread, where signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def parser() -> argparse.ArgumentParser:
    """The whole command line; `run` of what it parses is what the command does."""
    top = argparse.ArgumentParser(prog="hear-eval", description="Probe any HEAR module on audio tasks.")
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = subparsers.add_parser(name, help=command.SUMMARY, description=command.SUMMARY)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return top


if __name__ == "__main__":
    sys.exit(main())
