"""Trains the trials, and tells their results."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pandas as pd
from keras_tuner.src import config as keras_tuner_config

from ... import detectors
from ...errors import UnmaskError
from ...runs import read_json, write_json, write_text
from ..checkpoints import best_epoch
from ..devices import Scale, scale_notices, training_devices
from ..fit import Progress, train
from ..memory import batch_notice
from ..settings import TrainingData, TrainingSettings
from .oracles import UNTIL, trainings_planned
from .settings import OBJECTIVES, SearchSettings
from .spaces import choices_of, in_words, split_choices

MEASURES = ("val_auc", "val_loss", "val_accuracy", "parameters", "seconds", "epochs", "batch_used")
IDLE_SECONDS = 0.2
# Else keras-tuner prints the traceback of a failed trial, which the table tells in one line.
keras_tuner_config.DEBUG = False


class _Until(Exception):
    """Ends a training for now: halving looks at it before it goes on."""


class Tuner(keras_tuner.Tuner):
    """Runs a trial through `train`, so that trials resume and train as the winner will."""

    def prepare(self, data: TrainingData, settings: SearchSettings, progress: Progress) -> None:
        self.data, self.settings, self.progress = data, settings, progress
        self.idle = False

    def pre_create_trial(self):
        # An oracle that has nothing to do yet is asked again at once.
        if self.idle:
            time.sleep(IDLE_SECONDS)
        self.idle = True

    def on_trial_begin(self, trial):
        self.idle = False

    def run_trial(self, trial, **_):
        values = dict(trial.hyperparameters.values)
        known = read_result(self.trial_folder(trial.trial_id))
        if known.get("values") == values:
            return known["measures"]
        try:
            measures, notices = self._train(trial.trial_id, values)
        except Exception as error:
            # keras-tuner forgets the message when a search is taken up again.
            write_reason(self.trial_folder(trial.trial_id), reason_of(error))
            raise
        result = {"values": values, "measures": measures, "notices": notices}
        write_json(self.trial_folder(trial.trial_id) / "result.json", result)
        return measures

    def _train(self, trial_id: str, values: dict[str, Any]) -> tuple[dict[str, float], list[str]]:
        keras.backend.clear_session()
        gc.collect()
        network, training = split_choices(choices_of(values))
        epochs = values.get("tuner/epochs", self.settings.epochs)
        shared = {**asdict(self.settings.training), "phases": ()}
        settings = TrainingSettings(
            **{**shared, **training, "epochs": epochs - values.get("tuner/initial_epoch", 0)}
        )
        keras.utils.set_random_seed(settings.seed)
        shape = self.data.pixels.shape[1:]
        model = build_trial(self.settings.detector, shape, settings.crop, network)
        if "tuner/trial_id" in values:
            earlier = self.trial_folder(values["tuner/trial_id"]) / "fit" / "model.keras"
            model.set_weights(keras.models.load_model(earlier).get_weights())
        folder = self.trial_folder(trial_id) / "fit"
        progress = self.report(trial_id)
        if values.get(UNTIL, epochs) < epochs:
            progress = _ending(progress, folder / "history.csv", values[UNTIL])
        try:
            result = train(model, self.data, settings, folder, progress)
            history, used, notices = result.history, result.batch_size, result.notices
        except _Until:
            history = pd.read_csv(folder / "history.csv")
            used = read_json(folder / "checkpoints" / "batch_size.json")
            scale = Scale(**read_json(folder / "checkpoints" / "scale.json"))
            devices = len(training_devices())
            notices = scale_notices(settings.batch_size, scale, scale, devices)
            if used < scale.batch_size:
                notices.append(batch_notice(scale.batch_size, used))
        return _measures(history, model, used), notices

    def save_model(self, *_, **__):
        """`train` saved it."""

    def trial_folder(self, trial_id: str) -> Path:
        """Returns where a trial's files lie."""
        return Path(self.get_trial_dir(trial_id))

    def report(self, trial_id: str) -> Callable[[float, str], None]:
        """Returns what a trial's training tells its progress to."""
        total = trainings_planned(self.settings, self.data.pixels.shape[1])
        number = min(len(self.oracle.end_order) + 1, total)

        def progress(fraction: float, message: str) -> None:
            share = min(1.0, (number - 1 + fraction) / total)
            self.progress(share, f"trial {number} of {total}, {message}")

        return progress


