"""Reads a notebook's `parameters` cell without running it: names, types, defaults, help."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError, nearest


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell, such as `epochs: int = 10  # passes over the faces`."""

    name: str
    kinds: tuple[str, ...]
    default: Any
    help: str
    choices: tuple[str, ...] = field(default=())

    def typed(self, text: str) -> Any:
        """Returns what `text`, typed on a command line, means for this parameter."""
        if self.kinds == ("str",):
            return str(text)
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return str(text)

    def read(self, value: Any) -> Any:
        """Returns `value` with YAML's `1e-3`, which YAML reads as text, as the number it means."""
        if "float" in self.kinds and "str" not in self.kinds and isinstance(value, str):
            with contextlib.suppress(ValueError):
                return float(value)
        return value

    def problem_with(self, value: Any) -> str:
        """Returns what is wrong with `value` for this parameter, or an empty string."""
        if not any(_fits(value, kind) for kind in self.kinds):
            return f"{value!r} is {_kind_of(value)}, expected {' or '.join(self.kinds)}"
        if isinstance(value, dict):
            return ""
        items = value if isinstance(value, list) else [value]
        if not items and "or none" not in self.help:
            return "the list is empty, expected at least one item"
        if "list[float]" not in self.kinds and len(set(items)) < len(items):
            return f"{value!r} names something twice"
        least = re.search(r"at least (\d+)", self.help)
        for item in items:
            number = isinstance(item, int | float) and not isinstance(item, bool)
            if number and not (math.isfinite(item) and item >= (int(least[1]) if least else 0)):
                return f"{item!r} is not {least[0] if least else 'a number of at least 0'}"
            if self.choices and item not in self.choices:
                near = nearest(item, self.choices)
                return f"{item!r} is not one of: {', '.join(self.choices)}.{near}".rstrip(".")
        return ""


def read_notebook(path: Path) -> dict:
    """Returns the notebook's JSON.

    Raises:
        UsageError: the file is missing or is no notebook.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"The notebook {path} is missing.", fix="restore it from git") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a notebook: {error}") from None


def cell_source(cell: dict) -> str:
    """Returns a cell's source as one string (notebooks store a list of lines)."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def code_of(notebook: dict) -> list[str]:
    """Returns the sources of the code cells, in order."""
    return [cell_source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def title_of(notebook: dict) -> str:
    """Returns the text of the first H1."""
    for cell in notebook["cells"]:
        for line in cell_source(cell).splitlines():
            if cell["cell_type"] == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return "Untitled"


def read_parameters(path: Path) -> dict[str, Parameter]:
    """Returns the parameters of the notebook at `path`, by name, in their order.

    A comment `one of: a, b, c` behind a parameter limits it to these values.

    Raises:
        UsageError: no cell is tagged `parameters`, or a line of it is not `name: type = value`.
    """
    for cell in read_notebook(path)["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", []):
            return _parse_cell(cell_source(cell), path)
    raise UsageError(f"{path} has no cell tagged 'parameters'.")


def _parse_cell(source: str, path: Path) -> dict[str, Parameter]:
    lines = source.splitlines()
    parameters = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            raise UsageError(
                f"{path}: line {node.lineno} of the parameters cell is not a parameter.",
                expected="name: type = value  # what it does",
            )
        comment = lines[node.end_lineno - 1][node.end_col_offset :].partition("#")[2].strip()
        choices = comment.partition("one of: ")[2].split(";")[0] if "one of: " in comment else ""
        parameters[node.target.id] = Parameter(
            name=node.target.id,
            kinds=tuple(ast.unparse(node.annotation).split(" | ")),
            default=ast.literal_eval(node.value),
            help=comment,
            choices=tuple(choice.strip() for choice in choices.split(",") if choice.strip()),
        )
    return parameters


def _kind_of(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _fits(value: Any, kind: str) -> bool:
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind.startswith("list["):
        inner = kind[5:-1]
        return isinstance(value, list) and all(_fits(item, inner) for item in value)
    return _kind_of(value) == kind
