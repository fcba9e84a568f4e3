"""Opening the engine that an export chose, or what can stand in for it, and saying so."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DataError, UsageError
from ..runs import sha256_file
from ..session.processor import available_cores
from .converting import reason_of
from .exporting import damaged_file, probe_pictures
from .kinds import ENGINES, FALLBACK, REFERENCE
from .machine import computes_alike, this_machine
from .measuring import score_all
from .report import FILES, NAME, EngineReport, read_report
from .runtimes import Scorer, load_model, open_scorer

MODEL = "model.keras"


@dataclass(frozen=True)
class LoadedEngine:
    """An open engine; call it with pictures.

    Attributes:
        name: of the engine, a key of `ENGINES`.
        title: for the reader.
        notices: why it is not the engine that was chosen at export; empty when it is.
        input_shape: height, width, channels; None where only Keras knows.
    """

    name: str
    title: str
    notices: tuple[str, ...]
    input_shape: tuple[int, int, int] | None
    scorer: Scorer = field(repr=False)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Returns float64 P(fake) `[n]` of uint8 pictures `[n, height, width, 3]`.

        Raises:
            UsageError: pictures of another type or shape.
        """
        pictures = np.asarray(pictures)
        fits = self.input_shape is None or pictures.shape[1:] == self.input_shape
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or not fits:
            wanted = "height, width, 3" if self.input_shape is None else self.input_shape
            raise UsageError(
                f"Pictures of type {pictures.dtype} and shape {pictures.shape} cannot be scored.",
                expected=f"uint8 and [n, {str(wanted).strip('()')}]",
            )
        return score_all(self.scorer, pictures)


def load_engine(folder: str | Path) -> LoadedEngine:
    """Opens the engine that `export` chose for the model in `folder`.

    It falls back, with a notice that is also given as a warning, to the engine's spare and then
    to Keras' compiled function: when a file is missing, damaged or of another model, a package
    is missing, this processor would round reduced precision elsewhere than the one the engine
    was chosen on, or the engine scores generated pictures otherwise than it did then.

    Args:
        folder: of engine.json, or of a model.keras that was never exported.

    Raises:
        DataError: there is no model either.
    """
    folder = Path(folder)
    report, notices = _read(folder)
    model_path = folder / (report.model if report else MODEL)
    if not model_path.is_file():
        raise DataError(
            f"There is no model at {model_path}.",
            expected="a folder with model.keras, and engine.json from an export",
        )
    if report and sha256_file(model_path) != report.model_sha256:
        notices.append(f"The engine in {NAME} belongs to another model than {model_path.name}.")
        report = None
    for name in _candidates(report, notices):
        try:
            return _opened(name, folder, model_path, report, notices)
        except Exception as error:  # runtimes raise anything; Keras is always there
            notices.append(f"{ENGINES[name].title} cannot be used here: {reason_of(error)}.")
    notices.append("Keras itself scores instead, more slowly.")
    return _opened(FALLBACK, folder, model_path, None, notices)


def _read(folder: Path) -> tuple[EngineReport | None, list[str]]:
    try:
        return read_report(folder), []
    except FileNotFoundError:
        return None, [f"No engine was exported for this model ({NAME} is missing)."]
    except (OSError, ValueError) as error:
        return None, [f"{NAME} cannot be read: {reason_of(error)}."]


def _candidates(report: EngineReport | None, notices: list[str]) -> list[str]:
    """Returns the engines to try before Keras' compiled function, best first."""
    if report is None:
        return []
    names = [report.chosen, *({report.spare} - {report.chosen, FALLBACK})]
    if computes_alike(report.machine, this_machine()):
        return names
    reduced = [name for name in names if ENGINES[name].precision != "float32"]
    for name in reduced:
        notices.append(
            f"{ENGINES[name].title} was chosen on another processor "
            f"({report.machine.get('processor')}); this one may round otherwise, so float32 is "
            "used until engines are exported here."
        )
    return [name for name in names if name not in reduced]


def _opened(
    name: str, folder: Path, model_path: Path, report: EngineReport | None, notices: list[str]
) -> LoadedEngine:
    engine = ENGINES[name]
    files = {file: report.files.get(file, "") for file in engine.files} if report else {}
    damaged = damaged_file(folder, files)
    if damaged:
        raise DataError(f"its file {damaged} is missing or damaged")
    load = functools.partial(load_model, model_path)
    scorer = open_scorer(engine, folder / FILES, load, available_cores())
    if report and name in report.probes:
        _probe(scorer, report, name)
    for notice in notices:
        warnings.warn(notice, stacklevel=3)
    shape = report.input_shape if report else None
    return LoadedEngine(name, engine.title, tuple(notices), shape, scorer)


def _probe(scorer: Scorer, report: EngineReport, name: str) -> None:
    if name in (REFERENCE, FALLBACK):
        return
    scores = scorer(probe_pictures(report.input_shape))
    far = float(np.abs(scores - np.asarray(report.probes[name])).max())
    if not far <= report.tolerance:
        raise DataError(f"it scores generated pictures {far:.2g} away from what it did at export")
