"""Figures of the notebooks. Each function returns a Figure that carries its own alt text.

Example:
    plots.show(plots.roc_and_precision_recall({"baseline": test_scores}))
"""

from .ablation import ablation_forest
from .attacks import attack_curves, attack_example, cross_matrix
from .audit import average_pictures, file_facts, picture_pairs, shortcut_forest
from .augmentation import augmentation_grid, self_blended_grid
from .clips import clip_scores
from .data import class_counts, formats_and_quality, resolutions, split_composition
from .engines import engine_speeds, engines_table
from .ensembles import gain_and_cost, greedy_path, verdict_differences
from .evidence import evidence_ranges, evidence_timelines
from .explain import (
    heat_overlays,
    mistakes_with_reasons,
    noise_residuals,
    spectrum_bands,
    where_it_looks,
)
from .faces import face_sheet, worst_mistakes
from .lesson import epochs_on_test, false_and_honest
from .models import auc_by_generator, auc_forest, ensemble_weights, score_correlation
from .scores import (
    confusion_matrices,
    reliability_diagrams,
    roc_and_precision_recall,
    score_histograms,
)
from .search import grid_runs, search_importance, search_parallel
from .stress import shift_by_class, stress_curves, stress_recalls, transform_sheet
from .style import alt_text, show, style
from .training import search_results, training_curves
from .verdicts import clip_timelines, judged_pictures

__all__ = [
    "ablation_forest",
    "alt_text",
    "attack_curves",
    "attack_example",
    "auc_by_generator",
    "auc_forest",
    "augmentation_grid",
    "average_pictures",
    "class_counts",
    "clip_scores",
    "clip_timelines",
    "confusion_matrices",
    "cross_matrix",
    "engine_speeds",
    "engines_table",
    "ensemble_weights",
    "epochs_on_test",
    "evidence_ranges",
    "evidence_timelines",
    "face_sheet",
    "false_and_honest",
    "file_facts",
    "formats_and_quality",
    "gain_and_cost",
    "greedy_path",
    "grid_runs",
    "heat_overlays",
    "judged_pictures",
    "mistakes_with_reasons",
    "noise_residuals",
    "picture_pairs",
    "reliability_diagrams",
    "resolutions",
    "roc_and_precision_recall",
    "score_correlation",
    "score_histograms",
    "search_importance",
    "search_parallel",
    "search_results",
    "self_blended_grid",
    "shift_by_class",
    "shortcut_forest",
    "show",
    "spectrum_bands",
    "split_composition",
    "stress_curves",
    "stress_recalls",
    "style",
    "training_curves",
    "transform_sheet",
    "verdict_differences",
    "where_it_looks",
    "worst_mistakes",
]
