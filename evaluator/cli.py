"""The command line `hear-eval`: a command for each file of `evaluator/commands/`.

Results go to standard output, everything else (bars, warnings, what modules print) to standard error. What exit codes mean stands in
docs/command_line.md. Rooms that need torch are entered only by the commands that use them.
"""

import argparse
import contextlib
import importlib
import os
import pkgutil
import signal
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from evaluator import commands as folder
from evaluator.commands import _completion, _log, _project
from evaluator.errors import EvaluationError, UsageError

COMMANDS = {
    each.name: importlib.import_module(f"{folder.__name__}.{each.name}")
    for each in pkgutil.iter_modules(folder.__path__)
    if not each.name.startswith("_")
}


class Terminated(KeyboardInterrupt):
    """SIGTERM, by which batch systems end a job whose time is over: it ends what runs as Ctrl-C does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; every expected failure is one sentence on standard error."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    top, commands = _parsers()
    _completion.complete(top, commands)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's my_model.py is found; appended, so that it shadows nothing
    try:
        words = _project.completed(top, commands, given)
        if arguments is None:
            sys.argv[1:] = words  # a result tells the whole command
        parsed = top.parse_args(words)
        with _log.kept(parsed.quiet, parsed.verbose, parsed.log, given):
            _project.tell(given, words)
            code = _run(parsed)
            _log.note(f"ended with exit code {code}")
            return code
    except UsageError as error:  # the project's file or the log file itself
        print(f"hear-eval: {error}", file=sys.stderr)
        return 2


def _run(parsed: argparse.Namespace) -> int:
    """What the command does, with its expected failures said; its exit code."""
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
    return _parsers()[0]


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The whole command line, and each command by its name."""
    top = argparse.ArgumentParser(prog="hear-eval", description="Probe any HEAR module on audio tasks.")
    top.add_argument("--version", action=_Version)
    _add_to_every(top, False)
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    commands = {}
    for name, command in COMMANDS.items():
        commands[name] = sub = subparsers.add_parser(
            name,
            help=command.SUMMARY,
            description=command.SUMMARY,
            epilog=_epilog(getattr(command, "EXAMPLES", "")),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        _add_to_every(sub, argparse.SUPPRESS)
        sub.set_defaults(run=command.run)
    return top, commands


def _epilog(examples: str) -> str:
    """A command's examples, below its options."""
    return f"examples:\n{textwrap.indent(examples.strip(), '  ')}" if examples else ""


def _add_to_every(command: argparse.ArgumentParser, default: object) -> None:
    """The options that every command takes, before its name or behind it.

    Args:
        command: The whole command line, or one command.
        default: Of switches; `argparse.SUPPRESS` behind the name, so that what stood before it holds.
    """
    group = command.add_argument_group("what is said")
    much = group.add_mutually_exclusive_group()
    much.add_argument("-q", "--quiet", action="store_true", default=default, help="errors only, and no progress")
    much.add_argument("-v", "--verbose", action="store_true", default=default, help="more: step by step")
    group.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        default=default or None,
        help="also write what is said on standard error to the end of this file, with times",
    )


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str):
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from evaluator.api.version import __version__

        print(f"{parser.prog} {__version__}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
