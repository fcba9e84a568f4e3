"""Hand-made features with a linear head, as Keras layers like any other detector."""

from __future__ import annotations

from . import frequencies, residuals, thumbnails, traces

BUILDERS = {
    **residuals.BUILDERS,
    **traces.BUILDERS,
    **frequencies.BUILDERS,
    **thumbnails.BUILDERS,
}
