"""Kernels that several files of tests need the output of."""

import pytest
from replay import Replay


@pytest.fixture(scope="session")
def replay(tmp_path_factory):
    """Executes each kernel once in all; see Replay."""
    return Replay(tmp_path_factory.mktemp("kernels"))
