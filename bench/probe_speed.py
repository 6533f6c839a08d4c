"""How fast probes are trained: each protocol's probes side by side, against one PyTorch loop with a DataLoader after another.

Two sets of random embeddings, as they would lie in the store: one of the size of ESC-10 (400 clips, 5 folds) and one of
10,000 clips. The first has as many layers and widths as HuBERT base gives (13 layers of 768, 1536 with deviations), and
so has the second. Both ways train the very same probes for the same number of epochs in one process, in turn; printed are
seconds and their ratio, and the ratio of processor time, which a busy machine falsifies less. Early stopping is switched off
so that both do the same work.

With `--products` the training stands against its matrix products alone instead: those of every layer, forward and backward, and
of the validation, of the same sizes and as often, one probe after another on memory that is there already. Printed are medians of
processor time over the rounds, and their ratio with its range: what gathering rows, norms, dropout, losses, Adam and scores cost
beside the products. `--clips` makes sets of so many clips instead.

    python bench/probe_speed.py [--set esc10|large] [--protocol arch sarkar ogg hear] [--epochs N] [--device cpu|cuda]
    python bench/probe_speed.py --products [--rounds N] [--clips N ...] [--set ...] [--protocol ...] [--epochs N]
"""

import argparse
import dataclasses
import time
from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset

from evaluator.embedding.matrix import InMemory
from evaluator.probes import protocol, training
from evaluator.probes.jobs import FitRequest, ProbeJob
from evaluator.probes.network_settings import NetworkSettings
from evaluator.probes.schedules import warmup_factor
from evaluator.scoring.targets import Targets

EPOCHS = {
    ("esc10", "hear"): 30,
    ("esc10", "sarkar"): 10,
    ("large", "hear"): 2,
    ("large", "sarkar"): 1,
    ("large", "arch"): 2,
    ("large", "ogg"): 2,
}


def module_of(judged: NetworkSettings, width: int, n_classes: int) -> torch.nn.Module:
    """The protocol's network, as one would write it."""
    layers: list[torch.nn.Module] = []
    for hidden in judged.hidden:
        layers.append(torch.nn.Linear(width, hidden))
        if judged.norm == "batch":
            layers.append(torch.nn.BatchNorm1d(hidden))
        if judged.norm == "layer":
            layers.append(torch.nn.LayerNorm(hidden))
        if judged.dropout:
            layers.append(torch.nn.Dropout(judged.dropout))
        layers.append(torch.nn.ReLU())
        width = hidden
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, n_classes))


def one_by_one(
    jobs: list[ProbeJob], matrices: list[np.ndarray], targets: np.ndarray, settings: NetworkSettings, device: str
) -> None:
    """The straightforward loop: for each probe a network, a DataLoader, an optimiser, validation after each epoch."""
    classes = torch.from_numpy(targets.argmax(axis=1))
    loss_of = torch.nn.CrossEntropyLoss()
    for job in jobs:
        data = TensorDataset(torch.from_numpy(matrices[job.features[0]]), classes)
        train = DataLoader(Subset(data, job.train.tolist()), batch_size=settings.batch_size, shuffle=settings.shuffle)
        valid = DataLoader(Subset(data, job.valid.tolist()), batch_size=settings.batch_size)
        for point in settings.points():
            net = module_of(point, matrices[0].shape[1], targets.shape[1]).to(device)
            made = torch.optim.AdamW if point.optimiser == "adamw" else torch.optim.Adam
            optimiser = made(net.parameters(), lr=point.learning_rate, weight_decay=point.weight_decay)
            total = point.epochs * len(train)
            warmup = torch.optim.lr_scheduler.LambdaLR(
                optimiser,
                lambda k, total=total, point=point: (
                    warmup_factor(k, total, point.warmup_share) if point.schedule == "warmup" else 1.0
                ),
            )
            for epoch in range(1, point.epochs + 1):
                net.train()
                for x, y in train:
                    optimiser.zero_grad()
                    loss_of(net(x.to(device)), y.to(device)).backward()
                    optimiser.step()
                    warmup.step()
                if epoch % point.check_every == 0:
                    net.eval()
                    with torch.no_grad():
                        hits = [(net(x.to(device)).argmax(1).cpu() == y).sum().item() for x, y in valid]
                        sum(hits)


def products(jobs: list[ProbeJob], width: int, n_classes: int, settings: NetworkSettings, device: str) -> None:
    """The matrix products of a training and nothing else, in float32: those that have to be, however probes are stacked."""
    for job, point in product(jobs, settings.points()):
        sizes = [len(part) for part in torch.arange(len(job.train)).split(settings.batch_size)]
        layers = list(pairwise([width, *point.hidden, n_classes]))
        weights = [(torch.randn(shape, device=device), torch.empty(shape, device=device)) for shape in layers]
        rows = {
            n: [tuple(torch.randn(n, each, device=device) for each in (n_in, n_in, n_out)) for n_in, n_out in layers]
            for n in {*sizes, len(job.valid)}
        }
        for epoch in range(1, point.epochs + 1):
            for n in sizes:
                for layer, ((x, of_x, y), (weight, of_weight)) in enumerate(zip(rows[n], weights, strict=True)):
                    torch.mm(x, weight, out=y)
                    torch.mm(x.T, y, out=of_weight)
                    if layer:  # features have no gradient
                        torch.mm(y, weight.T, out=of_x)
            if epoch % point.check_every == 0:
                for (x, _, y), (weight, _) in zip(rows[len(job.valid)], weights, strict=True):
                    torch.mm(x, weight, out=y)


