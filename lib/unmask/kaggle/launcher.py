"""The launcher: the small notebook that a kernel runs, with what is asked of it inside."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pprint import pformat
from typing import Any

from ..session.setup_cell import SETUP

FORMAT = 1
NAME = "request"
FIELDS = (
    *("format", "run_id", "key", "part", "profile", "overrides", "steps", "seconds"),
    "attached",
)


def make_request(
    *,
    run_id: str,
    key: str,
    part: int,
    profile: str,
    overrides: Sequence[str],
    steps: Sequence[str],
    seconds: int,
    attached: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns what a kernel is asked, as plain data.

    Args:
        run_id: 8 hex digits, others for every push.
        key: the hash of what the steps depend on, see `chain.Kernel`.
        part: 1, or a higher number where it goes on from a part that ran out of time.
        profile: name of the profile.
        overrides: of its parameters, each `STEP.PARAMETER=VALUE`.
        steps: to run, in order.
        seconds: what the kernel may take from its start.
        attached: what it must find below /kaggle/input, as the new layout names it:
            "datasets/owner/slug", "notebooks/owner/slug", "models/owner/model/...".
    """
    values = (FORMAT, run_id, key, part, profile, list(overrides), list(steps), seconds)
    return dict(zip(FIELDS, (*values, list(attached)), strict=True))


def launcher_notebook(request: dict[str, Any], title: str) -> str:
    """Returns the notebook as JSON text (nbformat 4.5), the same for the same request.

    Example:
        text = launcher_notebook(make_request(...), "Unmask smoke download")
    """
    steps = ", ".join(request["steps"])
    part = f", part {request['part']}" if request["part"] > 1 else ""
    about = (
        f"# {title}\n"
        "\n"
        f"Runs {steps} of Unmask's profile {request['profile']}{part}. "
        "`unmask kaggle` made this notebook and fetches what it leaves."
    )
    cells = [
        _cell("about", "markdown", about),
        _cell("setup", "code", SETUP.strip("\n")),
        _cell("request", "code", f"{NAME} = {pformat(request, width=88, sort_dicts=False)}"),
        _cell(
            "run",
            "code",
            "from unmask.kaggle.inside import run_request\n\noutcome = run_request(request)",
        ),
    ]
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1) + "\n"


def read_request(source: str) -> dict[str, Any] | None:
    """Returns the request inside a launcher's source; None where it is no launcher of ours."""
    try:
        cells = json.loads(source)["cells"]
    except (ValueError, KeyError, TypeError):
        return None
    for cell in cells if isinstance(cells, list) else []:
        text = cell.get("source", "") if isinstance(cell, dict) else ""
        text = text if isinstance(text, str) else "".join(text)
        if text.startswith(f"{NAME} = "):
            return _parsed(text.partition(" = ")[2])
    return None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        request = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    fits = isinstance(request, dict) and request.get("format") == FORMAT
    return request if fits and set(FIELDS) <= set(request) else None


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
