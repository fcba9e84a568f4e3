"""The datasets that kernels need: what is in them, and that only what is new is uploaded."""

import io
import json
import os
import zipfile

import kaggle_home
import pytest
from cloud import Cloud
from signed_in import sign_in
from unmask.errors import DataError, UsageError
from unmask.kaggle import packing
from unmask.kaggle.datasets import check_code, ensure_code, ensure_packages
from unmask.kaggle.state import kaggle_folder
from unmask.runs import sha256_of
from unmask.session.packages import LACKING


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = kaggle_home.make_home(tmp_path / "home")
    monkeypatch.setenv("UNMASK_HOME", str(home))
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNMASK_YUNET", raising=False)
    # A package of three files: what matters is which of them are packed, not how many.
    library = tmp_path / "lib" / "unmask"
    kept, left = ("__init__.py", "page/style.css"), ("b.pyc", ".env", "page/.a.py.swp")
    for name in (*kept, *left, "page/__pycache__/a.cpython-311.pyc"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(name)
    monkeypatch.setattr(packing, "LIBRARY", library)
    return home


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path) as cloud:
        yield cloud


def uploads(cloud, slug="unmask-code"):
    return len(cloud.datasets.all[f"ada/{slug}"].versions)


def test_the_code_is_packed_without_what_python_leaves(home):
    (home / "notebooks" / ".ipynb_checkpoints").mkdir()
    (home / "notebooks" / ".ipynb_checkpoints" / "01.ipynb").write_text("{}")
    assert list(packing.code_files()) == [
        "lib/unmask/__init__.py",
        "lib/unmask/page/style.css",
        *(f"notebooks/{name}.ipynb" for name in sorted(kaggle_home.NOTEBOOKS)),
        *(f"params/{path.name}" for path in sorted((home / "params").iterdir())),
    ]


def test_the_digest_is_of_names_and_contents_alone(home):
    files = packing.code_files()
    digest = packing.content_digest(files)
    for path in files.values():
        os.utime(path, (1, 1))
    assert packing.content_digest(dict(reversed(files.items()))) == digest
    profile = home / "params" / "tiny.yaml"
    profile.write_text(profile.read_text() + "\n")
    changed = packing.content_digest(packing.code_files())
    profile.rename(home / "params" / "other.yaml")
    assert len({digest, changed, packing.content_digest(packing.code_files())}) == 3


def test_a_dataset_is_laid_out_as_the_client_wants_it(home, tmp_path):
    files = packing.code_files()
    packing.write_dataset(tmp_path / "out", "ada/unmask-code", files, {"digest": "d"})
    out = tmp_path / "out"
    assert (out / "lib/unmask/page/style.css").read_text() == "page/style.css"
    assert json.loads((out / "unmask.json").read_text()) == {"digest": "d"}
    metadata = json.loads((out / "dataset-metadata.json").read_text())
    assert metadata["licenses"] == [{"name": "apache-2.0"}]
    assert (metadata["id"], metadata["title"]) == ("ada/unmask-code", "unmask-code")
    assert {"digest", "revision", "dirty", "version", "files"} == set(packing.describe_code(files))


def test_a_description_is_read_plain_or_zipped():
    described = {"digest": "d"}
    plain = json.dumps(described).encode()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("unmask.json", plain)
    assert packing.read_description(plain) == packing.read_description(zipped.getvalue())
    assert packing.read_description(plain) == described
    for nothing in (None, b"", b"[]", b"PK\x03\x04broken", b"\xff"):
        assert packing.read_description(nothing) == {}


def test_only_new_code_is_uploaded(home, cloud, monkeypatch):
    client = sign_in(cloud, monkeypatch)
    first = ensure_code(client, client.tell, 0.05)
    assert ensure_code(client, client.tell, 0.05) == first
    assert uploads(cloud) == 1
    (home / "params" / "new.yaml").write_text("steps: {download: {}}\n")
    assert ensure_code(client, client.tell, 0.05) != first
    assert ensure_code(client, client.tell, 0.05) != first
    assert uploads(cloud) == 2
    folder = cloud.datasets.all["ada/unmask-code"].versions[-1].folder
    assert (folder / "lib" / "unmask" / "page" / "style.css").is_file()
    assert (folder / "params" / "new.yaml").is_file()


