"""What a GPU alone can show, in under five minutes: each line a ratio against its own baseline, measured in turn in one process.

HuBERT Base with random weights, clips of noise. Printed: a plain transformers loop against ours in float32, TF32 and, where
`load_model` knows precision, bfloat16; batches of several lengths; the share of the device's measured matrix product rate that the
network reaches (MFU); the largest memory; operations and synchronisations beside the network's own; and embedding from files, decode
included. Without a GPU it says so; `--smoke` runs the same with a tiny network on the CPU, whose ratios mean nothing.

    python bench/gpu.py [--smoke] [--clips 256] [--rounds 3]
"""

import argparse
import inspect
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hear_ssl.encoders import api, weights
from hear_ssl.encoders.transformer import TransformerEncoder

RATE = 16000
FLOP_PER_SECOND = 14.3e9  # of HuBERT Base, by second of audio


class Operations(TorchDispatchMode):
    """Counts what torch is asked to do, by name."""

    def __init__(self):
        super().__init__()
        self.names = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names[function.name().split(".")[0]] += 1
        return function(*args, **(kwargs or {}))


def network_of(smoke: bool) -> torch.nn.Module:
    """HuBERT Base, or one that a CPU runs in no time, with random weights."""
    small = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (16,) * 7,
    }
    with weights.quiet_transformers() as transformers:
        torch.manual_seed(0)
        return transformers.HubertModel(transformers.HubertConfig(**(small if smoke else {}))).eval()


def plain_loop(network: torch.nn.Module, clips: list[torch.Tensor], device: str) -> torch.Tensor:
    """The straightforward way: a forward pass per clip, all hidden states kept, then averaged."""
    rows = []
    with torch.no_grad():
        for clip in clips:
            audio = clip.to(device)
            audio = (audio - audio.mean()) / torch.sqrt(audio.var(correction=0) + 1e-7)
            states = network(audio.unsqueeze(0), output_hidden_states=True).hidden_states
            rows.append(torch.stack([state[0].mean(dim=0) for state in states]).cpu())
    return torch.stack(rows)


def seconds_of(call, device: str, rounds: int) -> float:
    """Median seconds of a call, the device's queue included, after one to warm up."""
    times = []
    for _ in range(rounds + 1):
        _wait(device)
        started = time.perf_counter()
        call()
        _wait(device)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def allow_tf32(allowed: bool) -> None:
    """Whether products and convolutions of float32 may be computed in TF32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def product_rate(device: str, dtype: torch.dtype, size: int, rounds: int) -> float:
    """Operations a second of a large matrix product: what the device reaches, rather than what its maker says."""
    a = torch.randn(size, size, device=device, dtype=dtype)
    return 2 * size**3 / seconds_of(lambda: a @ a, device, rounds)


def compare_precisions(model: api.Model, clips: list[torch.Tensor], audio: float, settings: argparse.Namespace) -> None:
    """Plain loop, and ours in every precision there is, with MFU and memory."""
    device = settings.device
    loop = seconds_of(lambda: plain_loop(model.encoder.network, clips, device), device, settings.rounds)
    exact = api.get_clip_embeddings(clips, model)["layers_mean"]
    print(f"plain loop, float32     {audio / loop:10.0f} audio-s/s   1.00x")
    kinds = [("float32", model, False, torch.float32), ("TF32", model, True, torch.float32)]
    if "precision" in inspect.signature(api.Model.__init__).parameters:
        half = api.Model(model.encoder, precision="bfloat16").to(device)
        kinds.append(("bfloat16", half, False, torch.bfloat16))
    for name, each, tf32, dtype in kinds:
        allow_tf32(tf32)
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        took = seconds_of(lambda each=each: api.get_clip_embeddings(clips, each), device, settings.rounds)
        peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else float("nan")
        change = api.get_clip_embeddings(clips, each)["layers_mean"] - exact
        drift = (change.square().mean().sqrt() / exact.square().mean().sqrt()).item()
        rate = float("inf") if settings.smoke else product_rate(device, dtype, 8192, settings.rounds)
        used = FLOP_PER_SECOND * audio / took / rate
        print(
            f"ours, {name:9}         {audio / took:10.0f} audio-s/s {loop / took:6.2f}x   MFU {100 * used:5.1f} %   "
            f"peak {peak:.2f} GB   drift {100 * drift:.3f} % of RMS"
        )
    allow_tf32(False)


def compare_batches(model: api.Model, clips: list[torch.Tensor], audio: float, settings: argparse.Namespace) -> None:
    """Batches from one clip to many, against the default."""
    took = {}
    for seconds in (None, 5.0, 20.0, 80.0, 320.0):
        model.batch_seconds = seconds
        took[seconds] = seconds_of(lambda: api.get_clip_embeddings(clips, model), settings.device, settings.rounds)
    model.batch_seconds = None
    for seconds, its in took.items():
        name = "as it comes" if seconds is None else f"{seconds:g} s"
        print(f"batches of {name:12} {audio / its:10.0f} audio-s/s {took[None] / its:6.2f}x of the default")


def count_operations(model: api.Model, clips: list[torch.Tensor], settings: argparse.Namespace) -> None:
    """Operations of a batch of 32 clips of several lengths, the network's own included, and what the host waits for."""
    with Operations() as ours:
        api.get_clip_embeddings(clips[:32], model)
    waits = sum(ours.names[name] for name in ("aten::_local_scalar_dense", "aten::nonzero", "aten::equal"))
    with torch.no_grad(), Operations() as own:
        model.encoder.network(torch.nn.utils.rnn.pad_sequence(clips[:32], batch_first=True).to(settings.device))
    print(
        f"operations of 32 clips  {ours.names.total():10}   the network's own {own.names.total()}, values read back {waits}"
    )


