"""Checkpoints in the format of the Hugging Face hub, from a folder or from the hub: config.json, weights, processor file.

The library's own loaders are not asked: they take a file's word for which code makes the network, how large it is and
which of its weights are left out or drawn at random. Here every tensor of the encoder is used, or it is an error.
"""

import functools
import logging
import os
import re
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.families import FAMILIES
from hear_ssl.encoders.family import Family
from hear_ssl.encoders.network_config import build, model_type, network_settings

# In the order in which they are looked for; the index files list the parts of a checkpoint in several files.
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
MAX_PARTS = 1000
# Where the encoder's tensors have a prefix, the last linear layer of a speaker network has the name of a part of the encoder.
HEADS_BESIDE_A_PREFIX = frozenset({"feature_extractor"})
# Only pre-training uses it; a checkpoint may lack it.
MASK = "masked_spec_embed"
# Weight norm of the positional convolution: torch's names until 2.0 -> since.
WEIGHT_NORM = {
    ".conv.weight_g": ".conv.parametrizations.weight.original0",
    ".conv.weight_v": ".conv.parametrizations.weight.original1",
}


class Files:
    """The files of a checkpoint: those of a local folder, or those of a repository on the hub, all of one commit.

    Args:
        source: Folder or hub id.
        revision: Commit, branch or tag on the hub; "" for the newest commit. A folder has none.

    Attributes:
        where: How messages call it.
        commit: Of the hub, 40 hexadecimal digits, once a file has been found; "" for a folder.
        snapshot: Where the files of that commit lie on this machine; None for a folder.
    """

    def __init__(self, source: str, revision: str = ""):
        self.source, self.revision, self.commit = source, revision, ""
        self.folder = Path(source) if Path(source).is_dir() else None
        self.snapshot: Path | None = None
        self.where = f"{source} at revision {revision}" if revision and not self.folder else source

    def find(self, name: str) -> Path | None:
        """Where the file lies on this machine, downloaded if need be; None if the checkpoint has none of that name.

        Raises:
            FileNotFoundError: No such checkpoint, or the hub cannot be reached and its cache does not hold the file.
        """
        if self.folder:
            path = self.folder / name
            return path if path.is_file() else None
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        revision, offline = self.commit or self.revision or None, unreachable()
        # It tells of each of its tries, for half a minute; what comes of them is told below.
        logging.getLogger("huggingface_hub.utils._http").setLevel(logging.ERROR)
        try:
            path = Path(hf_hub_download(self.source, name, revision=revision, local_files_only=bool(offline)))
        except EntryNotFoundError as error:
            if self.commit:  # another file was found: the repository is there, and lacks this one
                return None
            raise FileNotFoundError(_unavailable(self.where, offline or error)) from error
        except Exception as error:  # those of three libraries: names, connections, accounts
            raise FileNotFoundError(_unavailable(self.where, offline or error)) from error
        # Each file of a repository lies at snapshots/COMMIT/NAME of the cache: the next ones are of the same commit.
        self.commit, self.snapshot = self.commit or path.parent.name, path.parent
        return path

    @property
    def read_from(self) -> list[str] | None:
        """See `Model.read_from`; None where the hub decides which commit is the newest."""
        own = os.path.abspath(self.source)
        if self.folder:
            return [own]
        if self.snapshot is None or not re.fullmatch("[0-9a-f]{40}", self.revision):
            return None
        return [str(self.snapshot), own]  # a folder of that name would be taken instead of the hub

    def config(self) -> tuple[dict[str, Any], str]:
        """What config.json says, and its path for messages.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Not readable.
        """
        path = self.find("config.json")
        if path is None:
            raise FileNotFoundError(_unavailable(self.where, FileNotFoundError("it holds no config.json")))
        return weights.read_json(path), f"{self.where}: config.json"

    def weight_paths(self) -> list[Path]:
        """The file with the weights, or its parts, (n_parts,).

        Raises:
            FileNotFoundError: None, or a part is missing.
            ValueError: An index that is not readable or names files elsewhere.
        """
        for name in WEIGHT_FILES:
            path = self.find(name)
            if path is not None:
                return self._parts(path) if name.endswith(".json") else [path]
        raise FileNotFoundError(
            f"{self.where}: no weights in it ({' or '.join(name for name in WEIGHT_FILES if 'index' not in name)})"
        )

    def _parts(self, index: Path) -> list[Path]:
        """The files that an index names, each beside it."""
        named = weights.read_json(index).get("weight_map")
        names = list(named.values()) if isinstance(named, dict) else []
        ending = ".safetensors" if ".safetensors" in index.name else ".bin"
        if not names or not all(
            isinstance(name, str) and re.fullmatch(r"[\w.-]+" + re.escape(ending), name) for name in names
        ):
            raise ValueError(f"{index}: weight_map must name files beside it that end in {ending}, and some does not")
        if len(set(names)) > MAX_PARTS:
            raise ValueError(f"{index}: {len(set(names))} files; at most {MAX_PARTS} are taken")
        found = {name: self.find(name) for name in sorted(set(names))}
        if absent := [name for name, path in found.items() if path is None]:
            raise FileNotFoundError(
                f"{index}: {len(absent)} of {len(found)} files are not there: {', '.join(absent[:3])}"
            )
        return [path for path in found.values() if path is not None]


def family_of(files: Files, families: Iterable[str] = FAMILIES) -> Family:
    """The family of a checkpoint, by the `model_type` of its config.json, which must be one of `families`.

    Raises:
        FileNotFoundError: Neither a folder nor a model that the hub (or its cache) gives.
        ValueError: Another kind of network.
    """
    config, where = files.config()
    return FAMILIES[model_type(config, where, tuple(families))]


