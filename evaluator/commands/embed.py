"""`hear-eval embed`."""

import argparse
from pathlib import Path

from evaluator.commands._arguments import (
    MODULE,
    add_cache,
    add_hearing,
    add_module_options,
    add_unrepeatable,
    hearing_options,
    module_options,
)
from evaluator.commands._console import bar

SUMMARY = "just the embeddings of some files"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """One module, files, and where the embeddings go."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio files, or folders of them")
    command.add_argument("--out", type=Path, required=True, metavar="F.npz")
    add_cache(command)
    add_unrepeatable(command)
    add_hearing(command)
    add_module_options(command)


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval embed`: scene and timestamp embeddings of files in one .npz."""
    import evaluator as ev
    from evaluator.experiment.embed_files import check_npz, write_npz

    check_npz(parsed.out)
    embeddings = ev.embed(
        parsed.module,
        parsed.files,
        frames=True,
        cache=parsed.cache,
        rehash=parsed.rehash,
        progress=bar,
        allow_unrepeatable=parsed.allow_unrepeatable,
        **hearing_options(parsed),
        **module_options(parsed),
    )
    write_npz(embeddings, parsed.out)
    without = "" if embeddings.frames else "; no frames, since the module gives none"
    print(f"written: {parsed.out} ({len(embeddings.files)} files{without})")
    return 0
