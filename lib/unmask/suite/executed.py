"""Puts a notebook together from its shipped text and from what was executed in a kernel."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from .notebook_parameters import code_of, read_notebook
from .recorder import CellRecord

INJECTED = "# Parameters\n"  # what papermill's own cell begins with
USED_PARAMETERS = "injected-parameters"
PROGRESS = re.compile(r"\r *\d+% [^\r\n]*")  # lines of runs.report_progress
# How alike an edited cell is to the shipped one, and to one that was also executed as shipped.
EDITED, EDITED_AGAIN = 0.5, 0.8


def find_notebook(folders: Iterable[Path], records: Sequence[CellRecord]) -> Path | None:
    """Returns the shipped notebook that most of the executed cells come from, if any does.

    The cell that all notebooks begin with does not count.
    """
    executed = {record.source.strip() for record in records}
    paths = [path for folder in folders for path in sorted(folder.rglob("*.ipynb"))]
    cells = {path: {source.strip() for source in code_of(read_notebook(path))} for path in paths}
    common = set.intersection(*cells.values()) if len(cells) > 1 else set()
    scores = {path: len((found - common) & executed) for path, found in cells.items()}
    best = max(scores, key=scores.get, default=None)
    return best if best is not None and scores[best] else None


def assemble(shipped: Sequence[Mapping[str, Any]], records: Sequence[CellRecord]) -> Any:
    """Returns a notebook (nbformat) of the shipped cells with what they showed when executed.

    A cell that was executed several times shows its last execution. One that was edited shows as
    it ran, in the place of the shipped one; one that the shipped notebook does not have, behind
    the cell that ran before it. Cells that never ran have no output.

    Args:
        shipped: the cells of the shipped notebook, as JSON.
        records: what was executed, in order.
    """
    ran, extra = _places(shipped, records)
    cells = [_cell(record) for record in extra.get(-1, [])]
    for place, cell in enumerate(shipped):
        if cell["cell_type"] != "code":
            cells.append(nbformat.from_dict({"metadata": {}, **cell}))
        elif place in ran:
            cells.append(_cell(ran[place], _metadata(cell, ran[place])))
        else:
            cells.append(new_code_cell(_source(cell), metadata=cell["metadata"]))
        cells += [_cell(record) for record in extra.get(place, [])]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def parameters_used(
    names: Iterable[str], records: Sequence[CellRecord], variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the values that cells gave to parameters and did nothing else, the last ones.

    Args:
        names: of the parameters.
        records: what was executed, in order.
        variables: of the kernel, for a value that is computed.
    """
    names, values = set(names), {}
    for record in records:
        try:
            statements = ast.parse(record.source).body
        except SyntaxError:
            continue
        given = [_assigned(statement) for statement in statements]
        if all(name in names for name, _ in given):
            for name, node in given:
                values[name] = _value(node, variables.get(name))
    return values


def _places(
    shipped: Sequence[Mapping[str, Any]], records: Sequence[CellRecord]
) -> tuple[dict[int, CellRecord], dict[int, list[CellRecord]]]:
    """Returns what ran in the place of each shipped cell, and what ran behind each one."""
    sources = {
        place: _source(cell).strip()
        for place, cell in enumerate(shipped)
        if cell["cell_type"] == "code"
    }
    exact = {source: place for place, source in sources.items()}
    ran: dict[int, CellRecord] = {}
    extra: dict[int, dict[str, CellRecord]] = {}
    executed = {record.source.strip() for record in records}
    last = -1
    for record in records:
        source = record.source.strip()
        place = exact.get(source)
        if place is None and not record.source.startswith(INJECTED):
            place = _most_alike(source, sources, executed)
        if place is None:
            extra.setdefault(last, {})[source] = record
        else:
            ran[place], last = record, place
    return ran, {place: list(found.values()) for place, found in extra.items()}


def _most_alike(source: str, sources: Mapping[int, str], executed: set[str]) -> int | None:
    best, place = 0.0, None
    for candidate, text in sources.items():
        matcher = SequenceMatcher(None, text, source, autojunk=False)
        least = EDITED_AGAIN if text in executed else EDITED
        if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
            continue
        ratio = matcher.ratio()
        if ratio >= least and ratio > best:
            best, place = ratio, candidate
    return place


def _metadata(cell: Mapping[str, Any], record: CellRecord) -> dict[str, Any]:
    """Returns the metadata of a shipped cell; edited parameters are no defaults any more."""
    metadata = dict(cell["metadata"])
    tags = metadata.get("tags", [])
    if "parameters" in tags and record.source.strip() != _source(cell).strip():
        metadata["tags"] = [tag if tag != "parameters" else USED_PARAMETERS for tag in tags]
    return metadata


def _cell(record: CellRecord, metadata: Mapping[str, Any] | None = None) -> Any:
    tags = {"tags": [USED_PARAMETERS]} if record.source.startswith(INJECTED) else {}
    outputs = [_output(output) for output in record.outputs]
    return new_code_cell(
        record.source,
        execution_count=record.count,
        metadata=dict(metadata or tags),
        outputs=[output for output in outputs if output.get("text") != ""],
    )


def _output(output: Mapping[str, Any]) -> Any:
    left_out = ("kind", "transient")
    content = {name: value for name, value in output.items() if name not in left_out}
    if content.get("name") == "stderr":
        content["text"] = PROGRESS.sub("", content["text"])
    return new_output(output["kind"], **content)


def _source(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """Returns the one name that a statement gives a value to, and that value; else no name."""
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(targets[0], ast.Name):
        return targets[0].id, statement.value
    return "", None


def _value(node: ast.expr | None, otherwise: Any) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return otherwise
