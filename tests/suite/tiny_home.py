"""A home with notebooks of a few lines, so that the runner can be tested with real kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

REPOSITORY = Path(__file__).resolve().parents[2]

DOWNLOAD = """
from unmask.runs import step_folder, write_table
import pandas
folder = step_folder(run_folder, "download")
if fail == "error":
    raise ValueError("planted <b>error</b>")
if fail == "kill":
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
if fail == "full":
    raise OSError(28, "No space left on device")
if fail == "nothing":
    raise SystemExit
(folder / "raw").write_bytes(bytes(amount))
files = pandas.DataFrame({"path": [str(folder / "raw")], "bytes": [amount]})
write_table(folder / "files.parquet", files)
"""
PREPROCESS = """
import time
import numpy, pandas
from unmask.runs import report_progress, require, step_folder, write_json, write_table
files = pandas.read_parquet(require(run_folder, "download", "files.parquet"))
folder = step_folder(run_folder, "preprocess")
for second in range(pause):
    report_progress(second / pause, f"second {second}")
    (folder / "alive").write_text(str(second))
    time.sleep(1)
if alarm != "no":
    told = {"name": "planted", "light": alarm, "sentence": "A <b>mark</b>.", "fix": "look"}
    words = {"sentence": "Told.", "sentences": ["Told."], "notices": ["N."], "alarms": [told]}
    write_json(folder / "summary.json", words)
if fail == "fill":
    (folder / "large").write_bytes(bytes(50_000_000))
write_table(folder / "faces.parquet", files)
write_table(folder / "rejected.parquet", files.iloc[:0])
numpy.save(folder / "faces_8.npy", numpy.zeros(3))
"""
REPORT = """
from unmask.runs import read_json, step_folder, write_json
folder = step_folder(run_folder, "report")
write_json(folder / "report.json", {"headline": None})
told = folder.parent / "preprocess" / "summary.json"
if told.exists():
    alarms = [{"step": "preprocess", **alarm} for alarm in read_json(told)["alarms"]]
    write_json(folder / "summary.json", {"sentence": "All.", "notices": [], "alarms": alarms})
"""
MEMBER = """
import time
from unmask.runs import step_folder, write_json
folder = step_folder(run_folder, STEP) / "member"
folder.mkdir(exist_ok=True)
start = time.time()
time.sleep(pause)
write_json(folder / "member.json", {"start": start, "end": time.time()})
"""
PAUSE = "pause: int = 0  # seconds to wait"
PARAMETERS = {
    "01_download": 'source: str = "demo"  # one of: demo, folder, kaggle\n'
    'root: str = ""  # folder or CSV\n'
    "amount: int = 1  # a number\n"
    "rate: float = 0.1  # a rate\n"
    'fail: str = "no"  # how to fail',
    "02_preprocess": PAUSE
    + '\nfail: str = "no"  # how to fail'
    + '\nalarm: str = "no"  # light of an alarm to raise'
    + '\nnames: list[str] = ["one"]  # one of: one, two, three',
    "04_baseline_cnn": PAUSE,
    "06_resnet50": 'weights: str = "random"  # random, or a file\n' + PAUSE,
    "07_architecture": 'label: str = "lenet"  # of the member\n'
    'network: str = "lenet"  # by name\n'
    "epochs: int = 1  # at least 1\n" + PAUSE,
    "08_ensemble": 'steps: list[str] = ["resnet50", "architecture"]  # whose members take part\n'
    + PAUSE,
    "10_report": "resamples: int = 5  # bootstrap resamples, at least 1\n"
    'question: str = "?"  # what was asked',
}


def make_home(folder: Path) -> Path:
    """Writes notebooks/ and params/ below `folder`; returns it."""
    (folder / "params").mkdir(parents=True)
    (folder / "params" / "demo.yaml").write_text(
        "# python run_all.py\n# a second\ntitle: Tiny\nsteps:\n"
        "  download: {}\n  preprocess: {}\n  report: {}\n"
    )
    (folder / "params" / "wide.yaml").write_text(
        "# python run_all.py\n# two steps side by side\nsteps:\n"
        "  download: {}\n  preprocess: {}\n  baseline_cnn: {}\n  resnet50: {}\n"
    )
    (folder / "params" / "many.yaml").write_text(
        "# python run_all.py\n# one notebook, two networks\nsteps:\n"
        "  download: {}\n  preprocess: {}\n  ensemble: {}\n"
        "  architecture: {networks: {resnet50: {}, wide: {network: four_block, epochs: 3}}}\n"
    )
    code = {
        "01_download": DOWNLOAD,
        "02_preprocess": PREPROCESS,
        "04_baseline_cnn": MEMBER.replace("STEP", '"baseline_cnn"'),
        "06_resnet50": MEMBER.replace("STEP", '"resnet50"'),
        "07_architecture": MEMBER.replace("STEP", 'f"architecture_{label}"'),
        "08_ensemble": MEMBER.replace("STEP", '"ensemble"'),
        "10_report": REPORT,
    }
    for name, source in code.items():
        parameters = new_code_cell('run_folder: str = "runs/demo"  # here\n' + PARAMETERS[name])
        parameters.metadata["tags"] = ["parameters"]
        notebook = new_notebook(
            cells=[new_markdown_cell(f"# Tiny {name}"), parameters, new_code_cell(source.strip())]
        )
        notebook.metadata["kernelspec"] = {
            "name": "python3", "display_name": "Python 3", "language": "python"
        }  # fmt: skip
        path = folder / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "run_all.py"), *arguments]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "UNMASK_HOME": str(home), "COLUMNS": "200"}


def run_all(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Runs run_all.py as a person would, with `home` as the project."""
    return subprocess.run(
        command(*arguments), env=environment(home), capture_output=True, text=True, timeout=120
    )


def done_of(home: Path, step: str) -> dict:
    return json.loads((home / "runs" / "demo" / step / "done.json").read_text())
