"""Runs a search: opens it where it was, lets it finish, and ranks what it found."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import keras
import pandas as pd

from ...detectors.pretrained import PUBLISHED
from ...detectors.start import method_of
from ...errors import DataError, UsageError
from ...runs import report_progress, sha256_of, write_table
from ..devices import training_devices
from ..fit import Progress
from ..settings import TrainingData
from .chief import ADDRESS, run_with_workers
from .oracles import make_oracle
from .settings import SearchResult, SearchSettings
from .spaces import choices_of, in_words, split_choices
from .trials import Tuner, build_trial, discard_stopped, notices_of_trials, trials_table


def search(
    data: TrainingData,
    settings: SearchSettings,
    folder: str | Path,
    progress: Progress = report_progress,
    workers: int = 1,
) -> SearchResult:
    """Tries networks on the train and val splits and ranks them.

    Called again it goes on where it was, to the epoch. A trial that fails is listed with its
    reason and skipped. Hand-made features are fitted by a linear head, all else by gradients from
    random weights. Another space, other data or settings get another folder; another number
    of workers does not, and tries the same networks (but for "bayesian", which learns from what
    has ended so far).

    Args:
        data: the pictures; no other split is ever seen.
        settings: how to search.
        folder: gets <hash>/ with the trials, and trials.csv.
        progress: told a fraction 0 to 1 and a few words.
        workers: processes that train trials side by side on this machine, see `chief`. With
            UNMASK_SEARCH_ADDRESS set, workers of other machines may join.

    Raises:
        DataError: every trial failed, and why the first one did; or no worker is left.
        UsageError: fewer than one worker, or a detector with nothing to try.
    """
    if workers < 1:
        raise UsageError(f"A search cannot have {workers} workers.", expected="1 or more")
    # As the notebook of one architecture fits it: hand-made features by a linear head.
    method = method_of(settings.detector, "auto")
    settings = replace(settings, training=replace(settings.training, method=method))
    folder = Path(folder)
    key = sha256_of({"data": data.fingerprint(), **asdict(settings), "keras": keras.__version__})
    own = folder / key[:16]
    tuner = _open(data, settings, own, progress)
    notices = notices_of_start(settings.detector)
    if workers > 1 or os.environ.get(ADDRESS):
        notices += run_with_workers(tuner, workers, progress)
        notices += notices_of_workers(len(training_devices()))
    else:
        tuner.search(verbose=0)
    trials = trials_table(tuner, settings)
    write_table(folder / "trials.csv", trials)
    notices += [*notices_of_trials(tuner, trials), *_told_of_failures(trials)]
    discard_stopped(tuner, trials)
    best = tuner.oracle.trials[trials["trial"].iloc[0]].hyperparameters.values
    return SearchResult(trials, choices_of(best), notices, own, settings.detector)


def build_winner(result: SearchResult, shape: tuple[int, int, int], crop: int = 0) -> keras.Model:
    """Builds the best network that a search found, with fresh weights (seed Keras first).

    Args:
        result: of `search`.
        shape: height, width, channels of the faces.
        crop: side of the crops that it learns from, unless the search chose it; 0 for none.
    """
    network, training = split_choices(result.best)
    return build_trial(result.network, shape, training.get("crop", crop), network)


def histories_of(result: SearchResult) -> dict[str, pd.DataFrame]:
    """Returns the history of every trial that trained, named by what differs between trials.

    Example:
        histories_of(found)["dropout 0.2, learning rate 0.001"]
    """
    trials = result.trials.sort_values("trial")
    differing = [name for name in in_words(result.best) if trials[name].nunique(dropna=False) > 1]
    found = {}
    for _, row in trials.iterrows():
        path = result.folder / f"trial_{row['trial']}" / "fit" / "history.csv"
        if path.exists():
            words = [f"{name.replace('_', ' ')} {_short(row[name])}" for name in differing]
            found[", ".join(words) or f"trial {row['trial']}"] = pd.read_csv(path)
    return found


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def notices_of_start(detector: str) -> list[str]:
    """Returns what a reader must know of the weights that trials begin with, often nothing."""
    if detector not in PUBLISHED:
        return []
    return [
        f"All trials of {detector}, and the winner, begin with random weights, not with those that "
        "ImageNet taught; with those, other choices may be better."
    ]


def notices_of_workers(devices: int) -> list[str]:
    """Returns what a reader must know where trials took one of so many devices each."""
    if devices < 2:
        return []
    return [
        f"Each trial trained on one of {devices} devices. Where the winner's training shares them, "
        "its batch and learning rate are larger than those it was chosen with."
    ]


def _told_of_failures(trials: pd.DataFrame) -> list[str]:
    failed = trials[trials["status"] == "failed"]
    if len(failed) == len(trials):
        raise DataError(
            f"All {len(trials)} trials of the search failed. The first: "
            f"{trials.sort_values('trial')['reason'].iloc[0]}",
            expected="at least one network that can be trained",
        )
    if failed.empty:
        return []
    return [
        f"{len(failed)} of {len(trials)} trials of the search failed and were skipped; the table "
        "says why."
    ]


def _open(data, settings: SearchSettings, own: Path, progress: Progress) -> Tuner:
    def make() -> Tuner:
        oracle = make_oracle(settings, data.pixels.shape[1])
        # It prints that it reloads a search, which is no news here.
        with contextlib.redirect_stdout(io.StringIO()):
            tuner = Tuner(oracle=oracle, directory=str(own.parent), project_name=own.name)
        tuner.prepare(data, settings, progress)
        return tuner

    try:
        return make()
    except (json.JSONDecodeError, KeyError, RuntimeError):
        # keras-tuner writes its files in place, and a kill within leaves half a file. The seed
        # makes it choose the same trials again, whose results are then found.
        for path in [*own.glob("*.json"), *own.glob("trial_*/trial.json")]:
            path.unlink()
        return make()
