"""What the names of modules tell by themselves: which file they are, and which stand beside others to be compared with."""

import os
from collections.abc import Sequence

UNTRAINED = "untrained:"  # before the name of a module
PRECOMPUTED = "precomputed:"  # before the file of a table of vectors that was computed elsewhere
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


def plain(name: str) -> str:
    """The name with the paths of files in it without detours, so that two spellings of one file are one module.

    >>> plain("./my_model.py"), plain("untrained:a/../b.py"), plain("ensemble:hear_ssl.melspec+./x.py"), plain("hf:./folder")
    ('my_model.py', 'untrained:b.py', 'ensemble:hear_ssl.melspec+x.py', 'hf:./folder')
    """
    return "+".join(map(_plain_part, name.split("+")))


def _plain_part(part: str) -> str:
    if part.startswith(PRECOMPUTED):
        return f"{PRECOMPUTED}{os.path.normpath(part.removeprefix(PRECOMPUTED))}"
    if not part.endswith(".py"):
        return part
    drive = os.path.splitdrive(part)[0]  # its colon is no kind's
    kind, colon, path = ("", "", part) if drive else part.rpartition(":")
    return f"{kind}{colon}{os.path.normpath(path)}"
