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
from evaluator.report.header import ResultHeader


def how_to_get(header: ResultHeader, board: Board) -> str:
    """How to get a result of this module that belongs on a board, as the end of a sentence."""
    if header.fused:
        return "fuse the results of its parts with `hear-eval fuse`"
    result, others = header.result, [entry.header for entry in board.entries]
    task = _first(others, "asked_task") or (board.task if "/" in board.task else "")
    if not task:
        return "run it as the others were; which file or folder the task is, none of them tells"
    protocol_name = _first(others, "asked_protocol") or board.protocol
    words = ["hear-eval", "run", result.module, "--task", task, "--protocol", protocol_name]
    words += ["--profile", board.profile] if board.profile != "clean" else []
    words += ["--weights", result.weights] if result.weights else []
    for name, value in result.options.items():
        words += ["--option", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    words += ["--python", header.python] if header.python else []
    words += [*_layers(header, others, protocol_name, board.profile), *_hearing(header)]
    words += _seeds(others)
    data = _first(others, "data")
    words += ["--data", data] if data else []
    out = _out(header)
    words += ["--out", out] if out not in ("", "results") else []
    return f"run `{shlex.join(words)}`"


def _first(headers: Sequence[ResultHeader], name: str) -> str:
    """A field of the provenance of the first result that has it; "" if none has."""
    return next((text for header in headers if (text := header.provenance(name))), "")


def _layers(header: ResultHeader, others: Sequence[ResultHeader], protocol_name: str, profile: str) -> list[str]:
    """The choice of layers: the module's own where it tells its variants apart, else the usual one of the board."""
    if header.split_by_layers:
        return ["--layers", header.layers] if header.layers else []
    ((usual, _),) = Counter(each.layers for each in others).most_common(1)
    single = header.n_layers == 1 and usual not in ("scene", "last")  # which `run` refuses
    return ["--layers", usual] if usual and not single and usual != _default_layers(protocol_name, profile) else []


def _hearing(header: ResultHeader) -> list[str]:
    """Which channel it heard, and how slowly, where that is not as the files are."""
    hearing = header.result.hearing
    if hearing is None:
        return []
    channel = [] if hearing.channel == "mix" else ["--channel", hearing.channel]
    return [*channel, *([] if hearing.expand is None else ["--expand", f"{hearing.expand:g}"])]


def _default_layers(protocol_name: str, profile: str) -> str:
    try:
        return protocol.load(protocol_name, profile).layers
    except UsageError:  # a user's own, which is no longer there
        return ""


def _seeds(others: Sequence[ResultHeader]) -> list[str]:
    """The first seed and how many, as the board's results usually have; of equally usual ones those that are trained most often."""
    pairs = Counter((each.seed, len(each.result.seeds)) for each in others)
    seed, n_seeds = max(pairs, key=lambda pair: (pairs[pair], pair[1], -pair[0]))
    return [*(["--seed", str(seed)] if seed else []), *(["--seeds", str(n_seeds)] if n_seeds > 1 else [])]


def _out(header: ResultHeader) -> str:
    """The folder of results in which one lies, where `run` wrote it; "" if it was moved."""
    folders = (header.path.parent.parent.name, header.path.parent.name)
    written = folders == (safe_name(header.result.module), safe_name(header.result.task)) and len(header.path.parts) > 2
    return str(Path(*header.path.parts[:-3])) if written else ""
