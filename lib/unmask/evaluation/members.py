"""A trained member on disk: its description, its scores, its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import DataError, MissingStepError
from ..runs import read_json, resolve, steps_of_run, write_json
from .comparison import Comparison, adjust, compare, describe_difference
from .ledger import EVALUATION, note_test_use
from .scores import SPLITS, attach_faces, cluster_ids, score_matrix, select_scores
from .summary import comparison_table, costs_of, evaluate_member, format_interval

FLOOR_STEP = "audit"  # its members are no detectors: what every detector must beat


@dataclass(frozen=True)
class Result:
    """A member with everything a reader may ask of it.

    Attributes:
        folder: <step>/<member>.
        member: content of member.json.
        metrics: content of metrics.json, see `evaluate_member`.

    Its scores (scores.parquet with group, generator and file_id of each face) are given out by
    `select` alone, so that nobody reads test scores without saying why.
    """

    folder: Path
    member: dict[str, Any]
    metrics: dict[str, Any]
    _scores: pd.DataFrame = field(repr=False)

    @property
    def name(self) -> str:
        return self.member["name"]

    def select(self, split: str, reason: str = "") -> pd.DataFrame:
        """Returns the scores of one split; raises ValueError for test or unseen without a reason.

        See `select_scores`.
        """
        return select_scores(self._scores, split, reason=reason)


def evaluate_and_write(
    folder: Path, faces: pd.DataFrame, *, rule: str, resamples: int, seed: int = 0
) -> Result:
    """Computes metrics.json of the member in `folder` from its scores; returns the whole result.

    `folder` is <run folder>/<step>/<member>. The use of the test faces is noted in the ledger.

    Raises:
        DataError: scores and faces disagree, or validation cannot give a threshold.
    """
    scores = pd.read_parquet(folder / "scores.parquet")
    metrics = evaluate_member(scores, faces, rule=rule, resamples=resamples, seed=seed)
    run_folder, step = folder.parent.parent, folder.parent.name
    notice = note_test_use(run_folder, faces, folder.name, EVALUATION, step=step, scores=scores)
    if notice:
        metrics["splits"]["test"]["notes"].append(notice)
    write_json(folder / "metrics.json", metrics)
    return load_result(folder, faces)


def load_result(folder: Path, faces: pd.DataFrame) -> Result:
    """Returns the evaluated member in `folder`.

    Raises:
        DataError: its scores are not those of exactly the faces of val, test and unseen.
    """
    scores = attach_faces(pd.read_parquet(folder / "scores.parquet"), faces)
    missing = set(faces.loc[faces["split"].isin(SPLITS), "split"]) - set(scores["split"])
    if missing:
        raise DataError(
            f"{folder} has no scores of the split {', '.join(sorted(missing))}.",
            expected="a score for every face that was not trained on",
            fix="run the training step again after preprocessing",
        )
    member, metrics = (read_json(folder / name) for name in ("member.json", "metrics.json"))
    return Result(Path(folder), member, metrics, scores)


def find_results(
    run_folder: str, faces: pd.DataFrame, steps: Sequence[str]
) -> tuple[list[Result], list[str]]:
    """Returns the evaluated members that `steps` left in a run, and notices for the reader.

    Members come in the order of the steps; floors are no members. One that was scored on other
    faces (left by an earlier preprocessing) cannot stand beside the others: it is left out, with
    a notice.

    Raises:
        MissingStepError: there is none.
    """
    asked = [step for step in steps_of_run(run_folder, steps) if step != FLOOR_STEP]
    found, left_out = _load_all(run_folder, faces, asked)
    notices = _notices_on(left_out)
    found, renamed = _with_names_of_their_own(found)
    notices += renamed
    if not found:
        raise MissingStepError(
            " ".join([f"No trained detector lies in {resolve(run_folder)}.", *notices]),
            expected=f"the scores of at least one of: {', '.join(steps)}",
            fix="run notebooks/04_baseline_cnn.ipynb first, or: python run_all.py",
        )
    return found, notices


def _with_names_of_their_own(results: list[Result]) -> tuple[list[Result], list[str]]:
    """Returns the results, those whose name an earlier one has renamed after their step."""
    seen, found, notices = set(), [], []
    for result in results:
        if result.name in seen:
            name = f"{result.name} of {result.member['step']}"
            notices.append(f"Two members are called {result.name}; one is shown as {name}.")
            result = replace(result, member={**result.member, "name": name})
        seen.add(result.name)
        found.append(result)
    return found, notices


def find_floors(run_folder: str | Path, faces: pd.DataFrame) -> list[Result]:
    """Returns the floors that the audit left in a run, sorted by name; none when it did not run.

    Floors are members like others: simple scores, such as of thumbnails, that every detector must
    beat. One that was scored on other faces is left out; `floors_left_out` says so.
    """
    found, _ = _load_all(run_folder, faces, [FLOOR_STEP])
    return sorted(found, key=lambda result: result.name)


def floors_left_out(run_folder: str | Path, faces: pd.DataFrame) -> list[str]:
    """Returns a notice for each floor of a run that was scored on other faces than `faces`."""
    return _notices_on(_load_all(run_folder, faces, [FLOOR_STEP])[1])


def _notices_on(left_out: Sequence[str]) -> list[str]:
    text = "{} was scored on other faces and is left out; run its step again."
    return [text.format(name) for name in left_out]


def _load_all(
    run_folder: str | Path, faces: pd.DataFrame, steps: Sequence[str]
) -> tuple[list[Result], list[str]]:
    """Returns the members of `steps`, and "step/member" of those scored on other faces."""
    found, left_out = [], []
    for step in steps:
        for path in sorted((resolve(run_folder) / step).glob("*/metrics.json")):
            try:
                found.append(load_result(path.parent, faces))
            except DataError:
                left_out.append(f"{step}/{path.parent.name}")
    return found, left_out


def best_on_validation(results: Sequence[Result]) -> Result:
    """Returns the member with the highest AUC on validation; test has no say in it.

    A member without such a number (validation of one class) comes last; of equals, the first wins.
    """

    def area(result: Result) -> float:
        entry = result.metrics["splits"]["val"]["metrics"]["auc"]
        return -1.0 if entry is None else entry["value"]

    return max(results, key=area)


def results_table(results: Sequence[Result], split: str) -> pd.DataFrame:
    """Returns the comparison table of `results` on one split."""
    return comparison_table([(result.member, result.metrics) for result in results], split)


def costs_table(results: Sequence[Result]) -> pd.DataFrame:
    """Returns the table of what `results` cost: trainings, parameters, size, times."""
    return costs_of([result.member for result in results])


def describe_member(result: Result) -> str:
    """Returns one sentence: name, test AUC and accuracy with intervals, threshold and its rule."""
    found = result.metrics["splits"]["test"]
    threshold = result.metrics["threshold"]
    seeds = f" (mean of {found['seeds']} trainings)" if found["seeds"] > 1 else ""
    return (
        f"{result.name}: AUC {format_interval(found['metrics']['auc'])} and accuracy "
        f"{format_interval(found['metrics']['accuracy'])} on {found['n']:,} test faces{seeds}, at "
        f"the threshold {threshold['value']:.3f} ({threshold['meaning']})."
    )


def notices_of(results: Sequence[Result]) -> list[str]:
    """Returns what a reader must know of these members: fallbacks, and weak test numbers."""
    notices = []
    for result in results:
        notes = result.metrics["splits"]["test"]["notes"]
        notices += [*result.member["notices"], *(f"Test numbers: {note}" for note in notes)]
    return list(dict.fromkeys(notices))


def scores_on_test(results: Sequence[Result]) -> dict[str, pd.DataFrame]:
    """Returns the test rows of each member's scores, by name."""
    reason = "numbers and figures of a report"
    return {result.name: result.select("test", reason) for result in results}


