"""The notebook that a kernel runs: valid, the same for the same request, read back as it was."""

import json

import nbformat
import pytest
from unmask.kaggle.launcher import launcher_notebook, make_request, read_request
from unmask.session.setup_cell import SETUP


def request(**changes):
    return make_request(
        **{
            "run_id": "0a1b2c3d",
            "key": "k" * 64,
            "part": 1,
            "profile": "tiny",
            "overrides": ["download.seed=2"],
            "steps": ["download", "preprocess"],
            "seconds": 41400,
            **changes,
        }
    )


def test_it_is_a_valid_notebook_with_the_setup_of_all_notebooks():
    text = launcher_notebook(request(), "Unmask tiny download")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown", "code", "code", "code"]
    assert notebook.cells[0].source.startswith("# Unmask tiny download\n")
    assert notebook.cells[1].source == SETUP
    assert text == launcher_notebook(request(), "Unmask tiny download")
    for cell in notebook.cells[1:]:
        compile(cell.source, "cell", "exec")


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["report.question=Is \"this\" 'it'?\nOr {not} \\n?"],
        ["report.question=äöü ☃ " + "long " * 500],
        ["a.b=1"] * 300,
    ],
)
def test_the_request_is_read_back_as_it_was(overrides):
    asked = request(overrides=overrides, part=3)
    text = launcher_notebook(asked, "Unmask tiny download part 3")
    assert read_request(text) == asked
    assert len(text.encode()) < 1_000_000
    # Kaggle may keep a cell's source as a list of lines.
    lines = json.loads(text)
    for cell in lines["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    assert read_request(json.dumps(lines)) == asked


@pytest.mark.parametrize(
    "source",
    ["", "print(1)", "[]", '{"cells": null}', '{"cells": [{"source": "request = open(1)"}]}',
     '{"cells": [{"source": "request = {\'format\': 2}"}]}', '{"cells": [3, {}]}'],
)  # fmt: skip
def test_what_is_no_launcher_holds_no_request(source):
    assert read_request(source) is None
