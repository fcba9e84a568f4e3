"""What a careful viewer looks at, measured: shown beside a network's score, never mixed into it.

Blinking, sharpness of the face against its surroundings, colour and light of the face against the
neck, flicker of the face, mouth movement against the loudness of the sound. Each is held against
what is normal on real clips or pictures, and is "not measurable here" when it is not.

Example:
    signs = [observe(frame) for frame in frames_of_one_person]  # the pixels can go now
    for found in measure_evidence(signs, sound, normal, rate=clip.rate):
        print(found.title, found.verdict, found.sentence)
"""

from .measure import NAMES, measure_evidence, observe, wanted_rate
from .normal import FEWEST, measure_normal
from .records import NOT_HERE, UNUSUAL, USUAL, Evidence, PersonFrame, Signs

__all__ = [
    "FEWEST",
    "NAMES",
    "NOT_HERE",
    "UNUSUAL",
    "USUAL",
    "Evidence",
    "PersonFrame",
    "Signs",
    "measure_evidence",
    "measure_normal",
    "observe",
    "wanted_rate",
]
