"""Layers of our own: filters, transforms and counts that networks and classical detectors share.

All are serializable under the package "unmask" and use keras.ops alone, but for one switch in
`counting`.
"""

from .colour import AreaThumbnail, ColourPlanes, HalfSize
from .cooccurrences import ChannelCooccurrences, ResidualCooccurrences
from .crops import CropGrid, MeanOfCrops
from .exact import Exact, Join
from .filters import ConstrainedConvolution, FixedFilters, Truncation
from .frequency import AzimuthalSpectrum, BlockDCT, LogDCT, LogSpectrum
from .logits import Logit
from .regions import RegionCooccurrences
from .sharpness import SharpnessMap
from .undecimated import UndecimatedDCTHistograms

__all__ = [
    "AreaThumbnail",
    "AzimuthalSpectrum",
    "BlockDCT",
    "ChannelCooccurrences",
    "ColourPlanes",
    "ConstrainedConvolution",
    "CropGrid",
    "Exact",
    "FixedFilters",
    "HalfSize",
    "Join",
    "LogDCT",
    "LogSpectrum",
    "Logit",
    "MeanOfCrops",
    "RegionCooccurrences",
    "ResidualCooccurrences",
    "SharpnessMap",
    "Truncation",
    "UndecimatedDCTHistograms",
]
