"""Networks made to find traces of a manipulation, not faces."""

from __future__ import annotations

BUILDERS = {}
