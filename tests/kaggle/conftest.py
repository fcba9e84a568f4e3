"""What several files of tests need: outputs of kernels, and an account that holds the code."""

import os

import kaggle_home
import pytest
from replay import Replay
from unmask.kaggle import packing


@pytest.fixture(scope="session")
def replay(tmp_path_factory):
    """Executes each kernel once in all, for all processes of a test run; see Replay."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return Replay(folder / "kernels")


@pytest.fixture(scope="session")
def stock(tmp_path_factory):
    """Folders of the two datasets as `unmask kaggle` uploads them for the small project."""
    home = kaggle_home.make_home(tmp_path_factory.mktemp("stock") / "home")
    wheels = kaggle_home.make_wheels(home.parent / "wheels")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "UNMASK_HOME", "UNMASK_CACHE", "UNMASK_YUNET"):
            patch.setenv(name, str(home))
        code, packages = packing.code_files(), packing.package_files(wheels, None)
        packed = {
            "ada/unmask-code": (code, packing.describe_code(code)),
            "ada/unmask-packages": (packages, packing.describe_packages(None)),
        }
        for handle, (files, about) in packed.items():
            packing.write_dataset(home.parent / handle, handle, files, about)
    return {handle: home.parent / handle for handle in packed}
