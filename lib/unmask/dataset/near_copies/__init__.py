"""Copies of one picture, exact and near: fingerprints, the search for pairs, clusters."""

from .clusters import clusters_of
from .fingerprints import Fingerprint, fingerprint, fingerprint_files
from .search import find_near_copies, overlap
from .symmetries import SYMMETRIES

__all__ = [
    "SYMMETRIES",
    "Fingerprint",
    "clusters_of",
    "find_near_copies",
    "fingerprint",
    "fingerprint_files",
    "overlap",
]
