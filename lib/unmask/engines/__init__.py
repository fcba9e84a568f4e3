"""The fastest way to score faces that changes nothing: measured, chosen, written beside a model.

Example:
    report = export("seed_1/model.keras", "seed_1", faces.pixels[rows], threshold=0.42)
    score = load_engine("seed_1")
    chances = score(pictures)  # uint8 [n, side, side, 3] -> float64 [n]

Loading does not load TensorFlow unless Keras itself has to score.
"""

from .exporting import export
from .kinds import ENGINES, TOLERANCE, Engine
from .loading import LoadedEngine, load_engine
from .member import export_member
from .report import EngineReport, EngineResult, describe_engines

__all__ = [
    "ENGINES",
    "TOLERANCE",
    "Engine",
    "EngineReport",
    "EngineResult",
    "LoadedEngine",
    "describe_engines",
    "export",
    "export_member",
    "load_engine",
]
