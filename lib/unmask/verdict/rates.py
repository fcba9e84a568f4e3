"""How often a detector is right and wrong on test faces, with three verdicts instead of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..evaluation.calibration import fit_calibration
from ..evaluation.formats import format_percent
from ..evaluation.rates import share_of
from ..evaluation.scores import CLASS_NAMES, cluster_ids, score_matrix
from ..evaluation.threshold import RULES, choose_threshold
from .learned import Learned
from .records import FAKE, REAL, UNSURE
from .rules import UNSURE_SHARE, Limits, choose_band

CALLED = (REAL, UNSURE, FAKE)


@dataclass(frozen=True)
class Level:
    """Numbers of one level, faces or clips: what validation chose, and the rates on test.

    Attributes:
        limits: threshold and band.
        rule: of the threshold, a key of `RULES`.
        calibration: `a` and `b` of `calibration.Calibration`.
        rates: see `three_way_rates`; None where test lacks a class.
    """

    limits: Limits
    rule: str
    calibration: tuple[float, float]
    rates: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """Returns plain data, as it stands in a card."""
        low, high = self.limits.band
        return {
            "threshold": {
                "value": self.limits.threshold,
                "rule": self.rule,
                "meaning": RULES[self.rule],
            },
            "band": {"low": low, "high": high, "share": UNSURE_SHARE},
            "calibration": dict(zip("ab", self.calibration, strict=True)),
            "error_rates": self.rates,
        }


def one_score_a_face(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a row a face with the mean score of the seeds, and the seed 0."""
    faces, matrix = score_matrix(frame)
    return faces.assign(score=matrix.mean(axis=0), seed=0)


def level_of(
    val: pd.DataFrame, test: pd.DataFrame, rule: str, unit: str, learned: Learned | None = None
) -> Level:
    """Returns what validation chooses, and what it does to test.

    Args:
        val: validation rows, one a face or clip: label, score.
        test: the same of test, with what `cluster_ids` reads.
        rule: of the threshold.
        unit: "face" or "clip".
        learned: what training faces were like, to tell by `side` which of test are too small.

    Raises:
        DataError: validation lacks a class.
    """
    labels, scores = val["label"].to_numpy(), val["score"].to_numpy()
    threshold = choose_threshold(labels, scores, rule)
    calibration = fit_calibration(labels, scores)
    limits = Limits(threshold, choose_band(labels, scores, threshold))
    verdicts = limits.judge_all(test["score"].to_numpy())
    rates = three_way_rates(test, but_too_small(verdicts, test, learned), unit)
    return Level(limits, rule, (calibration.a, calibration.b), rates)


def but_too_small(verdicts: np.ndarray, test: pd.DataFrame, learned: Learned | None) -> np.ndarray:
    """Returns the verdicts with "unsure" on faces that are too small to be judged."""
    if learned is None or "side" not in test:
        return verdicts
    return np.where([learned.too_small(side) for side in test["side"]], UNSURE, verdicts)


def three_way_rates(
    test: pd.DataFrame, verdicts: np.ndarray, unit: str, *, changes: bool = False
) -> dict[str, Any] | None:
    """Returns what shares of real and of fake test faces are called real, unsure and fake.

    Args:
        test: a row a face or clip: label, and what `cluster_ids` reads.
        verdicts: `[n]`, of CALLED.
        unit: "face" or "clip".
        changes: whether verdicts that a mild change turns were counted as unsure.

    Returns:
        `unit`, `n`, `n_real`, `n_fake`, `n_groups`, `changes`, and for "real" and "fake" an
        interval (value, low, high) for each of CALLED; None where test lacks a class.
    """
    labels = test["label"].to_numpy()
    if len(np.unique(labels)) < 2:
        return None
    clusters = cluster_ids(test).astype(str)
    units = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    count = int(units.max()) + 1
    found: dict[str, Any] = {
        "unit": unit,
        "split": "test",
        "n": len(labels),
        "n_real": int((labels == 0).sum()),
        "n_fake": int((labels == 1).sum()),
        "n_groups": count,
        "changes": changes,
    }
    for label, name in enumerate(CLASS_NAMES):
        inside = labels == label
        found[name] = {
            called: share_of(
                (verdicts[inside] == called).astype(np.float64), units[inside], count
            ).interval.as_dict()
            for called in CALLED
        }
    return found


def describe_rates(rates: Mapping[str, Any], datasets: Sequence[str] = ()) -> str:
    """Returns one sentence with the error rates.

    Args:
        rates: see `three_way_rates`.
        datasets: names of the data that they were measured on.
    """
    things = f"{rates['unit']}s" + (f" of {', '.join(datasets)}" if datasets else "")
    real, fake = rates[REAL], rates[FAKE]
    return (
        f"On {rates['n']:,} test {things} that it never saw, it called "
        f"{format_percent(real[FAKE])} of the {rates['n_real']:,} real ones fake and "
        f"{format_percent(fake[REAL])} of the {rates['n_fake']:,} fakes real; it was unsure of "
        f"{format_percent(real[UNSURE])} of the real ones and {format_percent(fake[UNSURE])} of "
        "the fakes."
    )


def rates_table(rates: Mapping[str, Any]) -> pd.DataFrame:
    """Returns a row a class: how many, and what shares are called real, unsure and fake. Text."""
    rows = [
        {
            f"test {rates['unit']}s": name,
            "how many": f"{rates[f'n_{name}']:,}",
            **{f"called {called}": format_percent(rates[name][called]) for called in CALLED},
        }
        for name in CLASS_NAMES
    ]
    return pd.DataFrame(rows)


def describe_card(card: Mapping[str, Any]) -> list[str]:
    """Returns what a reader of a report must know before asking the detector of a run.

    Args:
        card: see `card.make_card`.
    """
    levels = [level for level in (card["faces"], card["clips"]) if level]
    names = card["dataset"]["names"]
    told = [f"Whoever asks this run asks {card['name']}: {card['about']}."]
    told += [describe_rates(each["error_rates"], names) for each in levels if each["error_rates"]]
    told += [_describe_limits(level) for level in levels]
    told += [Learned(**card["learned"]).sentence()] if card["learned"] else []
    parity = card.get("parity") or {}
    if parity.get("faces"):
        told.append(
            f"Asked about {parity['faces']:,} of these very files, it gives the scores of this "
            f"report; the largest difference is {parity['largest_difference']:.1e}."
        )
    told.append(f"To ask it: unmask score PATH --model {card['run']}, or the page of unmask app.")
    return told


def _describe_limits(level: Mapping[str, Any]) -> str:
    band, threshold = level["band"], level["threshold"]
    things = "clips" if "pooling" in level else "faces"
    if band["low"] == band["high"]:
        return f"Of {things}, scores from {threshold['value']:.3f} on are called fake."
    return (
        f"Of {things}, scores from {band['low']:.3f} up to {band['high']:.3f} are unsure: at most "
        f"{band['share']:.0%} of the validation fakes lie below, of the reals above. The threshold "
        f"is {threshold['value']:.3f} ({threshold['meaning']})."
    )
