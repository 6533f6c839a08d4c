"""`hear-eval embed`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from evaluator.commands._arguments import (
    MODULE,
    add_data,
    add_hearing,
    add_module_options,
    add_store,
    add_unrepeatable,
    add_workers,
    hearing_options,
    module_options,
    share,
)
from evaluator.commands._console import bar
from evaluator.errors import UsageError

SUMMARY = "embeddings of recordings, clips or windows, as a table for R, pandas and others"

SHOWN_FAILURES = 20

EXAMPLES = """
hear-eval embed hear_ssl.melspec ./my_recordings --out embeddings.npz
hear-eval embed hear_ssl.aves_bio ./my_recordings --plan  # embed nothing, say what it would take
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """One module, what it is to hear, and where the embeddings go."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument(
        "places",
        nargs="+",
        metavar="PATH",
        help="audio files, folders of them, tables (path, and start, end, label, group if there), tables of annotation programs, or tasks",
    )
    command.add_argument(
        "--out",
        metavar="F",
        help="F.parquet, F.csv, F.npz, or a folder of .npy files for a memory map (F/); needed but for --plan",
    )
    command.add_argument(
        "--window", type=float, metavar="SECONDS", help="cut into windows of this length (default: a row a clip)"
    )
    command.add_argument(
        "--hop",
        type=float,
        metavar="SECONDS",
        help="from the start of a window to that of the next (default: side by side)",
    )
    command.add_argument(
        "--layers",
        default="scene",
        metavar="L",
        help="scene (default), all (a row each), last, mean, or one number, such as 6",
    )
    command.add_argument("--frames", action="store_true", help="every frame instead of a vector a clip; F is a folder")
    command.add_argument(
        "--allow-failed",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the recordings or clips, 0 to 1, that may fail without a warning and an error (default 0); the others are written anyway",
    )
    command.add_argument("--overwrite", action="store_true", help="replace F also where another request made it")
    command.add_argument(
        "--plan",
        action="store_true",
        help="embed nothing: say what it would take, and the time by a trial of a few clips",
    )
    add_data(command)
    add_unrepeatable(command)
    add_store(command)
    add_hearing(command)
    add_module_options(command)
    add_workers(command.add_argument_group("other processes"))


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval embed`: a table of embeddings; 1 if more failed than is allowed, which is written nevertheless."""
    import evaluator as ev

    if parsed.plan:
        return _plan(parsed)
    if parsed.out is None:
        raise UsageError("--out F is missing: where the embeddings go, such as --out embeddings.parquet")
    written = ev.write_embeddings(
        parsed.module,
        parsed.places,
        parsed.out,
        overwrite=parsed.overwrite,
        allow_unrepeatable=parsed.allow_unrepeatable,
        workers=parsed.workers,
        ray=parsed.ray,
        progress=bar,
        **_options(parsed),
    )
    n_frames = f", {written.n_frames} frames" if parsed.frames else ""
    print(f"written: {written.path} ({written.n_rows} row{'s' * (written.n_rows != 1)}{n_frames})")
    for note in written.notes:
        print(f"note: {note}", file=sys.stderr)
    for path, why in list(written.failed.items())[:SHOWN_FAILURES]:
        print(f"failed: {why if Path(path).name in why else f'{path}: {why}'}", file=sys.stderr)
    if written.n_failed > SHOWN_FAILURES:
        print(f"failed: and {written.n_failed - SHOWN_FAILURES} more, which {written.path} names", file=sys.stderr)
    if written.n_given_failed > parsed.allow_failed * written.n_given:
        print(
            f"error: {written.n_given_failed} of {written.n_given} recordings or clips could not be embedded; the others are in "
            f"{written.path}",
            file=sys.stderr,
        )
        return 1
    return 0


def _plan(parsed: argparse.Namespace) -> int:
    """`hear-eval embed --plan`: what it would take, in seconds and bytes."""
    from evaluator.api.forecasting import forecast_embedding
    from evaluator.commands._forecast import print_forecasts

    print_forecasts(forecast_embedding(parsed.module, parsed.places, **_options(parsed)))
    return 0


def _options(parsed: argparse.Namespace) -> dict[str, Any]:
    """What a plan and the work itself have in common, lengths in seconds."""
    names = ("window", "hop", "layers", "frames", "allow_failed", "store", "data", "cache", "rehash")
    return {**{name: getattr(parsed, name) for name in names}, **hearing_options(parsed), **module_options(parsed)}
