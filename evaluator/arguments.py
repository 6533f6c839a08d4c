"""The words of the command line: what each command takes, and what it means."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

MODULE = "an importable HEAR module, the path of a .py file, hf:ORG/MODEL, ensemble:MODULE+MODULE, or twin:MODULE"
TASK = "suite/task, a suite, a task's YAML file, a CSV, or a folder with one sub-folder per class"
CACHE = "for embeddings and made data (default: $HEAR_EVAL_CACHE, else ~/.cache/hear-eval)"


def parser(commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """The whole command line; `command` of what it parses is the function of that name.

    Args:
        commands: For each of them what does it.
    """
    top = argparse.ArgumentParser(prog="hear-eval", description="Judge any HEAR module on audio tasks.")
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    for name, (summary, fill) in COMMANDS.items():
        command = subparsers.add_parser(name, help=summary, description=summary)
        fill(command)
        command.set_defaults(command=commands[name])
    return top


def run(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, protocol, and what may be chosen about a run."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument(
        "--baselines",
        action="store_true",
        help="also majority, chance, duration and loudness, log-mel, and an untrained twin of each module",
    )
    command.add_argument("--protocol", help="how embeddings are judged (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default), or published, accidents included")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--seed", type=seed, default=0, help="of the probes and the bootstrap (default 0)")
    command.add_argument("--seeds", type=count, default=1, metavar="N", help="train probes with N seeds (default 1)")
    command.add_argument(
        "--layers",
        default="",
        metavar="L",
        help="scene, all (each layer, the best is chosen), last, mean, weighted (learned), or a number; default: the protocol's",
    )
    command.add_argument(
        "--allow-failed",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the clips, 0 to 1, that may be unreadable (default 0)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object per result")
    data(command)
    module(command)


def listing(command: argparse.ArgumentParser) -> None:
    """What is listed."""
    command.add_argument("what", choices=("modules", "tasks", "datasets", "protocols"))
    command.add_argument(
        "-v", "--verbose", action="store_true", help="also what sets published and clean tasks apart, in a sentence"
    )
    command.add_argument("--markdown", action="store_true", help="the tasks as a table for a README")
    command.add_argument("--json", action="store_true", help="print one JSON object per line")


def validate(command: argparse.ArgumentParser) -> None:
    """One module."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("--json", action="store_true", help="print one JSON object per check")
    module(command)


def embed(command: argparse.ArgumentParser) -> None:
    """One module, files, and where the embeddings go."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument("--out", type=Path, required=True, metavar="F.npz")
    module(command)


def check(command: argparse.ArgumentParser) -> None:
    """Tasks, and what to make of their data."""
    command.add_argument("tasks", nargs="+", metavar="T", help=TASK)
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--json", action="store_true", help="print one JSON object per finding")
    command.add_argument("--figure", type=Path, metavar="F.svg", help="draw the clips' lengths (.svg, .png or .pdf)")
    data(command)


def download(command: argparse.ArgumentParser) -> None:
    """Tasks, and where their data goes."""
    command.add_argument("tasks", nargs="+", metavar="T", help="suite/task, or a suite")
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default: data")
    command.add_argument("--dry-run", action="store_true", help="only say what would be fetched, and how much")
    command.add_argument("--keep-archives", action="store_true", help="do not delete archives once they are unpacked")


def compare(command: argparse.ArgumentParser) -> None:
    """Results of one task."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--json", action="store_true", help="print one JSON object per pair")
    command.add_argument("--seed", type=seed, default=0, help="of the bootstrap (default 0)")


def fuse(command: argparse.ArgumentParser) -> None:
    """Results of one task, and where theirs together goes."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--seed", type=seed, default=0, help="of the bootstrap (default 0)")


def similarity(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and which layers and clips are compared."""
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
    command.add_argument("--seed", type=seed, default=0, help="of the clips and the permutations (default 0)")
    command.add_argument("--allow-failed", type=share, default=0.0, metavar="SHARE", help="as in run (default 0)")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--json", action="store_true", help="print all of it as one JSON object")
    data(command)
    module(command)


