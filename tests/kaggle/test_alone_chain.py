"""The real notebooks alone on Kaggle, each with what the one before left, in either layout."""

import json
import shutil
from pathlib import Path

import pandas
import pytest
from bs4 import BeautifulSoup
from container import can_isolate, run_kernel

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = {
    "identities: int = 360": "identities: int = 12",
    "pictures: int = 3": "pictures: int = 1",
    "clips: int = 12": "clips: int = 0",
}


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """The dataset unmask-code, as a person would upload it."""
    folder = tmp_path_factory.mktemp("unmask-code")
    for name in ("lib", "notebooks", "params"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=left_out)
    return folder


def notebook(name: str) -> str:
    text = (REPOSITORY / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    for default, value in TINY.items():
        text = text.replace(default, value)
    return text


def text_of(page: Path) -> str:
    return " ".join(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").stripped_strings)


@pytest.mark.timeout(400)
def test_faces_from_nothing_but_the_code_and_one_notebooks_output(code, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    inputs = {"dataset:ada/unmask-code": code}
    outcome = run_kernel(notebook("01_download"), inputs, first)
    assert outcome.returncode == 0, outcome.log
    assert sorted(path.name for path in first.iterdir()) == [
        "__notebook__.ipynb", "data", "reports", "runs"
    ]  # fmt: skip
    report = text_of(first / "reports" / "demo" / "01_download.html")
    assert "run alone on Kaggle (Batch)" in report and "3 parameters changed" in report

    alone = run_kernel(notebook("02_preprocess"), inputs, tmp_path / "alone", layout="old")
    assert alone.returncode == 1
    wanted = "attach the output of notebook 01_download (Add Input > Your Work > Notebooks)"
    assert wanted in alone.log
    assert wanted in text_of(tmp_path / "alone" / "reports" / "demo" / "02_preprocess.html")

    inputs["notebook:ada/my-download"] = first
    outcome = run_kernel(notebook("02_preprocess"), inputs, second, layout="old")
    assert outcome.returncode == 0, outcome.log
    assert "From my-download: download of the profile demo." in outcome.log
    report = text_of(second / "reports" / "demo" / "02_preprocess.html")
    assert "From my-download: download of the profile demo" in report
    # The saved output is what this notebook made: no links, no copies of what it read.
    assert [path.name for path in (second / "runs" / "demo").iterdir()] == ["preprocess"]
    assert not (second / "data").exists()
    assert not [path for path in second.rglob("*") if path.is_symlink()]
    faces = pandas.read_parquet(second / "runs" / "demo" / "preprocess" / "faces.parquet")
    files = pandas.read_parquet(first / "runs" / "demo" / "download" / "files.parquet")
    assert set(faces["file_id"]) <= set(files["file_id"]) and len(faces) >= 8
    if can_isolate():
        assert faces["path"].str.startswith("/kaggle/working/data/demo-12x1-1/").all()
    described = json.loads((second / "runs" / "demo" / "preprocess" / "run.json").read_text())
    assert described["status"] == "done" and described["step"] == "preprocess"
