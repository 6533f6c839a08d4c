"""Examples at the end of docstrings, for the reference of the Python interface: a section of their own instead of running text."""

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Puts the heading above the first `>>>` of each docstring that the parser of the docstrings looks for."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the docstring of one object of the package."""
        if obj.docstring and ">>> " in obj.docstring.value:
            text, _, example = obj.docstring.value.partition(">>> ")
            lines = re.sub(r"^", "    ", f">>> {example}", flags=re.MULTILINE)
            obj.docstring.value = f"{text.rstrip()}\n\nExamples:\n{lines}\n"
