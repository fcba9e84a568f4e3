"""The tables that the training notebooks show of their members, each with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .clip_tables import clips_table
from .formats import ABOUT_SPREAD
from .members import Result, best_on_validation, find_floors, floors_left_out, results_table
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
    table = results_table([*results, *floors], "test")
    return table, noted(caption, spread_note(results), *floors_left_out(run_folder, faces))


def spread_note(results: Sequence[Result]) -> str:
    """Returns what "±" means in a table of these members; "" when each was trained once."""
    several = any(result.metrics["splits"]["test"]["seeds"] > 1 for result in results)
    return ABOUT_SPREAD if several else ""


def points_of(results: Sequence[Result]) -> Captioned:
    """Returns what every member does to the test faces at each threshold rule, one table."""
    tables = [operating_points_table(result.metrics) for result in results]
    if len(results) > 1:
        for result, table in zip(results, tables, strict=True):
            table.insert(0, "detector", result.name)
    who = results[0].name if len(results) == 1 else "Every detector"
    caption = f"{who} on the test faces, at thresholds chosen on validation"
    return pd.concat(tables, ignore_index=True), noted(caption, spread_note(results))


def tables_of(results: Sequence[Result]) -> list[Captioned]:
    """Returns every measure and threshold of all members, and of the best its rare fakes.

    The best is the one with the highest AUC on validation. Where test holds clips, the numbers
    per clip follow.
    """
    best = best_on_validation(results)
    remarks = dict.fromkeys(
        remark for result in results for remark in result.metrics["splits"]["test"]["remarks"]
    )
    measures = details_table([(result.member, result.metrics) for result in results])
    about = "Every measure on the test faces, with 95% intervals."
    return [
        (measures, " ".join(filter(None, [about, spread_note(results), *remarks]))),
        points_of(results),
        (
            prevalence_table(best.metrics),
            f"{best.name}: how many of its verdicts are right, by how rare fakes are",
        ),
        *filter(None, [clips_table(results)]),
    ]


def noted(caption: str, *notes: str) -> str:
    """Returns a caption with the sentences that follow it; a caption alone ends without a stop."""
    told = " ".join(filter(None, notes))
    return f"{caption}. {told}" if told else caption
