"""`hear-eval embed`."""

import argparse
from pathlib import Path

from evaluator.commands.console import bar
from evaluator.commands.given import MODULE, module, specs

SUMMARY = "just the embeddings of some files"


def fill(command: argparse.ArgumentParser) -> None:
    """One module, files, and where the embeddings go."""
    command.add_argument("module", metavar="MODULE", help=MODULE)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument("--out", type=Path, required=True, metavar="F.npz")
    module(command)


def execute(parsed: argparse.Namespace) -> int:
    """`hear-eval embed`: scene and timestamp embeddings of files in one .npz."""
    from evaluator.embedding import embed
    from evaluator.embedding.module import open_module

    with open_module(specs(parsed, [parsed.module])[0]) as module:
        written = embed.embed_files(module, parsed.files, parsed.out, bar("files", len(parsed.files)))
    print(f"written: {written} ({len(parsed.files)} files)")
    return 0
