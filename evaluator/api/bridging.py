"""Bridges to other people's packages: which there are, and an environment in which one of them works."""

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.api.listing import Table
from evaluator.embedding import bridges
from evaluator.embedding.bridges import Bridge
from evaluator.embedding.interpreters import interpreter
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError

LOG = logging.getLogger("evaluator")
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_LAST_LINES = 12  # of what a step that failed said


def list_bridges() -> Table:
    """Bridges to networks in other people's packages, by what their files declare: nothing is imported.

    Columns are the name by which it is asked for and what it is; `models` as of the version that was tried, `sample_rate` in Hz,
    `width`, `licence`, `trained_on` and `citation` where all its networks share them, else None; `python` (oldest and newest) and
    `install` (arguments of pip, a line a step).

    >>> [row["sample_rate"] for row in list_bridges() if row["bridge"] == "birdnet:2.4"]
    [48000]
    """
    facts = ("sample_rate", "width", "licence", "trained_on", "citation")
    return Table(
        {
            "bridge": each.name,
            "what": each.what,
            "models": list(each.models),
            **{name: each.facts.get(name) for name in facts},
            "python": " to ".join(each.python),
            "install": list(each.install),
        }
        for each in map(bridges.read, bridges.kinds())
    )


@dataclass(frozen=True)
class BridgeEnvironment:
    """An environment in which a bridge's package is installed.

    Attributes:
        bridge: The name by which the bridge is asked for.
        folder: Of the virtual environment, for `--python`.
        works: Whether a network was loaded there and answered.
        why: What kept it from that, a sentence, such as that its weights have to be fetched; "" if it works.
    """

    bridge: str
    folder: Path
    works: bool
    why: str = ""


def make_bridge(
    bridge: str, env: str | Path, base: str = "", on_step: Callable[[str], None] = lambda step: None
) -> BridgeEnvironment:
    """Make a virtual environment with the package of a bridge, and have its network answer there if its weights come with it.

    An environment that is there already is completed.

    Args:
        bridge: Such as `birdnet:` or `avex:NAME`; the network that is named is tried.
        env: Folder of the environment.
        base: The Python that it is made with, a program or an environment; "" for this one.
        on_step: Called with what is done next, a sentence.

    Raises:
        UsageError: There is no such bridge, the folder is something else, or the Python is too old or too new for the package.
        EvaluationError: A step failed; the sentence quotes it.
    """
    kind, folder = bridge.partition(":")[0], Path(env).expanduser()
    chosen = bridges.read(kind)
    _refuse_folder(folder)
    python = interpreter(base, "--base") if base else sys.executable
    if not (folder / "pyvenv.cfg").is_file():
        _refuse_version(chosen, python)
        on_step(f"{folder}: a virtual environment of {python}")
        _do([python, "-m", "venv", str(folder)])
    inside = interpreter(str(folder))
    for step in chosen.install:
        on_step(f"pip install {step}")
        _do([inside, "-m", "pip", "install", *step.split()])
    return _tried(chosen, bridge, folder, on_step)


def _refuse_folder(folder: Path) -> None:
    """Refuse to put an environment where something else lies.

    Raises:
        UsageError: It does.
    """
    is_else = folder.is_file() or (folder.is_dir() and any(folder.iterdir()))
    if is_else and not (folder / "pyvenv.cfg").is_file():
        raise UsageError(f"{folder}: is there already and no virtual environment; name an empty or a new folder")


def _refuse_version(chosen: Bridge, python: str) -> None:
    """Refuse a Python for which the package has not been made.

    Raises:
        UsageError: It is too old or too new, or does not run.
    """
    version = _do([python, "-c", _VERSION]).strip()
    oldest, newest = chosen.python
    if not _number(oldest) <= _number(version) <= _number(newest):
        raise UsageError(
            f"{python}: is Python {version}, and {chosen.kind}: needs Python {oldest} to {newest}; name another one with --base"
        )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _do(command: Sequence[str]) -> str:
    """What a command prints.

    Raises:
        EvaluationError: It fails; the sentence quotes its last lines.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise EvaluationError(f"{command[0]}: cannot be run ({error.strerror or error})") from error
    LOG.debug("%s\n%s%s", " ".join(command), done.stdout, done.stderr)
    if done.returncode:
        said = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:])
        raise EvaluationError(f"{' '.join(command)} failed with exit code {done.returncode}:\n  {said}")
    return done.stdout


def _tried(chosen: Bridge, bridge: str, folder: Path, on_step: Callable[[str], None]) -> BridgeEnvironment:
    """Whether the network that was named, or the first one, answers there."""
    name = bridge if bridge.partition(":")[2] else f"{chosen.kind}:{chosen.models[0]}"
    on_step(f"{name}: a second of noise")
    try:
        with open_module(ModuleSpec(name, python=str(folder))) as module:
            noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1, module.describe()["sample_rate"]))
            module.scene(noise.astype(np.float32))
    except (UsageError, EvaluationError) as error:
        return BridgeEnvironment(chosen.name, folder, False, str(error))
    return BridgeEnvironment(chosen.name, folder, True)
