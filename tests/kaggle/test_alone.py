"""A notebook alone on Kaggle: real kernels record themselves and write the report a reader gets."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from container import run_kernel
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from unmask.session.setup_cell import SETUP

REPOSITORY = Path(__file__).resolve().parents[2]
IMPORTS = """import sys, time
import matplotlib.pyplot as plt
import pandas
from IPython.display import HTML, clear_output, display
from unmask.runs import report_progress, step_folder
from unmask.tell import conclude"""
PARAMETERS = """run_folder: str = "runs/demo"  # where this run's results lie
amount: int = 3  # how many, at least 1
seed: int = 1  # of nothing"""
WORK = """folder = step_folder(run_folder, "download")
report_progress(0.5, "halfway there")
for number in range(2000):
    print("line", number)
print("a warning", file=sys.stderr)"""
SHOW = """display(HTML(pandas.DataFrame({"files": [amount]}).to_html(index=False)))
figure, axes = plt.subplots(figsize=(2, 1))
axes.plot([1, 2])
display(figure, metadata={"image/png": {"alt": "A line that rises"}})
plt.close(figure)"""
CLEARED = """print("seen for a moment")
clear_output()
handle = display("first words", display_id=True)
handle.update("last words")
amount + 1000"""
CHECK = """if amount > 90:
    raise ValueError(f"{amount} <b>are</b> too many")"""
CONCLUDE = """alarm = {"name": "planted", "light": "amber", "sentence": "Look here.", "fix": "look"}
conclude(folder, [f"It made {amount} files."], ["A fallback was taken."], [alarm])"""
SHIPPED = [SETUP, IMPORTS, PARAMETERS, WORK, SHOW, CLEARED, CHECK, CONCLUDE]


def tagged(source: str, *tags: str):
    return new_code_cell(source, metadata={"tags": list(tags)})


def notebook_of(*sources: str) -> str:
    """A notebook as a person uploads it: code cells alone, without any tag."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(source) for source in sources]
    return nbformat.writes(new_notebook(cells=cells, metadata={"kernelspec": kernel}))


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A dataset with Unmask's library and one notebook of a few lines."""
    folder = tmp_path_factory.mktemp("unmask-code")
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "lib", folder / "lib", ignore=left_out)
    (folder / "notebooks").mkdir()
    cells = [
        new_markdown_cell("# Tiny: what it is\n\nWords **before** the code."),
        new_markdown_cell("## Setup"),
        tagged(SETUP, "remove-output"),
        tagged(IMPORTS, "remove-output"),
        tagged(PARAMETERS, "parameters"),
        new_markdown_cell("## The work"),
        *map(new_code_cell, (WORK, SHOW, CLEARED, CHECK)),
        new_markdown_cell("## What this tells us"),
        new_code_cell(CONCLUDE),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python"
    }  # fmt: skip
    nbformat.write(notebook, folder / "notebooks" / "01_download.ipynb")
    other = new_notebook(cells=[tagged(SETUP), new_code_cell("something_else = 1")])
    nbformat.write(other, folder / "notebooks" / "02_preprocess.ipynb")
    return folder


@pytest.fixture
def execute(code, tmp_path):
    def run(*sources: str, run_type: str = "Batch"):
        inputs = {"dataset:ada/unmask-code": code}
        working = tmp_path / "working"
        outcome = run_kernel(notebook_of(*sources), inputs, working, run_type=run_type)
        return outcome, working

    return run


def page_of(working: Path, profile: str = "demo") -> BeautifulSoup:
    path = working / "reports" / profile / "01_download.html"
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def text_of(page) -> str:
    return " ".join(page.get_text(" ").split())


def test_the_report_shows_what_the_notebook_showed(execute):
    # A mistake that somebody makes behind the finished notebook leaves the report alone.
    outcome, working = execute(*SHIPPED, "not_defined_anywhere")
    assert outcome.returncode == 1 and "not_defined_anywhere" in outcome.log, outcome.log
    assert outcome.log.count("The report on this notebook: ") == 1
    page = page_of(working)
    assert page.find(class_="failure") is None
    article = page.find("article")
    assert page.h1.get_text() == "Tiny: what it is"
    assert [h.get_text() for h in page.find_all("h2")] == [
        "Setup", "The work", "What this tells us"
    ]  # fmt: skip
    assert article.find("strong").get_text() == "before"
    (picture,) = article.find_all("img")
    assert picture["alt"] == "A line that rises" and picture["src"].startswith("data:image/png")
    (table,) = article.find_all("table")
    assert [cell.get_text() for cell in table.find_all("td")] == ["3"]
    lines = re.findall(r"^line (\d+)$", article.get_text("\n"), re.MULTILINE)
    assert lines == [str(number) for number in range(2000)]
    words = text_of(article)
    assert "a warning" in words and "50%" not in words
    assert "'last words'" in words and "'first words'" not in words
    assert words.count("seen for a moment") == 1  # in the code
    assert "1003" in words
    assert "It made 3 files." in words
    assert "Results go to" not in words  # the cells of the section Setup are tagged remove-output
    folded = [summary.get_text(strip=True) for summary in article.find_all("summary")]
    assert folded.count("Default parameters") == 1
    whole = text_of(page)
    assert "A fallback was taken." in whole and "Look here." in whole
    assert "notebook 01_download.ipynb, run alone on Kaggle (Batch)" in whole
    folder = working / "runs" / "demo" / "download"
    described = json.loads((folder / "run.json").read_text())
    assert described["status"] == "done" and described["versions"]["pandas"] == "2.2.2"
    assert not [row["name"] for row in described["parameters"] if row["changed"]]
    executed = nbformat.read(folder / "executed.ipynb", as_version=4)
    assert [cell.source for cell in executed.cells if cell.cell_type == "code"] == SHIPPED
    index = (working / "reports" / "demo" / "index.html").read_text()
    assert 'href="01_download.html"' in index and "It made 3 files." in index


