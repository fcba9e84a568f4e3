"""Clean sets, made once a session; a test gets a copy that it may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from faults import PER_SPLIT, copy_of_real_faces, draw_clean

# A drawn set has every fault; `make test-all` plants them in photographs too.
SETS = (
    "drawn",
    pytest.param("faces_140k", marks=pytest.mark.slow),
    pytest.param("faces_dfdc", marks=pytest.mark.slow),
)


@pytest.fixture(scope="session")
def clean_sets(tmp_path_factory):
    """Returns a function from the name of a set to its folder, made at the first call."""
    made: dict[str, Path] = {}

    def make(name: str, request: pytest.FixtureRequest) -> Path:
        if name not in made:
            root = tmp_path_factory.mktemp(name)
            if name == "drawn":
                draw_clean(root)
            else:
                shared = request.getfixturevalue("shared_data")
                count = sum(PER_SPLIT.values())
                copy_of_real_faces(shared / name, root, count, apart=name == "faces_dfdc")
            made[name] = root
        return made[name]

    return make


@pytest.fixture(params=SETS)
def clean(request, clean_sets) -> Path:
    """The folder of a clean set; not to be changed."""
    return clean_sets(request.param, request)


@pytest.fixture
def spoiled(clean, tmp_path) -> Path:
    """A copy of a clean set."""
    return Path(shutil.copytree(clean, tmp_path / "set"))


@pytest.fixture
def drawn(clean_sets, request, tmp_path) -> Path:
    """A copy of the drawn set, where one set is enough."""
    return Path(shutil.copytree(clean_sets("drawn", request), tmp_path / "set"))
