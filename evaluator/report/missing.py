"""What is missing from an overview, and the command that gets it, as far as the other results of the board tell it."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evaluator.errors import UsageError
from evaluator.files import safe_name
from evaluator.probes import protocol
from evaluator.report.board import Board
from evaluator.report.collect import Head


def how(head: Head, board: Board) -> str:
    """How to get a result of this module that belongs on a board, as the end of a sentence."""
    if head.fused:
        return "fuse the results of its parts with `hear-eval fuse`"
    others = [place.head for place in board.places]
    task = next((each.asked_task for each in others if each.asked_task), board.task if "/" in board.task else "")
    if not task:
        return "run it as the others were; which file or folder the task is, none of them tells"
    asked = next((each.asked_protocol for each in others if each.asked_protocol), board.protocol)
    words = ["hear-eval", "run", head.module, "--task", task, "--protocol", asked]
    words += ["--profile", board.profile] if board.profile != "clean" else []
    words += ["--weights", head.weights] if head.weights else []
    for name, value in head.options.items():
        words += ["--option", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    words += ["--python", head.python] if head.python else []
    words += _layers(head, others, asked, board.profile)
    words += _seeds(others)
    data = next((each.data for each in others if each.data), "")
    words += ["--data", data] if data else []
    out = _out(head)
    words += ["--out", out] if out not in ("", "results") else []
    return f"run `{shlex.join(words)}`"


def _layers(head: Head, others: Sequence[Head], asked: str, profile: str) -> list[str]:
    """The choice of layers: the module's own where it tells its variants apart, else the usual one of the board."""
    if head.split_by_layers:
        return ["--layers", head.layers] if head.layers else []
    ((usual, _),) = Counter(each.layers for each in others).most_common(1)
    single = head.n_layers == 1 and usual not in ("scene", "last")  # which `run` refuses
    return ["--layers", usual] if usual and not single and usual != _default_layers(asked, profile) else []


def _default_layers(asked: str, profile: str) -> str:
    try:
        return protocol.load(asked, profile).layers
    except UsageError:  # a user's own, which is no longer there
        return ""


def _seeds(others: Sequence[Head]) -> list[str]:
    """The first seed and how many, as the board's results usually have; of equally usual ones those that are trained most often."""
    pairs = Counter((each.seed, each.seeds) for each in others)
    seed, n_seeds = max(pairs, key=lambda pair: (pairs[pair], pair[1], -pair[0]))
    return [*(["--seed", str(seed)] if seed else []), *(["--seeds", str(n_seeds)] if n_seeds > 1 else [])]


def _out(head: Head) -> str:
    """The folder of results in which one lies, where `run` wrote it; "" if it was moved."""
    folders = (head.path.parent.parent.name, head.path.parent.name)
    written = folders == (safe_name(head.module), safe_name(head.task)) and len(head.path.parts) > 2
    return str(Path(*head.path.parts[:-3])) if written else ""
