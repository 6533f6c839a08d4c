"""What is taken of a number, list or word in a checkpoint's config.json and processor file: each rule says what is wrong in one sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Rules = Mapping[str, "Rule"]


@dataclass(frozen=True)
class Rule:
    """What is taken of one key.

    Attributes:
        optional: Whether null is taken too.
    """

    optional: bool = False

    def problem(self, value: Any) -> str:
        """What is wrong with the value, as the end of a sentence that begins with the key; "" if nothing is."""
        return "" if value is None and self.optional else self.wrong(value)

    def wrong(self, value: Any) -> str:
        """The same for a value that was not left out."""
        raise NotImplementedError

    def passed(self, value: Any) -> Any:
        """A value that nothing is wrong with, of the type that the library wants: it takes no 0 for 0.0, and JSON's writers mix them."""
        return value


@dataclass(frozen=True)
class Whole(Rule):
    """A whole number from `min` to `max`; `unit` is named in the sentence."""

    max: int = 0
    min: int = 1
    unit: str = ""

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        if is_whole(value, self.max, self.min):
            return ""
        return f"is {shown(value)}; a whole number{self.unit} from {self.min} to {self.max} is wanted"


@dataclass(frozen=True)
class Wholes(Rule):
    """A list of whole numbers from 1 to `max`, (n_numbers,), of which there are 1 to `length`."""

    max: int = 0
    length: int = 32

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        if not (isinstance(value, (list, tuple)) and 0 < len(value) <= self.length):
            return f"is {shown(value)}; a list of 1 to {self.length} numbers is wanted"
        if not all(is_whole(item, self.max) for item in value):
            return f"is {shown(value)}; whole numbers from 1 to {self.max} are wanted"
        return ""


@dataclass(frozen=True)
class Real(Rule):
    """A finite number from `min` to `max`."""

    min: float = 0
    max: float = 1

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        if not isinstance(value, bool) and isinstance(value, (int, float)) and self.min <= value <= self.max:
            return ""
        return f"is {shown(value)}; a number from {self.min:g} to {self.max:g} is wanted"

    def passed(self, value: Any) -> Any:
        """See `Rule`."""
        return None if value is None else float(value)


@dataclass(frozen=True)
class Switch(Rule):
    """True or false."""

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        return "" if isinstance(value, bool) else f"is {shown(value)}; true or false is wanted"


@dataclass(frozen=True)
class Word(Rule):
    """One of some words; `words` gives them when they are needed."""

    words: Callable[[], frozenset[str]] = frozenset

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        words = self.words()
        return (
            ""
            if isinstance(value, str) and value in words
            else f"is {shown(value)}; known are {', '.join(sorted(words))}"
        )


@dataclass(frozen=True)
class Words(Word):
    """A list of some of some words, (n_words,), none at all included."""

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        if isinstance(value, (list, tuple)) and not any(map(super().wrong, value)):
            return ""
        return f"is {shown(value)}; a list is wanted of {', '.join(sorted(self.words()))}"


@dataclass(frozen=True)
class Only(Rule):
    """One value, with which alone the family was tried here."""

    value: Any = None

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        same = type(value) is type(self.value) or not isinstance(value, bool)
        return (
            "" if same and value == self.value else f"is {shown(value)}; here this family runs with {self.value!r} only"
        )

    def passed(self, value: Any) -> Any:
        """See `Rule`."""
        return None if value is None else self.value


@dataclass(frozen=True)
class Reals(Rule):
    """A list of finite numbers from `min` to `max`, of shape (length,)."""

    length: int = 0
    min: float = 0
    max: float = 1

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        one = Real(min=self.min, max=self.max)
        if isinstance(value, (list, tuple)) and len(value) == self.length and not any(map(one.wrong, value)):
            return ""
        return f"is {shown(value)}; {self.length} numbers from {self.min:g} to {self.max:g} are wanted"

    def passed(self, value: Any) -> Any:
        """See `Rule`."""
        return None if value is None else [float(item) for item in value]


@dataclass(frozen=True)
class Rotary(Rule):
    """Rotary positions of the default kind: their base and, where it is `shared`, which share of a head is turned."""

    shared: bool = False

    def wrong(self, value: Any) -> str:
        """See `Rule`."""
        numbers = {"rope_theta": Real(min=1, max=1e9)}
        if self.shared:
            numbers["partial_rotary_factor"] = Real(min=0.01)
        right = (
            isinstance(value, dict) and value.get("rope_type") == "default" and set(value) == {"rope_type", *numbers}
        )
        if right and not problems(value, numbers):
            return ""
        wanted = "rope_theta and a partial_rotary_factor of at most 1" if self.shared else "rope_theta alone"
        return f"is {shown(value)}; the default kind with {wanted} is wanted"

    def passed(self, value: Any) -> Any:
        """See `Rule`."""
        return value and {key: item if key == "rope_type" else float(item) for key, item in value.items()}


def activations() -> frozenset[str]:
    """Names of the activations of `transformers`."""
    from transformers.activations import ACT2FN

    return frozenset(ACT2FN)


def problems(values: Mapping[str, Any], rules: Rules) -> list[str]:
    """What is wrong with those values that there are rules for, (n_problems,), in the order of the rules, the key first in each."""
    found = [(key, rule.problem(values[key])) for key, rule in rules.items() if key in values]
    return [f"{key} {text}" for key, text in found if text]


def not_dividing(values: Mapping[str, Any], part: str, whole: str) -> list[str]:
    """A sentence, its key first, where a whole number does not divide another one.

    >>> not_dividing({"heads": 5, "width": 48}, "heads", "width")
    ['heads is 5, which does not divide width, 48']
    """
    if values[whole] % values[part] == 0:
        return []
    return [f"{part} is {values[part]}, which does not divide {whole}, {values[whole]}"]


def is_whole(value: Any, most: int, least: int = 1) -> bool:
    """Whether it is a whole number from `least` to `most`, and no Boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def shown(value: Any) -> str:
    """A value as it is shown in a sentence, at most 80 characters of it.

    >>> shown("gelu"), shown(10**9)
    ("'gelu'", '1000000000')
    """
    try:
        return repr(value)[:80]
    except ValueError:  # a whole number of more than 4300 digits
        return "a number of thousands of digits"
