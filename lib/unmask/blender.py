"""What blends a fake from a real picture: handed to `sources`, which do not know `training`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sources.blended import Blend


def choose_blend(make_fakes: bool) -> Blend | None:
    """Returns `training.self_blended.self_blended_pair`, or None when no fakes are to be made.

    The room is imported only then: it loads Keras, which reading pictures does not need.
    """
    if not make_fakes:
        return None
    from .training.self_blended import self_blended_pair

    return self_blended_pair
