"""All notebooks execute, one after the other, with the parameters of the smoke profile."""

import os
import re
import subprocess
import sys
from pathlib import Path

import papermill
import pytest
from unmask.runs import read_json
from unmask.suite.profiles import load_profile

REPOSITORY = Path(__file__).resolve().parents[2]
CELL_SECONDS = 300


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Prepares the notebooks with smoke parameters and lets nbval run them in their order."""
    home = tmp_path_factory.mktemp("smoke")
    prepared = home / "prepared"
    prepared.mkdir()
    for step in load_profile("smoke").steps:
        papermill.execute_notebook(
            str(step.notebook),
            str(prepared / f"{'_'.join(filter(None, (step.notebook.stem, step.label)))}.ipynb"),
            parameters=step.values,
            prepare_only=True,
        )
    arguments = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", str(CELL_SECONDS)]
    environment = {**os.environ, "UNMASK_HOME": str(home)}
    environment.pop("PYTEST_CURRENT_TEST", None)
    result = subprocess.run(
        # A notebook's cells have an order.
        [sys.executable, "-m", "pytest", *arguments, "-x", "-q",
         "-p", "no:timeout", "-p", "no:randomly",
         "--rootdir", str(prepared), "-c", os.devnull, str(prepared)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    return home, result


@pytest.mark.timeout(900)
def test_every_cell_executes(executed):
    _, result = executed
    assert result.returncode == 0, result.stdout[-3000:]
    passed = int(re.search(r"(\d+) passed", result.stdout)[1])
    assert passed > 40
    assert "failed" not in result.stdout


def test_they_leave_what_the_contracts_say(executed):
    home, _ = executed
    run = home / "runs" / "smoke"
    for step in load_profile("smoke").steps:
        assert read_json(run / step.name / "summary.json")["sentence"]
    found = list(run.glob("*/*/metrics.json"))
    found = [path for path in found if path.parent.parent.name != "ablation"]
    floors = [path.parent.name for path in found if path.parent.parent.name == "audit"]
    assert len(floors) >= 4 and all(name.startswith("floor_") for name in floors)
    members = sorted(path.parent.name for path in found if path.parent.name not in floors)
    assert members == [
        "counts", "four_block", "greedy_ensemble", "lenet", "mean_ensemble", "rank_ensemble",
        "resnet50", "search_winner", "stacked_ensemble", "two_block", "weighted_ensemble",
    ]  # fmt: skip
    for path in run.glob("*/*/metrics.json"):
        metrics = read_json(path)
        assert {"val", "test", "unseen"} <= set(metrics["splits"])
        assert (path.parent / "scores.parquet").exists()
    assert list(run.glob("baseline_cnn/two_block/seed_1/tensorboard/**/events*"))
    assert len((run / "baseline_cnn/two_block/seed_1/history.csv").read_text().splitlines()) == 3