def test_other_code_that_came_meanwhile_is_noticed(home, cloud, monkeypatch):
    client = sign_in(cloud, monkeypatch)
    first = ensure_code(client, client.tell, 0.05)
    check_code(client, first)
    (home / "params" / "new.yaml").write_text("steps: {download: {}}\n")
    check_code(client, ensure_code(client, client.tell, 0.05))
    with pytest.raises(DataError, match="another command has uploaded other code meanwhile"):
        check_code(client, first)


def test_a_dataset_that_takes_long_is_waited_for(home, cloud, monkeypatch):
    cloud.faults.add("pending", on="unmask-code", polls=12)
    client = sign_in(cloud, monkeypatch)
    ensure_code(client, client.tell, 0.02)
    assert sum("Kaggle prepares ada/unmask-code" in words for words in client.told) >= 10


def test_a_dataset_that_fails_is_told_and_uploaded_again_the_next_time(home, cloud, monkeypatch):
    cloud.faults.add("failed", on="unmask-code")
    client = sign_in(cloud, monkeypatch)
    with pytest.raises(DataError, match=r"could not process the dataset ada/unmask-code"):
        ensure_code(client, client.tell, 0.02)
    ensure_code(client, client.tell, 0.02)
    assert uploads(cloud) == 2


def test_an_upload_goes_on_over_a_drop(home, cloud, monkeypatch):
    cloud.faults.add("cut", on="upload", at=100)
    cloud.faults.add("lost_answer", on="CreateDataset")
    client = sign_in(cloud, monkeypatch)
    ensure_code(client, client.tell, 0.02)
    assert uploads(cloud) == 1


def test_wheels_are_uploaded_once_a_set_of_versions(home, cloud, monkeypatch, tmp_path):
    wheels = kaggle_home.make_wheels(tmp_path / "wheels")
    client = sign_in(cloud, monkeypatch)
    assert ensure_packages(client, client.tell, 0.05, wheels) is False
    assert ensure_packages(client, client.tell, 0.05, wheels) is False
    assert uploads(cloud, "unmask-packages") == 1
    folder = cloud.datasets.all["ada/unmask-packages"].versions[-1].folder
    assert len(list((folder / "wheels").glob("*.whl"))) == len(LACKING)
    finder = home / "data" / "weights" / "face_detection_yunet_2023mar.onnx"
    finder.parent.mkdir(parents=True)
    finder.write_bytes(b"onnx")
    assert ensure_packages(client, client.tell, 0.05, wheels) is True
    finder.unlink()  # another machine, without the file
    assert ensure_packages(client, client.tell, 0.05, wheels) is True
    assert uploads(cloud, "unmask-packages") == 2
    folder = cloud.datasets.all["ada/unmask-packages"].versions[-1].folder
    assert (folder / "weights" / finder.name).read_bytes() == b"onnx"


def test_a_folder_that_lacks_a_wheel_is_told_with_the_command_that_fetches_it(home, tmp_path):
    wheels = kaggle_home.make_wheels(tmp_path / "wheels")
    next(wheels.glob("mtcnn-*")).unlink()
    with pytest.raises(UsageError, match=r"pip download .* mtcnn==") as told:
        packing.package_files(wheels, None)
    assert f"lacks wheels: {LACKING['mtcnn']}." in str(told.value)


def test_wheels_that_are_here_already_need_no_network(home, monkeypatch):
    monkeypatch.setattr("subprocess.run", None)
    versions = sha256_of(sorted(LACKING.values()))[:12]
    kaggle_home.make_wheels(kaggle_folder() / "wheels" / versions)
    assert len(packing.package_files(None, None)) == len(LACKING)


def test_wheels_that_cannot_be_fetched_are_told(home, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(home))
    with pytest.raises(packing.NoWheelsError, match="pip could not fetch the wheels: ERROR"):
        packing.package_files(None, None)
