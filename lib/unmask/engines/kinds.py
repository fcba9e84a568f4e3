"""Which engines there are, and picking one by what was measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

TOLERANCE = 1e-3  # largest change of a score that an engine may bring
ABOUT_AS_FAST = 0.9  # share of the best rate from which on other virtues decide


@dataclass(frozen=True)
class Engine:
    """A way to compute the scores of a network.

    Attributes:
        name: as engine.json has it.
        title: for the reader.
        precision: "float32", "bfloat16" or "int8".
        file: what it computes from, in the folder of engine files; "" for model.keras itself.
    """

    name: str
    title: str
    precision: str
    file: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """All files it needs; OpenVINO keeps the weights beside the network."""
        if self.file.endswith(".xml"):
            return self.file, self.file.removesuffix(".xml") + ".bin"
        return (self.file,) if self.file else ()


REFERENCE, FALLBACK = "keras", "keras_compiled"
ENGINES = {
    engine.name: engine
    for engine in (
        Engine(REFERENCE, "Keras, predict", "float32"),
        Engine(FALLBACK, "Keras, compiled function", "float32"),
        Engine("keras_bfloat16", "Keras, compiled function, bfloat16", "bfloat16"),
        Engine("onnxruntime_float32", "ONNX Runtime", "float32", "float32.onnx"),
        Engine("onnxruntime_int8", "ONNX Runtime, int8", "int8", "int8.onnx"),
        Engine("openvino_float32", "OpenVINO", "float32", "float32.xml"),
        Engine("openvino_bfloat16", "OpenVINO, bfloat16", "bfloat16", "float32.xml"),
        Engine("openvino_int8", "OpenVINO, int8", "int8", "int8.xml"),
    )
}


@dataclass(frozen=True)
class EngineResult:
    """What was measured of one engine on one machine; the numbers are None when `reason` is set.

    Attributes:
        engine: its name.
        title: for the reader.
        images_per_second: in batches of 32, median.
        latency_milliseconds: of one picture, median.
        largest_difference: of a score from Keras', over the faces compared.
        flipped: how many of these faces lie on the other side of the threshold.
        faces: how many were compared.
        reason: why it could not be built or run; "" when it could.
    """

    engine: str
    title: str
    images_per_second: float | None = None
    latency_milliseconds: float | None = None
    largest_difference: float | None = None
    flipped: int | None = None
    faces: int = 0
    reason: str = ""


def keeps_the_scores(result: EngineResult, tolerance: float = TOLERANCE) -> bool:
    """Returns whether every score stayed within `tolerance` and no verdict flipped."""
    if result.reason or result.flipped is None or result.largest_difference is None:
        return False
    return result.flipped == 0 and result.largest_difference <= tolerance


def choose(
    results: Sequence[EngineResult],
    tolerance: float = TOLERANCE,
    precisions: Collection[str] = ("float32", "bfloat16", "int8"),
) -> str:
    """Returns the name of the fastest engine that keeps the scores; Keras when none does.

    The fastest does most images a second in batches; of those about as fast as it, one in float32
    rather than not, since it rounds alike on every machine, and then the one that answers soonest
    for a single picture.

    Args:
        results: a result an engine.
        tolerance: largest change of a score.
        precisions: that come into question.
    """
    allowed = [
        result
        for result in results
        if keeps_the_scores(result, tolerance) and ENGINES[result.engine].precision in precisions
    ]
    if not allowed:
        return REFERENCE
    best = max(result.images_per_second for result in allowed)
    close = [result for result in allowed if result.images_per_second >= ABOUT_AS_FAST * best]
    return min(close, key=_exactness_and_latency).engine


def _exactness_and_latency(result: EngineResult) -> tuple[bool, float]:
    return ENGINES[result.engine].precision != "float32", result.latency_milliseconds


def choose_spare(results: Sequence[EngineResult], chosen: str, tolerance: float = TOLERANCE) -> str:
    """Returns what stands in where another processor would round `chosen` differently.

    That is the fastest engine in float32. One in float32 needs none but Keras' compiled function.
    """
    if ENGINES[chosen].precision == "float32":
        return FALLBACK
    spare = choose(results, tolerance, precisions=("float32",))
    return FALLBACK if spare == REFERENCE else spare
