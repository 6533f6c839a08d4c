"""What the names of modules tell by themselves: which file they are, and which stand beside others to be compared with."""

import os
from collections.abc import Sequence

UNTRAINED = "untrained:"  # before the name of a module
PRECOMPUTED = "precomputed:"  # before the file of a table of vectors that was computed elsewhere
HUB = "hf:"  # before a model on the hub, or the folder of one that is here
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

    What follows `hf:` is told apart by `folder`, since a bare name may be a model on the hub.

    >>> plain("./my_model.py"), plain("untrained:a/../b.py"), plain("ensemble:hear_ssl.melspec+./x.py"), plain("hf:./a/../folder/")
    ('my_model.py', 'untrained:b.py', 'ensemble:hear_ssl.melspec+x.py', 'hf:./folder')
    """
    return "+".join(map(_plain_part, name.split("+")))


def folder(path: str) -> str:
    """The one way to write the path of a folder, so that it can be no name of a model on the hub: absolute, or from `.` or `..` on.

    >>> folder("my_model/"), folder("./a/../my_model"), folder("../b"), folder("/c/./d")
    ('./my_model', './my_model', '../b', '/c/d')
    """
    path = os.path.normpath(path)
    return path if path.startswith(os.curdir) or os.path.isabs(path) else os.path.join(os.curdir, path)


def _plain_part(part: str) -> str:
    if part.startswith(PRECOMPUTED):
        return f"{PRECOMPUTED}{os.path.normpath(part.removeprefix(PRECOMPUTED))}"
    begin, mark, path = part.rpartition(HUB)
    if mark and (not begin or begin.endswith(":")):
        return f"{begin}{mark}{folder(path) if path.startswith(os.curdir) or os.path.isabs(path) else path}"
    if not part.endswith(".py"):
        return part
    drive = os.path.splitdrive(part)[0]  # its colon is no kind's
    kind, colon, path = ("", "", part) if drive else part.rpartition(":")
    return f"{kind}{colon}{os.path.normpath(path)}"
