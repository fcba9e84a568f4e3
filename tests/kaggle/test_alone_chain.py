"""The real notebooks alone on Kaggle, each with what those before left, in either layout.

One test runs with all others; what starts real kernels is slow.
"""

import json
import re
import shutil
from pathlib import Path

import pandas
import pytest
from bs4 import BeautifulSoup
from container import can_isolate, run_kernel

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = {
    "identities: int = 160": "identities: int = 12",
    "pictures: int = 2": "pictures: int = 1",
    "clips: int = 4": "clips: int = 0",
}

FEW = {"resamples": 50}
# Notebook: parameters that make it quick, and whose outputs it is given.
CHAIN = {
    "01_download": ({"identities": 80, "pictures": 2, "clips": 0}, ()),
    "02_preprocess": ({"size": 48}, ("01",)),
    "03_audit": ({"sample": 60, **FEW}, ("01", "02")),
    "04_baseline_cnn": ({"epochs": 1, **FEW}, ("02",)),
    "05_hp_search": ({"trials": 2, "trial_epochs": 1, "epochs": 1, **FEW}, ("02",)),
    "06_resnet50": ({"head_epochs": 1, "fine_tune_epochs": 1, **FEW}, ("02",)),
    "07_architecture": ({"epochs": 1, **FEW}, ("02",)),
    "08_ensemble": (FEW, ("02", "05", "06", "07")),
    "09_stress": (
        {"curve_faces": 12, "sample": 4, "left_out_epochs": 1, "mistakes": 2, "checked": 4, **FEW},
        ("01", "02", "07"),
    ),
    "10_report": (
        {"changed_faces": 16, "evidence_files": 8, **FEW},
        ("01", "02", "03", "07", "09"),
    ),
    "learn/how_leakage_fools_you": ({"epochs": 1, **FEW}, ("01", "02")),
    "learn/score_your_own": ({"sample": 2, "explained": 1}, ("01", "02", "07", "10")),
    "learn/why_this_detector": (
        {
            "recipe": {"network": "thumbnail"},
            "changes": {"smaller": {"options": {"side": 8}}},
            "seeds": [1],
            **FEW,
        },
        ("02",),
    ),
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


@pytest.mark.slow
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
        assert faces["path"].str.startswith("/kaggle/working/data/demo-12x1-128px-1/").all()
    described = json.loads((second / "runs" / "demo" / "preprocess" / "run.json").read_text())
    assert described["status"] == "done" and described["step"] == "preprocess"


def with_parameters(name: str, values: dict) -> str:
    """The notebook with other values in its cell of parameters, as a person types them."""
    content = json.loads((REPOSITORY / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    tagged = (each for each in content["cells"] if "parameters" in each["metadata"].get("tags", []))
    cell = next(tagged)
    lines = "".join(cell["source"]).splitlines()
    for parameter, value in values.items():
        (place,) = (at for at, line in enumerate(lines) if line.startswith(f"{parameter}: "))
        lines[place] = re.sub(
            r" = .*?(?=  #)", lambda _, value=value: f" = {value!r}", lines[place]
        )
    cell["source"] = "\n".join(lines)
    return json.dumps(content)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Where the notebooks of the slow test leave their outputs for those after them."""
    return tmp_path_factory.mktemp("outputs")


def test_every_notebook_is_in_the_chain():
    paths = sorted((REPOSITORY / "notebooks").rglob("*.ipynb"))
    names = [
        path.relative_to(REPOSITORY / "notebooks").with_suffix("").as_posix() for path in paths
    ]
    assert sorted(CHAIN) == sorted(names)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", CHAIN)
def test_every_notebook_runs_alone_on_what_those_before_it_left(code, outputs, name):
    values, needs = CHAIN[name]
    before = [path for need in needs for path in outputs.glob(f"{need}*")]
    assert len(before) == len(needs), "a notebook that it needs has not run"
    inputs = {f"notebook:ada/{path.name.replace('_', '-')}": path for path in before}
    place = outputs / name.rpartition("/")[2]
    layout = "old" if list(CHAIN).index(name) % 2 else "new"
    inputs["dataset:ada/unmask-code"] = code
    outcome = run_kernel(with_parameters(name, values), inputs, place, layout=layout, seconds=1100)
    assert outcome.returncode == 0, outcome.log
    (page,) = (path for path in place.rglob("reports/*/*.html") if path.stem != "index")
    assert "run alone on Kaggle (Batch)" in text_of(page)
    files = [path for path in place.rglob("*") if not path.is_dir()]
    assert len(files) < 500
    assert not [path for path in files if path.is_symlink()]
