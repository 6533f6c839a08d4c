"""The families of networks of `transformers` that run here, one a file, found by listing this folder."""

import importlib
import pkgutil
from types import MappingProxyType

from hear_ssl.encoders.family import Family

_FILES = sorted(module.name for module in pkgutil.iter_modules(__path__))
_FOUND: list[Family] = [importlib.import_module(f"{__name__}.{name}").FAMILY for name in _FILES]
# By the model_type of config.json: the allow-list.
FAMILIES = MappingProxyType({family.model_type: family for family in _FOUND})
