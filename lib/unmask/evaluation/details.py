"""The tables that the training notebooks show of their members, each with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .members import Result, best_on_validation, find_floors, results_table
from .operating import operating_points_table
from .prevalence import prevalence_table
from .summary import details_table

Captioned = tuple[pd.DataFrame, str]


def beside_floors(
    results: Sequence[Result], run_folder: str | Path, faces: pd.DataFrame
) -> Captioned:
    """Returns the comparison table on test, with the floors of the audit where it was run.

    Example:
        display(HTML(html_table(*beside_floors(results, run_folder, faces.table))))
    """
    floors = find_floors(run_folder, faces)
    caption = "Test faces, with 95% intervals"
    if floors:
        caption += "; a detector must beat the floors, which use no network"
    return results_table([*results, *floors], "test"), caption


def tables_of(results: Sequence[Result]) -> list[Captioned]:
    """Returns every measure of all members, and of the best its thresholds and rare fakes.

    The best is the one with the highest AUC on validation.
    """
    best = best_on_validation(results)
    remarks = dict.fromkeys(
        remark for result in results for remark in result.metrics["splits"]["test"]["remarks"]
    )
    measures = details_table([(result.member, result.metrics) for result in results])
    return [
        (measures, " ".join(["Every measure on the test faces, with 95% intervals.", *remarks])),
        (
            operating_points_table(best.metrics),
            f"{best.name} on the test faces, at thresholds chosen on validation",
        ),
        (
            prevalence_table(best.metrics),
            f"{best.name}: how many of its verdicts are right, by how rare fakes are",
        ),
    ]
