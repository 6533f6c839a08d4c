"""How fast probes are trained: five folds of ESC-50 as one stack against one torch.nn.Linear after the other.

Random embeddings (2000 clips, 768 wide, 50 classes), the `arch` protocol's clean profile, one process, the two in turn;
prints seconds of each and their ratio.

    python bench/probe_speed.py [--epochs 200] [--folds 5]
"""

import argparse
import dataclasses
import time

import numpy as np
import torch

from evaluator import probe, protocol
from evaluator.probe import ProbeJob, learning_rate_factor
from evaluator.protocol import Linear


def one_by_one(jobs: list[ProbeJob], x: torch.Tensor, y: torch.Tensor, judged: Linear) -> None:
    """The straightforward loop: a linear layer, AdamW and a schedule per probe, validation loss after each epoch."""
    loss_of = torch.nn.CrossEntropyLoss()
    for job in jobs:
        linear = torch.nn.Linear(x.shape[1], y.shape[1])
        optimiser = torch.optim.AdamW(linear.parameters(), lr=judged.learning_rate, weight_decay=judged.weight_decay)
        train, valid = torch.from_numpy(job.train), torch.from_numpy(job.valid)
        n_batches = -(-len(train) // judged.batch_size)
        total = judged.epochs * n_batches
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda k, total=total: learning_rate_factor(k, total, judged.warmup_share)
        )
        for _ in range(judged.epochs):
            for rows in train[torch.randperm(len(train))].split(judged.batch_size):
                optimiser.zero_grad()
                loss_of(linear(x[rows]), y[rows]).backward()
                optimiser.step()
                schedule.step()
            with torch.no_grad():
                loss_of(linear(x[valid]), y[valid])


def main() -> None:
    """Parse the arguments, run both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--folds", type=int, default=5)
    settings = parser.parse_args()
    torch.set_num_threads(1)  # neither way gains by more at this size, and a busy machine makes threads wait
    random = np.random.default_rng(0)
    features = random.normal(size=(2000, 768)).astype(np.float32)
    targets = np.eye(50, dtype=np.float32)[random.integers(50, size=2000)]
    judged = dataclasses.replace(protocol.load("arch").judge, epochs=settings.epochs)
    jobs = []
    for fold in range(settings.folds):
        order = random.permutation(2000)
        jobs.append(ProbeJob(0, order[:1280], order[1280:1600], order[1600:], fold))
    started = time.perf_counter()
    one_by_one(jobs, torch.from_numpy(features), torch.from_numpy(targets), judged)
    alone = time.perf_counter() - started
    started = time.perf_counter()
    probe.train(jobs, [features], targets, "single", "accuracy", judged, "cpu")
    stacked = time.perf_counter() - started
    print(f"{settings.folds} probes, {settings.epochs} epochs, {torch.get_num_threads()} threads")
    print(f"one by one  {alone:7.1f} s")
    print(f"stacked     {stacked:7.1f} s")
    print(f"ratio       {alone / stacked:7.2f}")


if __name__ == "__main__":
    main()
