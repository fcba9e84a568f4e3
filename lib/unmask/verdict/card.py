"""The card of a detector: everything that is needed to ask it, and what its answers are worth.

A card is plain data. Notebook 10 writes it as `report/detector/detector.json`; without one the
same is made of the files of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import DataError, MissingStepError
from ..evaluation.clips import Pooling, clip_rows, pool_clips
from ..evaluation.ensembles import METHODS, combine, mean_ensemble
from ..evaluation.ensembles.joiner import Joiner, read_joiner
from ..evaluation.members import (
    Result,
    best_on_validation,
    find_results,
    scores_to_join,
)
from ..runs import DETECTOR_STEPS, read_json, require, resolve, sha256_file, write_json
from .learned import Learned, learned_from, with_sides
from .rates import Level, level_of, one_score_a_face

VERSION = 2
CARD = Path("report") / "detector" / "detector.json"
# Of each class, on validation and on test: with fewer, 5% of them is not even one.
FEWEST_CLIPS = 20
WHY = "the error rates of a detector that is asked about new pictures"


def make_card(run_folder: str | Path, member_folder: str | Path | None = None) -> dict[str, Any]:
    """Returns the card of a run's detector, made of the files of the run.

    Without a choice it is the run's best ensemble on validation, else its best detector; one whose
    networks are not all there is passed over. Test has no say in it.

    Args:
        run_folder: of the run.
        member_folder: <run>/<step>/<member>, of another detector than that.

    Returns:
        `version`, `name`, `title`, `run`, `about`, `members` (name, step, architecture, weight,
        networks), `joiner`, `faces` (`rates.Level` of faces), `clips` (of clips, with `pooling` and
        `k`; None), `size`, `equalise`, `framing` (framing.json; None), `learned` (what it learned
        from, see `learned.Learned`; None where that is not known), `evidence` (None until
        `write_card` measures it), `dataset`, `revision`, `versions`, `notices`.

    Raises:
        MissingStepError: the run holds no detector, or not this one.
        DataError: validation cannot give a threshold, or a member's networks are missing.
    """
    root = resolve(run_folder)
    table = pd.read_parquet(require(root, "preprocess", "faces.parquet"))
    results, left_out = find_results(str(root), table, DETECTOR_STEPS)
    result, joiner, notices = _choose(results, member_folder)
    used = [result.name] if joiner is None else list(joiner.used())
    weights = {} if joiner is None else dict(zip(joiner.members, joiner.weights, strict=True))
    by_name = {each.name: each for each in results}
    pictures = _pictures(root)
    learned = learned_from(root, table, pictures)
    return {
        "version": VERSION,
        "name": result.name,
        "title": f"{result.name} of the run {root.name}",
        "run": root.name,
        "about": result.member["architecture"],
        "fakes": result.member.get("fakes", "given"),
        "members": [_member(root, by_name[name], weights.get(name, 1.0)) for name in used],
        "joiner": None if joiner is None else joiner.as_dict(),
        **_levels(root, result, pictures, learned),
        **pictures,
        "learned": None if learned is None else learned.as_dict(),
        "evidence": None,
        "dataset": {
            "names": sorted(map(str, table["dataset"].unique())),
            "faces": len(table),
            "files": int(table["file_id"].nunique()),
        },
        **_code(root, result),
        "notices": [*left_out, *notices],
    }


def scores_on_test(run_folder: str | Path, card: Mapping[str, Any]) -> pd.DataFrame:
    """Returns a row a test face: score in the run, the columns of its face, and its `side`.

    Args:
        run_folder: of the run.
        card: of its detector.
    """
    root = resolve(run_folder)
    table = pd.read_parquet(require(root, "preprocess", "faces.parquet"))
    results, _ = find_results(str(root), table, DETECTOR_STEPS)
    result = next(each for each in results if each.name == card["name"])
    return with_sides(root, one_score_a_face(result.select("test", WHY)), card)


def read_card(path: str | Path) -> dict[str, Any]:
    """Returns a card that was written, by any version of Unmask.

    Raises:
        DataError: it is none.
    """
    try:
        card = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(f"The card {path} cannot be read ({error}).") from error
    if not isinstance(card, dict) or not {"version", "members"} <= set(card):
        raise DataError(
            f"{path} is no card of a detector.",
            expected="a detector.json as notebook 10_report writes it",
            fix="run the step report again",
        )
    return card


def save_card(run_folder: str | Path, card: Mapping[str, Any]) -> Path:
    """Writes a card into its run; returns where."""
    path = resolve(run_folder) / CARD
    write_json(path, card)
    return path


def networks_are_those_of(root: Path, card: Mapping[str, Any]) -> bool:
    """Returns whether a card's networks still lie in the run, unchanged."""
    listed = [each for member in card["members"] for each in member["networks"]]
    paths = [root / each["path"] for each in listed]
    return all(
        path.is_file() and sha256_file(path) == each["sha256"]
        for path, each in zip(paths, listed, strict=True)
    )


