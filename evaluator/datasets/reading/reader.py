"""What a reader is: one way in which files say which clips a dataset has, with what the YAML says of it as typed fields."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.datasets.intake import Tally
from evaluator.typed import fixed_key


@dataclass(frozen=True, kw_only=True)
class Reader(ABC):
    """One way to read a dataset. A subclass with a `kind` of its own is found by `evaluator/datasets/reading/kinds.py`.

    The fields are the keys of the YAML (`evaluator/typed.py`); times in them are in seconds.
    """

    kind: str = fixed_key("", "How the files say which clips there are; the other keys depend on it.")

    @abstractmethod
    def traces(self, root: Path) -> tuple[str, bool]:
        """What has to be under `root`, as words, and whether it is there."""

    @abstractmethod
    def read_clips(self, root: Path, tally: Tally | None = None) -> list[Clip]:
        """The clips under `root` in their natural order, (n_clips,).

        Args:
            root: The dataset's folder.
            tally: What is noted of rows and files that became no clip, or not as they are written.

        Raises:
            UsageError: A file is missing or says what cannot be; the sentence names it.
        """

    @abstractmethod
    def read_classes(self, root: Path) -> tuple[str, ...]:
        """The names of the classes in their order, (n_classes,); empty if the dataset does not fix them."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the fields beyond their types, before any file is looked at: (key, sentence) pairs."""
        return iter(())

    def unused_groups(self) -> list[str]:
        """Named groups of a regular expression that become nothing: in a user's own file most likely a mistake."""
        return []
