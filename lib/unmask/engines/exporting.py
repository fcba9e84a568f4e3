"""Building every engine of a trained model, measuring them, and keeping the best."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError, UsageError
from ..runs import report_progress, sha256_file, sha256_of
from ..session.processor import available_cores
from .converting import convert, reason_of
from .kinds import (
    ENGINES,
    REFERENCE,
    TOLERANCE,
    EngineResult,
    choose,
    choose_spare,
)
from .machine import package_versions, this_machine
from .measuring import compare_scores, measure_speed, result_of, score_all
from .report import FILES, NAME, EngineReport, read_report, write_report
from .runtimes import Scorer, load_model, open_scorer

ROUNDS = 5
CALIBRATED = 32
SAME_SCORES = 1e-4  # how near known scores must lie to Keras' to be taken for them
VERSION = 2  # of what is measured and how; another one measures again


@dataclass(frozen=True)
class _Task:
    """What is exported; `sample` holds the faces that all engines score."""

    model_path: Path
    folder: Path
    pixels: np.ndarray
    rows: np.ndarray
    sample: np.ndarray
    known: np.ndarray | None
    threshold: float
    tolerance: float
    model_sha256: str
    key: str


def export(
    model_path: str | Path,
    folder: str | Path,
    validation_pixels: np.ndarray,
    most: int = 256,
    *,
    threshold: float = 0.5,
    known_scores: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
    rounds: int = ROUNDS,
) -> EngineReport:
    """Builds, measures and chooses an engine for a saved model; writes it beside engine.json.

    Each engine is built on its own: one that cannot be converted, opened or run here is listed
    with the reason. Called again for the same model, faces, machine and packages it returns what
    it found then.

    Args:
        model_path: model.keras, from pixels 0..255 `[n, height, width, 3]` to P(fake) `[n, 1]`.
        folder: gets engine.json and `engine_files/`: what the chosen engine needs, and its spare.
        validation_pixels: uint8 `[n, height, width, 3]`, faces that training validated on.
        most: of them that every engine scores, evenly spaced. The one that is about to be
            chosen has to keep Keras' scores of all of them.
        threshold: from which score on a face is called fake.
        known_scores: float64 `[n]`, Keras' scores of all of them, which spare Keras scoring them
            again. Those that differ from what Keras computes here are left aside, and said so.
        tolerance: largest change of a score that may be chosen.
        rounds: of the timing.

    Raises:
        DataError: there is no such model, or no validation face.
        UsageError: pictures of another shape than the model takes.
    """
    started = time.perf_counter()
    arguments = (Path(model_path), Path(folder), validation_pixels, most, known_scores)
    task = _task_of(*arguments, threshold, tolerance, rounds)
    earlier = _earlier(task)
    if earlier is not None:
        return earlier
    (task.folder / NAME).unlink(missing_ok=True)
    task.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".engines_", dir=task.folder) as name:
        files = Path(name)
        scorers, reasons = _open_all(task, files)
        results = _measure(task, scorers, reasons, rounds)
        results, chosen, notice = _choose_checked(task, scorers, results)
        spare = choose_spare(results, chosen, task.tolerance)
        report = _report(task, scorers, results, (chosen, spare), notice, started)
        scorers.clear()
        _keep(task, files, report)
    write_report(task.folder, report)
    return report


def _task_of(
    model_path: Path, folder: Path, pixels, most, known, threshold, tolerance, rounds
) -> _Task:
    if not model_path.is_file():
        raise DataError(f"There is no model at {model_path}.", expected="a model.keras")
    if len(pixels) == 0 or most < 1:
        raise DataError(
            "Engines are compared on validation faces, and there are none.",
            expected="at least one face, and most at least 1",
        )
    if known is not None and len(known) != len(pixels):
        raise UsageError(f"{len(known)} known scores cannot belong to {len(pixels)} faces.")
    rows = np.unique(np.linspace(0, len(pixels) - 1, min(most, len(pixels))).astype(np.int64))
    sample, model_sha256 = np.asarray(pixels[rows]), sha256_file(model_path)
    parts = {
        "version": VERSION,
        "model": model_sha256,
        "sample": [list(pixels.shape), hashlib.sha256(sample.tobytes()).hexdigest()],
        "known": None if known is None else np.asarray(known, dtype=np.float64).tolist(),
        "settings": [threshold, tolerance, rounds],
        "machine": this_machine(),
        "versions": package_versions(),
    }
    known = None if known is None else np.asarray(known, dtype=np.float64)
    settings = (float(threshold), float(tolerance))
    return _Task(
        model_path, folder, pixels, rows, sample, known, *settings, model_sha256, sha256_of(parts)
    )


def _earlier(task: _Task) -> EngineReport | None:
    """Returns the report on disk when it answers this very question and its files are whole."""
    with contextlib.suppress(OSError, ValueError):
        report = read_report(task.folder)
        if report.key == task.key and damaged_file(task.folder, report.files) is None:
            return report
    return None


def damaged_file(folder: Path, hashes: dict[str, str]) -> str | None:
    """Returns the name of a file in `<folder>/engine_files` that is not as it was written."""
    for name, wanted in hashes.items():
        path = folder / FILES / name
        if not path.is_file() or sha256_file(path) != wanted:
            return name
    return None


def _open_all(task: _Task, files: Path) -> tuple[dict[str, Scorer], dict[str, str]]:
    """Returns the engines that score pictures, and why the others do not."""
    _tell(0.0, "converting")
    model = load_model(task.model_path)
    shape = tuple(model.input_shape[1:])
    if shape != task.sample.shape[1:]:
        raise UsageError(
            f"The model takes pictures of shape {shape}, not {task.sample.shape[1:]}.",
            fix="give the faces that it was trained on",
        )
    # A few of the faces teach int8 its ranges; the comparison is on all of them.
    few = np.linspace(0, len(task.sample) - 1, CALIBRATED).astype(int)
    unbuilt = convert(model, files, task.sample[np.unique(few)])
    scorers: dict[str, Scorer] = {}
    reasons: dict[str, str] = {}
    for name, engine in ENGINES.items():
        if engine.file in unbuilt:
            reasons[name] = unbuilt[engine.file]
            continue
        try:
            scorer = open_scorer(engine, files, lambda: model, available_cores())
            scorer(task.sample[:1])
            scorers[name] = scorer
        except Exception as error:  # runtimes raise anything, and none may stop the others
            if name == REFERENCE:
                raise
            reasons[name] = reason_of(error)
    return scorers, reasons


def _measure(task: _Task, scorers, reasons, rounds: int) -> list[EngineResult]:
    def progress(share: float) -> None:
        _tell(0.3 + 0.6 * share, "measuring")

    speeds = measure_speed(scorers, task.sample, rounds, progress)
    reference = score_all(scorers[REFERENCE], task.sample)
    results = []
    for name, engine in ENGINES.items():
        if name in reasons:
            results.append(EngineResult(name, engine.title, reason=reasons[name]))
            continue
        scores = reference if name == REFERENCE else score_all(scorers[name], task.sample)
        results.append(result_of(name, speeds[name], scores, reference, task.threshold))
    return results


def _choose_checked(task: _Task, scorers, results) -> tuple[list[EngineResult], str, str]:
    """Chooses, has the chosen one score all faces, and chooses again when it does not keep them.

    Keras itself scores all faces where no scores are known that can be trusted. The last value
    returned is a sentence on scores that cannot.
    """
    known, notice = _trusted(task, scorers)
    while True:
        chosen = choose(results, task.tolerance)
        place = list(ENGINES).index(chosen)
        if chosen == REFERENCE or results[place].faces == len(task.pixels):
            return results, chosen, notice
        if known is None:
            _tell(0.9, f"all validation faces with {ENGINES[REFERENCE].title}")
            known = score_all(scorers[REFERENCE], task.pixels)
        _tell(0.95, f"all validation faces with {ENGINES[chosen].title}")
        scores = score_all(scorers[chosen], task.pixels)
        speed = (results[place].images_per_second, results[place].latency_milliseconds)
        results[place] = result_of(chosen, speed, scores, known, task.threshold)


def _trusted(task: _Task, scorers) -> tuple[np.ndarray | None, str]:
    """Returns the known scores if they are this model's own, as Keras computes them here.

    Else None, and a sentence that says why when there are any.
    """
    if task.known is None:
        return None, ""
    keras = score_all(scorers[REFERENCE], task.sample)
    difference, flipped = compare_scores(task.known[task.rows], keras, task.threshold)
    if difference <= SAME_SCORES and not flipped:
        return task.known, ""
    return None, (
        "The scores that the training left behind are not those that Keras computes here: of "
        f"{len(keras):,} validation faces one differs by {difference:.2g}, and "
        f"{flipped} verdict{'s differ' if flipped != 1 else ' differs'}. The engines are compared "
        "with Keras as it computes here."
    )


def _report(task: _Task, scorers, results, names, notice: str, started: float) -> EngineReport:
    probes = probe_pictures(task.sample.shape[1:])
    return EngineReport(
        key=task.key,
        model=os.path.relpath(task.model_path, task.folder),
        model_sha256=task.model_sha256,
        input_shape=tuple(task.sample.shape[1:]),
        threshold=task.threshold,
        tolerance=task.tolerance,
        faces=len(task.sample),
        given=len(task.pixels),
        chosen=names[0],
        spare=names[1],
        results=tuple(results),
        files={},
        probes={name: scorers[name](probes).tolist() for name in names if name in scorers},
        machine=this_machine(),
        versions=package_versions(),
        seconds=round(time.perf_counter() - started, 1),
        notice=notice,
    )


def probe_pictures(input_shape: tuple[int, int, int]) -> np.ndarray:
    """Returns four uint8 pictures `[4, height, width, 3]`, always the same: shapes and noise."""
    generator = np.random.default_rng(0)
    height, width, channels = input_shape
    coarse = generator.integers(0, 256, (4, 4, 4, channels))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    noise = generator.normal(0, 8, (4, height, width, channels))
    return np.clip(coarse[:, rows][:, :, columns] + noise, 0, 255).astype(np.uint8)


def _keep(task: _Task, files: Path, report: EngineReport) -> None:
    """Moves what the chosen engine and its spare need into place, and notes the hashes."""
    target = task.folder / FILES
    shutil.rmtree(target, ignore_errors=True)
    needed = [*ENGINES[report.chosen].files, *ENGINES[report.spare].files]
    for name in dict.fromkeys(needed):
        target.mkdir(parents=True, exist_ok=True)
        os.replace(files / name, target / name)
        report.files[name] = sha256_file(target / name)


def _tell(share: float, words: str) -> None:
    report_progress(share, f"engines, {words}")
