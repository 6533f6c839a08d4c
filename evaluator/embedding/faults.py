"""What a module does wrong, told to the user: the sentence, what helps, and where the traceback is."""

import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evaluator.embedding.spec import ModuleFault
from evaluator.errors import UsageError
from evaluator.files import cache_folder

MOST_LOGGED = 100  # tracebacks of one opened module; a thousand clips often fail for a few reasons


class FaultLog:
    """The tracebacks of one opened module, each kind once, in a file that is made when there is a first one.

    It lies in `logs` of the cache, else in the system's temporary folder; its times are local, in seconds.

    Args:
        name: The module's name, part of the file's.
    """

    def __init__(self, name: str):
        readable = re.sub(r"[^A-Za-z0-9._]+", "-", Path(name).name).strip("-.")[-80:]
        self.name = f"{readable}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
        self.path = ""
        self.known: set[str] = set()

    def note(self, sentence: str, traceback: str) -> str:
        """Write a traceback down; the file's path, "" where there is nothing to write or no place for it."""
        if not traceback:
            return ""
        if traceback not in self.known and len(self.known) < MOST_LOGGED:
            self.known.add(traceback)
            self.append(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {sentence}\n{traceback}\n")
        return self.path

    def append(self, text: str) -> None:
        """Add a text to the file, in the first folder that takes it."""
        for folder in [Path(self.path).parent] if self.path else _folders():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with open(folder / self.name, "a", encoding="utf-8", errors="replace") as file:
                    file.write(text)
            except OSError:
                continue
            self.path = str(folder / self.name)
            return

    def fault(self, told: dict[str, Any], where: str = "") -> ModuleFault:
        """What a call that failed raises.

        Args:
            told: Of the driver's complaint: "error", "cause", "traceback", "missing" and "kind"; see `loading.ModuleTrouble`.
            where: What stands behind the sentence.
        """
        sentence = f"{told['error']}{where}"
        log = self.note(sentence, told.get("traceback", ""))
        return ModuleFault(sentence, told.get("cause", ""), log, told.get("kind") == "memory")

    def refusal(self, told: dict[str, Any], python: str = "", program: str = sys.executable) -> UsageError:
        """What a module that cannot be loaded raises.

        Args:
            told: As of `fault`.
            python: What the user gave for --python; "" for this interpreter.
            program: The interpreter that this is.
        """
        sentence = f"{told['error']} (in {python})" if python else str(told["error"])
        sentence += _way_out(told, python, f"{program} -m pip" if python else "pip")
        log = self.note(sentence, told.get("traceback", ""))
        return UsageError(f"{sentence}; traceback in {log}" if log else sentence)


def _way_out(told: dict[str, Any], python: str, pip: str) -> str:
    """What helps a module that cannot be imported; "" where its own sentence says it."""
    if told["kind"] == "absent":  # its name is no package's for sure: nobody is told to install a slip of the pen
        if python:
            return f"; install the package that holds it: {pip} install PACKAGE"
        return ". Write the path of a file as ./NAME.py; if it needs an environment of its own, name that with --python"
    if told["missing"]:
        return f"; install it: {pip} install {told['missing']}"
    if told["kind"] == "import" and not python:
        return ". If it needs older libraries, make a virtual environment for it and name that with --python"
    return ""


def _folders() -> list[Path]:
    """Where a log may lie, best first."""
    places = [Path(tempfile.gettempdir())]
    try:
        return [cache_folder(None) / "logs", *places]
    except RuntimeError:  # nobody's home
        return places
