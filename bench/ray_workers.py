"""How much faster two nodes of a cluster embed than one, and whether all bytes are those of one process, also if a node is killed.

    python bench/ray_workers.py SCRATCH [--clips 240] [--layers 4] [--rounds 3]

Two nodes of Ray with one core each, started here, share nothing but the folder SCRATCH; a HuBERT with random weights embeds clips of noise
of 0.5 to 5 s. In each round one worker and two, in turn, begin with an empty cache; then a node is killed when a third of the
shards is there. Seconds are from when the first worker has opened the module until nothing is left; what Ray and the module
take to start is told apart. Beside them stand processor seconds: those of the one worker by those of the busier of the two, which is what
the ratio comes to where nothing else runs. Goal: 1.8 times.
"""

import argparse
import os

os.environ.update(OMP_NUM_THREADS="1", RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0")

import json
import shutil
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from ray.cluster_utils import Cluster

import evaluator as ev
from evaluator.results import equality
from hear_ssl.encoders import weights

RATE = 16000


def make(scratch: Path, n_clips: int, n_layers: int) -> tuple[str, Path]:
    """A checkpoint in the hub's format, and a folder of clips in two classes."""
    torch.manual_seed(0)
    with weights.quiet_transformers() as transformers:
        network = transformers.HubertModel(transformers.HubertConfig(num_hidden_layers=n_layers))
        network.save_pretrained(scratch / "checkpoint")
    (scratch / "checkpoint" / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    random = np.random.default_rng(0)
    for number in range(n_clips):
        folder = scratch / "sounds" / ("loud" if number % 2 else "soft")
        folder.mkdir(parents=True, exist_ok=True)
        peak = 0.5 if number % 2 else 0.05
        samples = random.uniform(-peak, peak, int(RATE * random.uniform(0.5, 5)))
        soundfile.write(folder / f"{number}.wav", samples, RATE)
    return f"hf:{scratch / 'checkpoint'}", scratch / "sounds"


def shards(cache: Path) -> dict[str, bytes]:
    """The bytes of each shard of a cache, by its path there."""
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*.safetensors")}


def kill_amid(cluster: Cluster, node: Any, cache: Path, n_shards: int) -> None:
    """Kill a node as soon as a third of the shards is there."""
    while len(list(cache.rglob("*.safetensors"))) < n_shards / 3:
        time.sleep(0.05)
    cluster.remove_node(node, allow_graceful=False)


def main() -> int:
    """Print each round and the medians; 1 if a byte or a score differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    module, sounds = make(given.scratch, given.clips, given.layers)

    def run(name: str, **asked: Any) -> tuple[Any, dict[str, bytes]]:
        cache = given.scratch / name
        shutil.rmtree(cache, ignore_errors=True)
        (result,) = ev.run(module, sounds, protocol="knn", device="cpu", cache=cache, out=None, **asked)
        return result, shards(cache)

    started = time.perf_counter()
    alone, wanted = run("alone")
    print(f"one process, no Ray: {time.perf_counter() - started:.1f} s, {len(wanted)} shards", flush=True)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    node = cluster.add_node(num_cpus=1)
    differing = 0

    def by_workers(n_workers: int, watch: Callable[[], None] = lambda: None) -> dict[str, Any]:
        nonlocal differing
        watching = threading.Thread(target=watch)
        shutil.rmtree(given.scratch / "cache", ignore_errors=True)
        watching.start()
        result, made = run("cache", workers=n_workers, ray=cluster.address)
        watching.join()
        differing += made != wanted
        differing += bool(equality.differences(alone, result))
        (told,) = result.environment["workers"]
        print(f"{n_workers} asked: {told}, {'equal' if made == wanted else 'NOT EQUAL'}", flush=True)
        return dict(told)

    try:
        rounds = [(by_workers(1), by_workers(2)) for _ in range(given.rounds)]
        by_workers(2, lambda: kill_amid(cluster, node, given.scratch / "cache", len(wanted)))
    finally:
        cluster.shutdown()
    for what, ratios in (
        ("seconds", [one["seconds"] / two["seconds"] for one, two in rounds]),
        ("processor seconds", [sum(one["processor_seconds"]) / max(two["processor_seconds"]) for one, two in rounds]),
    ):
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"two nodes against one, {what}: {statistics.median(ratios):.2f} times ({spread})")
    print(f"differing: {differing}")
    return int(differing > 0)


if __name__ == "__main__":
    raise SystemExit(main())
