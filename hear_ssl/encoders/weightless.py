"""How an encoder that learned nothing becomes a HEAR model: there is no weight file to find, and a path is refused."""

from typing import Any

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder
from hear_ssl.encoders.options import check_options


def load_weightless(name: str, encoder: Encoder, model_file_path: str, options: dict[str, Any]) -> Model:
    """A HEAR model around an encoder without weights; it takes audio at `encoder.sample_rate` Hz.

    Args:
        name: Of the module, for messages.
        encoder: Complete as it is.
        model_file_path: What `load_model` was called with; must be empty.
        options: See `hear_ssl.encoders.options.OPTIONS`.

    Raises:
        ValueError: A path, an unknown option or a wrong value.
    """
    check_options(options, {})
    if model_file_path:
        raise ValueError(f"{name} has no weights to load; leave model_file_path empty ({model_file_path!r} came)")
    model = Model(encoder, **options)
    model.read_from = ()
    return model
