"""A tiny home whose second step can be stopped in the middle, and goes on from there."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_home import make_home

# A step that counts on from what an earlier run of it wrote, as a training does.
COUNTING = """
import json, time
from unmask.runs import report_progress, step_folder, write_json, write_table
import numpy, pandas
folder = step_folder(run_folder, "preprocess")
kept = folder / "epochs.json"
epochs = json.loads(kept.read_text()) if kept.exists() else []
session = len(epochs)
while len(epochs) < 4:
    time.sleep(PACE if session == 0 and len(epochs) == 2 else 0.1)
    epochs.append(session)
    write_json(kept, epochs)
    report_progress(len(epochs) / 4, f"epoch {len(epochs)} of 4")
frame = pandas.DataFrame({"epoch": epochs})
write_table(folder / "faces.parquet", frame)
write_table(folder / "rejected.parquet", frame.iloc[:0])
numpy.save(folder / "faces_8.npy", numpy.zeros(3))
"""

# The clock of a runner whose time is up exactly when the step hangs, however slow the machine is.
LEAPING = """
import pathlib, time
told, now, leapt = pathlib.Path(PROGRESS), time.time, []
def clock():
    if not leapt and told.exists() and "epoch 2 of 4" in told.read_text():
        leapt.append(3600)
    return now() + sum(leapt)
time.time = clock
"""


def leaping_clock(home: Path) -> str:
    """Code that makes an hour pass for its process as soon as two of the four epochs are told."""
    progress = home / "runs" / "demo" / "preprocess" / "progress.jsonl"
    return LEAPING.replace("PROGRESS", repr(str(progress)))


def make_counting_home(folder: Path, pace: int = 60) -> Path:
    """A tiny home whose preprocess hangs for `pace` seconds after two of its four epochs."""
    home = make_home(folder)
    path = home / "notebooks/02_preprocess.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["source"] = COUNTING.strip().replace("PACE", str(pace))
    path.write_text(json.dumps(notebook))
    return home
