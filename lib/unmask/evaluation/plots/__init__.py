"""Figures of the notebooks. Each function returns a Figure that carries its own alt text.

Example:
    plots.show(plots.roc_and_precision_recall({"baseline": test_scores}))
"""

from .data import class_counts, formats_and_quality, resolutions, split_composition
from .faces import face_sheet, worst_mistakes
from .models import auc_by_generator, auc_forest, ensemble_weights, score_correlation
from .scores import (
    confusion_matrices,
    reliability_diagrams,
    roc_and_precision_recall,
    score_histograms,
)
from .style import alt_text, show, style
from .training import search_results, training_curves

__all__ = [
    "alt_text",
    "auc_by_generator",
    "auc_forest",
    "class_counts",
    "confusion_matrices",
    "ensemble_weights",
    "face_sheet",
    "formats_and_quality",
    "reliability_diagrams",
    "resolutions",
    "roc_and_precision_recall",
    "score_correlation",
    "score_histograms",
    "search_results",
    "show",
    "split_composition",
    "style",
    "training_curves",
    "worst_mistakes",
]