def problem(
    which: str, name: str, n_clips: int = 0
) -> tuple[list[ProbeJob], list[np.ndarray], np.ndarray, NetworkSettings]:
    """The probes of a protocol on one of the two sets."""
    random = np.random.default_rng(0)
    n, n_classes, n_folds = (400, 10, 5) if which == "esc10" else (10_000, 50, 1)
    n = n_clips or n
    settings = protocol.load(name, "published").probe
    assert isinstance(settings, NetworkSettings)
    n_layers, width = (13, 1536) if name == "sarkar" else (1, 768 if which == "esc10" else 1536)
    matrices = [random.normal(size=(n, width)).astype(np.float32) for _ in range(n_layers)]
    targets = np.eye(n_classes, dtype=np.float32)[random.integers(n_classes, size=n)]
    parts = np.array_split(random.permutation(n), 5)
    jobs = []
    for fold in range(n_folds if name != "hear" else 1):
        train = np.concatenate([parts[(fold + k) % 5] for k in (2, 3, 4)])
        for layer in range(n_layers):
            jobs.append(
                ProbeJob((layer,), train, parts[(fold + 1) % 5], parts[fold], seed=fold, fold=fold, series=layer)
            )
    epochs = EPOCHS.get((which, name), settings.epochs)
    return jobs, matrices, targets, dataclasses.replace(settings, epochs=epochs, patience=0)


def timed(work: Callable[[], object], device: str) -> tuple[float, float]:
    """Seconds that `work` takes on the clock, and of all processors together."""
    wall, processors = time.perf_counter(), time.process_time()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - processors


def main() -> None:
    """Parse the arguments, run both ways for each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs="+", default=["esc10", "large"], choices=("esc10", "large"))
    parser.add_argument("--protocol", nargs="+", default=["arch", "ogg", "hear", "sarkar"])
    parser.add_argument("--epochs", type=int, default=0, help="instead of this table's own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--products", action="store_true", help="against the matrix products alone")
    parser.add_argument("--rounds", type=int, default=3, help="of that")
    parser.add_argument("--clips", type=int, nargs="+", default=[0], help="of that, instead of the set's own number")
    settings = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {settings.device}")
    if settings.products:
        print(
            f"{'set':7}{'clips':>6} {'protocol':10}{'probes':>7}{'epochs':>7}{'products s':>12}{'training s':>12}{'ratio':>7}"
        )
    else:
        ways = f"{'one by one s':>14}{'side by side s':>16}{'ratio':>7}{'of CPU':>8}"
        print(f"{'set':7}{'protocol':10}{'probes':>7}{'epochs':>7}{ways}")
    for which, name in product(settings.set, settings.protocol):
        if not settings.products:
            print(row(which, name, settings.epochs, settings.device), flush=True)
        for n_clips in settings.clips if settings.products else ():
            print(products_row(which, name, n_clips, settings), flush=True)


def row(which: str, name: str, epochs: int, device: str) -> str:
    """One line of the table."""
    jobs, matrices, targets, settings = problem(which, name)
    settings = dataclasses.replace(settings, epochs=epochs or settings.epochs)
    alone = timed(lambda: one_by_one(jobs, matrices, targets, settings, device), device)
    beside = timed(lambda: side_by_side(jobs, matrices, targets, settings, device), device)
    n_probes = len(jobs) * len(settings.points())
    figures = f"{alone[0]:14.2f}{beside[0]:16.2f}{alone[0] / beside[0]:7.1f}{alone[1] / beside[1]:8.1f}"
    return f"{which:7}{name:10}{n_probes:7}{settings.epochs:7}{figures}"


def side_by_side(
    jobs: list[ProbeJob], matrices: list[np.ndarray], targets: np.ndarray, settings: NetworkSettings, device: str
) -> None:
    """Our way, as `hear-eval run` calls it; `sarkar` standardises."""
    known = [InMemory(matrix) for matrix in matrices]
    standardise = len(matrices) > 1
    training.train(FitRequest(jobs, known, Targets(targets, "single", "accuracy"), standardise, device), settings)


def products_row(which: str, name: str, n_clips: int, asked: argparse.Namespace) -> str:
    """One line of the table against the matrix products: both in turn, medians of processor time, and their ratios."""
    jobs, matrices, targets, settings = problem(which, name, n_clips)
    settings = dataclasses.replace(settings, epochs=asked.epochs or settings.epochs)
    width, n_classes = matrices[0].shape[1], targets.shape[1]
    rounds = [
        (
            timed(lambda: products(jobs, width, n_classes, settings, asked.device), asked.device)[1],
            timed(lambda: side_by_side(jobs, matrices, targets, settings, asked.device), asked.device)[1],
        )
        for _ in range(asked.rounds)
    ]
    bare, ours = np.median(rounds, axis=0)
    ratios = sorted(training / products for products, training in rounds)
    n_probes = len(jobs) * len(settings.points())
    figures = f"{bare:12.2f}{ours:12.2f}{np.median(ratios):7.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"{which:7}{len(targets):6} {name:10}{n_probes:7}{settings.epochs:7}{figures}"


if __name__ == "__main__":
    main()
