"""What is known of a module before it is loaded: whether its weights are here, and how large its embeddings will be.

That is listed in `tasks/recipes/modules.yaml`. Nothing is downloaded and no module is imported.
"""

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.datasets.dataset import TEXT
from evaluator.embedding import members
from evaluator.embedding.spec import ModuleSpec
from evaluator.files import describe_bytes
from evaluator.reproduction.recipe import MODULES
from evaluator.schema import Field

FLOAT = 4  # bytes of a float32
_NAMES = Field(list, each=Field(str))
_FROM = {
    "hub": {"id": Field(str), "revision": TEXT},
    "package": {"package": Field(str), "file": Field(str)},
    "download": {"files": _NAMES, "url": Field(str)},
    "you": {"what": Field(str)},
    "members": {"members": _NAMES},
    "environment": {"what": Field(str)},
    "inside": {},
}
_EMBEDS = {name: Field(int, min=0) for name in ("scene", "width", "layers", "rate")}
_FIELDS = {
    "weights": Field(dict),
    "parameters": Field(int, required=False, default=0, min=0),
    "embeds": Field((dict, type(None)), required=False, fields=_EMBEDS),
}
# The files of which the hub's format has one or more; any of them will do.
_HUB_FILES = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json")


@dataclass(frozen=True)
class WaysOut:
    """By what a command is given what a module lacks, in the words of its help.

    fetch: That a module fetches its weights.
    own: Weights that lie on disk.
    yours: The same for weights that nobody can download; `{name}` is the module's.
    python: An interpreter that has the module.
    """

    fetch: str
    own: str
    yours: str
    python: str


OF_REPRODUCE = WaysOut("--fetch-weights", "--weights DIR", "--weights DIR with DIR/{name}/", '--python "ROW=PATH"')
OF_RUN = WaysOut("let the run fetch it", "--weights PATH", "--weights PATH", "--python PATH")


@dataclass(frozen=True)
class ModuleWeights:
    """A module's weights: where they come from and their size in bytes; and the sizes of what it embeds.

    weights: Where they come from: `from`, and the fields that go with it.
    bytes: Of its weights in float32; 0 if not known.
    embeds: `scene`, `width`, `layers` and `rate` of what is stored: numbers, and frames a second; None if not known.
    """

    weights: Mapping[str, Any]
    bytes: int
    embeds: Mapping[str, int] | None

    def clip_bytes(self) -> int:
        """Bytes that the scene embedding of one clip and the mean and standard deviation over frames of its layers take in the store."""
        embeds = self.embeds or {"scene": 0, "width": 0, "layers": 0}
        return FLOAT * (embeds["scene"] + 2 * embeds["layers"] * embeds["width"])

    def hour_bytes(self) -> int:
        """Bytes that the timestamp embeddings of an hour (3600 seconds) of audio take, with their timestamps (8 bytes each)."""
        embeds = self.embeds or {"rate": 0, "width": 0}
        return 3600 * embeds["rate"] * (FLOAT * embeds["width"] + 8)


def read_module_weights() -> dict[str, ModuleWeights]:
    """The weights of every module in `tasks/recipes/modules.yaml`.

    Raises:
        UsageError: The file is wrong; the sentence names the field.
    """
    document = schema.parse(schema.tasks_folder() / "recipes" / f"{MODULES}.yaml")
    read = document.check({name: Field(dict, fields=_FIELDS) for name in document.value})
    chooser = Field(str, choices=tuple(_FROM))
    variants = {kind: {"from": chooser, **fields} for kind, fields in _FROM.items()}
    modules = {}
    for name, fields in read.items():
        weights = document.check_variant(variants, "from", (name, "weights"))
        modules[name] = ModuleWeights(weights, FLOAT * fields["parameters"], fields["embeds"])
        for member in weights.get("members", []):
            if member not in read:
                raise document.error((name, "weights", "members"), schema.unknown("module", member, read))
    return modules


def find_weights(name: str, folder: Path | None) -> str:
    """The weights of a module in the user's folder, "" if there are none: `FOLDER/MODULE` with or without an ending.

    A folder that holds nothing but one weight file (and what describes it) stands for that file.
    """
    if folder is None:
        return ""
    for path in (folder / name, *(folder / f"{name}{ending}" for ending in (".pt", ".pth", ".safetensors"))):
        files = sorted(path.glob("*.pt")) if path.is_dir() else []
        if path.exists():
            return str(files[0] if len(files) == 1 else path)
    return ""


