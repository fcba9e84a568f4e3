"""Trained on this, tested on that: fakes of other generators, and other datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..summary import format_interval
from ..threshold import choose_threshold
from .measure import measure

ALL_TEST = "this test set"
RELATIONS = {
    "same": "tested on what it was trained on",
    "left out": "left out of this training",
    "unseen": "never trained on",
    "elsewhere": "another dataset",
    "pooled": "all datasets together",
}


def columns_here(
    scores: pd.DataFrame, trained_generators: Sequence[str]
) -> dict[str, tuple[str, pd.DataFrame]]:
    """Returns what a training was tested on within its own run: name to (relation, faces).

    All test faces; the fakes of each generator in test against all real test faces; those of each
    generator in `unseen` against the real faces of unseen and test.

    Args:
        scores: test and unseen rows with label, score, generator, and group and file_id.
        trained_generators: whose fakes this training learned from.
    """
    test, unseen = (scores[scores["split"] == name] for name in ("test", "unseen"))
    reals = test[test["label"] == 0]
    complete = set(test.loc[test["label"] == 1, "generator"]) <= set(trained_generators)
    found = {ALL_TEST: ("same", test)} if complete else {}
    generators = test[test["label"] == 1].groupby("generator")
    for name, fakes in generators:
        if complete and generators.ngroups == 1:
            continue  # the same faces once more
        relation = "same" if name in trained_generators else "left out"
        found[str(name)] = (relation, pd.concat([fakes, reals]))
    more = pd.concat([reals, unseen[unseen["label"] == 0]])
    for name, fakes in unseen[unseen["label"] == 1].groupby("generator"):
        if name not in trained_generators and name not in found:
            found[str(name)] = ("unseen", pd.concat([fakes, more]))
    return found


def measure_row(
    trained_on: str,
    columns: Mapping[str, tuple[str, pd.DataFrame]],
    threshold: float,
    *,
    resamples: int,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Returns one cell a column: `trained_on`, `tested_on`, `relation`, and what `measure` finds.

    Args:
        trained_on: the name of the row.
        columns: see `columns_here`; other datasets have the relation "elsewhere".
        threshold: of this training, chosen on its own validation.
        resamples, seed: of the bootstrap.
    """
    about = {"trained_on": trained_on}
    return [
        {
            **about,
            "tested_on": name,
            "relation": relation,
            **measure(frame, threshold, resamples=resamples, seed=seed),
        }
        for name, (relation, frame) in columns.items()
    ]


def member_cells(
    name: str,
    scores: pd.DataFrame,
    trained_generators: Sequence[str],
    others: Mapping[str, pd.DataFrame],
    threshold: float,
    *,
    fakes: str = "given",
    **options: int,
) -> list[dict[str, Any]]:
    """Returns the row of a network of this run: here, on unseen fakes, on other datasets.

    Args:
        name: of the network.
        scores: its scores of the test and unseen faces, see `columns_here`.
        trained_generators: whose fakes it learned from.
        others: for each other dataset face_id, label, score, and group and file_id.
        threshold: of the network.
        fakes: as member.json has it; with "self_blended" ones it learned from no generator.
        options: resamples and seed of the bootstrap.
    """
    columns = columns_here(scores, trained_generators)
    if fakes == "self_blended":
        columns = {key: ("unseen", frame) for key, (_, frame) in columns.items()}
    for other, frame in others.items():
        taken = other in columns  # a folder may be called as a generator is
        columns[f"{other} (elsewhere)" if taken else other] = ("elsewhere", frame)
    return measure_row(name, columns | pooled(columns), threshold, **options)


def left_out_cells(
    scores: Mapping[str, pd.DataFrame],
    faces: pd.DataFrame,
    trained_generators: Sequence[str],
    **options: int,
) -> list[dict[str, Any]]:
    """Returns a row for each training that left one generator out, thresholds from its validation.

    Args:
        scores: for each generator left out: face_id, split, label, score of val, test and unseen.
        faces: the faces table.
        trained_generators: whose fakes the run's own networks learn from.
        options: resamples and seed of the bootstrap.
    """
    cells = []
    known = ("file_id", "group", "cluster", "generator")
    about = faces[["face_id", *[name for name in known if name in faces]]]
    for generator, table in scores.items():
        joined = table.merge(about, on="face_id", validate="one_to_one")
        val = joined[joined["split"] == "val"]
        others = [name for name in trained_generators if name != generator]
        columns = columns_here(joined, others)
        threshold = choose_threshold(val["label"], val["score"])
        cells += measure_row(f"without {generator}", columns, threshold, **options)
    return cells


def pooled(
    columns: Mapping[str, tuple[str, pd.DataFrame]],
) -> dict[str, tuple[str, pd.DataFrame]]:
    """Returns the column of all datasets together, when there are others than this run's.

    A detector may rank the faces within each dataset well and still score one dataset as a whole
    above the other; only the AUC over both together shows it.
    """
    others = [frame for relation, frame in columns.values() if relation == "elsewhere"]
    if not others or ALL_TEST not in columns:
        return {}
    return {"all together": ("pooled", pd.concat([columns[ALL_TEST][1], *others]))}


def matrix_table(cells: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Returns the cells for a reader, all text: a row a training and test set."""
    return pd.DataFrame(
        [
            {
                "trained": cell["trained_on"],
                "tested on": cell["tested_on"],
                "which is": RELATIONS[cell["relation"]],
                "real faces": f"{cell['n_real']:,}",
                "fake faces": f"{cell['n_fake']:,}",
                "AUC": format_interval(cell["auc"]),
                "fakes found": format_interval(cell["recall_fake"]),
                "reals accepted": format_interval(cell["recall_real"]),
            }
            for cell in cells
        ]
    )
