"""Which modules stand beside others to be compared with, rather than to be judged: told by their names alone."""

from collections.abc import Sequence

UNTRAINED = "untrained:"  # before the name of a module
# From knowing nothing of a sound to knowing its spectrum; hear_ssl says what each of them is.
KNOWS_NOTHING = ("hear_ssl.majority", "hear_ssl.chance", "hear_ssl.duration_loudness")
WITHOUT_WEIGHTS = (*KNOWS_NOTHING, "hear_ssl.melspec")


def is_baseline(name: str, command: Sequence[str]) -> bool:
    """Whether a module stands in a run to be compared with, rather than to be judged.

    Log-mel is a module like others unless it came by `--baselines`.

    Args:
        name: Of the module.
        command: Words of the command that it ran by, if known.
    """
    was_named = name in command or name.removeprefix("hear_ssl.") in command
    by_option = "--baselines" in command and name in WITHOUT_WEIGHTS and not was_named
    return name.startswith(UNTRAINED) or name in KNOWS_NOTHING or by_option
