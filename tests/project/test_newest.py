"""The newest TensorFlow and Keras, in an environment of their own: `make newest` makes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from locks import REPOSITORY, lock_lines, pins
from unmask.runs import read_json
from unmask.suite.profiles import load_profile

NEWEST = REPOSITORY / ".venv-newest" / "bin" / "python"
LOCKED = Path(sys.executable)
SCRIPT = Path(__file__).with_name("both_versions.py")
NAMES = REPOSITORY / "lib" / "unmask" / "detectors" / "names.json"
TOLERANCE = 1e-5
MADE = REPOSITORY / ".venv-newest" / "ready"

pytestmark = [
    pytest.mark.skipif(not MADE.exists(), reason="no .venv-newest; `make newest` makes it"),
    pytest.mark.timeout(1800),
]


def call(python: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs Python on this checkout's library."""
    library = {"PYTHONPATH": str(REPOSITORY / "lib")}
    return subprocess.run(
        [str(python), *arguments],
        env={**os.environ, **library, **variables},
        capture_output=True,
        text=True,
    )


def numbers_of(python: Path, *arguments: str) -> dict:
    """Returns the JSON that the script prints under an environment's versions."""
    result = call(python, str(SCRIPT), *arguments)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """The smoke profile, run under the newest versions: its project and how it ended."""
    home = tmp_path_factory.mktemp("newest")
    for name in ("notebooks", "params"):
        (home / name).symlink_to(REPOSITORY / name)
    command = [str(REPOSITORY / "run_all.py"), "--profile", "smoke"]
    return home, call(NEWEST, *command, UNMASK_HOME=str(home), COLUMNS="200")


def test_every_step_of_the_smoke_profile_is_done_under_the_newest_versions(smoke):
    home, result = smoke
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    newest = pins(lock_lines("requirements-newest.lock"))
    for step in load_profile("smoke").steps:
        folder = home / "runs" / "smoke" / step.name
        assert read_json(folder / "summary.json")["sentence"]
        assert (folder / "done.json").exists()
        versions = read_json(folder / "run.json")["versions"]
        found = {name: versions[name] for name in ("tensorflow", "keras")}
        assert found == {name: newest[name] for name in found}
    assert (home / "reports" / "smoke" / "index.html").exists()


def test_what_was_trained_under_the_newest_versions_scores_the_same_under_the_lock(smoke):
    home, _ = smoke
    differences = numbers_of(LOCKED, "rescore", str(home / "runs" / "smoke"))
    assert {"baseline_cnn/two_block", "resnet50/resnet50"} <= differences.keys()
    assert {"architecture_counts/counts", "hp_search/search_winner"} <= differences.keys()
    assert max(differences.values()) < TOLERANCE, differences


@pytest.mark.parametrize(("writer", "reader"), [(LOCKED, NEWEST), (NEWEST, LOCKED)])
def test_every_network_saved_under_one_scores_the_same_under_the_other(writer, reader, tmp_path):
    scores = numbers_of(writer, "write", str(tmp_path / "networks"))
    assert all(max(each) - min(each) > 0.1 for each in scores.values()), scores
    differences = numbers_of(reader, "read", str(tmp_path / "networks"))
    assert differences.keys() == {*json.loads(NAMES.read_text()), "together"}
    assert max(differences.values()) < TOLERANCE, differences
