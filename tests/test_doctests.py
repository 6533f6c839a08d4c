"""Every example in a docstring, whoever reads it, gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import evaluator
import hear_ssl

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

# The public API's examples run modules; tests/test_api.py gives each a folder of its own.
SKIPPED = ("evaluator.api.",)


def with_examples():
    """Names of the modules whose text holds an example."""
    for package in (evaluator, hear_ssl):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            source = each.module_finder.find_spec(each.name, None).loader.get_source(each.name)
            if ">>> " in (source or "") and not each.name.startswith(SKIPPED):
                yield each.name


@pytest.mark.parametrize("name", list(with_examples()))
def test_examples_give_what_they_say(name):
    """Each file's examples by themselves."""
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted and not done.failed
