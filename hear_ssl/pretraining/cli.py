"""The command line: `hear-ssl pretrain byol-a FOLDER... --out DIR`.

The curve goes to standard output, one line an epoch; everything else to standard error. Exit codes: 0 done, 1 failed,
2 wrong usage.
"""

import argparse
import logging
import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hear_ssl.pretraining.corpus import Corpus
    from hear_ssl.pretraining.probe import Probe

EPILOG = """A run that was interrupted goes on where it was: give the same command again, with the same audio. Several GPUs: torchrun
--nproc-per-node N -m hear_ssl.pretraining.cli pretrain byol-a ... The result, DIR/byol_a.safetensors (and DIR/checkpoint.pth with
stats.csv, the original layout), loads with hear_ssl.byol_a."""


def parser() -> argparse.ArgumentParser:
    """All commands and their options; a recipe's number that is not given stays as published."""
    top = argparse.ArgumentParser(prog="hear-ssl", description="Self-supervised audio models.")
    pretrain = top.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "pretrain", help="train a model on your own audio, without labels"
    )
    kinds = pretrain.add_subparsers(required=True, metavar="MODEL")
    one = kinds.add_parser("byol-a", help="BYOL-A, version 1 or 2", epilog=EPILOG)
    one.add_argument("places", nargs="+", type=Path, metavar="FOLDER", help="folders of audio, or audio files")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where state, curve and weights go")
    one.add_argument("--version", type=int, choices=(1, 2), default=1, help="of the encoder and its recipe (1)")
    for name, kind, text in (
        ("width", int, "of the linear layers (2048; published are also 512 and 1024 for version 1)"),
        ("epochs", int, "passes through the data (100)"),
        ("batch", int, "windows in a step, over all GPUs (256)"),
        ("learning-rate", finite, "of Adam (3e-4; version 2: 1e-4)"),
        ("mixup", finite, "highest share of an older window in a new one (0.4; version 2: 0.2)"),
        ("memory", int, "older windows kept for that (2048)"),
        ("piece-seconds", finite, "a file gives a window an epoch for every so many seconds (10)"),
        ("n-statistics", int, "windows for mean and deviation, version 2 (10000)"),
        ("seed", int, "of everything that is drawn (42)"),
    ):
        one.add_argument(f"--{name}", type=kind, metavar="N", help=text)
    one.add_argument("--device", choices=("cpu", "cuda"), default="", help="a GPU if there is one, unless given")
    one.add_argument("--amp", action="store_true", help="mixed precision (bfloat16)")
    one.add_argument("--workers", type=int, default=0, metavar="N", help="processes that decode audio (0: none extra)")
    one.add_argument("--save-every", type=int, default=100, metavar="STEPS", help="steps between saved states (100)")
    one.add_argument(
        "--probe", type=Path, metavar="FOLDER", help="labelled sounds, a sub-folder per class, to judge the encoder by"
    )
    one.add_argument("--probe-every", type=int, default=10, metavar="EPOCHS", help="epochs between two judgements (10)")
    one.set_defaults(command=pretrain_byol_a)
    return top


def finite(text: str) -> float:
    """A number that is neither NaN nor infinite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r}: a finite number is wanted")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; every expected failure is one sentence on standard error."""
    parsed = parser().parse_args(arguments)
    logging.basicConfig(format="hear-ssl: %(message)s", stream=sys.stderr)
    try:
        return parsed.command(parsed)
    except ValueError as error:
        print(f"hear-ssl: {error}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError) as error:
        print(f"hear-ssl: {error}", file=sys.stderr)
        return 2 if isinstance(error, FileNotFoundError) else 1
    except KeyboardInterrupt:
        print("hear-ssl: interrupted; the same command goes on from the last saved state", file=sys.stderr)
        return 130


def pretrain_byol_a(parsed: argparse.Namespace) -> int:
    """`hear-ssl pretrain byol-a`."""
    from hear_ssl.pretraining import corpus, probe, state, training
    from hear_ssl.pretraining.machine import join, leave
    from hear_ssl.pretraining.recipe import recipe

    names = ("width", "epochs", "batch", "learning_rate", "mixup", "memory", "piece_seconds", "n_statistics", "seed")
    how = recipe(parsed.version, **{name: getattr(parsed, name) for name in names})
    if parsed.save_every < 1 or parsed.workers < 0:
        raise ValueError(f"--save-every {parsed.save_every} --workers {parsed.workers}: at least 1 and 0 are wanted")
    machine = join(parsed.device, amp=parsed.amp, workers=parsed.workers, save_every=parsed.save_every)
    # The first process writes; a lock that each took would shut out the others.
    with state.held(parsed.out) if not machine.rank else nullcontext():
        # Only the first process judges.
        judge = probe.find(parsed.probe, parsed.probe_every, how.seed) if parsed.probe and not machine.rank else None
        heard = corpus.find(parsed.places, how.piece_seconds)
        if not machine.rank:
            introduce(heard, judge, f"{machine.n_ranks} x {machine.device.type}")
        training.Run(heard, how, machine, parsed.out, tell, judge).train()
    leave(machine)
    return 0


def introduce(heard: "Corpus", judge: "Probe | None", where: str) -> None:
    """Say what is heard and judged by."""
    lines = [
        f"{heard.seconds / 3600:.2f} h of audio, {len(heard.items)} windows an epoch, "
        f"{len(heard.broken)} broken files, {where}",
        *heard.notes,
    ]
    if judge:
        lines.append(
            f"probe: {len(judge.classes)} classes, {sum(~judge.held_out)} files to learn from, "
            f"{sum(judge.held_out)} held out, chance {100 * judge.chance:.1f} %"
        )
    for line in lines:
        print(f"hear-ssl: {line}", file=sys.stderr)


def tell(row: dict[str, Any]) -> None:
    """A line of the curve."""
    print(
        f"epoch {row['epoch']:4d}  loss {row['loss']:.4f}  embedding std {row['embedding_std']:.3f}  "
        f"effective rank {row['effective_rank']:.1f}  {row['seconds']:.1f} s"
        + (f"  probe {100 * row['probe_accuracy']:.1f} %" if "probe_accuracy" in row else "")
        + (f"  {row['broken_windows']} broken windows" if row["broken_windows"] else ""),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
