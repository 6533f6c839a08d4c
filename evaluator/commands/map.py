"""`hear-eval map`."""

import argparse
import json
import sys

from evaluator.commands._arguments import add_sample, number_of_clips, sample_options
from evaluator.commands._console import print_table

SUMMARY = "draw a task's embeddings on a plane: t-SNE, PCA or UMAP"

EXAMPLES = """
hear-eval map hear_ssl.melspec --task demo/calls --colour label --colour group
hear-eval map hear_ssl.melspec hear_ssl.byol_a_mini --task ./my_recordings --method tsne --clips 500
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Modules, tasks, and how which layers and clips are mapped."""
    add_sample(command)
    command.add_argument(
        "--method", action="append", choices=("tsne", "pca", "umap"), help="repeatable (default: tsne and pca)"
    )
    command.add_argument(
        "--colour",
        action="append",
        metavar="C",
        help="label (default), group, fold, split, recording, folder, or a descriptor: pitch, level, duration, ...; repeatable",
    )
    command.add_argument("--perplexity", type=float, default=30.0, metavar="P", help="of t-SNE (default 30)")
    command.add_argument(
        "--sounds",
        type=number_of_clips,
        default=400,
        metavar="N",
        help="clips of a map that play at a click, as far as 6 MB hold them, 0 for none (default 400)",
    )


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval map`: each task's embeddings on a plane, (n_clips, 2), and how far such maps can be trusted."""
    import evaluator as ev
    from evaluator.files import writable_folder
    from evaluator.mapping import atlas, figures, page

    out = writable_folder("--out", parsed.out)
    for each in ev.draw_maps(
        parsed.modules,
        parsed.task,
        methods=parsed.method or ("tsne", "pca"),
        colours=parsed.colour or ("label",),
        perplexity=parsed.perplexity,
        **sample_options(parsed),
    ):
        folder = writable_folder("--out", out / f"map-{each.run}")
        figures.draw(each, folder)
        atlas.write(each, folder)
        sounds = page.sounds_of(each, n_max=parsed.sounds)
        if sounds.missing:
            print(f"hear-eval: {sounds.missing}", file=sys.stderr)
        written = page.write(each, folder, sounds)
        if parsed.json:
            print(json.dumps(atlas.as_plain(each)), flush=True)
            continue
        print_table(*atlas.as_table(each))
        for note in each.notes:
            print(f"note: {each.task}: {note}")
        print(f"written: {written}")
    return 0
