"""Finding and reading weights: strictly, without running code from them, and with a sentence when something is off."""

import json
import logging
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders.torchaudio_guard import hide_broken

# Parameters that a checkpoint may lack because only pre-training uses them.
UNUSED_HERE = {"masked_spec_embed"}
UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    EOFError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """`transformers`, imported safely, without its load reports and bars: what matters is checked and reported by us."""
    hide_broken()
    import transformers

    level, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()


def load_transformer(source: str, revision: str, families: tuple[str, ...]) -> Any:
    """The bare network of a checkpoint in the hub's format, every weight taken from the checkpoint.

    Args:
        source: Hub id or local folder.
        revision: Commit on the hub; "" for the newest.
        families: Accepted values of `model_type` in its config.json.

    Raises:
        FileNotFoundError: Neither a folder nor a model that the hub (or its cache) gives.
        ValueError: Another kind of network, a damaged file, or weights missing for a part that is used.
    """
    where = f"{source} at revision {revision}" if revision else source
    with quiet_transformers() as transformers:
        options: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False}
        try:
            config = transformers.AutoConfig.from_pretrained(source, **options)
        except (OSError, ValueError) as error:
            raise FileNotFoundError(_unavailable(where, error)) from error
        if config.model_type not in families:
            raise ValueError(f"{source}: model type {config.model_type!r} is not one of {', '.join(families)}")
        try:
            network, report = transformers.AutoModel.from_pretrained(
                source, config=config, output_loading_info=True, dtype=torch.float32, **options
            )
        except (*UNREADABLE, Exception) as error:  # safetensors' own error derives from Exception only
            if isinstance(error, OSError) and "no file named" in str(error):
                raise FileNotFoundError(
                    f"{where}: no weights (model.safetensors or pytorch_model.bin) in it"
                ) from error
            raise ValueError(
                f"{where}: the weights cannot be read ({first_line(error)}); download them again"
            ) from error
    missing = sorted(set(report["missing_keys"]) - UNUSED_HERE)
    if missing or report["mismatched_keys"]:
        names = missing or sorted(str(key) for key in report["mismatched_keys"])
        raise ValueError(
            f"{where}: {len(names)} weights are missing or of another shape and would be random: "
            f"{', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
        )
    return network


def processor_rules(source: str, revision: str) -> dict[str, Any] | None:
    """What preprocessor_config.json beside the weights says (`sampling_rate` in Hz), or None if there is no such file."""
    from huggingface_hub.errors import EntryNotFoundError

    path = Path(source) / "preprocessor_config.json"
    if not Path(source).is_dir():
        from huggingface_hub import hf_hub_download

        try:
            path = Path(hf_hub_download(source, "preprocessor_config.json", revision=revision or None))
        except (EntryNotFoundError, OSError):
            return None
    return json.loads(path.read_text()) if path.is_file() else None


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, of any shape, from a `.safetensors`, `.pt`, `.pth` or `.bin` file; runs nothing in it.

    Where a file holds them under `state_dict`, beside other things, these are taken.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Truncated, or not a plain dictionary of tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weight file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (*UNREADABLE, Exception) as error:  # safetensors' own error derives from Exception only
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes): not a readable weight file ({first_line(error)}); "
            "it may be truncated: delete it and download it again"
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = dict(state["state_dict"])
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path}: a dictionary of tensors is wanted, {type(state).__name__} came")
    return state


def load_strictly(network: torch.nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Put `state` into `network`, refusing any missing, unexpected or wrongly shaped tensor by its name.

    Raises:
        ValueError: They do not fit; the message names the first ones.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    came = {name: tuple(tensor.shape) for name, tensor in state.items()}
    problems = [f"{name} is missing" for name in shapes if name not in came]
    problems += [f"{name} is unknown" for name in came if name not in shapes]
    problems += [
        f"{name} has shape {came[name]}, not {shape}"
        for name, shape in shapes.items()
        if came.get(name, shape) != shape
    ]
    if problems:
        rest = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(f"{path}: these weights do not fit the network: {'; '.join(problems[:5])}{rest}")
    network.load_state_dict(state)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, cut at 200 characters; its type where there is none.

    >>> first_line(ValueError("no such file\\nat all")), first_line(KeyError())
    ('no such file', 'KeyError')
    """
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def _unavailable(source: str, error: Exception) -> str:
    """The sentence for a checkpoint that could not be had."""
    return (
        f"{source}: neither a local folder with a config.json nor a model that the Hugging Face hub gives here "
        f"({first_line(error)}). Check the name and the connection, or download it elsewhere with "
        "`hf download ID --local-dir FOLDER` and pass the folder as model_file_path"
    )