def maps(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and how which layers and clips are mapped."""
    command.add_argument("modules", nargs="+", metavar="MODULE", help=MODULE)
    command.add_argument("--task", action="append", required=True, metavar="T", help=TASK)
    command.add_argument("--protocol", help="how much of each clip is heard (default: the suite's)")
    command.add_argument("--profile", default="clean", help="clean (default) or published")
    command.add_argument("--layers", default="", metavar="L", help="scene (default), all, last, mean, or a number")
    command.add_argument(
        "--method", action="append", choices=("tsne", "pca", "umap"), help="repeatable (default: tsne and pca)"
    )
    command.add_argument(
        "--colour",
        action="append",
        metavar="C",
        help="label (default), group, fold, split, recording, folder, or a descriptor: pitch, level, duration, ...; repeatable",
    )
    command.add_argument(
        "--clips", type=count, default=1000, metavar="N", help="held-out clips drawn of each task (default 1000)"
    )
    command.add_argument("--perplexity", type=float, default=30.0, metavar="P", help="of t-SNE (default 30)")
    command.add_argument("--seed", type=seed, default=0, help="of the clips, t-SNE and UMAP (default 0)")
    command.add_argument("--allow-failed", type=share, default=0.0, metavar="SHARE", help="as in run (default 0)")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--json", action="store_true", help="print one JSON object per task")
    data(command)
    module(command)


def report(command: argparse.ArgumentParser) -> None:
    """Results, the page, and what else is written."""
    command.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="result files, or folders of them")
    command.add_argument("--out", type=Path, default=Path("report.html"), metavar="F.html", help="default: report.html")
    command.add_argument("--data", type=Path, metavar="DIR", help="where the audio lies (default: where it was judged)")
    command.add_argument(
        "--clips", type=number, default=12, metavar="N", help="clips a task that can be heard, 0 for none (default 12)"
    )
    command.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("csv", "md", "tex", "svg", "png"),
        help="also write tables (csv, md, tex) or figures (svg, png) into F-files/; repeatable",
    )
    command.add_argument("--seed", type=seed, default=0, help="of the draws behind the ranks (default 0)")


def reproduce(command: argparse.ArgumentParser) -> None:
    """A paper, what to run of it, and what stands for its rows."""
    command.add_argument(
        "paper", metavar="PAPER", help="sarkar2025, arch2024, wu2022, ogg2025, or a recipe.yaml of your own"
    )
    command.add_argument("--plan", action="store_true", help="only say which runs there are and what each still lacks")
    command.add_argument(
        "--forecast", type=count, metavar="N", help="as --plan, and embed N clips of each run to tell the time"
    )
    command.add_argument("--table", action="append", default=[], metavar="T", help="only this table (default: all)")
    command.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="only runs with this in the name of module, row or task",
    )
    command.add_argument(
        "--use",
        action="append",
        default=[],
        metavar="ROW=MODULE",
        help="another module for a printed row; * fits any text",
    )
    command.add_argument(
        "--weights", type=Path, metavar="DIR", help="weights of a module as DIR/MODULE or DIR/MODULE.pt"
    )
    command.add_argument("--fetch-weights", action="store_true", help="let modules fetch the weights that they lack")
    command.add_argument(
        "--python", action="append", default=[], metavar="ROW=PATH", help="the interpreter or venv of a row's module"
    )
    command.add_argument("--device", default="auto", help="auto (default), cpu, cuda, ...")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    command.add_argument("--format", choices=("md", "csv", "tex"), default="md", help="of what is printed (default md)")
    command.add_argument("--json", action="store_true", help="print one JSON object: the plan, or the tables")
    data(command)


def doctor(command: argparse.ArgumentParser) -> None:
    """Only where the cache is."""
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)


def data(command: argparse.ArgumentParser) -> None:
    """Where data and cache lie."""
    command.add_argument("--data", type=Path, metavar="DIR", help="where the dataset lies")
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)


def module(command: argparse.ArgumentParser) -> None:
    """How a module is loaded."""
    command.add_argument("--weights", default="", metavar="PATH", help="passed to load_model")
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


def seed(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no seed; give a whole number from 0")
    return int(text)


def number(text: str) -> int:
    """A whole number from 0, of things."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of clips; give a whole number from 0")
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


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("score modules on tasks", run),
    "list": ("show what there is", listing),
    "validate": ("check that a module keeps the HEAR contract", validate),
    "embed": ("just the embeddings of some files", embed),
    "download": ("fetch the datasets of tasks", download),
    "check": ("compare tasks with what is on disk", check),
    "compare": ("tell whether one result is really above another", compare),
    "fuse": ("average what several results say, and score that", fuse),
    "similarity": ("tell how alike modules, layers, acoustic descriptors and labels are", similarity),
    "map": ("draw a task's embeddings on a plane: t-SNE, PCA or UMAP", maps),
    "report": ("make one page of results: leaderboards, figures, clips to hear", report),
    "reproduce": ("make a paper's tables again, with what is here of its modules and data", reproduce),
    "doctor": ("find what is wrong with this installation", doctor),
}