def load_transformer(files: Files, families: Iterable[str] = FAMILIES) -> Any:
    """The bare network of a checkpoint, every tensor of it from the checkpoint and every tensor of the encoder in it.

    The file's list of tensors is read before anything is built; the network takes memory when all of it fits.

    Args:
        files: Of the checkpoint.
        families: Accepted values of `model_type` in its config.json.

    Raises:
        FileNotFoundError: Neither a folder nor a model that the hub (or its cache) gives, or no weights in it.
        ValueError: Another kind of network, a config that is refused, a damaged file, or weights that do not fit it by name or shape.
    """
    family = family_of(files, families)
    config, where = files.config()
    settings = network_settings(config, where, family)
    if files.find("adapter_config.json") is not None:
        raise ValueError(
            f"{files.where}: adapter_config.json lies beside the weights, which are not whole without that adapter; merge it "
            "into them (merge_and_unload of peft), or remove the file"
        )
    state: dict[str, torch.Tensor] = {}
    for path in files.weight_paths():
        part = weights.read_state(path)
        if twice := sorted(set(part) & set(state)):
            raise ValueError(f"{files.where}: {len(twice)} tensors are in two files, {twice[0]} among them")
        state.update(part)
    state = encoder_state(state, family, files.where)
    network = build(family, settings, where)
    wanted = network.state_dict()
    state = {name if name in wanted else family.rename(name): tensor for name, tensor in state.items()}
    state = {name: tensor for name, tensor in state.items() if name not in family.computed or name in wanted}
    if family.layers:
        _check_layers(state, family, getattr(network.config, family.n_layers), where)
    if MASK not in dict(network.named_parameters()):
        state.pop(MASK, None)
    elif MASK not in state:
        state[MASK] = torch.zeros(network.config.hidden_size)
    weights.load_strictly(network, state, files.where)
    if any(
        buffer.is_meta for buffer in network.buffers()
    ):  # tables that are computed; now the sizes are known to be right
        network = build(family, settings, where, has_buffers=True)
        weights.load_strictly(network, state, files.where)
    return network


def encoder_state(state: Mapping[str, torch.Tensor], family: Family, where: str) -> dict[str, torch.Tensor]:
    """The encoder's tensors under the names that the bare network has today; known heads are left out.

    Args:
        state: All tensors of a checkpoint, of any shape, by name.
        family: Of the network.
        where: What messages call the checkpoint.

    Raises:
        ValueError: Tensors of another family, or of parts that are not known.
    """
    for other in FAMILIES.values():
        own = other.model_type.replace("-", "_") + "."  # others, such as "encoder.", are no family's own
        named = [name for name in state if name.startswith(own)]
        if named and other is not family:
            raise ValueError(
                f"{where}: config.json says {family.model_type}, but {len(named)} tensors belong to {other.model_type}, such as "
                f"{named[0]}; config and weights are of two models"
            )
    prefix = next((each for each in family.prefixes if any(name.startswith(each) for name in state)), "")
    heads = family.heads | HEADS_BESIDE_A_PREFIX if prefix else family.heads - {MASK}
    of_encoder, foreign = {}, []
    for name, tensor in state.items():
        if not name.startswith(prefix):
            foreign += [] if _is_of(name, heads) else [name]
        elif prefix or not _is_of(name, heads):
            of_encoder[todays_name(name.removeprefix(prefix))] = tensor
    if foreign:
        raise ValueError(
            f"{where}: {len(foreign)} of {len(state)} tensors belong neither to the encoder ({prefix}*) nor to a known head "
            f"({', '.join(sorted(heads))}): {', '.join(foreign[:5])}{' ...' if len(foreign) > 5 else ''}; if they are a head, "
            "save the encoder alone (save_pretrained of the bare model)"
        )
    return of_encoder


def _is_of(name: str, parts: Iterable[str]) -> bool:
    """Whether a tensor's name is, or begins with, the whole words of one of the parts."""
    return any(name == part or name.startswith(part + ".") for part in parts)


def todays_name(name: str) -> str:
    """A tensor's name with weight norm as torch writes it today, whatever the tensor's shape.

    >>> todays_name("encoder.pos_conv_embed.conv.weight_g")
    'encoder.pos_conv_embed.conv.parametrizations.weight.original0'
    """
    for old, new in WEIGHT_NORM.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _check_layers(state: Mapping[str, torch.Tensor], family: Family, n_layers: int, where: str) -> None:
    """Refuse weights of more or fewer transformer layers than config.json says."""
    found = {match[1] for name in state if (match := re.match(family.layers, name))}
    if found != {str(number) for number in range(n_layers)}:
        shape = family.layers.replace("\\", "").replace("(d+)", "N")
        raise ValueError(
            f"{where}: {family.n_layers} is {n_layers}, but the weights are of {len(found)} layers ({shape}*); "
            "config and weights are of two models, or one was changed"
        )


@functools.cache
def unreachable() -> OSError | None:
    """Why the hub cannot be asked from here, so that nobody waits for tries in vain: its name has no address, and there is no proxy."""
    from huggingface_hub import constants

    host = urllib.parse.urlsplit(constants.ENDPOINT).hostname or ""
    if {"https", "all"} & set(urllib.request.getproxies()):
        return None
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return OSError(f"{host} cannot be found from here ({error.strerror or error})")
    return None


def _unavailable(where: str, error: Exception) -> str:
    """The sentence for a checkpoint that could not be had."""
    return (
        f"{where}: neither a local folder with a config.json nor on the hub ({weights.first_line(error)}); check the name, or get it "
        "elsewhere: `hf download ID --local-dir FOLDER`, weights: FOLDER"
    )
