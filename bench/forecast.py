"""What `hear-eval run --plan` says that embedding will take, against what it then took: processor seconds, disk, and memory.

    OMP_NUM_THREADS=1 python bench/forecast.py AUDIO [--tasks fsdd esc10] [--rounds 1]

AUDIO holds ESC-10 as `esc10/` and the Free Spoken Digit Dataset as `fsdd/`. Three modules: a spectrogram, a small network, and a small
HuBERT with random weights. Plan and run are processes of their own, the run into an empty cache; of several rounds the median of the ratios
counts. The bound is 25 % of the processor time that was taken to read and embed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BOUND = 0.25


def write_checkpoint(folder: Path) -> None:
    """A HuBERT of four layers of 256 with random weights, as transformers writes it."""
    import torch
    import transformers

    torch.manual_seed(0)
    small = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
    config = transformers.HubertConfig(**small, conv_dim=[128] * 7)
    transformers.HubertModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)


def asked(folder: Path, module: str, task: str, more: list[str]) -> str:
    """What `hear-eval run` prints, with a cache of its own for this module."""
    command = [sys.executable, "-m", "evaluator", "run", module, "--task", task, "--protocol", "knn", "--json", *more]
    environment = {**os.environ, "HEAR_EVAL_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def compared(audio: Path, checkpoint: Path, module: str, name: str) -> dict[str, Any]:
    """Planned and taken, of one module on one task."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        task = "esc10" if name == "esc10" else str(write_digits(audio, folder))
        spelled = f"hf:{checkpoint}" if module == "hf" else module
        data = ["--data", str(audio / "esc10")] if name == "esc10" else []
        (planned,) = json.loads(asked(folder, spelled, task, [*data, "--plan"]))
        asked(folder, spelled, task, [*data, "--out", "out"])
        (path,) = (folder / "out").rglob("*.json")
        took = json.loads(path.read_text())["environment"]["took"]
        stored = sum(each.stat().st_size for each in (folder / "cache").rglob("*.safetensors"))
    return {
        "planned": planned["trial"]["processor"],
        "tried": planned["trial"]["tried_seconds"] / planned["audio_seconds"],
        "took": took["processor"]["read"] + took["processor"]["embed"],
        "open": (planned["open_processor"], took["processor"]["open"]),
        "disk": (planned["trial"]["store_bytes"], stored),
        "memory": (planned["trial"]["peak_bytes"], took["peak_bytes"]),
    }


def write_digits(audio: Path, folder: Path) -> Path:
    """A table of the digits, whose labels stand in the files' names."""
    paths = sorted((audio / "fsdd" / "recordings").glob("*.wav"))
    lines = ["path,label", *(f"{path},{path.name.split('_')[0]}" for path in paths)]
    (folder / "digits.csv").write_text("\n".join(lines) + "\n")
    return folder / "digits.csv"


def main() -> None:
    """Plan, run, and print one beside the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--tasks", nargs="+", default=["fsdd", "esc10"], choices=["fsdd", "esc10"])
    parser.add_argument("--rounds", type=int, default=1)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        write_checkpoint(Path(scratch))
        for module in ("hear_ssl.melspec", "hear_ssl.byol_a_mini", "hf"):
            for name in parsed.tasks:
                rounds = [compared(parsed.audio.resolve(), Path(scratch), module, name) for _ in range(parsed.rounds)]
                ratios = [each["planned"]["mean"] / each["took"] for each in rounds]
                ratio, all_ratios = statistics.median(ratios), ", ".join(f"{each:.2f}" for each in ratios)
                last = rounds[-1]
                plan, kept = last["planned"], "kept" if abs(ratio - 1) <= BOUND else "MISSED"
                print(
                    f"{module} on {name}: planned {plan['mean']:.2f} s ({plan['low']:.2f} to {plan['high']:.2f}) from {last['tried']:.0%} of the "
                    f"audio, took {last['took']:.2f}: ratio {ratio:.2f} ({all_ratios}), "
                    f"bound {kept}; open {last['open'][0]:.1f} / {last['open'][1]:.1f} s; disk {last['disk'][0] / 1e6:.2f} / {last['disk'][1] / 1e6:.2f} MB; "
                    f"memory {last['memory'][0] / 1e6:.0f} / {last['memory'][1] / 1e6:.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
