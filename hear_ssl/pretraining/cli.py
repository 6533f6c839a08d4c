"""The command line: `hear-ssl pretrain byol-a FOLDER... --out DIR` and `hear-ssl convert FILE --out DIR`.

The curve goes to standard output, one line an epoch; everything else to standard error, and with times into the file of --log.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

import argparse
import importlib.metadata
import logging
import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hear_ssl.pretraining.corpus import Corpus
    from hear_ssl.pretraining.probe import ProgressProbe

SAID = logging.INFO + 5  # of lines that are shown; the curve, of level INFO, is on standard output already

log = logging.getLogger(__name__)

EPILOG = """A run that was interrupted goes on where it was: give the same command again, with the same audio. Several GPUs: torchrun
--nproc-per-node N -m hear_ssl.pretraining.cli pretrain byol-a ... The result, DIR/byol_a.safetensors (and DIR/checkpoint.pth with
stats.csv, the original layout), loads with hear_ssl.byol_a."""


def parser() -> argparse.ArgumentParser:
    """All commands and their options; a recipe's number that is left out stays as published."""
    top = argparse.ArgumentParser(prog="hear-ssl", description="Self-supervised audio models.")
    top.add_argument("--version", action="version", version=f"hear-ssl {importlib.metadata.version('hear-ssl')}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_convert(commands.add_parser("convert", help="make a fairseq file loadable, without fairseq"))
    pretrain = commands.add_parser("pretrain", help="train a model on your own audio, without labels")
    kinds = pretrain.add_subparsers(required=True, metavar="MODEL")
    one = kinds.add_parser("byol-a", help="BYOL-A, version 1 or 2", epilog=EPILOG)
    one.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of audio, or audio files")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where state, curve and weights go")
    one.add_argument("--version", type=int, choices=(1, 2), default=1, help="of the encoder and its recipe (1)")
    for name, kind, text in (
        ("width", int, "of the linear layers (2048; published are also 512 and 1024 for version 1)"),
        ("epochs", int, "passes through the data (100)"),
        ("batch", int, "windows in a step, over all GPUs (256)"),
        ("learning-rate", _finite, "of Adam (3e-4; version 2: 1e-4)"),
        ("mixup", _finite, "highest share of an older window in a new one (0.4; version 2: 0.2)"),
        ("memory", int, "older windows kept for that (2048)"),
        ("piece-seconds", _finite, "a file gives a window an epoch for every so many seconds (10)"),
        ("n-statistics", int, "windows for mean and standard deviation, version 2 (10000)"),
        ("seed", int, "of all random draws (42)"),
    ):
        one.add_argument(f"--{name}", type=kind, metavar="N", help=text)
    one.add_argument("--device", choices=("cpu", "cuda"), default="", help="a GPU if there is one, unless given")
    one.add_argument("--amp", action="store_true", help="mixed precision (bfloat16)")
    one.add_argument("--workers", type=int, default=0, metavar="N", help="processes that decode audio (0: none extra)")
    one.add_argument("--save-every", type=int, default=100, metavar="STEPS", help="steps between saved states (100)")
    one.add_argument(
        "--probe", type=Path, metavar="FOLDER", help="labelled sounds, a sub-folder per class, to score the encoder by"
    )
    one.add_argument("--probe-every", type=int, default=10, metavar="EPOCHS", help="epochs between two scores (10)")
    one.add_argument("-q", "--quiet", action="store_true", help="say errors only, beside the curve")
    one.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="also write what is said, and the curve, to the end of this file, with times",
    )
    one.set_defaults(command=_pretrain_byol_a)
    return top


def _add_convert(one: argparse.ArgumentParser) -> None:
    """The arguments of `hear-ssl convert`."""
    one.description = "Writes the encoder of a fairseq file (wav2vec 2.0, HuBERT, AVES) as a folder that hf:DIR and --weights DIR take."
    one.add_argument("file", type=Path, metavar="FILE", help="the .pt file; no code in it is run")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder, which must not be there yet")
    one.add_argument(
        "--normalize", choices=("true", "false"), help="whether audio is normalised, where the file does not say it"
    )
    one.set_defaults(command=_convert, quiet=False, log=None)


