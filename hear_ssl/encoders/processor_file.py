"""What a checkpoint's processor files say of the audio that its network takes."""

from collections.abc import Mapping
from typing import Any

from hear_ssl.encoders import bounds, weights
from hear_ssl.encoders.hub import Files


def read(files: Files, rules: bounds.Rules) -> dict[str, Any] | None:
    """What preprocessor_config.json, or processor_config.json of transformers 5, says under the keys of `rules`.

    Args:
        files: Of the checkpoint.
        rules: What is taken of each key, such as `sampling_rate` in Hz.

    None without either; what both files leave out is left out.

    Raises:
        ValueError: Not readable, a value of the wrong type or out of bounds, or two files that disagree.
        FileNotFoundError: The hub cannot be reached.
    """
    plain, nested = files.find("preprocessor_config.json"), files.find("processor_config.json")
    said: dict[str, Mapping[str, Any]] = {}
    if plain is not None:
        said[plain.name] = weights.read_json(plain)
    if nested is not None:
        whole = weights.read_json(nested)
        part = whole.get("feature_extractor", whole.get("audio_processor"))
        if isinstance(part, dict):
            said[nested.name] = part
    if not said:
        return None
    found = {key: _agreed(said, key, files.where) for key in rules}
    found = {key: value for key, value in found.items() if value is not None}
    for problem in bounds.problems(found, rules):
        raise ValueError(f"{files.where}: {' and '.join(said)}: {problem}")
    return found


def _agreed(said: Mapping[str, Mapping[str, Any]], key: str, where: str) -> Any:
    """The value of a key in those files that have it, which must be one; None if none has it."""
    values = {name: content[key] for name, content in said.items() if content.get(key) is not None}
    if len({repr(value) for value in values.values()}) > 1:
        told = ", ".join(f"{name} says {value!r}" for name, value in values.items())
        raise ValueError(f"{where}: two processor files disagree on {key}: {told}; remove the one that is wrong")
    return next(iter(values.values()), None)
