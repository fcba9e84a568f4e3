"""What the step audit found, read back for other pages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..runs import read_json, resolve
from .findings import Finding
from .summary import lights_table


def read_lights(run_folder: str | Path) -> pd.DataFrame:
    """Returns a row a finding, worst first, as the audit's own page shows them.

    Empty when the step was not run.

    Args:
        run_folder: such as "runs/demo".
    """
    path = resolve(run_folder) / "audit" / "audit.json"
    findings = read_json(path)["findings"] if path.exists() else []
    return pd.DataFrame(lights_table([Finding(**each) for each in findings]))


def read_before_and_after(run_folder: str | Path) -> pd.DataFrame:
    """Returns a row a check: `check`, `as it came`, `after preprocessing`.

    Leaks and labels first, then every family of shortcuts. Empty when the step was not run.

    Args:
        run_folder: such as "runs/demo".
    """
    path = resolve(run_folder) / "audit" / "audit.json"
    rows = read_json(path)["before_and_after"] if path.exists() else []
    return pd.DataFrame(rows, columns=["check", "as it came", "after preprocessing"])
