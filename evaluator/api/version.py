"""Which version this is."""

import importlib.metadata

__version__ = importlib.metadata.version("hear-ssl")
