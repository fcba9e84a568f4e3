"""Layers of our own: fixed filters, transforms and counts that networks and classical detectors share.

All are serializable under the package "unmask" and use keras.ops alone, but for one switch in
`counting`.
"""

from .colour import AreaThumbnail, ColourPlanes, HalfSize
from .cooccurrences import ChannelCooccurrences, ResidualCooccurrences
from .exact import Exact
from .filters import ConstrainedConvolution, FixedFilters, Truncation
from .frequency import AzimuthalSpectrum, BlockDCT, LogDCT, LogSpectrum
from .logits import Logit

__all__ = [
    "AreaThumbnail",
    "AzimuthalSpectrum",
    "BlockDCT",
    "ChannelCooccurrences",
    "ColourPlanes",
    "ConstrainedConvolution",
    "Exact",
    "FixedFilters",
    "HalfSize",
    "LogDCT",
    "LogSpectrum",
    "Logit",
    "ResidualCooccurrences",
    "Truncation",
]