def from_files(model: api.Model, clips: list[torch.Tensor], audio: float, settings: argparse.Namespace) -> None:
    """Embedding through the evaluator, from FLAC files at 44.1 kHz, decode and store included."""
    import hear_ssl.hubert_base as module
    from evaluator.audio import decode
    from evaluator.audio.clip import Clip
    from evaluator.audio.clip_rule import ClipRule
    from evaluator.datasets.manifest import Manifest
    from evaluator.datasets.recordings import Recordings
    from evaluator.embedding.driver import Driver
    from evaluator.embedding.extract import extract
    from evaluator.embedding.store import Store

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, clip in enumerate(clips):
            samples = np.interp(
                np.arange(int(len(clip) * 44100 / RATE)) * RATE / 44100, np.arange(len(clip)), clip.numpy()
            )
            soundfile.write(folder / f"{number}.flac", samples, 44100)
        manifest = Manifest(folder, tuple(Clip(f"{number}.flac", ("x",)) for number in range(len(clips))), ("x",))
        facts = decode.file_facts(folder, [clip.path for clip in manifest.clips], folder / "cache")
        driver = Driver("hear_ssl.hubert_base", device=settings.device, instance=_Loaded(module, model))
        store = Store(folder / "cache", {"module": "bench"}, "")
        started = time.perf_counter()
        done = extract(driver, Recordings("bench", manifest, ClipRule(), facts), store)
        took = time.perf_counter() - started
    print(
        f"from files, end to end  {audio / took:10.0f} audio-s/s   waiting for audio {done.seconds['read']:.1f} s, "
        f"in the module {done.seconds['embed']:.1f} s, {took:.1f} s in all"
    )


class _Loaded:
    """A HEAR module whose model is loaded already."""

    def __init__(self, module, model):
        self.load_model = lambda model_file_path="": model
        for name in ("get_scene_embeddings", "get_timestamp_embeddings", "get_clip_embeddings"):
            setattr(self, name, getattr(module, name))


def main() -> None:
    """Parse the arguments and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="a tiny network, on the CPU where there is no GPU")
    settings = parser.parse_args()
    if not torch.cuda.is_available():
        print(
            "no GPU here: nothing to measure" + (", a tiny run shows that the script works" if settings.smoke else "")
        )
        if not settings.smoke:
            return
    settings.device = "cuda" if torch.cuda.is_available() else "cpu"
    if settings.smoke:
        settings.clips, settings.rounds = 8, 1
    random = np.random.default_rng(0)
    lengths = random.uniform(0.3, 1.0, settings.clips) if settings.smoke else random.uniform(1, 9, settings.clips)
    clips = [torch.from_numpy(random.standard_normal(int(n * RATE)).astype(np.float32) * 0.1) for n in lengths]
    audio = sum(map(len, clips)) / RATE
    allow_tf32(False)
    model = api.Model(TransformerEncoder(network_of(settings.smoke), normalize=True)).to(settings.device)
    name = torch.cuda.get_device_name() if settings.device == "cuda" else "CPU"
    print(
        f"{name}, torch {torch.__version__}, {settings.clips} clips, {audio:.0f} s of audio; medians of {settings.rounds}"
    )
    compare_precisions(model, clips, audio, settings)
    compare_batches(model, clips, audio, settings)
    count_operations(model, clips, settings)
    from_files(model, clips, audio, settings)


if __name__ == "__main__":
    main()
