"""Hand-made features with a linear head, as Keras layers like any other detector."""

from __future__ import annotations

BUILDERS = {}
