"""A tiny run that several tests ask."""

import pytest
from tiny_run import make_tiny_run


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory):
    """A project's home with the run of `tiny_run`; a test sets UNMASK_HOME to it itself."""
    home = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_HOME", str(home))
        make_tiny_run()
    return home
