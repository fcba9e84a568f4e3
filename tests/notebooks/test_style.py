"""Notebooks are for people: the same shape everywhere, and nothing executed committed."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from unmask.runs import NOTEBOOK_OF_STEP
from unmask.session.setup_cell import SETUP
from unmask.suite.notebook_parameters import cell_source, read_parameters

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = REPOSITORY / "notebooks"
PATHS = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(NOTEBOOKS.glob("learn/*.ipynb"))]
LONGEST_CELL = 30  # lines


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def headings(notebook):
    return [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if re.match(r"#+ ", line)
    ]


def test_every_step_has_its_notebook():
    names = [path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in PATHS]
    steps = sorted(NOTEBOOK_OF_STEP.values())
    assert [name for name in names if "/" not in name] == [
        name for name in steps if "/" not in name
    ]
    assert set(steps) <= set(names)


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    found = nbformat.read(path, as_version=4)
    nbformat.validate(found)
    return found


def test_no_outputs_and_the_kernel_everybody_has(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_one_title_first_and_the_conclusion_last(notebook):
    found = headings(notebook)
    assert [line for line in found if line.startswith("# ")] == found[:1]
    assert found[-1] == "## What this tells us"
    assert "conclude(" in notebook.cells[-1].source


def test_one_parameters_cell_with_a_comment_on_every_line(path, notebook):
    cells = tagged(notebook, "parameters")
    assert len(cells) == 1
    assert all(re.search(r"#\s+\w", line) for line in cells[0].source.splitlines())
    parameters = read_parameters(path)
    assert next(iter(parameters)) == "run_folder"
    assert parameters["run_folder"].default == "runs/demo"
    for parameter in parameters.values():
        assert not parameter.problem_with(parameter.default)


def test_all_imports_stand_in_the_setup_section(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code[:2]:
        assert cell.metadata.tags == ["remove-output"]
    for cell in code[2:]:
        tree = ast.parse(cell.source)
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]


def test_the_first_cell_is_the_same_everywhere_and_finds_unmask(notebook):
    _, heading, first, *_ = notebook.cells
    assert heading.source == "## Setup"
    assert first.source == SETUP


def test_cells_stay_short(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell is not notebook.cells[3]:
            assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source


def test_no_number_of_a_result_stands_in_prose(notebook):
    """Decimal numbers in prose would be results that no run computed."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.findall(r"0\.\d{3}|\d{2,}\.\d ?%", cell_source(cell))


def test_names_used_by_a_profile_run_are_defined_by_the_cell(path):
    """The parameters cell stands alone: a run by hand needs nothing injected."""
    source = cell_source(tagged(nbformat.read(path, as_version=4), "parameters")[0])
    exec(compile(source, str(path), "exec"), {})
