"""Searches networks and how to train them; each trial is an ordinary training."""

from .run import histories_of, search
from .settings import SearchResult, SearchSettings
from .spaces import split_choices

__all__ = ["SearchResult", "SearchSettings", "histories_of", "search", "split_choices"]