def joiner_of(result: Result, results: Sequence[Result]) -> tuple[Joiner | None, list[str]]:
    """Returns how an ensemble joins its members, and notices; None for a single detector.

    Ensembles of before joiner.json was written are fitted again, on validation scores as then.

    Raises:
        DataError: the members are not those that it was fitted on.
    """
    weights = result.member.get("weights")
    if weights is None:
        return None, []
    joiner = read_joiner(result.folder)
    if joiner is not None:
        return joiner, []
    members = [each for each in results if each.name in weights]
    scores = scores_to_join(members)
    wide = combine({name: scores[name] for name in weights if name in scores})
    joiner = METHODS.get(result.name, mean_ensemble)(wide).joiner
    far = {name: abs(weight - weights[name]) for name, weight in _weights(joiner).items()}
    if set(far) != set(weights) or max(far.values()) > 1e-6:
        raise DataError(
            f"{result.name} was made of other members than lie in this run.",
            expected=", ".join(weights),
            fix="run the step ensemble again",
        )
    return joiner, [
        f"How {result.name} joins its members was not written down; it was fitted again on their "
        "validation scores."
    ]


def _weights(joiner: Joiner) -> dict[str, float]:
    return dict(zip(joiner.members, joiner.weights, strict=True))


def _choose(
    results: Sequence[Result], member_folder: str | Path | None
) -> tuple[Result, Joiner | None, list[str]]:
    if member_folder is not None:
        folder = resolve(member_folder)
        for result in results:
            if result.folder.resolve() == folder:
                joiner, notices = joiner_of(result, results)
                _check_networks(result, joiner, results)
                return result, joiner, notices
        raise MissingStepError(
            f"{folder} holds no detector that was scored on this run's faces.",
            expected="one of: " + ", ".join(str(each.folder) for each in results),
            fix="run its step again",
        )
    waiting, notices, first = list(results), [], None
    while waiting:
        ensembles = [each for each in waiting if "weights" in each.member]
        result = best_on_validation(ensembles or waiting)
        try:
            joiner, told = joiner_of(result, results)
            _check_networks(result, joiner, results)
            return result, joiner, [*notices, *told]
        except DataError as error:
            first = first or error
            notices.append(f"{result.name} is passed over. {error.what}")
            waiting = [each for each in waiting if each is not result]
    raise first


def _check_networks(result: Result, joiner: Joiner | None, results: Sequence[Result]) -> None:
    by_name = {each.name: each for each in results}
    for name in [result.name] if joiner is None else joiner.used():
        if name not in by_name:
            raise DataError(f"Its member {name} is not in this run.")
        for seed in by_name[name].member["seeds"]:
            path = by_name[name].folder / f"seed_{seed}" / "model.keras"
            if not path.is_file():
                raise DataError(
                    f"The network of {name}, seed {seed}, is not there.",
                    expected=str(path),
                    fix=f"run the step {by_name[name].member['step']} again",
                )


def _member(root: Path, result: Result, weight: float) -> dict[str, Any]:
    paths = [result.folder / f"seed_{seed}" / "model.keras" for seed in result.member["seeds"]]
    return {
        "name": result.name,
        "step": result.member["step"],
        "architecture": result.member["architecture"],
        "weight": weight,
        "networks": [
            {
                "seed": seed,
                "path": path.resolve().relative_to(root).as_posix(),
                "sha256": sha256_file(path),
            }
            for seed, path in zip(result.member["seeds"], paths, strict=True)
        ],
    }


def _levels(
    root: Path, result: Result, pictures: Mapping[str, Any], learned: Learned | None
) -> dict[str, Any]:
    """Returns the numbers of faces, and of clips where the run has them."""
    rule = result.metrics["threshold"]["rule"]
    val = one_score_a_face(result.select("val"))
    test = with_sides(root, one_score_a_face(result.select("test", WHY)), pictures)
    faces = level_of(val, test, rule, "face", learned)
    found: dict[str, Any] = {"faces": faces.as_dict(), "clips": None}
    chosen = result.metrics.get("clips")
    if chosen:
        pooling = Pooling(chosen["pooling"], chosen["k"])
        clips = [pool_clips(clip_rows(part), pooling) for part in (val, test)]
        sides = clip_rows(test).groupby(["file_id", "person"])["side"].median().rename("side")
        clips[1] = clips[1].join(sides, on=["file_id", "person"])
        if min(_fewest_of_a_class(part) for part in clips) < FEWEST_CLIPS:
            return found
        level: Level = level_of(*clips, rule, "clip", learned)
        pooled = {"pooling": pooling.how, "k": pooling.k, "frames": chosen.get("frames", 0)}
        found["clips"] = {**pooled, **level.as_dict()}
    return found


def _fewest_of_a_class(clips: pd.DataFrame) -> int:
    fakes = int((clips["label"] == 1).sum())
    return min(fakes, len(clips) - fakes)


def _pictures(root: Path) -> dict[str, Any]:
    """Returns how this run's pictures become what its networks see."""
    folder = root / "preprocess"
    arrays = sorted(folder.glob("faces_*.npy"))
    if len(arrays) != 1:
        raise MissingStepError(
            f"{folder} does not hold one array of faces.",
            expected="faces_<size>.npy as notebook 02_preprocess writes it",
            fix="run notebooks/02_preprocess.ipynb again",
        )
    framing = folder / "framing.json"
    return {
        "size": int(arrays[0].stem.removeprefix("faces_")),
        "equalise": read_json(require(root, "preprocess", "equalise.json")),
        "framing": read_json(framing) if framing.exists() else None,
    }


def _code(root: Path, result: Result) -> dict[str, Any]:
    """Returns which code made the detector; None where its step was run by hand."""
    path = root / result.folder.parent.name / "run.json"
    described = read_json(path) if path.exists() else {}
    return {"revision": described.get("revision"), "versions": described.get("versions")}
