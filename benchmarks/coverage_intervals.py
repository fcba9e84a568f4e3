"""How often the 95% intervals of the evaluation hold the truth, where the truth is known.

    python benchmarks/coverage_intervals.py [--repeats 2000] [--output results/coverage.json]

Scores are binormal: the logits of fakes lie higher than those of reals by what the wanted AUC
asks for. Faces may come in clips whose faces share part of their score. Each repeat draws new
faces, computes every metric with its interval, and counts whether the true value lies inside.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import norm
from unmask.evaluation.intervals import bootstrap_metrics
from unmask.evaluation.metrics import METRICS, compute_metrics
from unmask.evaluation.operating import operating_point
from unmask.runs import report_progress, write_json

POPULATION = 300_000  # faces that the true values are computed from
RARE = 0.01  # share of fakes for which the worth of an alarm is checked
STEEPNESS = 2.0  # of the scores: twice as sure as they should be, so that calibration is off


@dataclass(frozen=True)
class Scenario:
    """What is simulated: n faces, half of them fake.

    Attributes:
        faces: n.
        auc: the true one.
        frames: faces in a clip; 1 for independent faces.
        likeness: share of a score's variance that the faces of a clip share.
        mixed: whether a clip holds real and fake faces.
        seeds: trainings; each adds noise of its own to what they share.
        alarms: true false positive rate of the threshold; None for the threshold 0.5.
    """

    faces: int
    auc: float
    frames: int = 1
    likeness: float = 0.0
    mixed: bool = False
    seeds: int = 1
    alarms: float | None = None

    @property
    def gap(self) -> float:
        """Distance of the mean logits of both classes, in standard deviations."""
        return float(np.sqrt(2) * norm.ppf(self.auc))

    @property
    def threshold(self) -> float:
        """The score from which on a face is called fake."""
        if self.alarms is None:
            return 0.5
        return float(expit(STEEPNESS * (norm.isf(self.alarms) - self.gap / 2)))

    def draw(
        self, generator: np.random.Generator, faces: int = 0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns labels [n], scores [seeds, n] and clips [n] of new faces."""
        count = faces or self.faces
        clips = np.arange(count) // self.frames
        labels = (np.arange(count) if self.mixed else clips) % 2
        of_clip = generator.normal(size=int(clips[-1]) + 1)[clips]
        of_face = generator.normal(size=count)
        noise = np.sqrt(self.likeness) * of_clip + np.sqrt(1 - self.likeness) * of_face
        if self.seeds > 1:
            own = generator.normal(size=(self.seeds, count))
            noise = np.sqrt(0.7) * noise + np.sqrt(0.3) * own
        logits = np.atleast_2d(noise) + self.gap * (labels - 0.5)
        return labels, expit(STEEPNESS * logits), clips


@functools.cache
def true_values(scenario: Scenario) -> dict[str, float]:
    """Returns every metric of very many faces, and the worth of an alarm where fakes are rare."""
    labels, scores, _ = scenario.draw(np.random.default_rng(1), POPULATION)
    truth = compute_metrics(labels, scores[0], scenario.threshold)
    alarms = RARE * truth["recall_fake"], (1 - RARE) * (1 - truth["recall_real"])
    return {**{name: truth[name] for name in METRICS}, "rare_ppv": alarms[0] / sum(alarms)}


def intervals(scenario: Scenario, number: int, resamples: int) -> dict[str, dict]:
    """Returns value, low and high of everything for the faces of repeat `number`."""
    labels, scores, clips = scenario.draw(np.random.default_rng([scenario.faces, number]))
    limit = scenario.threshold
    found = bootstrap_metrics(labels, scores, clips, limit, resamples=resamples, seed=number)
    point = operating_point(labels, scores, clips, [limit] * len(scores))
    (rare,) = (row for row in point["prevalence"] if row["share"] == RARE)
    return {**{name: each.as_dict() for name, each in found.items()}, "rare_ppv": rare["ppv"]}


def coverage(
    scenario: Scenario, repeats: int, resamples: int = 400
) -> dict[str, tuple[float, float]]:
    """Returns for each metric the share of repeats whose interval holds the truth, and its width.

    A repeat without an interval counts as a miss.
    """
    truth = true_values(scenario)
    inside: dict[str, int] = defaultdict(int)
    width: dict[str, list[float]] = defaultdict(list)
    for number in range(repeats):
        for name, each in intervals(scenario, number, resamples).items():
            if each is None or each["low"] is None:
                continue
            inside[name] += each["low"] - 1e-9 <= truth[name] <= each["high"] + 1e-9
            width[name].append(each["high"] - each["low"])
    return {name: (inside[name] / repeats, float(np.mean(width[name]))) for name in truth}


SCENARIOS = {
    "120 faces, AUC 0.7": Scenario(120, 0.7),
    "120 faces, AUC 0.9": Scenario(120, 0.9),
    "120 faces, AUC 0.98": Scenario(120, 0.98),
    "400 faces, AUC 0.98": Scenario(400, 0.98),
    "400 faces, AUC 0.9, 1% false alarms": Scenario(400, 0.9, alarms=0.01),
    "2,000 faces, AUC 0.9": Scenario(2000, 0.9),
    "100 clips of 6, AUC 0.7": Scenario(600, 0.7, 6, 0.6),
    "100 clips of 6, AUC 0.98": Scenario(600, 0.98, 6, 0.6),
    "100 clips of 6, real and fake in each, AUC 0.9": Scenario(600, 0.9, 6, 0.6, True),
    "20 clips of 10, AUC 0.9": Scenario(200, 0.9, 10, 0.6),
    "300 faces, 3 seeds, AUC 0.9": Scenario(300, 0.9, seeds=3),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulates all scenarios, prints a table of coverages and writes them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2000, help="new sets of faces a scenario")
    default = Path(__file__).parent / "results" / "coverage.json"
    parser.add_argument("--output", type=Path, default=default)
    options = parser.parse_args(arguments)
    records = {}
    for number, (title, scenario) in enumerate(SCENARIOS.items()):
        found = coverage(scenario, options.repeats)
        records[title] = {name: {"coverage": c, "width": w} for name, (c, w) in found.items()}
        print(f"{title}\n  " + ", ".join(f"{name} {c:.3f}" for name, (c, _) in found.items()))
        report_progress((number + 1) / len(SCENARIOS), title)
    write_json(options.output, {"repeats": options.repeats, "scenarios": records})
    return 0


if __name__ == "__main__":
    sys.exit(main())
