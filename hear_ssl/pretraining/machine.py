"""Where a pre-training happens: a CPU, a GPU, or several GPUs under torchrun."""

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Machine:
    """Where a run happens.

    Attributes:
        device: Of this process.
        amp: Compute in bfloat16 where that is safe.
        workers: Processes that decode audio, for each process that trains.
        save_every: Steps from one saved state to the next.
        rank, n_ranks: This process and all of them.
    """

    device: torch.device
    amp: bool = False
    workers: int = 0
    save_every: int = 100
    rank: int = 0
    n_ranks: int = 1


def join(device: str, **options: Any) -> Machine:
    """The machine, processes of `torchrun` connected with each other.

    Args:
        device: "cpu", "cuda", or "" for a GPU if there is one.
        options: See `Machine`.

    Raises:
        ValueError: No such device, or one without bfloat16.
    """
    n_ranks, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise ValueError(
            f"device {name!r}: cpu is here{', and cuda' if torch.cuda.is_available() else ', cuda is not'}"
        )
    if name == "cuda" and options.get("amp") and not torch.cuda.is_bf16_supported():
        raise ValueError("amp: this GPU does not compute in bfloat16; leave it out")
    where = torch.device(name, int(os.environ.get("LOCAL_RANK", 0))) if name == "cuda" else torch.device(name)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    if n_ranks > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    return Machine(where, rank=rank, n_ranks=n_ranks, **options)


def leave(machine: Machine) -> None:
    """Part from the other processes, if there are any."""
    if machine.n_ranks > 1:
        dist.destroy_process_group()


def summed(x: torch.Tensor, machine: Machine) -> torch.Tensor:
    """The sum of a tensor of any shape over all processes, element by element."""
    if machine.n_ranks > 1:
        x = x.to(machine.device)
        dist.all_reduce(x)
    return x
