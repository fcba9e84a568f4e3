"""What an ablation tells its reader: tables, sentences, alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from .ablation import Measured
from .alarms import Alarm, alarms_of
from .comparison import LEVEL, Difference, format_difference, is_better, is_worse
from .floors import compare_with_floors
from .formats import format_interval
from .members import Result, find_floors, read_histories


def with_title(result: Result, title: str) -> Result:
    """Returns the result of a variant under its title, for tables and alarms."""
    return replace(result, member={**result.member, "name": title})


def alarms_of_variants(
    results: Sequence[Result], run_folder: str | Path, faces: pd.DataFrame, resamples: int
) -> list[Alarm]:
    """Returns the alarms of the trainings, the recipe's first.

    The recipe alone has to beat the floors: a variant that lost an ingredient may do as badly as
    they do, which is a finding and no mistake.

    Args:
        results: of the variants under their titles, the recipe first.
        run_folder: of the run.
        faces: its faces table.
        resamples: of the bootstrap against the floors, at least 1.
    """
    against = compare_with_floors(results[:1], find_floors(run_folder, faces), resamples)
    found = []
    for result in results:
        folder = result.folder
        histories = {
            name.replace(folder.name, result.name, 1): table
            for name, table in read_histories(folder.parent, [folder.name]).items()
        }
        found += alarms_of(result, histories, against.get(result.name, {}), faces)
    return found


def ablation_table(measured: Sequence[Measured], faces: str) -> pd.DataFrame:
    """Returns a row a variant on one kind of faces, all cells text."""
    rows = [
        {
            "variant": each.variant,
            "trainings": f"{each.seeds}{', all with the same scores' if each.same else ''}",
            "validation AUC": f"{each.validation:.3f}",
            "test AUC": format_interval(each.auc, spread=True),
            "what the change costs": format_difference(each.difference) if each.difference else "",
            "beyond chance": _verdict(each.difference),
        }
        for each in measured
        if each.faces == faces
    ]
    return pd.DataFrame(rows)


def how_measured(measured: Sequence[Measured]) -> list[str]:
    """Returns what intervals and "beyond chance" of the tables mean, and what is in neither."""
    count = sum(each.difference is not None for each in measured)
    trainings = "the trainings of a variant are averaged, and ± is their spread"
    if all(each.seeds == 1 for each in measured):
        trainings = "each variant was trained once"
    told = []
    if count:
        told.append(
            "Beyond chance: the interval of the difference (the same faces drawn again for both) "
            f"leaves out zero, and p of DeLong's test, corrected for {count} differences in AUC "
            f"(Holm), is below {LEVEL}."
        )
    told.append(
        "The intervals say how a number would vary with other test faces. The luck of training "
        f"is in none of them: {trainings}."
    )
    same = dict.fromkeys(f"“{each.variant}”" for each in measured if each.same)
    if same:
        told.append(
            f"The same in every training: {', '.join(same)}. Nothing in them is left to chance, "
            "so several trainings say no more than one."
        )
    return told


def describe_ablation(measured: Sequence[Measured]) -> list[str]:
    """Returns a sentence for each kind of faces: what the recipe gets, what each change costs it.

    One sentence that says so where nothing could be measured.
    """
    if not measured:
        return [
            "The test faces are not of both classes: no AUC is defined, so nothing can be said of "
            "what an ingredient is worth."
        ]
    return [
        _describe_kind([each for each in measured if each.faces == kind])
        for kind in dict.fromkeys(each.faces for each in measured)
    ]


def _describe_kind(own: Sequence[Measured]) -> str:
    whole, rest = own[0], own[1:]
    worth = [each for each in rest if is_better(each.difference)]
    harm = [each for each in rest if is_worse(each.difference)]
    neither = [each for each in rest if each not in worth and each not in harm]
    parts = [
        f"{whole.variant[0].upper()}{whole.variant[1:]} has AUC {format_interval(whole.auc)} on "
        f"test faces {whole.faces}",
        *_amounts(worth, "loses", 1),
        *_amounts(harm, "gains", -1),
    ]
    if neither:
        named = [
            f"“{each.variant}” (cost {format_difference(each.difference)})" for each in neither
        ]
        parts.append(
            f"for {len(neither)} of {len(rest)} variants no difference beyond chance is shown: "
            + ", ".join(named)
        )
    return "; ".join(parts) + "."


def _amounts(variants: Sequence[Measured], verb: str, sign: int) -> list[str]:
    """Returns "“x” loses 0.120 [0.100, 0.140], “y” …" in a list, the largest first."""
    ordered = sorted(variants, key=lambda each: -sign * each.difference.value)
    parts = []
    for each in ordered:
        low, high = sorted(sign * end for end in (each.difference.low, each.difference.high))
        amount = f"{sign * each.difference.value:.3f} [{low:.3f}, {high:.3f}]"
        parts.append(f"“{each.variant}” {verb} {amount}")
    return [", ".join(parts)] if parts else []


def _verdict(difference: Difference | None) -> str:
    if difference is None:
        return ""
    return "yes" if is_better(difference) or is_worse(difference) else "no"
