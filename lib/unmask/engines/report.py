"""What an export measured and chose: engine.json, and the sentences for a reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..runs import read_json, write_json
from .kinds import ENGINES, REFERENCE, EngineResult, keeps_the_scores

NAME = "engine.json"
FILES = "engine_files"  # the folder of what the engines compute from, beside engine.json


@dataclass(frozen=True)
class EngineReport:
    """What is known of the engines of one model on one machine.

    Attributes:
        key: a hash of everything that the result depends on.
        model: path of model.keras, from the folder of engine.json.
        model_sha256: of that file's bytes.
        input_shape: height, width, channels.
        threshold: from which score on a face is called fake; verdicts are compared at it.
        tolerance: largest change of a score that was allowed.
        faces: validation faces that all engines were compared on.
        given: validation faces there were.
        chosen, spare: names of engines; the spare stands in where the chosen one cannot be used.
        results: a result an engine, Keras first.
        files: hash of each file kept, by its name in the folder `engine_files`.
        probes: scores of generated pictures by the chosen engine and the spare, which tell later
            whether they still compute the same.
        machine, versions: what it was measured on.
        seconds: that the export took.
        notice: a sentence on scores of the training that could not be compared with, else "".
    """

    key: str
    model: str
    model_sha256: str
    input_shape: tuple[int, int, int]
    threshold: float
    tolerance: float
    faces: int
    given: int
    chosen: str
    spare: str
    results: tuple[EngineResult, ...]
    files: dict[str, str]
    probes: dict[str, list[float]]
    machine: dict[str, Any]
    versions: dict[str, str]
    seconds: float = field(compare=False)
    notice: str = ""

    def result(self, name: str) -> EngineResult:
        """Returns the result of the engine called `name`."""
        return next(result for result in self.results if result.engine == name)


def write_report(folder: Path, report: EngineReport) -> None:
    """Writes engine.json: the report, `allowed` for each engine, and sentences for a reader."""
    record = asdict(report)
    for row, result in zip(record["results"], report.results, strict=True):
        row["allowed"] = keeps_the_scores(result, report.tolerance)
    write_json(folder / NAME, {**record, "sentences": describe_engines(report)})


def read_report(folder: Path) -> EngineReport:
    """Returns what `write_report` wrote.

    Raises:
        OSError: there is no such file.
        ValueError: it is damaged, or of another version of Unmask.
    """
    record = read_json(folder / NAME)
    try:
        record.pop("sentences")
        rows = [{**row} for row in record.pop("results")]
        for row in rows:
            row.pop("allowed")
        results = tuple(EngineResult(**row) for row in rows)
        shape = tuple(int(side) for side in record.pop("input_shape"))
        report = EngineReport(**record, results=results, input_shape=shape)
        known = {report.chosen, report.spare, *(result.engine for result in results)}
        if not known <= set(ENGINES):
            raise ValueError("an engine of a name that is not known")
        return report
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{NAME} is not as Unmask writes it ({error})") from error


def describe_engines(report: EngineReport) -> list[str]:
    """Returns sentences: what was chosen, against what, and what fell out for which reason."""
    chosen, keras = report.result(report.chosen), report.result(REFERENCE)
    sentences = [_how_compared(report), *filter(None, [report.notice])]
    if report.chosen == REFERENCE:
        sentences.append(
            "No other engine keeps the scores of Keras, so Keras itself gives the verdicts."
        )
    else:
        sentences.append(
            f"{chosen.title} gives the verdicts: {_number(chosen.images_per_second)} pictures a "
            f"second in batches of 32 and {_number(chosen.latency_milliseconds)} ms for one, "
            f"against {_number(keras.images_per_second)} and "
            f"{_number(keras.latency_milliseconds)} ms with Keras' own predict. On "
            f"{chosen.faces:,} validation faces its scores {_nearness(chosen)} Keras', and no "
            "verdict differs."
        )
    for result in report.results:
        if result.reason:
            sentences.append(f"{result.title} could not be used: {result.reason}.")
        elif not keeps_the_scores(result, report.tolerance):
            sentences.append(_why_not(result, report.tolerance))
    return sentences


def _how_compared(report: EngineReport) -> str:
    cores = report.machine["cores"]
    return (
        "An engine is a program that computes the scores of a network. All were timed in one run "
        f"on the same {cores} core{'s' * (cores != 1)} ({report.machine['processor']}), taking "
        "turns; bfloat16 and int8 hold a number in 16 and 8 bits instead of 32, which is faster "
        "and less exact. Only an engine that keeps every score within "
        f"{report.tolerance:g} of Keras' and flips no verdict may stand in for it."
    )


def _why_not(result: EngineResult, tolerance: float) -> str:
    flips = f"{result.flipped} of {result.faces:,} verdicts differ"
    far = f"a score differs by {result.largest_difference:.2g}"
    words = [far] if result.largest_difference > tolerance else []
    words += [flips] if result.flipped else []
    return (
        f"{result.title} ({_number(result.images_per_second)} pictures a second) was left out: "
        f"{' and '.join(words)}."
    )


def _nearness(result: EngineResult) -> str:
    far = result.largest_difference
    return f"lie within {far:.2g} of" if far else "are exactly"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
