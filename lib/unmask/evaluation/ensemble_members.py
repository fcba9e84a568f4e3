"""Ensembles on disk: each a member like any other, in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..runs import write_json, write_table
from .calibration import add_calibrated
from .ensembles import Ensemble, write_joiner
from .members import Result


def write_ensembles(
    folder: Path, ensembles: Mapping[str, Ensemble], members: Sequence[Result]
) -> None:
    """Writes every ensemble into `<folder>/<name>`, and removes those of an earlier run there.

    Else the steps that read the folder would show ensembles that nobody asked for any more.

    Args:
        folder: of the step.
        ensembles: by name.
        members: the detectors that they join.
    """
    for path in sorted(folder.glob("*/member.json")):
        if path.parent.name not in ensembles:
            shutil.rmtree(path.parent)
    for name, ensemble in ensembles.items():
        write_ensemble(folder / name, name, ensemble, members)


def write_ensemble(folder: Path, name: str, ensemble: Ensemble, members: Sequence[Result]) -> None:
    """Writes an ensemble as a member: its scores, calibrated on validation, what it does to the
    scores of a new face (joiner.json), and its cost, which is that of all networks of the members
    that count in it.
    """
    write_table(folder / "scores.parquet", add_calibrated(ensemble.scores))
    if ensemble.joiner is not None:
        write_joiner(folder, ensemble.joiner)
    used = ensemble.used()
    members = [result for result in members if result.name in used]
    together = {
        key: sum(result.member[key] * len(result.member["seeds"]) for result in members)
        for key in ("parameters", "bytes_on_disk", "milliseconds_per_image")
    }
    seconds = sum(result.member["training_seconds"] for result in members)  # of all seeds already
    write_json(
        folder / "member.json",
        {
            "name": name,
            "step": "ensemble",
            "architecture": f"{ensemble.about} of {', '.join(used)}",
            "fakes": _fakes_of(members),
            "weights": ensemble.weights,
            "seeds": [0],
            "trainings": sum(len(result.member["seeds"]) for result in members),
            **together,
            "training_seconds": seconds,
            "notices": [],
        },
    )


def _fakes_of(members: Sequence[Result]) -> str:
    """Returns what the members learned from, "given" or "self_blended"; "mixed" where they differ.

    See `member.json` of a training.
    """
    kinds = {result.member.get("fakes", "given") for result in members}
    return kinds.pop() if len(kinds) == 1 else "mixed"
