"""What `hear-eval list` shows, read from folders without importing a model."""

import ast
import importlib.util
from pathlib import Path
from typing import Any

from evaluator import protocol, task


def modules() -> list[dict[str, Any]]:
    """Our HEAR modules, each with the first line of its docstring; the folder is the list."""
    spec = importlib.util.find_spec("hear_ssl")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = []
    for path in sorted(path for folder in folders for path in folder.glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found.append({"module": f"hear_ssl.{path.stem}", "what": text.partition("\n")[0]})
    return found


def tasks() -> list[dict[str, Any]]:
    """Every built-in task with what decides its score."""
    return [
        {
            "task": each.name,
            "dataset": each.dataset.name,
            "clips": each.dataset.expected.get("clips"),
            "classes": each.dataset.expected.get("classes"),
            "split": ", ".join(f"{key} {value}" for key, value in each.split.items()),
            "metric": each.metric,
            "protocol": each.protocol,
            "access": each.dataset.access,
        }
        for each in task.list_tasks()
    ]


def protocols() -> list[dict[str, Any]]:
    """Every protocol in each profile, with what sets it apart from its sibling."""
    return [
        {"protocol": each.name, "profile": each.profile, "what": each.title, "differs": each.differs}
        for each in protocol.list_protocols()
    ]
