"""Bytes in, verdict out: one detector behind the notebooks, the command line and the page.

Example:
    detector = Detector.load("runs/demo")
    verdict = detector.score_image(data)
    print(verdict.verdict, verdict.score, verdict.reasons)

Importing this loads no TensorFlow; a detector loads it only when Keras has to score or explain.
"""

from .detector import Detector
from .records import FAKE, NO_FACE, REAL, UNSURE, VERDICTS, HeatMap, Person, Verdict

__all__ = [
    "FAKE",
    "NO_FACE",
    "REAL",
    "UNSURE",
    "VERDICTS",
    "Detector",
    "HeatMap",
    "Person",
    "Verdict",
]
