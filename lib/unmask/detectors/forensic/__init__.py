"""Networks made to find traces of a manipulation, not faces."""

from __future__ import annotations

from . import frequency, full_resolution, grid, meso, patches, residual, streams
from .patches import patch_logits

__all__ = ["BUILDERS", "patch_logits"]

BUILDERS = {
    **meso.BUILDERS,
    **residual.BUILDERS,
    **frequency.BUILDERS,
    **grid.BUILDERS,
    **full_resolution.BUILDERS,
    **patches.BUILDERS,
    **streams.BUILDERS,
}
