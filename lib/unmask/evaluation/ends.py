"""The two ends of a 95% interval where no closed form gives them.

Checked by simulation: plain percentiles of the resamples cover an AUC of 0.98 on 120 faces in 88
of 100 cases, these ends in 94 to 95; see tests/evaluation/test_coverage.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from .metrics import LEAST_PARTIAL_AUC
from .ranking import Ranking
from .rates import Z_95, Share, t_quantile, wilson

Ends = tuple[float, float] | tuple[None, None]
NO_ENDS: Ends = (None, None)
RANGES = {"mcc": (-1.0, 1.0), "partial_auc": (LEAST_PARTIAL_AUC, 1.0)}  # the others: 0 to 1
LOSSES = ("log_loss", "brier")  # at 0 nothing tells how far they might be from it
SAME = 1e-12  # resamples that differ by less differ by rounding only
DRAWS = 2000  # of the recall at a false positive rate
HALVINGS = 30


def widening(units: int) -> float:
    """Returns standard errors to each side, for an error estimated by resampling `units` units.

    Student's t instead of the normal quantile, and the factor that a bootstrap of few units lacks.
    """
    return t_quantile(units) * float(np.sqrt(units / (units - 1)))


def transformed_ends(name: str, value: float, drawn: np.ndarray, units: int) -> Ends:
    """Returns value -/+ the standard error of the resamples, on a scale without ends.

    The scale is the logit of the place in the metric's range (the logarithm for the log loss):
    near its end a metric is skewed, and plain percentiles there are too narrow. Source for AUC:
    Qin & Hotilovac 2008 (Statistical Methods in Medical Research 17:207-221), with the bootstrap's
    standard error in DeLong's place. A metric that no resample moves has Wilson's interval for the
    smaller class at the end of its range, and else none: nothing in it can vary.

    Args:
        name: a key of METRICS.
        value: the metric.
        drawn: float64 [resamples], the metric of each resample.
        units: how many faces or groups the smaller class has.
    """
    if units < 2 or len(drawn) < 2:
        return NO_ENDS
    error = float(drawn.std(ddof=1)) * widening(units)
    low, high = RANGES.get(name, (0.0, 1.0))
    if float(np.ptp(drawn)) < SAME or error == 0:
        if name in LOSSES or value not in (low, high):
            return NO_ENDS
        bound = wilson(units * (value == high), units)
        return low + (high - low) * bound.low, low + (high - low) * bound.high
    if name == "log_loss":
        return value * float(np.exp(-error / value)), value * float(np.exp(error / value))
    place = float(np.clip((value - low) / (high - low), 1e-9, 1 - 1e-9))
    half = error / ((high - low) * place * (1 - place))
    ends = low + (high - low) * expit(logit(place) + np.array([-half, half]))
    return float(ends[0]), float(ends[1])


def ece_ends(gaps: np.ndarray, drawn: np.ndarray, units: int) -> Ends:
    """Returns the ends for a calibration error, which few faces make look larger than it is.

    The sum of absolute gaps is biased: noise alone gives some. The low end is the smallest
    multiple of the measured gaps which, with the noise of the resamples on top, reaches the
    measured error in one of 40 cases (0 when noise alone does). The high end is that of
    `transformed_ends`, which the bias makes cautious.

    Args:
        gaps: float64 [bins], score minus share of fakes in each bin, times the bin's weight.
        drawn: float64 [resamples, bins], the same of each resample.
        units: how many faces or groups the smaller class has.
    """
    value, errors = float(np.abs(gaps).sum()), np.abs(drawn).sum(axis=1)
    _, high = transformed_ends("ece", value, errors, units)
    if high is None:
        return NO_ENDS
    noise = (drawn - drawn.mean(axis=0)) * widening(units) / Z_95

    def reached(share: float) -> bool:
        return bool(np.quantile(np.abs(share * gaps + noise).sum(axis=1), 0.975) >= value)

    low_share, high_share = 0.0, 1.0
    if reached(0.0):
        return 0.0, high
    for _ in range(HALVINGS):
        middle = (low_share + high_share) / 2
        low_share, high_share = (low_share, middle) if reached(middle) else (middle, high_share)
    return high_share * value, high


def recall_at_ends(
    rankings: Sequence[Ranking], target: float, value: float, fakes: Share, reals: Share
) -> Ends:
    """Returns the ends for the recall at a false positive rate, which nobody knows exactly.

    The real faces only tell roughly where that rate lies: of n of them a binomial number stands
    above the right threshold. So the interval is of recalls between as many real faces as such
    draws say, with the error of the fakes on top (Jeffreys' beta). With fewer reals than 1 /
    target it reaches towards 0, as it should: no face tells what happens above the highest real.

    Args:
        rankings: of each seed, of the same faces.
        target: the false positive rate.
        value: the recall measured.
        fakes, reals: the shares of both classes called right at a threshold, for what the faces
            of either class are worth; see `Share.n_effective`.
    """
    if not fakes.n_effective or not reals.n_effective:
        return NO_ENDS
    generator = np.random.default_rng(0)
    steps = [_recall_above_reals(ranking) for ranking in rankings]
    count = len(steps[0]) - 2
    worth = max(round(reals.n_effective), 1)
    above = generator.binomial(worth, target, DRAWS) * count / worth + generator.random(DRAWS)
    places = np.arange(count + 2)
    recalls = np.mean([np.interp(above, places, step) for step in steps], axis=0)
    drawn = generator.beta(
        fakes.n_effective * recalls + 0.5, fakes.n_effective * (1 - recalls) + 0.5
    )
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(min(low, value)), float(max(high, value))


def _recall_above_reals(ranking: Ranking) -> np.ndarray:
    """Returns the share of fakes above the j-th highest real, from 0 (j = 0) to 1, [reals + 2]."""
    reals = ranking.scores[ranking.labels == 0]
    fakes = ranking.scores[ranking.labels == 1]
    above = np.searchsorted(-fakes, -reals, side="left") / len(fakes)
    return np.concatenate([[0.0], above, [1.0]])