def scores_to_join(results: Sequence[Result]) -> dict[str, pd.DataFrame]:
    """Returns each member's scores of val, test and unseen, by name, for `ensembles.combine`."""
    reason = "an ensemble's own scores"
    return {
        result.name: pd.concat([result.select(split, reason) for split in SPLITS])
        for result in results
    }


def metrics_by_name(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Returns the content of each member's metrics.json, by name."""
    return {result.name: result.metrics for result in results}


def thresholds(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Returns each member's threshold (value, rule, meaning, by_seed), by name."""
    return {result.name: result.metrics["threshold"] for result in results}


def confusions_on_test(results: Sequence[Result]) -> dict[str, list[list[int]]]:
    """Returns each member's confusion matrix on test, by name."""
    return {result.name: result.metrics["splits"]["test"]["confusion_matrix"] for result in results}


def comparison_on_test(first: Result, second: Result, resamples: int) -> Comparison:
    """Returns the first member's numbers on test minus the second's, each the mean of its seeds'.

    Accuracy is that at each member's own threshold, chosen on validation for each seed.
    """
    reason = "comparison of two detectors"
    faces, ours = score_matrix(first.select("test", reason))
    _, theirs = score_matrix(second.select("test", reason))
    return compare(
        faces["label"],
        ours,
        theirs,
        cluster_ids(faces),
        thresholds=(_cuts(first), _cuts(second)),
        resamples=resamples,
    )


def comparisons_on_test(
    results: Sequence[Result], other: Result, resamples: int
) -> dict[str, Comparison]:
    """Returns each result's numbers on test minus those of `other`, by name.

    The tests are corrected over all of them (Holm). Empty where test holds one class only: no AUC
    is defined then.
    """
    if other.metrics["splits"]["test"]["metrics"]["auc"] is None:
        return {}
    return adjust({each.name: comparison_on_test(each, other, resamples) for each in results})


def compare_on_test(results: Sequence[Result], other: Result, resamples: int) -> list[str]:
    """Returns a sentence for each result: whether its test AUC or that of `other` is higher."""
    found = comparisons_on_test(results, other, resamples)
    return [describe_difference(each.auc, name, other.name) for name, each in found.items()]


def _cuts(result: Result) -> list[float]:
    """Returns the thresholds of a member's seeds, seeds in rising order."""
    by_seed = result.metrics["threshold"]["by_seed"]
    return [by_seed[seed] for seed in sorted(by_seed, key=int)]


def read_histories(folder: Path, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Returns history.csv of each training of the members called `names`, by name (and seed)."""
    found = {}
    for name in names:
        paths = sorted((Path(folder) / name).glob("seed_*/history.csv"))
        for path in paths:
            suffix = f", {path.parent.name.replace('_', ' ')}" if len(paths) > 1 else ""
            found[name + suffix] = pd.read_csv(path)
    return found
