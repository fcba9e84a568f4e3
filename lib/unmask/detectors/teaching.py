"""The small networks of the teaching notebooks."""

from __future__ import annotations

BUILDERS = {}
