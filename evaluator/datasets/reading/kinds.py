"""All kinds of readers: the folder is the list, so a new kind is one file in it.

| kind | the layout | columns of a row |
|---|---|---|
| `paths` | everything is in the file names: globs, and a regular expression over the path | the named groups; `path`, `folder`, `stem` |
| `table` | delimited files with one line a row, with one header line, several, or none | the header's; `table.path`, `table.folder`, `table.stem` |
| `json` | one object a line, or one object whose keys name the rows; nested lists can be expanded | the scalars, nested ones as `outer.inner`; `key`; `file.path`, `file.folder`, `file.stem` |
| `folders` | one sub-folder a class | `label`; `path`, `folder`, `stem` |
| `annotations` | tables of Raven, Audacity, BirdNET, Kaleidoscope, Praat or ELAN beside the recordings | `path`, `start`, `end`, `label`; the table's; `table.path`, `table.folder`, `table.stem` |
| `hear` | the folders that hear-preprocess writes | none: its clips are read as they are |
"""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from evaluator.datasets.reading.reader import Reader


def _reader_classes() -> dict[str, type[Reader]]:
    """The classes in this folder that are readers with a kind of their own, by kind."""
    package = __name__.rpartition(".")[0]
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"{package}.{name}") for name in names if f"{package}.{name}" != __name__]
    classes = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Reader) and value.__module__ == module.__name__
    ]
    return {each.kind: each for each in classes if each.kind}


READERS: Mapping[str, type[Reader]] = _reader_classes()
