"""The first cell of every notebook finds Unmask wherever the notebook was opened, or says how."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from container import describe_python, make_environment
from unmask.session.setup_cell import SETUP

REPOSITORY = Path(__file__).resolve().parents[2]
WHERE = "\nimport unmask\nprint(unmask.__file__)"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python with every package but Unmask."""
    about = describe_python(sys.executable)
    return make_environment(tmp_path_factory.mktemp("bare"), about, about["packages"])


@pytest.fixture
def attached(tmp_path):
    folder = tmp_path / "input"
    folder.mkdir()
    return folder


def library_at(folder: Path) -> Path:
    """Puts the code to <folder>/lib/unmask."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lib").symlink_to(REPOSITORY / "lib", target_is_directory=True)
    return folder / "lib" / "unmask" / "__init__.py"


def execute(python, here: Path, attached: Path, code: str = SETUP + WHERE):
    left_out = ("KAGGLE_KERNEL_RUN_TYPE", "UNMASK_PROGRESS", "PYTHONPATH", "UNMASK_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment["UNMASK_KAGGLE_INPUT"] = str(attached)
    here.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [str(python), "-c", code], cwd=here, env=environment, capture_output=True, text=True
    )


def found_by(python, here, attached) -> str:
    result = execute(python, here, attached)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("below", ["notebooks", "notebooks/learn", "."])
def test_above_the_notebook(below, bare, tmp_path, attached):
    expected = library_at(tmp_path / "project")
    assert found_by(bare, tmp_path / "project" / below, attached) == str(expected)


@pytest.mark.parametrize(
    "mount",
    ["datasets/ada/unmask-code", "my-copy", "datasets/ada/zipped/lib", "old-zipped/lib",
     "datasets/ada/unmask/unmask-main", "uploaded/unmask-main",
     "notebooks/ada/code"],
)  # fmt: skip
def test_attached_in_either_layout(mount, bare, tmp_path, attached):
    expected = library_at(attached / mount)
    (attached / "datasets" / "ada" / "pictures").mkdir(parents=True)
    assert found_by(bare, tmp_path / "working", attached) == str(expected)


def test_installed_before_attached_and_above_before_installed(tmp_path, attached):
    library_at(attached / "unmask-code")
    installed = str(REPOSITORY / "lib" / "unmask" / "__init__.py")
    assert found_by(sys.executable, tmp_path / "elsewhere", attached) == installed
    above = library_at(tmp_path / "project")
    assert found_by(sys.executable, tmp_path / "project" / "notebooks", attached) == str(above)


def test_found_nowhere_it_says_what_to_attach(bare, tmp_path, attached):
    (attached / "pictures" / "lib").mkdir(parents=True)
    result = execute(bare, tmp_path / "working", attached)
    assert result.returncode == 1
    assert "Add Input > Datasets > unmask-code, which `unmask kaggle push` makes" in result.stderr
    assert "python -m pip install --editable ." in result.stderr


def test_at_home_it_prepares_nothing_and_says_nothing(bare, tmp_path, attached):
    library_at(tmp_path)
    loaded = "\nprint([name for name in sys.modules if name.startswith(('unmask.', 'pandas'))])"
    result = execute(bare, tmp_path, attached, SETUP + "\nbegin()" + loaded)
    assert result.stderr == ""
    names = set(eval(result.stdout))
    assert names == {
        "unmask.suite", "unmask.suite.alone", "unmask.runs", "unmask.errors",
        "unmask.session", "unmask.session.mounts",
    }  # fmt: skip
