"""The command line `hear-eval`: a command for each file of `evaluator/commands/`.

Results go to standard output, everything else (bars, warnings, what modules print) to standard error. Exit codes: 0
done, 1 failed, 2 wrong usage. Rooms that need torch are entered only by the commands that use them.
"""

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

from evaluator import commands
from evaluator.commands._console import tell_warnings
from evaluator.errors import EvaluationError, UsageError

COMMANDS = {
    each.name: importlib.import_module(f"{commands.__name__}.{each.name}")
    for each in pkgutil.iter_modules(commands.__path__)
    if not each.name.startswith("_")
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; every expected failure is one sentence on standard error."""
    parsed = parser().parse_args(arguments)
    tell_warnings()
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's my_model.py is found; appended, so that it shadows nothing
    try:
        return int(parsed.run(parsed))
    except (UsageError, EvaluationError) as error:
        print(f"hear-eval: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print(
            "hear-eval: interrupted; embeddings and finished results are kept, the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader went away; nothing more to say
        return 1
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"hear-eval: {error.filename or 'input or output'}: {error.strerror or error}", file=sys.stderr)
        return 1


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
