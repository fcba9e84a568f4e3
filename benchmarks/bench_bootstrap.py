"""How fast all metrics get their 95% intervals from resamples of many scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve
from threadpoolctl import threadpool_limits
from unmask.evaluation.intervals import bootstrap_metrics

FACES, RESAMPLES = 20_000, 2000
PLAIN_RESAMPLES = 3  # of the plain loop, whose resamples all take the same time
THRESHOLD = 0.5


def make_scores(faces: int = FACES) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels and scores [faces], half of them fake, with an AUC of 0.86."""
    generator = np.random.default_rng(0)
    labels = np.arange(faces) % 2
    return labels, expit(generator.normal(size=faces) + 1.5 * (labels - 0.5))


def ways(resamples: int = RESAMPLES) -> dict[str, Callable[[], int]]:
    """Returns the ways to get intervals of every metric; each returns its number of resamples."""
    labels, scores = make_scores()

    def ours() -> int:
        bootstrap_metrics(labels, scores, None, THRESHOLD, resamples=resamples)
        return resamples

    def plain() -> int:
        generator = np.random.default_rng(0)
        of_class = [np.flatnonzero(labels == label) for label in (0, 1)]
        found = []
        with threadpool_limits(1):
            for _ in range(PLAIN_RESAMPLES):
                drawn = np.concatenate([generator.choice(rows, len(rows)) for rows in of_class])
                found.append(plain_metrics(labels[drawn], scores[drawn]))
        np.percentile(found, (2.5, 97.5), axis=0)
        return PLAIN_RESAMPLES

    return {"one weighted pass (Unmask)": ours, "loop over scikit-learn": plain}


def plain_metrics(labels: np.ndarray, scores: np.ndarray) -> list[float]:
    """Returns every metric of n faces as scikit-learn's functions give it."""
    called = scores >= THRESHOLD
    false_rate, true_rate, _ = reference.roc_curve(labels, scores)
    recall_at = [np.interp(target, false_rate, true_rate) for target in (0.001, 0.01, 0.05)]
    share, chance = calibration_curve(labels, scores, n_bins=10, strategy="quantile")
    return [
        reference.accuracy_score(labels, called),
        reference.balanced_accuracy_score(labels, called),
        reference.roc_auc_score(labels, scores),
        reference.average_precision_score(labels, scores),
        false_rate[np.argmin(np.abs(false_rate - (1 - true_rate)))],
        reference.recall_score(labels, called),
        reference.recall_score(labels, called, pos_label=0),
        reference.f1_score(labels, called),
        reference.matthews_corrcoef(labels, called),
        reference.log_loss(labels, scores),
        reference.brier_score_loss(labels, scores),
        float(np.abs(share - chance).mean()),
        *recall_at,
        reference.roc_auc_score(labels, scores, max_fpr=0.1),
    ]
