"""Arguments that several commands take, and what they mean."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from evaluator.commands._console import bar
from evaluator.errors import UsageError
from evaluator.schema import names_in

Arguments: TypeAlias = argparse.ArgumentParser | argparse._ArgumentGroup
"""A command, or a group of its options that its help shows together."""

MODULE = "an importable HEAR module (ours also without hear_ssl.), the path of a .py file, hf:ORG/MODEL, ensemble:MODULE+MODULE, untrained:MODULE, birdnet: and other bridges, or precomputed:F (a table of vectors)"
TASK = "suite/task, a suite, a task's YAML file, a CSV, or a folder with one sub-folder per class"
CACHE = "for embeddings and made data (default: $HEAR_EVAL_CACHE, else ~/.cache/hear-eval)"


def add_data(command: Arguments) -> None:
    """Where data and cache lie."""
    command.add_argument("--data", type=Path, metavar="DIR", help="where the dataset lies")
    add_cache(command)


def add_cache(command: Arguments) -> None:
    """Where the cache lies, and whether what it remembers of files counts."""
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)
    command.add_argument(
        "--rehash",
        action="store_true",
        help="read all audio files anew, also those whose size, times and inode did not change",
    )


def add_hearing(command: Arguments) -> None:
    """Which channel is heard, and how slowly: at 10 times slower than life, a call at 50 kHz is heard at 5 kHz."""
    command.add_argument(
        "--channel",
        metavar="C",
        help="of recordings with several: mix (their mean), first, loudest, or a number from 1 (default: what the task says)",
    )
    command.add_argument(
        "--expand",
        type=float,
        metavar="N",
        help="let modules hear clips N times slower than life, such as 10 for bats (default: what the task says)",
    )


def hearing_options(parsed: argparse.Namespace) -> dict[str, Any]:
    """What `add_hearing` was given, as the API takes it."""
    return {"channel": parsed.channel, "expand": parsed.expand}


def add_module_options(command: Arguments) -> None:
    """How a module is loaded, and how many seconds one call of it may take."""
    command.add_argument(
        "--weights",
        default="",
        metavar="PATH",
        help="passed to load_model (map, similarity: or a folder with DIR/MODULE for each)",
    )
    command.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="keyword of load_model")
    command.add_argument(
        "--precision",
        metavar="P",
        help="of a transformer of ours: float32 (default, exact) or bfloat16; the same as --option precision=P",
    )
    command.add_argument(
        "--engine",
        metavar="E",
        help="of a transformer of ours: torch (default) or openvino; the same as --option engine=E",
    )
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, ...")
    command.add_argument("--python", default="", metavar="PATH", help="load the module in this interpreter or venv")
    command.add_argument(
        "--worker-timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="that one call of a module that is not ours, or under --python, may take (default 600)",
    )
    command.add_argument(
        "--in-process",
        action="store_true",
        help="run a module that is not ours in this process, to debug it; nothing then stops a hang or survives a crash",
    )


def add_workers(command: Arguments) -> None:
    """Which other processes embed at the same time."""
    command.add_argument(
        "--workers",
        default="",
        metavar="N",
        help="embed in N processes on Ray, or gpu: one on each GPU (default: in this process); results are the same",
    )
    command.add_argument(
        "--ray",
        default="",
        metavar="ADDRESS",
        help="workers on the cluster of Ray at this address, one a core unless --workers says otherwise",
    )


def add_published(command: Arguments) -> None:
    """Which papers' printed numbers stand beside the measured ones."""
    command.add_argument(
        "--published",
        action="append",
        default=[],
        metavar="PAPER",
        help="its printed numbers beside these: arch2024, sarkar2025, wu2022, or a recipe.yaml of your own; repeatable",
    )


def add_protocol(command: Arguments, meaning: str, default: str = "the suite's") -> None:
    """By which protocol, in which of its profiles; `meaning` is what it decides, `default` which it is where none is given."""
    names = ", ".join(names_in("protocols"))
    help_ = f"{meaning}: {names}, or a YAML file of your own (default: {default})"
    command.add_argument("--protocol", metavar="P", help=help_)
    add_profile(command)


