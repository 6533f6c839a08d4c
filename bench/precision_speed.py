"""What precision and engine gain and cost: HuBERT Base with random weights against a plain transformers loop in float32, clip by clip.

Processor seconds per second of audio, all layers' mean and standard deviation, on clips of ESC-10 (5 s) and of the Free Spoken Digit
Dataset (0.1 to 2 s): medians over rounds, in which all ways take turns, with the least and the greatest; and how far each layer is from
float32, as a share of its RMS. With --scores the score of the logistic protocol for layers 1, 6 and 12, in both precisions.

    OMP_NUM_THREADS=1 python bench/precision_speed.py AUDIO [--clips 4] [--rounds 3] [--engine openvino] [--scores]

AUDIO holds ESC-10 as `esc10/` and the Free Spoken Digit Dataset as `fsdd/`.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import soundfile
import soxr
import torch

import evaluator as ev
from hear_ssl.encoders import api, engines, weights

RATE = 16000
LAYERS = (1, 6, 12)
GOALS = {"float32 torch": 1.0, "bfloat16 torch": 1.8}  # on clips of 5 s
BEST_GOALS = {"esc10": 2.5, "fsdd": 3.0}  # of the fastest way in bfloat16
DRIFT_GOAL, SCORE_GOAL = 0.01, 0.01
SEVERAL = {"esc10": 1, "fsdd": 16}  # so many clips for each of ESC-10


def build() -> Any:
    """HuBERT Base with the same random weights each time."""
    torch.manual_seed(0)
    with weights.quiet_transformers() as transformers:
        return transformers.HubertModel(transformers.HubertConfig(attn_implementation="sdpa")).eval()


def some_clips(folder: Path, n: int) -> list[torch.Tensor]:
    """So many clips from all over a folder, (n_samples,) each at `RATE`."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".ogg"))
    clips = []
    for path in paths[:: max(1, len(paths) // n)][:n]:
        samples, rate = soundfile.read(path, dtype="float32")
        clips.append(torch.from_numpy(soxr.resample(samples, rate, RATE)))
    return clips


@torch.no_grad()
def plain_loop(network: Any, clips: list[torch.Tensor]) -> None:
    """The straightforward way: a pass a clip, all hidden states kept, then mean and standard deviation over time."""
    for clip in clips:
        audio = (clip - clip.mean()) / torch.sqrt(clip.var(correction=0) + 1e-7)
        states = network(audio[None], output_hidden_states=True).hidden_states
        _ = [(state[0].mean(0), state[0].std(0)) for state in states]


def taken(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds that a call takes, of all threads, and what it gives."""
    started = time.process_time()
    given = call()
    return time.process_time() - started, given


def speed(audio: Path, n_clips: int, rounds: int, chosen_engines: list[str]) -> None:
    """Print speed and drift of every way."""
    network = build()
    ways = [(precision, engine) for engine in chosen_engines for precision in engines.PRECISIONS]
    models = {
        f"{precision} {engine}": api.Model(
            engines.build_encoder(build(), True, RATE, {"precision": precision, "engine": engine})
        )
        for precision, engine in ways
    }
    for name in ("esc10", "fsdd"):
        clips = some_clips(audio / name, n_clips * SEVERAL[name])
        seconds = sum(map(len, clips)) / RATE
        plain_loop(network, clips[:1])
        for model in models.values():
            model.clips(clips[:1], layers=True)
        loop, ours, given = [], {way: [] for way in models}, {}  # type: list[float], dict[str, list[float]], dict[str, Any]
        for _ in range(rounds):
            loop.append(taken(lambda clips=clips: plain_loop(network, clips))[0])
            for way, model in models.items():
                cost, given[way] = taken(lambda model=model, clips=clips: model.clips(clips, layers=True))
                ours[way].append(cost)
        print(f"\n{name}: {len(clips)} clips, {seconds:.0f} s, {torch.get_num_threads()} threads, {rounds} rounds")
        print(f"{'plain loop':18} {statistics.median(loop) / seconds:.4f} CPU s a second")
        show(name, seconds, loop, ours, given)


def show(name: str, seconds: float, loop: list[float], ours: dict[str, list[float]], given: dict[str, Any]) -> None:
    """Print a line for each way, the drift of its layers, and whether it reaches its goal."""
    exact, best = given["float32 torch"], ("", 0.0)
    for way, costs in ours.items():
        ratios = sorted(plain / cost for plain, cost in zip(loop, costs, strict=True))
        ratio = statistics.median(ratios)
        goal = f", goal {GOALS[way]}x" if name == "esc10" and way in GOALS else ""
        print(
            f"{way:18} {statistics.median(costs) / seconds:.4f} CPU s a second, {ratio:.2f}x "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}){goal}"
        )
        if way.startswith("bfloat16") and ratio > best[1]:
            best = way, ratio
        for view in ("layers_mean", "layers_std"):
            apart = (given[way][view] - exact[view]).square().mean((0, 2)) / exact[view].square().mean((0, 2))
            shares = [100 * share for share in apart.sqrt().tolist()]
            if way != "float32 torch":
                print(f"    {view}: worst {max(shares):.2g} % of RMS (goal {100 * DRIFT_GOAL:g}): ", end="")
                print(" ".join(f"{share:.2g}" for share in shares))
    print(f"best of bfloat16: {best[0]} {best[1]:.2f}x, goal {BEST_GOALS[name]}x")


def scores(audio: Path, chosen_engine: str) -> None:
    """Print the logistic protocol's score of each layer of `LAYERS` in both precisions, and their difference."""
    with tempfile.TemporaryDirectory() as folder:
        network = build()
        network.save_pretrained(Path(folder) / "hubert")
        for task in ("fsdd", "esc10"):
            for layer in LAYERS:
                found = {}
                for precision in engines.PRECISIONS:
                    options = {"precision": precision, "normalize": True}
                    if precision == "bfloat16":
                        options["engine"] = chosen_engine
                    (result,) = ev.run(
                        f"hf:{folder}/hubert", task, data=audio, protocol="logistic", layers=layer, options=options,
                        cache=Path(folder) / "cache", out=Path(folder) / "results",
                    )  # fmt: skip
                    found[precision] = result.score
                change = found["bfloat16"] - found["float32"]
                told = f"{found['float32']:.4f} float32, {found['bfloat16']:.4f} bfloat16"
                print(
                    f"{task} layer {layer}: {told}, {100 * change:+.2f} points (goal at most {100 * SCORE_GOAL:g})",
                    flush=True,
                )


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--clips", type=int, default=4, help="of ESC-10; of the shorter ones 16 times as many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=engines.ENGINES, default="torch", help="beside torch")
    parser.add_argument("--scores", action="store_true", help="scores instead of speed")
    parsed = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, torch {torch.__version__}")
    if parsed.scores:
        scores(parsed.audio, parsed.engine)
    else:
        speed(parsed.audio, parsed.clips, parsed.rounds, list(dict.fromkeys(["torch", parsed.engine])))


if __name__ == "__main__":
    main()