def _finite(text: str) -> float:
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
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(logging.ERROR if parsed.quiet else SAID)
    handlers[0].setFormatter(logging.Formatter("hear-ssl: %(message)s"))
    try:
        if parsed.log:
            handlers.append(logging.FileHandler(parsed.log, encoding="utf-8"))
            handlers[1].setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    except OSError as error:
        print(f"hear-ssl: --log {parsed.log}: cannot be written ({error.strerror}); give another file", file=sys.stderr)
        return 2
    for handler in handlers:
        logging.getLogger().addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        return parsed.command(parsed)
    except ValueError as error:
        log.error(error)
        return 2
    except (OSError, RuntimeError) as error:
        log.error(error)
        return 2 if isinstance(error, FileNotFoundError) else 1
    except KeyboardInterrupt:
        log.error("interrupted; the same command goes on from the last saved state, or begins anew where there is none")
        return 130
    finally:
        for handler in handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()


def _convert(parsed: argparse.Namespace) -> int:
    """`hear-ssl convert`."""
    from hear_ssl.encoders.fairseq import convert

    made = convert(parsed.file, parsed.out, None if parsed.normalize is None else parsed.normalize == "true")
    left_out = f"; left out {len(made.left_out)} of heads ({made.left_out[0]}, ...)" if made.left_out else ""
    print(
        f"{made.folder}: {made.model_type}, {made.n_tensors} tensors{left_out}; audio is {'' if made.normalize else 'not '}normalised; "
        f"use it as hf:{made.folder}"
    )
    return 0


def _pretrain_byol_a(parsed: argparse.Namespace) -> int:
    """`hear-ssl pretrain byol-a`."""
    from hear_ssl.pretraining import corpus, probe, state, training
    from hear_ssl.pretraining.machine import join, leave
    from hear_ssl.pretraining.recipe import recipe

    names = ("width", "epochs", "batch", "learning_rate", "mixup", "memory", "piece_seconds", "n_statistics", "seed")
    chosen = recipe(parsed.version, **{name: getattr(parsed, name) for name in names})
    if parsed.save_every < 1 or parsed.workers < 0:
        raise ValueError(f"--save-every {parsed.save_every} --workers {parsed.workers}: at least 1 and 0 are wanted")
    machine = join(parsed.device, amp=parsed.amp, workers=parsed.workers, save_every=parsed.save_every)
    # The first process writes; a lock that each took would shut out the others.
    with state.locked(parsed.out) if not machine.rank else nullcontext():
        # Only the first process probes.
        progress = (
            probe.find(parsed.probe, parsed.probe_every, chosen.seed) if parsed.probe and not machine.rank else None
        )
        audio = corpus.find(parsed.folders, chosen.piece_seconds)
        if not machine.rank:
            _print_start(audio, progress, f"{machine.n_ranks} x {machine.device.type}")
        training.Pretraining(audio, chosen, machine, parsed.out, _print_row, progress).train()
    leave(machine)
    return 0


def _print_start(audio: "Corpus", probe: "ProgressProbe | None", where: str) -> None:
    """How much audio there is, and what the encoder is probed by."""
    lines = [
        f"{audio.seconds / 3600:.2f} h of audio, {len(audio.items)} windows an epoch, "
        f"{len(audio.broken)} broken files, {where}",
        *audio.notes,
    ]
    if probe:
        lines.append(
            f"probe: {len(probe.classes)} classes, {sum(~probe.held_out)} files to learn from, "
            f"{sum(probe.held_out)} held out, chance {100 * probe.chance:.1f} %"
        )
    for line in lines:
        log.log(SAID, line)


def _print_row(row: dict[str, Any]) -> None:
    """A line of the curve."""
    line = (
        f"epoch {row['epoch']:4d}  loss {row['loss']:.4f}  embedding std {row['embedding_std']:.3f}  "
        f"effective rank {row['effective_rank']:.1f}  {row['seconds']:.1f} s"
        + (f"  probe {100 * row['probe_accuracy']:.1f} %" if "probe_accuracy" in row else "")
        + (f"  {row['broken_windows']} broken windows" if row["broken_windows"] else "")
    )
    print(line, flush=True)
    log.info(line)


if __name__ == "__main__":
    sys.exit(main())
