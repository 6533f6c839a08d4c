"""The genuine hear-validator 2021.0.6, the last release, which tox puts beside, over every module, family and bridge."""

import pytest

import hear_validators


@pytest.mark.slow
def test_every_module_passes(tmp_path):
    """As `hear_validators.pass_every_module` says."""
    hear_validators.pass_every_module("2021.0.6", tmp_path)
