"""Searches networks and learning rates with keras-tuner; each trial is an ordinary training."""

from __future__ import annotations

import contextlib
import gc
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import keras_tuner
import pandas as pd
from keras_tuner.src import config as keras_tuner_config

from ..detectors import build_from_choices
from ..errors import DataError, UsageError, nearest
from ..runs import report_progress, sha256_of, write_table, write_text
from .checkpoints import best_epoch
from .fit import Progress, train
from .settings import OPTIMIZERS, TrainingData, TrainingSettings

SPACES = ("reference", "large")
METHODS = ("random", "hyperband", "bayesian")
OBJECTIVES = {"val_auc": "max", "val_loss": "min"}
REFERENCE_BLOCKS = ("32", "32-64", "32-64-128", "64-128", "64-128-256")
# What of a trial's choices builds the network; the rest are settings of its training.
NETWORK_CHOICES = ("blocks", "kernel", "dropout", "head", "skip")
SETTING_CHOICES = ("learning_rate", "optimizer", "weight_decay", "augment")


@dataclass(frozen=True)
class SearchSettings:
    """How to search.

    Attributes:
        space: "reference" (blocks, head, learning rate) or "large".
        method: "random", "hyperband" (Li et al., 2018, arXiv:1603.06560) or "bayesian".
        trials: at most so many networks (hyperband decides on its own how many).
        epochs: of a trial, at most.
        objective: "val_auc" or "val_loss", at the epoch of the lowest validation loss.
        training: what every trial shares: batch size, patience, precision, seed.
    """

    space: str = "reference"
    method: str = "random"
    trials: int = 8
    epochs: int = 3
    objective: str = "val_auc"
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self):
        for name, known in (("space", SPACES), ("method", METHODS), ("objective", OBJECTIVES)):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(
                    f"A search has no {name} {value!r}.{nearest(value, known)}",
                    expected="one of " + ", ".join(known),
                )
        if self.trials < 1 or self.epochs < 1:
            raise UsageError("A search needs at least one trial and one epoch a trial.")


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        trials: a row a trial, best first, failed ones last: trial, status ("done" or "failed"),
            the choices, epochs, val_auc, val_loss, val_accuracy, parameters, seconds, reason.
        best: the choices of the best trial, see `split_choices`.
        notices: sentences to put in front of a reader.
        folder: the search's own folder; its name is a hash of space, data and settings.
    """

    trials: pd.DataFrame
    best: dict
    notices: list[str]
    folder: Path


def search(
    data: TrainingData,
    settings: SearchSettings,
    folder: str | Path,
    progress: Progress = report_progress,
) -> SearchResult:
    """Tries networks on the train and val splits and ranks them.

    Called again it goes on where it was, to the epoch. A trial that fails is listed with its
    reason and skipped. Another space, other data or settings get another folder.

    Args:
        data: the pictures; no other split is ever seen.
        settings: how to search.
        folder: gets <hash>/ with the trials, and trials.csv.
        progress: told a fraction 0 to 1 and a few words.

    Raises:
        DataError: every trial failed; says why the first one did.
    """
    folder = Path(folder)
    key = sha256_of({"data": data.fingerprint(), **asdict(settings), "keras": keras.__version__})
    own = folder / key[:16]
    notices: list[str] = []
    tuner = _open(data, settings, own, progress)
    # Else it prints the traceback of a failed trial, which the table tells in one line.
    keras_tuner_config.DEBUG = False
    tuner.search(verbose=0)
    trials = _table(tuner, settings)
    write_table(folder / "trials.csv", trials)
    done = trials[trials["status"] == "done"]
    if done.empty:
        raise DataError(
            f"All {len(trials)} trials of the search failed. The first: "
            f"{trials.sort_values('trial')['reason'].iloc[0]}",
            expected="at least one network that can be trained",
        )
    if len(done) < len(trials):
        notices.append(
            f"{len(trials) - len(done)} of {len(trials)} trials of the search failed and were "
            "skipped; the table says why."
        )
    best = tuner.oracle.get_best_trials(1)[0].hyperparameters.values
    return SearchResult(trials, _choices(best), notices, own)


def split_choices(choices: dict) -> tuple[dict, dict]:
    """Splits a trial's choices into options of `build_from_choices` and of `TrainingSettings`."""
    network = {name: choices[name] for name in NETWORK_CHOICES if name in choices}
    training = {name: choices[name] for name in SETTING_CHOICES if name in choices}
    return network, training


