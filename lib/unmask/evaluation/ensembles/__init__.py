"""Ensembles of members' scores, fitted on validation only, and how differently members judge."""

from .diversity import VerdictPairs, verdict_pairs
from .joined import (
    METHODS,
    REFERENCE_TRIO,
    fit_ensembles,
    greedy_ensemble,
    mean_ensemble,
    named_ensembles,
    rank_ensemble,
    stacked_ensemble,
    weighted_ensemble,
)
from .joiner import Joiner, read_joiner, write_joiner
from .table import Ensemble, combine, member_names

__all__ = [
    "METHODS",
    "REFERENCE_TRIO",
    "Ensemble",
    "Joiner",
    "VerdictPairs",
    "combine",
    "fit_ensembles",
    "greedy_ensemble",
    "mean_ensemble",
    "member_names",
    "named_ensembles",
    "rank_ensemble",
    "read_joiner",
    "stacked_ensemble",
    "verdict_pairs",
    "weighted_ensemble",
    "write_joiner",
]
