"""What datasets are called in an audit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..dataset.elsewhere import short_names
from ..errors import UsageError


def names_of(sources: Sequence[str | Path]) -> list[str]:
    """Returns what each dataset is called: its folder, with those above where two are alike.

    Raises:
        UsageError: a dataset is named twice.
    """
    names = short_names(sources)
    if len(set(names)) < len(names):
        raise UsageError("A dataset is named twice.", fix="name each of them once")
    return names
