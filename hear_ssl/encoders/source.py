"""What stands for the code that an embedding depends on: a hash over the files of this package that its classes need.

Comments, docstrings and empty lines do not count, so that explaining a line better keeps stored embeddings. Nor do the files that
only say which weights to load: what they load is seen in the weights and options.
"""

import ast
import hashlib
import importlib.util
import io
import tokenize
from functools import cache
from pathlib import Path

_PACKAGE = __name__.partition(".")[0]


@cache
def source_hash(*modules: str) -> str:
    """SHA-256 (hex) over modules of this package, by full name, and all of this package that they import.

    A process asks once and remembers: what it runs is what it imported, whatever the files say later.

    Raises:
        ModuleNotFoundError: There is no such module.
    """
    digest = hashlib.sha256()
    for name, text in sorted(_closure(modules).items()):
        digest.update(f"{name}\n{_statements(text)}\n".encode())
    return digest.hexdigest()


def _closure(modules: tuple[str, ...]) -> dict[str, str]:
    """Source text of the modules, and of those of this package that they import, by name."""
    texts: dict[str, str] = {}
    todo = [name for name in modules if name.partition(".")[0] == _PACKAGE]
    while todo:
        name = todo.pop()
        if name not in texts:
            texts[name] = _text(name)
            todo += [other for other in _imported(texts[name]) if _text(other)]
    return texts


@cache
def _text(name: str) -> str:
    """A module's source; "" for a name that is no module of ours but a value in one."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return ""
    return Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""


def _imported(text: str) -> set[str]:
    """Names of this package that a source imports, modules and what may be values in them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return {name for name in names if name.startswith(f"{_PACKAGE}.")}


def _statements(text: str) -> str:
    """A source without comments, docstrings and empty lines."""
    tree = ast.parse(text)
    lines = text.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for number in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                    lines[number - 1] = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())
