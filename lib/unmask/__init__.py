"""Unmask: trains, audits, compares and explains deepfake-face detectors.

Everywhere in this package a label of 1 means fake, 0 means real, and a score is P(fake).
"""

__version__ = "0.1.0"

REAL, FAKE = 0, 1
