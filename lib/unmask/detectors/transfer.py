"""Networks that ImageNet taught first, from keras.applications."""

from __future__ import annotations

BUILDERS = {}
