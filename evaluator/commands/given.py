"""What several commands are given, and what it means."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands.console import bar
from evaluator.errors import UsageError

if TYPE_CHECKING:
    from evaluator.datasets.task import Task
    from evaluator.embedding.spec import ModuleSpec
    from evaluator.experiment.sample import Settings
    from evaluator.probes.protocol import Protocol

MODULE = "an importable HEAR module, the path of a .py file, hf:ORG/MODEL, ensemble:MODULE+MODULE, or untrained:MODULE"
TASK = "suite/task, a suite, a task's YAML file, a CSV, or a folder with one sub-folder per class"
CACHE = "for embeddings and made data (default: $HEAR_EVAL_CACHE, else ~/.cache/hear-eval)"


def data(command: argparse.ArgumentParser) -> None:
    """Where data and cache lie."""
    command.add_argument("--data", type=Path, metavar="DIR", help="where the dataset lies")
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)


def module(command: argparse.ArgumentParser) -> None:
    """How a module is loaded."""
    command.add_argument(
        "--weights",
        default="",
        metavar="PATH",
        help="passed to load_model (map, similarity: or a folder with DIR/MODULE for each)",
    )
    command.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="keyword of load_model")
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, ...")
    command.add_argument("--python", default="", metavar="PATH", help="load the module in this interpreter or venv")
    command.add_argument(
        "--worker-timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="that one call under --python may take (default 600)",
    )


def sample(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and which layers and clips are drawn to be looked at together."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument("--protocol", help="how much of each clip is heard (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--layers", default="", metavar="L", help="scene (default), all, last, mean, or a number")
    command.add_argument(
        "--clips",
        type=count,
        default=1000,
        metavar="N",
        help="held-out clips drawn of each task (default 1000, as Ogg 2025)",
    )
    command.add_argument("--seed", type=seed, default=0, help="of all that is drawn (default 0)")
    command.add_argument("--allow-failed", type=share, default=0.0, metavar="SHARE", help="as in run (default 0)")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--json", action="store_true", help="print it as JSON, an object a line")
    data(command)
    module(command)


def sampled(parsed: argparse.Namespace) -> "tuple[list[ModuleSpec], list[Task], list[Protocol], Settings, Path]":
    """What `sample` was given: modules, tasks and their protocols, settings, and the folder for what is written."""
    from evaluator.experiment import catalogue
    from evaluator.experiment.sample import Settings
    from evaluator.probes import protocol
    from evaluator.reproduction import weights

    tasks = [found for spec in parsed.task for found in catalogue.find(spec, parsed.profile)]
    protocols = [protocol.load(parsed.protocol or each.protocol, parsed.profile) for each in tasks]
    cache, out = writable("--cache", cache_folder(parsed.cache)), writable("--out", parsed.out)
    settings = Settings(parsed.data, cache, parsed.clips, parsed.layers, parsed.seed, parsed.allow_failed, bar)
    return weights.of_each(specs(parsed, parsed.modules)), tasks, protocols, settings, out


def seed(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no seed; give a whole number from 0")
    return int(text)


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no count; give a whole number from 1")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; give a number from 0 to 1")
    return value


def number(text: str) -> int:
    """A whole number from 0, of things."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of clips; give a whole number from 0")
    return int(text)


def specs(parsed: argparse.Namespace, names: Sequence[str]) -> "list[ModuleSpec]":
    """The modules that were asked for."""
    from evaluator.embedding.spec import ModuleSpec, option_value

    options = {}
    for text in parsed.option:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {text}: write it as KEY=VALUE, such as --option layer=6")
        options[name] = option_value(value)
    shared = (parsed.weights, options, parsed.device, parsed.python, parsed.worker_timeout)
    return [ModuleSpec(name, *shared) for name in names]


def writable(option: str, folder: Path) -> Path:
    """The folder, made if it is not there; found out before hours of work rather than after.

    Raises:
        UsageError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise UsageError(
            f"{option} {folder}: no folder that can be written ({error.strerror}); give another"
        ) from error


def cache_folder(given: Path | None) -> Path:
    """The cache: as given, else $HEAR_EVAL_CACHE, else a folder of the user's."""
    if given is not None:
        return given
    return Path(os.environ.get("HEAR_EVAL_CACHE") or Path.home() / ".cache" / "hear-eval")