def test_edited_extra_and_repeated_cells_show_as_they_ran(execute):
    edited = PARAMETERS.replace("= 3", "= 5").replace("runs/demo", "runs/mine")
    injected = "# Parameters\namount = 7\n"
    extra = 'print("tried out", 6 * 7)'
    cells = [SETUP, SETUP, IMPORTS, edited, injected, WORK, extra, SHOW, CHECK, CONCLUDE]
    again = "amount = 8"
    outcome, working = execute(*cells, again, SHOW, CONCLUDE, run_type="Interactive")
    assert outcome.returncode == 0, outcome.log
    assert outcome.log.count("The report on this notebook: ") == 2
    article = page_of(working, "mine").find("article")
    assert "tried out 42" in text_of(article)
    folded = [summary.get_text(strip=True) for summary in article.find_all("summary")]
    assert "Default parameters" not in folded and folded.count("Parameters of this run") == 2
    assert "It made 8 files." in text_of(article) and "It made 7 files." not in text_of(article)
    (table,) = article.find_all("table")
    assert [cell.get_text() for cell in table.find_all("td")] == ["8"]
    described = json.loads((working / "runs" / "mine" / "download" / "run.json").read_text())
    values = {row["name"]: row["value"] for row in described["parameters"]}
    assert values == {"run_folder": "runs/mine", "amount": 8, "seed": 1}
    assert described["command"].endswith("run alone on Kaggle (Interactive)")
    executed = nbformat.read(
        working / "runs" / "mine" / "download" / "executed.ipynb", as_version=4
    )
    sources = [cell.source for cell in executed.cells if cell.cell_type == "code"]
    assert sources == [
        SETUP, IMPORTS, edited, injected, WORK, extra, SHOW, CLEARED, CHECK, CONCLUDE, again,
    ]  # fmt: skip


def test_a_failed_cell_has_its_report_too(execute):
    outcome, working = execute(*SHIPPED[:2], PARAMETERS.replace("= 3", "= 91"), *SHIPPED[3:])
    assert outcome.returncode == 1
    assert "The report on this notebook: " in outcome.log
    page = page_of(working)
    failure = page.find(class_="failure")
    assert "This step failed." in failure.get_text()
    assert "ValueError: 91 <b>are</b> too many" in failure.get_text()
    cell = page.find(id=failure.a["href"].lstrip("#"))
    assert "are</b> too many" in cell.get_text()
    assert page.find("article").find("img")["alt"] == "A line that rises"
    described = json.loads((working / "runs" / "demo" / "download" / "run.json").read_text())
    assert described["status"] == "failed"
    assert described["failure"] == "ValueError: 91 <b>are</b> too many"


def test_a_notebook_that_somebody_stops_is_partial(execute):
    stopped = WORK + "\nraise KeyboardInterrupt"
    outcome, working = execute(*SHIPPED[:3], stopped)
    page = page_of(working)
    assert page.find(class_="failure") is None, outcome.log
    words = text_of(page)
    assert "This report is partial: the step was stopped before its end." in words
    assert "It was stopped by hand. What it had written is kept" in words
    described = json.loads((working / "runs" / "demo" / "download" / "run.json").read_text())
    assert described["status"] == "partial"
    assert "is partial" in (working / "reports" / "demo" / "index.html").read_text()


def test_a_package_that_the_image_lacks_is_installed_or_asked_for(code, tmp_path):
    inputs = {"dataset:ada/unmask-code": code}
    notebook = notebook_of(SETUP, "import lz4\nprint(lz4.WORDS)")

    def run(name: str):
        without = ("lz4",)
        return run_kernel(notebook, inputs, tmp_path / name, layout="old", without=without)

    outcome = run("no wheels")
    assert outcome.returncode == 1
    assert "This machine lacks packages that Unmask needs: lz4==4.4.5." in outcome.log
    assert "attach the dataset unmask-packages (Add Input > Datasets" in outcome.log
    inputs["dataset:ada/unmask-packages"] = tmp_path / "packages"
    (tmp_path / "packages" / "wheels").mkdir(parents=True)
    wheel = tmp_path / "packages" / "wheels" / "lz4-4.4.5-py3-none-any.whl"
    information = {
        "METADATA": "Metadata-Version: 2.1\nName: lz4\nVersion: 4.4.5\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "lz4.py,,\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("lz4.py", "WORDS = 'from the wheel'")
        for name, text in information.items():
            archive.writestr(f"lz4-4.4.5.dist-info/{name}", text)
    outcome = run("wheels")
    assert outcome.returncode == 0, outcome.log
    assert "Installed from attached wheels: lz4==4.4.5." in outcome.log
    assert "from the wheel" in outcome.log