def add_profile(command: Arguments) -> None:
    """Whether deviations of published code are repeated."""
    command.add_argument(
        "--profile", default="clean", metavar="P", help="clean (default), or published, deviations included"
    )


def add_out(command: Arguments) -> None:
    """Where results go."""
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")


def add_unrepeatable(command: Arguments) -> None:
    """Whether embeddings are taken that a module does not give again."""
    command.add_argument(
        "--allow-unrepeatable",
        action="store_true",
        help="take embeddings that differ when the module is asked again; the result bears the caveat",
    )


def add_store(command: Arguments) -> None:
    """In which numbers embeddings are kept."""
    command.add_argument(
        "--store",
        default="float32",
        metavar="N",
        help="keep embeddings as float32 (default), or as float16 in half the bytes, within 5e-4 of each number or 6e-8 of its row's largest",
    )


def add_sample(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and which layers and clips are drawn to be looked at together."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument("--json", action="store_true", help="print it as JSON, an object a line")
    clips = command.add_argument_group("which clips and layers")
    add_protocol(clips, "how much of each clip is used")
    clips.add_argument(
        "--layers",
        default="",
        metavar="L",
        help="scene (default), all, last, mean, a number, or several (1,6,12 or 0-4)",
    )
    clips.add_argument(
        "--clips",
        type=count,
        default=1000,
        metavar="N",
        help="held-out clips drawn of each task (default 1000, as Ogg 2025)",
    )
    clips.add_argument("--seed", type=seed, default=0, metavar="N", help="of all that is drawn (default 0)")
    clips.add_argument("--allow-failed", type=share, default=0.0, metavar="SHARE", help="as in run (default 0)")
    add_unrepeatable(clips)
    add_hearing(clips)
    places = command.add_argument_group("where things lie")
    add_data(places)
    add_out(places)
    add_module_options(command.add_argument_group("how modules are loaded"))
    add_workers(command.add_argument_group("other processes"))


def module_options(parsed: argparse.Namespace) -> dict[str, Any]:
    """What `add_module_options` was given, as the API takes it; `worker_timeout` in seconds."""
    from evaluator.embedding.spec import option_value

    options = {}
    for text in parsed.option:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {text}: write it as KEY=VALUE, such as --option layer=6")
        options[name] = option_value(value)
    for name in ("precision", "engine"):
        value = getattr(parsed, name)
        if value is not None and options.setdefault(name, value) != value:
            raise UsageError(f"--{name} {value} and --option {name}={options[name]}: leave one of them out")
    return {
        "weights": parsed.weights,
        "options": options,
        "device": parsed.device,
        "python": parsed.python,
        "worker_timeout": parsed.worker_timeout,
        "in_process": parsed.in_process,
    }


def sample_options(parsed: argparse.Namespace) -> dict[str, Any]:
    """What `add_sample` was given but for modules, tasks and `--out`, as the API takes it."""
    return {
        "protocol": parsed.protocol,
        "profile": parsed.profile,
        "layers": parsed.layers,
        "n_clips": parsed.clips,
        "seed": parsed.seed,
        "allow_failed": parsed.allow_failed,
        "allow_unrepeatable": parsed.allow_unrepeatable,
        "data": parsed.data,
        "cache": parsed.cache,
        "rehash": parsed.rehash,
        "workers": parsed.workers,
        "ray": parsed.ray,
        "progress": bar,
        **hearing_options(parsed),
        **module_options(parsed),
    }


def _whole_number(what: str, lowest: int) -> Callable[[str], int]:
    """A type for argparse: a whole number from `lowest` on, called `what` in its complaint."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text} is no {what}; give a whole number from {lowest}")
        return int(text)

    return parse


seed = _whole_number("seed", 0)
count = _whole_number("count", 1)
number_of_clips = _whole_number("number of clips", 0)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; give a number from 0 to 1")
    return value
