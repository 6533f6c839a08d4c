"""Which Python interpreter a module's own process runs in, with which environment, and whether it is fit for that."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from evaluator.errors import UsageError

PROBE = "import sys; sys.stdout.write('%d.%d.%d' % sys.version_info[:3])"  # in any Python's words
OLDEST = (3, 7)


def interpreter(python: str, option: str = "--python") -> str:
    """The interpreter that an option means: a program, or one in a virtual environment's folder.

    Raises:
        UsageError: There is none.
    """
    path = Path(python).expanduser()
    for candidate in (path, path / "bin" / "python", path / "Scripts" / "python.exe"):
        if candidate.is_file():
            return str(candidate)
    if program := shutil.which(python):
        return program
    raise UsageError(f"{option} {python}: neither an interpreter nor a virtual environment's folder")


def this_one() -> str:
    """The program that runs this.

    Raises:
        UsageError: It does not know itself, as in a program that embeds Python.
    """
    if sys.executable:
        return sys.executable
    raise UsageError("this Python does not know its own program; add --in-process, or name one with --python")


def environment(python: str) -> dict[str, str]:
    """The worker's environment: ours, with as many threads as we use, so that its numbers are the same bit for bit.

    Another interpreter does not get the paths of this one's packages.
    """
    kept_out = ("PYTHONHOME", "PYTHONPATH") if python else ()
    inherited = {name: value for name, value in os.environ.items() if name not in kept_out}
    torch = sys.modules.get("torch")
    if torch is not None:
        inherited["OMP_NUM_THREADS"] = str(torch.get_num_threads())
    return inherited


def refuse_unfit(program: str, python: str) -> None:
    """Refuse an interpreter in which no module can run; one that tells nothing of itself is let pass.

    Args:
        program: The interpreter.
        python: What `--python` said.

    Raises:
        UsageError: It is too old, or has no numpy.
    """
    option = f"--python {python}"
    version = tuple(int(part) for part in _output_of(program, python, PROBE).split(".") if part.isdecimal())
    if version and version < OLDEST:
        number = ".".join(map(str, version))
        raise UsageError(f"{option}: this is Python {number}; a module's interpreter needs Python 3.7 or later")
    if version and not _output_of(program, python, "import numpy, sys; sys.stdout.write('there')"):
        raise UsageError(f"{option}: numpy is missing there; install it: {program} -m pip install numpy")


def _output_of(program: str, python: str, script: str) -> str:
    """What a line of Python writes in an interpreter; "" where it fails."""
    try:
        done = subprocess.run(
            [program, "-c", script], capture_output=True, text=True, timeout=60, env=environment(python), check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
