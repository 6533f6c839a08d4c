"""Published transformers in the hub's format, as the modules of this package declare them, and how one is loaded."""

from dataclasses import dataclass
from typing import Any

from hear_ssl.encoders import engines, hub
from hear_ssl.encoders.api import Model
from hear_ssl.encoders.network_config import FAMILIES
from hear_ssl.encoders.options import check_options
from hear_ssl.encoders.transformer import OPTIONS, wants_normalization

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
    """

    hub_id: str
    revision: str = ""
    revision_unknown: str = ""
    family: str = ""
    normalize: bool | None = None
    licence: str = ""
    citation: str = ""

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
        check_options(options, {**OPTIONS, **engines.OPTIONS})
        source = str(model_file_path or self.hub_id)
        if not source:
            raise ValueError(
                "this module needs a model_file_path: a hub id such as facebook/hubert-base-ls960 or a local folder"
            )
        normalize = wants_normalization(options.pop("normalize", "auto"))
        chosen = engines.taken_choices(options)
        files = hub.Files(source, self.revision if source == self.hub_id else "")
        network = hub.load_transformer(files, (self.family,) if self.family else tuple(FAMILIES))
        processor = hub.read_processor(files)
        if normalize is None:
            normalize = processor.normalize if processor else self.normalize
        if normalize is None:
            raise ValueError(
                f"{files.where}: neither preprocessor_config.json nor processor_config.json beside the weights says whether "
                "audio is normalised; give the option normalize=true or normalize=false"
            )
        rate = processor.sample_rate if processor else hub.DEFAULT_RATE
        encoder = engines.build_encoder(network, normalize, rate, chosen)
        encoder.revision = files.commit
        model = Model(encoder, **options)
        model.read_from = files.read_from
        return model
