"""A small project for runs at home and on Kaggle: real notebooks of a few lines, seconds each.

Its detector's notebook leaves scores, a table and a figure, and says how long it took, so that a
run on Kaggle can be compared with one at home.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from unmask.session.setup_cell import SETUP

REPOSITORY = Path(__file__).resolve().parents[2]

DOWNLOAD = """
import numpy, pandas
from unmask.runs import project_home, step_folder, write_table
folder = step_folder(run_folder, "download")
pictures = project_home() / "data" / "tiny" / "raw"
pictures.mkdir(parents=True, exist_ok=True)
numbers = numpy.random.default_rng(seed)
for number in range(amount):
    (pictures / f"{number}.png").write_bytes(numbers.bytes(50))
paths = sorted(str(path) for path in pictures.iterdir())
files = pandas.DataFrame({"path": paths, "bytes": 50})
write_table(folder / "files.parquet", files)
(folder / "noise.bin").write_bytes(numbers.bytes(200_000))
"""
PREPROCESS = """
import time
from pathlib import Path
import numpy, pandas
from unmask.runs import report_progress, require, step_folder, write_table
files = pandas.read_parquet(require(run_folder, "download", "files.parquet"))
folder = step_folder(run_folder, "preprocess")
kept = folder / "kept.txt"
done = int(kept.read_text()) if kept.exists() else 0
for second in range(done, pause):
    report_progress(second / pause, f"second {second}")
    print("second", second, flush=True)
    time.sleep(1)
    kept.write_text(str(second + 1))
if fail:
    raise ValueError("planted error")
content = [list(Path(path).read_bytes()[:8]) for path in files["path"]]
numpy.save(folder / "faces_8.npy", numpy.array(content, dtype="uint8"))
table = files.assign(row=range(len(files)), split="test")
table["file_id"] = [Path(path).stem for path in files["path"]]
write_table(folder / "faces.parquet", table)
write_table(folder / "rejected.parquet", files.iloc[:0])
"""
MEMBER = """
import time
import matplotlib.pyplot as plt
import numpy, pandas
from IPython.display import display
from unmask.evaluation.ledger import note_test_use
from unmask.runs import require, step_folder, write_json, write_table
started = time.time()
faces = numpy.load(require(run_folder, "preprocess", "faces_8.npy"), mmap_mode="r")
table = pandas.read_parquet(require(run_folder, "preprocess", "faces.parquet"))
folder = step_folder(run_folder, "baseline_cnn") / "member"
folder.mkdir(exist_ok=True)
scores = pandas.DataFrame({"row": table["row"], "score": faces.mean(axis=1) / 255 + shift})
write_table(folder / "scores.parquet", scores)
note_test_use(run_folder, table, "member", "evaluation", step="baseline_cnn")
figure, axes = plt.subplots(figsize=(2, 2))
axes.plot(scores["score"])
display(figure, metadata={"image/png": {"alt": "Scores of all faces"}})
plt.close(figure)
display(scores)
seconds = round(time.time() - started, 6)
display(pandas.DataFrame({"mean score": [scores["score"].mean()], "seconds": [seconds]}))
write_json(folder / "member.json", {"mean": float(scores["score"].mean()), "seconds": seconds})
"""
REPORT = """
import pandas
from IPython.display import display
from unmask.runs import read_json, require, step_folder, write_json
folder = step_folder(run_folder, "report")
member = read_json(require(run_folder, "baseline_cnn", "member/member.json"))
write_json(folder / "report.json", {"headline": [{"Detector": "tiny", "Score": member["mean"]}]})
display(pandas.DataFrame([{"Detector": "tiny", "Score": member["mean"]}]))
"""
NOTEBOOKS = {
    "01_download": (
        'source: str = "demo"  # one of: demo, folder, kaggle\n'
        "seed: int = 1  # of the pictures\namount: int = 4  # pictures",
        DOWNLOAD,
    ),
    "02_preprocess": (
        "pause: int = 0  # seconds to take\nfail: bool = False  # whether to fail",
        PREPROCESS,
    ),
    "04_baseline_cnn": ("shift: float = 0.0  # added to every score", MEMBER),
    "10_report": ('question: str = "?"  # what was asked', REPORT),
}
STEPS = ("download", "preprocess", "baseline_cnn", "report")


def make_home(folder: Path) -> Path:
    """Writes notebooks/ and params/ below `folder`; returns it."""
    (folder / "params").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    lines = "".join(f"  {step}: {{}}\n" for step in STEPS)
    head = "# python run_all.py --profile tiny\n# seconds\ntitle: Tiny\nsteps:\n"
    (folder / "params" / "tiny.yaml").write_text(head + lines)
    for name, (values, source) in NOTEBOOKS.items():
        parameters = new_code_cell('run_folder: str = "runs/demo"  # here\n' + values)
        parameters.metadata["tags"] = ["parameters"]
        cells = [new_markdown_cell(f"# Tiny {name}"), parameters]
        cells += [new_code_cell(SETUP), new_code_cell(source.strip())]
        for number, cell in enumerate(cells):
            cell["id"] = f"{name.replace('_', '-')}-{number}"
        notebook = new_notebook(cells=cells)
        notebook.metadata["kernelspec"] = {
            "name": "python3", "display_name": "Python 3", "language": "python"
        }  # fmt: skip
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    return folder


def make_wheels(folder: Path) -> Path:
    """Writes empty files named as the wheels are that the image lacks; returns their folder.

    The tests' interpreter has those packages, so that nothing looks into them.
    """
    from unmask.session.packages import LACKING

    folder.mkdir(parents=True)
    for specification in LACKING.values():
        name, version = specification.split("==")
        (folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl").write_bytes(b"wheel")
    return folder


def run_all(home: Path, *arguments: str, seconds: int = 600) -> subprocess.CompletedProcess:
    """Runs run_all.py as a person would, with `home` as the project."""
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "run_all.py"), *arguments],
        env={**os.environ, "UNMASK_HOME": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
