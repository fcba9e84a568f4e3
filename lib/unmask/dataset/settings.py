"""What a person can choose about preprocessing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..errors import UsageError, nearest

DROP_DUPLICATES = ("exact", "near")
EQUALISE = ("jpeg_quality", "size")


@dataclass(frozen=True)
class PreprocessSettings:
    """Settings of `build_faces`. The result depends on all of them but `jobs`.

    Attributes:
        size: side of a face in pixels.
        frames_per_clip: evenly spaced frames taken from each video.
        fractions: shares of train, val and test, which sum to 1.
        held_out_generators: generators whose fakes go to the split `unseen`.
        seed: of the split.
        jobs: files decoded at the same time.
        shard_size: faces decoded between two writes; what an interruption can lose.
        minimum_side: a picture with a shorter side, in pixels, is rejected.
        drop_duplicates: "exact" leaves out exact copies; "near" also all but one of the pictures
            of one label that show the same, stored again, resized, turned or mirrored.
        equalise: what is made alike in all pictures, of `EQUALISE`; see `equalise.py`.
    """

    size: int = 128
    frames_per_clip: int = 4
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    held_out_generators: tuple[str, ...] = ()
    seed: int = 0
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    shard_size: int = 512
    minimum_side: int = 32
    drop_duplicates: str = "exact"
    equalise: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fractions", tuple(self.fractions))
        object.__setattr__(self, "held_out_generators", tuple(self.held_out_generators))
        object.__setattr__(self, "equalise", tuple(self.equalise))
        check_fractions(self.fractions)
        _check_known("drop_duplicates", (self.drop_duplicates,), DROP_DUPLICATES)
        _check_known("equalise", self.equalise, EQUALISE)
        for name in ("size", "frames_per_clip", "jobs", "shard_size", "minimum_side"):
            if getattr(self, name) < 1:
                raise UsageError(
                    f"{name} is {getattr(self, name)}.",
                    expected="a whole number of at least 1",
                    fix=f"correct preprocess.{name} in the profile",
                )


def _check_known(name: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        if value not in known:
            raise UsageError(
                f"{name} is {value!r}.{nearest(value, known)}",
                expected=f"one of: {', '.join(known)}",
                fix=f"correct preprocess.{name} in the profile",
            )


def check_fractions(fractions: tuple[float, ...]) -> None:
    """Raises UsageError unless there are three positive fractions that sum to 1."""
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise UsageError(
            f"The fractions of train, val and test are {', '.join(map(str, fractions))}.",
            expected="three numbers above 0 that sum to 1, such as 0.7, 0.15, 0.15",
            fix="correct preprocess.fractions in the profile",
        )
