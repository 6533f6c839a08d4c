"""What is said of a family of networks of `transformers`: one `FAMILY` in each file of `hear_ssl/encoders/families/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hear_ssl.encoders.bounds import Rules
from hear_ssl.encoders.encoder import Encoder


@dataclass(frozen=True)
class Loaded:
    """A network with its weights, and all that is said of how it is to run.

    Attributes:
        network: In evaluation mode.
        where: What messages call the checkpoint.
        processor: Those keys of its processor files that the family has rules for, such as `sampling_rate` in Hz; None if there is no such
            file.
        options: Those of `load_model` that are the family's own, as they were given.
        normalize: What the option `normalize` says, else the module's declaration; None if neither does.
        chosen: `precision` and `engine`.
    """

    network: Any
    where: str
    processor: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    normalize: bool | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)

    def hold_processor(self, key: str, wanted: float, by: str) -> None:
        """Refuse a processor file that makes other audio or features than the network takes; it need not say.

        Args:
            key: Of the processor file.
            wanted: The value that it has by config.json.
            by: The key of config.json that says so.

        Raises:
            ValueError: They disagree.
        """
        said = (self.processor or {}).get(key)
        if said not in (None, wanted):
            raise ValueError(
                f"{self.where}: the processor file says {key} {said}, but by {by} of config.json it is {wanted:g}; one is wrong"
            )


def no_misfits(settings: Mapping[str, Any]) -> list[str]:
    """Settings that each are right by themselves go together."""
    return []


@dataclass(frozen=True)
class Family:
    """A kind of network in `transformers`, and how it becomes an encoder.

    Attributes:
        model_type: What config.json calls it.
        classes: Beginning of the names of its classes in the library: the one that ends in Config, and that in Model.
        prefixes: What the names of the encoder's tensors begin with where other parts lie beside it; the first that occurs
            counts. None where all tensors but the heads' are the encoder's.
        rules: The keys of config.json that decide the network's form, with what is taken of each; all others stay behind.
        build: A `Loaded` -> the encoder.
        misfits: Checked settings -> what does not go together, the key first in each sentence.
        refused: Keys that change what the numbers mean, beside those that are refused of all, with the reason; "" for one of these that
            this family takes.
        older: The settings of config.json as an older version of the library wrote them -> as they are today.
        fixed: Keys that are checked and not passed on: older names, whose value has to be the usual one.
        heads: Beginnings of the names of other parts' tensors, whole words between dots, which are left out.
        processor: Keys of the processor files that count, such as `sampling_rate` in Hz, with what is taken of each.
        options: Options of `load_model` that not every module takes, a name and its meaning each; `normalize`, `precision` and
            `engine` are checked by whoever loads, all others by `build`.
        layers: Matches a tensor's name, its first group the number of the layer; n_layers is the key that says how many.
        network: Makes the bare network of a config; by default the class that ends in Model.
        attention: The implementation of attention that it runs with here.
        section: Key of config.json under which the settings stand; "" for the file itself.
        rename: A tensor's name that the installed library does not know -> the one that it knows.
        computed: Names of tensors that older versions of the library saved, and that are computed now: left out.
    """

    model_type: str
    classes: str
    prefixes: tuple[str, ...]
    rules: Rules
    build: Callable[[Loaded], Encoder]
    misfits: Callable[[Mapping[str, Any]], list[str]] = no_misfits
    refused: Mapping[str, str] = field(default_factory=dict)
    older: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    fixed: Rules = field(default_factory=dict)
    heads: frozenset[str] = frozenset()
    processor: Rules = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    layers: str = r"encoder\.layers\.(\d+)\."
    n_layers: str = "num_hidden_layers"
    network: Callable[[Any, Any], Any] | None = None
    attention: str = "sdpa"
    section: str = ""
    rename: Callable[[str], str] = str
    computed: frozenset[str] = frozenset()
