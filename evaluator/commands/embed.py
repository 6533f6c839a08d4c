"""`hear-eval embed`."""

import argparse
import sys
from pathlib import Path

from evaluator.commands._arguments import (
    MODULE,
    add_cache,
    add_hearing,
    add_module_options,
    add_store,
    add_unrepeatable,
    hearing_options,
    module_options,
    share,
)
from evaluator.commands._console import bar
from evaluator.errors import UsageError

SUMMARY = "just the embeddings of some files"

EXAMPLES = """
hear-eval embed hear_ssl.melspec ./my_recordings --out embeddings.npz
hear-eval embed hear_ssl.aves_bio ./my_recordings --plan  # embed nothing, say what it would take
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """One module, files, and where the embeddings go."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio files, or folders of them")
    command.add_argument("--out", type=Path, metavar="F.npz", help="needed but for --plan")
    command.add_argument(
        "--allow-failed",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the files, 0 to 1, that may be unreadable without an error (default 0); the others are written anyway",
    )
    command.add_argument(
        "--plan",
        action="store_true",
        help="embed nothing: say what it would take, and the time by a trial of a few files",
    )
    add_cache(command)
    add_unrepeatable(command)
    add_store(command)
    add_hearing(command)
    add_module_options(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval embed`: scene and timestamp embeddings of files in one .npz; 1 if more failed than is allowed."""
    import evaluator as ev
    from evaluator.experiment.embed_files import check_npz, write_npz

    if parsed.plan:
        return _plan(parsed)
    if parsed.out is None:
        raise UsageError("--out F.npz is missing: where the embeddings go")
    check_npz(parsed.out)
    embeddings = ev.embed(
        parsed.module,
        parsed.files,
        frames=True,
        cache=parsed.cache,
        rehash=parsed.rehash,
        progress=bar,
        allow_failed=1.0,  # what could be embedded is written whatever else failed
        allow_unrepeatable=parsed.allow_unrepeatable,
        store=parsed.store,
        **hearing_options(parsed),
        **module_options(parsed),
    )
    write_npz(embeddings, parsed.out)
    without = "" if embeddings.frames else "; no frames, since the module gives none"
    n_files, n_failed = len(embeddings.files), len(embeddings.failed)
    print(f"written: {parsed.out} ({n_files} file{'s' * (n_files != 1)}{without})")
    for path, why in embeddings.failed.items():
        print(f"failed: {why if path in why else f'{path}: {why}'}", file=sys.stderr)
    if n_failed > parsed.allow_failed * (n_failed + n_files):
        s = "s" * (n_failed != 1)
        print(f"error: {n_failed} file{s} could not be embedded; the others are in {parsed.out}", file=sys.stderr)
        return 1
    return 0


def _plan(parsed: argparse.Namespace) -> int:
    """`hear-eval embed --plan`: what it would take, in seconds and bytes."""
    from evaluator.api.forecasting import forecast_embedding
    from evaluator.commands._forecast import print_forecasts

    how = {**hearing_options(parsed), **module_options(parsed)}
    kept = {"store": parsed.store, "cache": parsed.cache, "rehash": parsed.rehash}
    print_forecasts(forecast_embedding(parsed.module, parsed.files, **kept, **how))
    return 0
