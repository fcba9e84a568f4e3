"""What the report tests render: a notebook with everything in it, and hostile words around it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import papermill
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from unmask.suite.html import ReportContext

HOSTILE = "<img src=x onerror=alert(1)>.jpg"

NOISE = (
    "2026-11-20 14:00:00.123456: I tensorflow/core/util/port.cc:153] oneDNN is on.\n"
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    "I0000 00:00:1700000000.123456   12345 port.cc:153] quiet please\n"
    "E0000 00:00:1700000000.123456   12345 cuda_dnn.cc:8310] Unable to register cuDNN factory\n"
    "To enable the following instructions: AVX2 FMA, rebuild TensorFlow.\n"
)

FIGURE = """
import matplotlib.pyplot as plt
from IPython.display import display

figure, axes = plt.subplots(figsize=(9, 4))
axes.plot([0.7, 0.5, 0.4])
words = {"alt": "Loss falls from 0.7 to 0.4 & stays", "caption": "Loss <per> epoch"}
display(figure, metadata={"image/png": words})
plt.close(figure)
"""

TABLE = f"""
import pandas as pd

scores = [0.91, 0.52, float("nan")]
table = pd.DataFrame({{"path": [{HOSTILE!r}, "b.jpg", "c.jpg"], "score": scores}})
table["a column with a long name that makes the table wider than any telephone"] = "wide " * 30
table
"""


def code(source: str, *tags: str):
    return new_code_cell(source, metadata={"tags": list(tags)})


def source_notebook(last: str):
    cells = [
        new_markdown_cell("# Scores & <em>faces</em>\n\nWhat a small network sees."),
        code("stop = False  # whether to stop early", "parameters"),
        new_markdown_cell("## Setup"),
        code(f"import sys\nprint({NOISE!r}, file=sys.stderr, end='')\nprint('ready')"),
        code(f"print({NOISE + 'E weights are broken'!r}, file=sys.stderr)"),
        code("print('output only')", "remove-input"),
        code("print('secret output')  # source only", "remove-output"),
        code("print('secret cell')", "remove-cell"),
        code("import warnings\nwarnings.warn('the input ran out')"),
        new_markdown_cell(
            "## The data\n\n### By class\n\n| class | faces |\n|---|---|\n| real | 1,200 |"
        ),
        code(TABLE),
        code(f"print({HOSTILE!r})\nprint('\\x1b[31mred\\x1b[0m')"),
        new_markdown_cell("## Training\n\n# A second title"),
        code("for epoch in range(412): print(f'epoch {epoch}: loss {1 / (epoch + 1):.3f}')"),
        code(FIGURE),
        new_markdown_cell("## The data"),
        code("figure"),
        code(last),
        new_markdown_cell("## What this tells us\n\nNothing yet."),
        code("print('never reached' if stop else 'the end')"),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def run(folder: Path, last: str) -> Path:
    """Executes the notebook as the suite does, to its end or not; returns what that leaves."""
    nbformat.write(source_notebook(last), folder / "source.ipynb")
    output = folder / "executed.ipynb"
    try:
        papermill.execute_notebook(
            folder / "source.ipynb",
            output,
            {"stop": True},
            progress_bar=False,
            kernel_name="python3",
        )
    except (papermill.PapermillExecutionError, RuntimeError):
        assert last
    return output


STEPS = [
    {"step": "download", "title": "Download", "file": "01_download.html", "status": "done"},
    {"step": "cnn", "title": "Scores & faces: a try", "file": "04 cnn.html", "status": "done"},
    {"step": "search", "title": "Search", "file": "05_search.html", "status": "not run"},
    {"step": "report", "title": HOSTILE, "file": "10_report.html", "status": "waiting"},
]
PROVENANCE = {
    "command": f"python run_all.py --set cnn.name='{HOSTILE}'",
    "parameters": [
        {"name": "epochs", "value": 3, "default": 10, "changed": True, "help": "passes <at most>"},
        {"name": "size", "value": 64, "default": 64, "changed": False, "help": "pixels"},
    ],
    "versions": {"python": "3.11.9", "keras": "3.13.2"},
    "revision": "add504b1234567",
    "dirty": True,
    "machine": {"processor": "Xeon", "cores": "2"},
    "seed": [1, 2],
    "start": "2026-11-20T14:05:00+00:00",
    "seconds": 192.4,
    "inputs": {"preprocess": "a" * 64},
}
ALARMS = [
    {
        "step": "download",
        "light": "amber",
        "name": "few faces",
        "sentence": "Few.",
        "fix": "add some",
    },
    {"step": "cnn", "light": "red", "name": "flipped", "sentence": f"{HOSTILE}.", "fix": "turn"},
]
ERROR = f"The folder {HOSTILE} is empty.\n  to fix:   add faces"


def context(status: str = "done") -> ReportContext:
    error = ERROR if status == "failed" else None
    notices = ["ResNet50 started from <random> weights."]
    return ReportContext("demo", "cnn", status, error, PROVENANCE, STEPS, notices, ALARMS)


# For each piece of text: the contrast of its colour with the first opaque colour behind it.
LOWEST_CONTRASTS = """() => {
  document.querySelectorAll("details").forEach(each => each.open = true);
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || element.matches("script, style") || !element.checkVisibility()) continue;
    const [a, b] = [parts(getComputedStyle(element).color), behind(element)].map(light);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push({ contrast, words: words.slice(0, 40) });
  }
  if (found.length < 30) throw new Error("hardly any text was looked at");
  return found;
}"""
