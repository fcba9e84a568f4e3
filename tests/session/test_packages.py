"""What the image lacks is installed from attached wheels, from the network, or asked for."""

import hashlib
import importlib
import sys
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from unmask.errors import DataError
from unmask.session import packages

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "unmask_test_wheel"
WANTED = {NAME: "unmask-test-wheel==1.5"}


def write_wheel(folder: Path, version: str = "1.5") -> Path:
    """Zips a pure-Python wheel by hand; it names a need that nobody has."""
    info = f"{NAME}-{version}.dist-info"
    files = {
        f"{NAME}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: unmask-test-wheel\n"
        f"Version: {version}\nRequires-Dist: a-package-of-nobody==9\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    lines = []
    for name, text in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,\n"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Kaggle's inputs, a place that pip installs to, and no network."""
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(tmp_path / "input"))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "site"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr(packages, "IMPATIENT", ("--retries", "0"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop(NAME, None)


def test_the_versions_are_those_of_the_lock():
    lines = (REPOSITORY / "requirements.lock").read_text().splitlines()
    pinned = {line.split()[0] for line in lines if "==" in line.partition(" ")[0]}
    assert set(packages.LACKING.values()) <= pinned


def test_nothing_is_done_where_nothing_is_missing(machine):
    assert packages.install_missing({"json": "json==1", "numpy": "numpy==0"}) == []
    assert packages.install_missing() == []
    assert not (machine / "site").exists()


@pytest.mark.parametrize(
    "place", ["datasets/ada/unmask-packages/wheels", "my-wheels/wheels/wheels", "unmask-packages"]
)
def test_attached_wheels_are_installed_without_a_network(place, machine):
    write_wheel(machine / "input" / place)
    assert packages.install_missing(WANTED) == [
        "Installed from attached wheels: unmask-test-wheel==1.5."
    ]
    assert importlib.import_module(NAME).VERSION == "1.5"
    assert packages.install_missing(WANTED) == []


def test_what_the_wheels_do_not_cover_is_fetched(machine, monkeypatch):
    index = machine / "simple" / "unmask-test-wheel"
    wheel = write_wheel(index)
    (index / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    write_wheel(machine / "input" / "unmask-packages" / "wheels", version="1.4")
    monkeypatch.setenv("PIP_INDEX_URL", (machine / "simple").as_uri())
    assert packages.install_missing(WANTED) == [
        "Installed from the network: unmask-test-wheel==1.5."
    ]
    assert importlib.import_module(NAME).VERSION == "1.5"


def test_without_wheels_and_network_the_dataset_is_named(machine):
    with pytest.raises(DataError) as caught:
        packages.install_missing(WANTED | {"json": "json==1"})
    text = str(caught.value)
    assert "lacks packages that Unmask needs: unmask-test-wheel==1.5." in text
    assert "Add Input > Datasets > unmask-packages" in text
    assert "Turn on internet" in text
    assert "No matching distribution" in text
