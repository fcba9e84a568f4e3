"""Searches networks and how to train them; each trial is an ordinary training."""

from .run import build_winner, histories_of, search
from .settings import SearchResult, SearchSettings
from .spaces import split_choices

__all__ = [
    "SearchResult",
    "SearchSettings",
    "build_winner",
    "histories_of",
    "search",
    "split_choices",
]