def build_trial(
    detector: str, shape: tuple[int, int, int], crop: int, network: dict[str, Any]
) -> keras.Model:
    """Builds the network of a trial for faces of `shape`, or for crops where it learns from them.

    Args:
        detector: its name.
        shape: height, width, channels of the faces.
        crop: side of the crops in pixels, 0 for whole faces.
        network: options of the detector.
    """
    side = (crop, crop) if crop else tuple(shape[:2])
    return detectors.build(detector, (*side, shape[2]), **network)


def reason_of(error: BaseException) -> str:
    """Returns what went wrong in one line."""
    what = error.what if isinstance(error, UnmaskError) else f"{type(error).__name__}: {error}"
    return what.strip().splitlines()[0]


def write_reason(folder: Path, reason: str) -> None:
    """Keeps why a trial failed."""
    write_text(folder / "reason.txt", reason)


def read_result(folder: Path) -> dict[str, Any]:
    """Returns the values and measures that a trial left, nothing where it left none."""
    path = folder / "result.json"
    return read_json(path) if path.exists() else {}


def trials_table(tuner: Tuner, settings: SearchSettings) -> pd.DataFrame:
    """Returns a row a trial, best first: of halving those that went furthest, failed ones last."""
    rows, reached = [], []
    for trial in tuner.oracle.trials.values():
        folder = tuner.trial_folder(trial.trial_id)
        row = {"trial": trial.trial_id, **in_words(choices_of(trial.hyperparameters.values))}
        done = trial.status == "COMPLETED"
        until = trial.hyperparameters.values.get(UNTIL, settings.epochs)
        row["status"] = ("stopped" if until < settings.epochs else "done") if done else "failed"
        reached.append(until if done else 0)
        row |= read_result(folder).get("measures", {}) if done else {}
        reason = folder / "reason.txt"
        row["reason"] = reason.read_text(encoding="utf-8") if reason.exists() and not done else ""
        rows.append(row)
    # A failed trial has no measures; the order of columns must not hang on which trial is first.
    chosen = [name for name in rows[0] if name not in (*MEASURES, "reason")]
    table = pd.DataFrame(rows).reindex(columns=[*chosen, *MEASURES, "reason"])
    ordered = table.assign(reached=reached).sort_values(
        ["reached", settings.objective, "trial"],
        ascending=[False, OBJECTIVES[settings.objective] == "min", True],
        ignore_index=True,
    )
    return ordered.drop(columns="reached")


def discard_stopped(tuner: Tuner, trials: pd.DataFrame) -> None:
    """Removes the weights that trials keep to go on from, once none will."""
    for trial in trials.loc[trials["status"] == "stopped", "trial"]:
        shutil.rmtree(tuner.trial_folder(trial) / "fit" / "checkpoints", ignore_errors=True)


def notices_of_trials(tuner: Tuner, trials: pd.DataFrame) -> list[str]:
    """Returns what the trainings of the trials have to say, each sentence once."""
    said: dict[str, list[str]] = {}
    for trial in sorted(trials["trial"]):
        for notice in read_result(tuner.trial_folder(trial)).get("notices", []):
            said.setdefault(notice, []).append(trial)
    return [
        f"{'Trial' if len(found) == 1 else 'Trials'} {', '.join(found)} of the search: {notice}"
        for notice, found in said.items()
    ]


def _measures(history: pd.DataFrame, model: keras.Model, batch_size: int) -> dict[str, float]:
    row = history.set_index("epoch").loc[best_epoch(history)]
    return {name: float(row[name]) for name in ("val_auc", "val_loss", "val_accuracy")} | {
        "parameters": float(model.count_params()),
        "seconds": float(history["seconds"].sum()),
        "epochs": float(len(history)),
        "batch_used": float(batch_size),
    }


def _ending(progress: Progress, history: Path, until: int) -> Progress:
    """Returns `progress`, ending the training once `until` epochs of it are on disk."""

    def report(fraction: float, message: str) -> None:
        progress(fraction, message)
        # A row of the history is written after the weights to go on from, and before this.
        if history.exists() and len(pd.read_csv(history)) >= until:
            raise _Until

    return report
