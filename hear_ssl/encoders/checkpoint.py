"""Published networks in the hub's format, as the modules of this package declare them, and how one is loaded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hear_ssl.encoders import engines, fairseq_file, hub, processor_file, published
from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder
from hear_ssl.encoders.families import FAMILIES
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.options import OPTIONS, check_options
from hear_ssl.encoders.transformer import wants_normalization

DEFAULT_WINDOW_SECONDS = 30.0  # of every module
# Why a declaration has no revision. Whoever learns the commit writes it there instead.
NO_COMMIT_KNOWN = (
    "no commit of it was found in public text when this module was written, and the hub could not be asked; the newest is "
    "loaded, and model.encoder.revision says which that was"
)


@dataclass(frozen=True)
class Checkpoint:
    """A published pre-trained transformer, and how to load it, or a checkpoint like it, as a HEAR module.

    It runs at the sample rate that its processor file says, and at 16 kHz without such a file.

    Attributes:
        hub_id: Its name on the Hugging Face hub; "" if a path must always be given.
        revision: Commit on the hub, 40 hexadecimal digits; "" where none is known: the newest is taken, and may change.
        revision_unknown: Why there is no revision.
        family: The model_type of its config.json, which any other checkpoint given for it must have too; "" for any.
        normalize: Whether its processor normalises the input; used where no processor file lies beside the weights.
        licence: Of the weights.
        citation: Paper that describes it.
        trained_on: Datasets of the evaluator whose sounds it was trained on, and which; becomes `model.trained_on`, whatever
            weights are given, beside what the module of these weights says if they are given by another hub id.
    """

    hub_id: str
    revision: str = ""
    revision_unknown: str = ""
    family: str = ""
    normalize: bool | None = None
    licence: str = ""
    citation: str = ""
    trained_on: Mapping[str, str] = field(default_factory=dict)

    def load_model(self, model_file_path: str = "", **options: Any) -> Model:
        """The model, frozen and in evaluation mode.

        Args:
            model_file_path: A hub id or a local folder in the hub's format; "" for this checkpoint.
            **options: `layer`, `pooling`, `window_seconds`, `batch_seconds` (see `hear_ssl.encoders.options.OPTIONS`),
                `normalize` = "auto", True or False, and `precision` and `engine` (see `hear_ssl.encoders.engines.OPTIONS`).

        Raises:
            ValueError: An unknown option or value, a config that is refused, or weights that do not fit the network.
            FileNotFoundError: No such folder, or the hub cannot be reached and holds no cached copy.
        """
        families = (FAMILIES[self.family],) if self.family else tuple(FAMILIES.values())
        check_options(options, {name: meaning for each in families for name, meaning in each.options.items()})
        source = str(model_file_path or self.hub_id)
        if not source:
            raise ValueError(
                "this module needs a model_file_path: a hub id such as facebook/hubert-base-ls960 or a local folder"
            )
        if Path(source).is_file():
            raise ValueError(_not_a_folder(source))
        normalize = wants_normalization(options.pop("normalize", "auto"))
        chosen = engines.taken_choices(options)
        files = hub.Files(source, self.revision if source == self.hub_id else "")
        family = hub.family_of(files, [each.model_type for each in families])
        own = _own_options(family, options, {**chosen, "normalize": normalize}, files.where)
        network = hub.load_transformer(files, (family.model_type,))
        processor = processor_file.read(files, family.processor)
        if normalize is None and processor is None:
            normalize = self.normalize
        encoder = family.build(Loaded(network, files.where, processor, own, normalize, chosen))
        encoder.revision = files.commit  # type: ignore[assignment]
        fit_window(encoder, options)
        model = Model(encoder, **options)
        model.read_from = files.read_from
        known = {} if files.folder else published.trained_on(source)  # a folder does not say where it comes from
        model.trained_on = {**known, **self.trained_on}
        return model


def _not_a_folder(source: str) -> str:
    """The sentence for a single file in place of a folder: which folder would do, and how one comes by it."""
    path = Path(source)
    if path.name == "config.json" or path.name in hub.WEIGHT_FILES:
        return f"{source}: give the folder that holds it, {path.parent}"
    if fairseq_file.is_training_file(path):
        return f"{source}: this is a file of fairseq; `hear-ssl convert {source} --out FOLDER` makes a folder of it, then take FOLDER"
    return (
        f"{source}: a folder with config.json and {hub.WEIGHT_FILES[0]} or {hub.WEIGHT_FILES[2]} is wanted, and this is a file; get the folder from "
        "the hub (`hf download ID --local-dir FOLDER`). AVES in torchaudio's format is for hear_ssl.aves_bio and its kin, BYOL-A for "
        "hear_ssl.byol_a"
    )


def _own_options(family: Family, options: dict[str, Any], general: dict[str, Any], where: str) -> dict[str, Any]:
    """Those options of `load_model` that are the family's own, taken out of all that other families have too.

    Args:
        family: Of the network.
        options: As `load_model` got them, without the general ones.
        general: `normalize` (None for auto), `precision` and `engine`.
        where: What messages call the checkpoint.

    Raises:
        ValueError: An option of another family.
    """
    usual = {"normalize": None, "precision": engines.PRECISIONS[0], "engine": engines.ENGINES[0]}
    given = {name: value for name, value in options.items() if name not in OPTIONS}
    given.update({name: value for name, value in general.items() if value != usual[name]})
    for name, value in given.items():
        if name not in family.options:
            raise ValueError(
                f"{where}: option {name}={value!r}: networks of type {family.model_type} do not take it; leave it out"
                + (f" (they take {', '.join(sorted(family.options))})" if family.options else "")
            )
    return {name: options.pop(name) for name in list(options) if name in given}


def fit_window(encoder: Encoder, options: dict[str, Any]) -> None:
    """Put the longest window that the network takes into the options, where none is asked for.

    Raises:
        ValueError: A longer one is, in seconds, or another than the only one that the network takes.
    """
    longest = getattr(encoder, "longest_seconds", math.inf)
    asked = options.get("window_seconds")
    if isinstance(asked, (int, float)) and getattr(encoder, "one_window", False) and asked != longest:
        raise ValueError(
            f"option window_seconds={asked!r}: this network sees windows of {longest:g} s and no others; leave it out"
        )
    if asked is None and longest < DEFAULT_WINDOW_SECONDS:
        options["window_seconds"] = longest
    elif isinstance(asked, (int, float)) and asked > longest:
        raise ValueError(f"option window_seconds={asked!r}: this network takes at most {longest:g} s at once")