def with_own_weights(specs: Sequence[ModuleSpec]) -> list[ModuleSpec]:
    """Modules, (n_modules,), with their own weights out of the folder that is their `weights`, where that holds some under a module's name.

    Where it holds none, the modules keep their `weights` as they are.
    """
    paths = [find_weights(spec.name, Path(spec.weights)) if spec.weights else "" for spec in specs]
    return [replace(spec, weights=path) for spec, path in zip(specs, paths, strict=True)] if any(paths) else list(specs)


def missing(spec: ModuleSpec, known: Mapping[str, ModuleWeights], ways: WaysOut) -> list[str]:
    """A sentence for each thing that a module lacks before it can be loaded; none if it is all here, or not known.

    Args:
        spec: The module.
        known: All that is known of modules, with sizes in bytes.
        ways: Of the command that tells it.
    """
    if spec.weights or spec.python:
        return []
    kind, colon, name = spec.name.partition(":")
    if kind == "hf" and colon and not Path(name).exists() and not _in_hub_cache(name, ""):
        return [
            f"weights: {name} is not in the hub's cache: `hf download {name}`, {ways.fetch}, or hf:FOLDER of a copy"
        ]
    return list(_missing(spec.name, known, ways)) if spec.name in known else []


def to_load(spec: ModuleSpec, known: Mapping[str, ModuleWeights]) -> tuple[list[str], float | None]:
    """What a module lacks before it can be loaded, a sentence each, and about how many bytes that is in all; None if not known.

    Of an ensemble it is what its members lack, of an untrained copy what its module does, whose weights it is loaded with.
    """
    if spec.name.startswith(members.PREFIX):
        parts = members.read(spec)[1]
    else:
        name = spec.name.partition(":")[2] if spec.name.startswith("untrained:") else spec.name
        parts = [replace(spec, name=name)]
    lacks, n_bytes, unknown = list[str](), 0.0, False
    for part in parts:
        sentences = missing(part, known, OF_RUN)
        size = known[part.name].bytes if part.name in known else 0
        third = not part.is_ours  # what it fetches as it is loaded nobody can say
        unknown = unknown or third or bool(sentences and not size)
        lacks += sentences
        n_bytes += size if sentences else 0
    return lacks, None if unknown else n_bytes


def _missing(name: str, known: Mapping[str, ModuleWeights], ways: WaysOut) -> Iterator[str]:
    weights, size = known[name].weights, about(known[name].bytes)
    kind = weights["from"]
    if kind == "members":
        for member in weights["members"]:
            yield from _missing(member, known, ways)
    elif kind == "hub" and not _in_hub_cache(weights["id"], weights["revision"]):
        revision = f" --revision {weights['revision']}" if weights["revision"] else ""
        command = f"`hf download {weights['id']}{revision}`"
        yield f"weights: {weights['id']} ({size}) is not in the hub's cache: {command}, {ways.fetch}, or {ways.own}"
    elif kind == "download" and not all((_download_folder() / file).is_file() for file in weights["files"]):
        yield f"weights: {weights['url']} ({size}) is not in {_download_folder()}: {ways.fetch}, or {ways.own}"
    elif kind == "package" and not _package_file(weights["package"], weights["file"]):
        yield f"weights: the package {weights['package']} ({size}) is not installed"
    elif kind == "you":
        yield f"weights: {weights['what']}; give them as {ways.yours.format(name=name)}"
    elif kind == "environment":
        yield f"environment: {weights['what']}; name it with {ways.python}"


def _in_hub_cache(hub_id: str, revision: str) -> bool:
    """Whether a checkpoint lies whole enough in the hub's cache: its config.json and weights."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    def is_cached(file: str) -> bool:
        try:
            return isinstance(try_to_load_from_cache(hub_id, file, revision=revision or None), str)
        except HFValidationError:
            return False

    return is_cached("config.json") and any(is_cached(file) for file in _HUB_FILES)


def _download_folder() -> Path:
    """Where our modules keep what they fetch: $HEAR_SSL_CACHE, else `hear_ssl` in torch's hub folder.

    Source of where that is: torch.hub.get_dir.
    """
    if folder := os.environ.get("HEAR_SSL_CACHE"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch_home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(torch_home).expanduser() / "hub" / "hear_ssl"


def _package_file(package: str, file: str) -> Path | None:
    """A file inside an installed package, which is not imported; None if it is not there."""
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    return next((folder / file for folder in folders if (folder / file).is_file()), None)


def about(n_bytes: float) -> str:
    """A size that was estimated, in words; "size not known" for 0.

    >>> about(377486848)
    'about 377 MB'
    """
    return f"about {describe_bytes(n_bytes)}" if n_bytes else "size not known"
