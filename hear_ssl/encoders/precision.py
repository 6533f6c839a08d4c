"""Where products in bfloat16 are worth it: on processors and GPUs that have them; elsewhere they are emulated, slower than float32."""

from collections.abc import Mapping
from typing import Any

import torch

# What a processor calls its products in bfloat16 (AVX-512 and AMX of x86; ARM), in the words of torch.cpu.get_capabilities.
CPU_FEATURES = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
FIRST_CUDA = (8, 0)  # compute capability of Ampere, 2020


def cpu_gains() -> bool:
    """Whether this machine's processor multiplies bfloat16 faster than float32."""
    if hasattr(torch.cpu, "get_capabilities"):
        found: Mapping[str, Any] = torch.cpu.get_capabilities()
        return any(found.get(name) for name in CPU_FEATURES)
    asks = (
        getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile")
    )  # before torch 2.11
    return any(ask() for ask in asks if ask)


def gains(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32."""
    if device.type == "cpu":
        return cpu_gains()
    return device.type != "cuda" or bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= FIRST_CUDA


def refuse_bfloat16(device: torch.device) -> None:
    """Refuse a device where bfloat16 is only emulated.

    Falling back to float32 would be exact, but a result would then say bfloat16 of embeddings that are not, or the same command
    fill another store on another machine.

    Raises:
        ValueError: It is.
    """
    if not gains(device):
        raise ValueError(
            f"option precision='bfloat16': this machine's {'processor' if device.type == 'cpu' else 'GPU'} has no products in "
            f"bfloat16 ({', '.join(CPU_FEATURES[:2])} of a CPU, compute capability 8.0 of a GPU), so that it would be slower than "
            "float32 and less exact; leave the option out"
        )
