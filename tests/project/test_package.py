"""What somebody who installs the package gets with it, and what checks it elsewhere."""

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser

import pytest
import yaml
from locks import EXTRAS, PROJECT, REPOSITORY, lock_lines, pins
from packaging.requirements import Requirement


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The package as a wheel, built of a copy: building leaves files in the folder."""
    home = tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, home)
    left_out = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(REPOSITORY / "lib", home / "lib", ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(home / "out")]
    result = subprocess.run([*command, *options, str(home)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    with zipfile.ZipFile(next((home / "out").glob("*.whl"))) as archive:
        yield archive


def test_every_file_of_the_library_is_in_the_wheel(wheel):
    library = REPOSITORY / "lib"
    files = {
        path.relative_to(library).as_posix()
        for path in (library / "unmask").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "unmask/py.typed" in files
    assert files <= set(wheel.namelist())


def test_the_wheel_says_what_it_is_and_holds_its_licence(wheel):
    names = [name for name in wheel.namelist() if ".dist-info/" in name]
    text = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    told = HeaderParser().parsestr(text)
    assert told["License-Expression"] == "Apache-2.0"
    assert told["License-File"] == "LICENSE"
    licence = wheel.read(next(name for name in names if name.endswith("LICENSE"))).decode()
    assert "Version 2.0, January 2004" in licence and "END OF TERMS AND CONDITIONS" in licence
    assert set(told.get_all("Provides-Extra")) == EXTRAS.keys()
    needs = [Requirement(line) for line in told.get_all("Requires-Dist")]
    core = {need.name for need in needs if need.marker is None}
    assert core == {Requirement(line).name for line in PROJECT["dependencies"]}
    versions = {line.rpartition(" ")[2] for line in told.get_all("Classifier")}
    assert {"3.11", "3.12"} <= versions and "3.13" not in versions


def test_each_commit_is_checked_with_the_tests_own_ruff():
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    revisions = {each["repo"].rpartition("/")[2]: each["rev"] for each in hooks}
    assert revisions["ruff-pre-commit"] == f"v{pins(lock_lines('requirements-test.lock'))['ruff']}"
    assert all(re.fullmatch(r"v?[0-9.]+", revision) for revision in revisions.values())


def test_every_python_that_is_promised_is_tested_as_itself():
    flow = yaml.safe_load((REPOSITORY / ".github/workflows/tests.yml").read_text())
    job = flow["jobs"]["tests"]
    promised = [f"3.{minor}" for minor in (11, 12)]
    assert job["strategy"]["matrix"]["python"] == promised
    (run,) = [step for step in job["steps"] if "run" in step]
    assert run["run"] == "bash .ci/run"
    assert "python-path" in run["env"]["PYTHON"]
    asked = ["make", "--dry-run", "--always-make", "PYTHON=/nowhere/python3.11", ".venv/ready"]
    told = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "/nowhere/python3.11 -m venv" in told