class _Tuner(keras_tuner.Tuner):
    """Runs a trial through `train`, so that trials resume and train as the winner will."""

    def prepare(self, data: TrainingData, settings: SearchSettings, progress: Progress) -> None:
        self.data, self.settings, self.progress = data, settings, progress

    def run_trial(self, trial, **_):
        try:
            return self._train(trial)
        except Exception as error:
            # keras-tuner forgets the message when a search is taken up again.
            what = getattr(error, "what", None) or f"{type(error).__name__}: {error}"
            write_text(self._reason_path(trial.trial_id), what.strip().splitlines()[0])
            raise

    def _train(self, trial) -> dict[str, float]:
        keras.backend.clear_session()
        gc.collect()
        values = trial.hyperparameters.values
        network, training = split_choices(_choices(values))
        epochs = values.get("tuner/epochs", self.settings.epochs)
        shared = {**asdict(self.settings.training), "phases": ()}
        settings = TrainingSettings(
            **{**shared, **training, "epochs": epochs - values.get("tuner/initial_epoch", 0)}
        )
        keras.utils.set_random_seed(settings.seed)
        model = build_from_choices(self.data.pixels.shape[1:], **network)
        if "tuner/trial_id" in values:
            earlier = keras.models.load_model(
                self._fit_folder(values["tuner/trial_id"]) / "model.keras"
            )
            model.set_weights(earlier.get_weights())
        result = train(
            model, self.data, settings, self._fit_folder(trial.trial_id), self._report(trial)
        )
        row = result.history.set_index("epoch").loc[best_epoch(result.history)]
        return {name: float(row[name]) for name in ("val_auc", "val_loss", "val_accuracy")} | {
            "parameters": float(model.count_params()),
            "seconds": result.seconds,
            "epochs": float(len(result.history)),
        }

    def save_model(self, *_, **__):
        """`train` saved it."""

    def _fit_folder(self, trial_id: str) -> Path:
        return Path(self.get_trial_dir(trial_id)) / "fit"

    def _reason_path(self, trial_id: str) -> Path:
        return Path(self.get_trial_dir(trial_id)) / "reason.txt"

    def reason(self, trial_id: str) -> str:
        """Returns why a trial failed, "" when it did not."""
        path = self._reason_path(trial_id)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _report(self, trial) -> Callable[[float, str], None]:
        number, total = len(self.oracle.trials), _trials_planned(self.settings)

        def progress(fraction: float, message: str) -> None:
            share = min(1.0, (number - 1 + fraction) / total)
            self.progress(share, f"trial {number} of {total}, {message}")

        return progress


def _open(data, settings: SearchSettings, own: Path, progress: Progress) -> _Tuner:
    def make() -> _Tuner:
        # It prints that it reloads a search, which is no news here.
        with contextlib.redirect_stdout(io.StringIO()):
            tuner = _Tuner(
                oracle=_oracle(settings), directory=str(own.parent), project_name=own.name
            )
        tuner.prepare(data, settings, progress)
        return tuner

    try:
        return make()
    except (json.JSONDecodeError, KeyError, RuntimeError):
        # keras-tuner writes its files in place, and a kill within leaves half a file. The seed
        # makes it choose the same trials again, whose trainings are then found finished.
        for path in [*own.glob("*.json"), *own.glob("trial_*/trial.json")]:
            path.unlink()
        return make()


def _oracle(settings: SearchSettings) -> keras_tuner.Oracle:
    common = {
        "objective": keras_tuner.Objective(settings.objective, OBJECTIVES[settings.objective]),
        "hyperparameters": _space(settings),
        "seed": settings.training.seed,
        "max_retries_per_trial": 0,
        # Failures are reported in the table and never end the search.
        "max_consecutive_failed_trials": 10**6,
    }
    if settings.method == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(max_epochs=settings.epochs, **common)
    if settings.method == "bayesian":
        return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=settings.trials, **common)
    return keras_tuner.oracles.RandomSearchOracle(max_trials=settings.trials, **common)


def _space(settings: SearchSettings) -> keras_tuner.HyperParameters:
    space = keras_tuner.HyperParameters()
    space.Choice("head", ["flatten", "average"])
    space.Choice("learning_rate", [1e-3, 5e-4, 1e-4])
    if settings.space == "reference":
        space.Choice("blocks", list(REFERENCE_BLOCKS))
        return space
    space.Choice("width", [16, 32, 48, 64])
    space.Int("depth", 1, 5)
    space.Choice("kernel", [3, 5])
    space.Float("dropout", 0.0, 0.5, step=0.1)
    space.Boolean("skip")
    space.Choice("optimizer", list(OPTIMIZERS))
    space.Choice("weight_decay", [0.0, 1e-4, 1e-2])
    space.Float("augment", 0.0, 1.0, step=0.25)
    return space


def _choices(values: dict) -> dict:
    """Returns what the tuner chose in the words of `build_from_choices`."""
    choices = {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in values.items()
        if not name.startswith("tuner/")
    }
    if "width" in choices:
        width, depth = choices.pop("width"), choices.pop("depth")
        choices["blocks"] = [width * 2**number for number in range(depth)]
    else:
        choices["blocks"] = [int(filters) for filters in choices["blocks"].split("-")]
    return choices


def _trials_planned(settings: SearchSettings) -> int:
    if settings.method != "hyperband":
        return settings.trials
    oracle = _oracle(settings)
    sizes = [
        oracle._get_size(bracket, number)
        for bracket in range(oracle._get_num_brackets())
        for number in range(oracle._get_num_rounds(bracket))
    ]
    return sum(sizes)


def _table(tuner: _Tuner, settings: SearchSettings) -> pd.DataFrame:
    rows = []
    for trial in tuner.oracle.trials.values():
        choices = _choices(trial.hyperparameters.values)
        row = {"trial": trial.trial_id, **choices, "blocks": "-".join(map(str, choices["blocks"]))}
        done = trial.status == "COMPLETED"
        row["status"] = "done" if done else "failed"
        for name in trial.metrics.metrics if done else ():
            row[name] = trial.metrics.get_best_value(name)
        row["reason"] = "" if done else tuner.reason(trial.trial_id)
        rows.append(row)
    columns = ["val_auc", "val_loss", "val_accuracy", "parameters", "seconds", "epochs"]
    # A failed trial has no metrics; the order of columns must not hang on which trial is first.
    chosen = [name for name in rows[0] if name not in (*columns, "reason")]
    table = pd.DataFrame(rows).reindex(columns=[*chosen, *columns, "reason"])
    ascending = OBJECTIVES[settings.objective] == "min"
    return table.sort_values(
        settings.objective,
        ascending=ascending,
        na_position="last",
        ignore_index=True,
        kind="stable",
    )
