"""What mattered in a search: how much worse its results are forecast without each choice.

A random forest learns the objective from the choices of the finished trials. For each choice its
values are shuffled among trials that the forest did not see, and the error grows by what the
forest knew from it (Breiman, 2001, Machine Learning 45:5; for hyperparameters see Hutter, Hoos
and Leyton-Brown, 2014, ICML). A search has few trials, so everything is repeated over bootstraps
of them, and the spread is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# With fewer finished trials a forest learns nothing that could be told from chance.
FEWEST = 8
BOOTSTRAPS = 40
TREES = 30
SHUFFLES = 5


@dataclass(frozen=True)
class Importance:
    """What mattered in a search.

    Attributes:
        table: a row a choice that varied, the most important first: choice; importance, the
            median over bootstraps of the growth in squared error on trials left out, as a share
            of the variance of the objective; low and high, the 10% and 90% points.
        trials: finished trials that it was learned from.
        explained: median share of the variance among trials left out that the forest forecast;
            0 or less says that it learned nothing.
        sentence: what can be said of it.
    """

    table: pd.DataFrame
    trials: int
    explained: float
    sentence: str


def choice_importance(
    trials: pd.DataFrame, choices: Sequence[str], objective: str = "val_auc", seed: int = 0
) -> Importance:
    """Returns how much each choice mattered among the finished trials of a search.

    Args:
        trials: a row a trial: the columns of `choices`, the objective (missing for a failed
            trial) and, if halving was at work, `status`; trials that it stopped early are left
            out, as their numbers are those of a shorter training.
        choices: columns to look at; those with a single value are left out.
        objective: the column to forecast.
        seed: of bootstraps, forests and shuffles.
    """
    done = trials[trials[objective].notna()]
    if "status" in done:
        done = done[done["status"] != "stopped"]
    varied = [name for name in choices if done[name].map(str).nunique() > 1]
    empty = pd.DataFrame(columns=["choice", "importance", "low", "high"])
    if len(done) < FEWEST or not varied or done[objective].nunique() < 2:
        sentence = (
            f"{len(done)} finished {'trial is' if len(done) == 1 else 'trials are'} too few to "
            f"tell what mattered: at least {FEWEST} that differ are needed."
        )
        return Importance(empty, len(done), 0.0, sentence)
    features = np.column_stack([_as_numbers(done[name]) for name in varied])
    growth, explained = _over_bootstraps(features, done[objective].to_numpy(dtype=float), seed)
    table = pd.DataFrame(
        {
            "choice": varied,
            "importance": np.median(growth, axis=0),
            "low": np.quantile(growth, 0.1, axis=0),
            "high": np.quantile(growth, 0.9, axis=0),
        }
    ).sort_values("importance", ascending=False, kind="stable", ignore_index=True)
    return Importance(table, len(done), explained, _sentence(table, len(done), explained))


def _over_bootstraps(
    features: np.ndarray, objective: np.ndarray, seed: int
) -> tuple[np.ndarray, float]:
    """Returns the growth of the error [bootstraps, choices] and the share explained."""
    from sklearn.ensemble import RandomForestRegressor

    generator = np.random.default_rng(seed)
    variance = objective.var()
    growth, explained = [], []
    while len(growth) < BOOTSTRAPS:
        drawn = generator.integers(0, len(objective), len(objective))
        left_out = np.setdiff1d(np.arange(len(objective)), drawn)
        if len(left_out) < 2:
            continue
        forest = RandomForestRegressor(TREES, random_state=int(generator.integers(2**31)))
        forest.fit(features[drawn], objective[drawn])
        held, truth = features[left_out], objective[left_out]
        error = np.mean((forest.predict(held) - truth) ** 2)
        explained.append(1 - error / variance)
        shuffled = _shuffled(held, generator)
        forecasts = forest.predict(shuffled.reshape(-1, features.shape[1]))
        errors = (forecasts.reshape(*shuffled.shape[:3]) - truth) ** 2
        growth.append((errors.mean(axis=(1, 2)) - error) / variance)
    return np.array(growth), float(np.median(explained))


def _shuffled(held: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns `held` [n, choices] with each choice shuffled: [choices, shuffles, n, choices]."""
    count = held.shape[1]
    shuffled = np.broadcast_to(held, (count, SHUFFLES, *held.shape)).copy()
    for choice in range(count):
        for turn in range(SHUFFLES):
            shuffled[choice, turn, :, choice] = generator.permutation(held[:, choice])
    return shuffled


def _as_numbers(column: pd.Series) -> np.ndarray:
    """Returns numbers by their order and words by theirs; trees ask for nothing more."""
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all():
        return numbers.to_numpy(dtype=float)
    return pd.factorize(column.map(str), sort=True)[0].astype(float)


def _sentence(table: pd.DataFrame, trials: int, explained: float) -> str:
    if explained <= 0:
        return (
            f"From {trials} finished trials nothing can be told of what mattered: forecasts for "
            "trials left out are no better than their mean."
        )
    clear = table.loc[table["low"] > 0, "choice"]
    words = ", ".join(name.replace("_", " ") for name in clear)
    return (
        f"From {trials} finished trials, a forest forecasts {explained:.0%} of the differences "
        "between trials left out. "
        + (f"What mattered beyond chance: {words}." if words else "No single choice stands out.")
    )
