"""The 95% intervals hold the truth about as often as they say, where the truth is known."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage_intervals.py"
REPEATS = 200  # a true coverage of 0.95 comes out between 0.92 and 0.98
# Where the reals cannot tell where so low a false positive rate lies, the interval is wide.
WIDE = ("tpr_at_fpr_0_1", "tpr_at_fpr_1", "tpr_at_fpr_5", "ece")


@pytest.fixture(scope="module")
def simulation():
    spec = importlib.util.spec_from_file_location(PATH.stem, PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[PATH.stem] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[PATH.stem]


@pytest.mark.parametrize(
    "title",
    [
        "120 faces, AUC 0.7",
        "120 faces, AUC 0.9",
        "120 faces, AUC 0.98",
        "400 faces, AUC 0.9, 1% false alarms",
        "100 clips of 6, AUC 0.98",
        "300 faces, 3 seeds, AUC 0.9",
    ],
)
def test_intervals_hold_the_truth(simulation, title):
    found = simulation.coverage(simulation.SCENARIOS[title], REPEATS, resamples=200)
    shares = {name: share for name, (share, _) in found.items()}
    assert min(shares.values()) >= 0.91, shares
    assert 0.925 <= shares["auc"] <= 0.99, shares
    narrow = [share for name, share in shares.items() if name not in WIDE]
    assert sum(narrow) / len(narrow) <= 0.98, shares


def test_faces_of_a_clip_are_not_independent(simulation):
    """Were each frame taken for a face of its own, the intervals would miss far too often."""
    scenario = simulation.Scenario(600, 0.9, 20, 0.9)
    truth = simulation.true_values(scenario)
    covered = {"clips": 0, "frames": 0}
    for number in range(100):
        labels, scores, clips = scenario.draw(np.random.default_rng(number))
        for name, groups in (("clips", clips), ("frames", None)):
            found = simulation.bootstrap_metrics(
                labels, scores, groups, 0.5, resamples=100, metrics=("auc", "recall_fake")
            )
            covered[name] += all(each.low <= truth[key] <= each.high for key, each in found.items())
    assert covered["clips"] >= 88 and covered["frames"] <= 60


def test_the_truth_is_the_one_asked_for(simulation):
    scenario = simulation.Scenario(600, 0.9, 20, 0.9)
    assert simulation.true_values(scenario)["auc"] == pytest.approx(0.9, abs=0.005)
