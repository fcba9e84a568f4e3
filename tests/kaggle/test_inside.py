"""What a launcher kernel does, in a process of its own with folders laid out like Kaggle's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from unmask.runs import read_json, write_json
from unmask.session.outputs import MANIFEST, pack, read_manifest, restore, restore_all

sys.path.append(str(Path(__file__).resolve().parents[1] / "suite"))
from counting_home import leaping_clock, make_counting_home

LIBRARY = Path(__file__).resolve().parents[2] / "lib"
SCRIPT = """
import json, os, sys
from unmask.kaggle.inside import run_request
run_request(json.loads(sys.argv[1]))
"""
PACKED = {"digest": "d", "revision": "abc123abc123", "dirty": False, "version": "1"}


@pytest.fixture(scope="module")
def code(tmp_path_factory) -> Path:
    """The dataset unmask-code as a folder: lib/, tiny notebooks/ and params/, unmask.json."""
    folder = make_counting_home(tmp_path_factory.mktemp("code") / "unmask-code")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(LIBRARY / "unmask", folder / "lib" / "unmask", ignore=ignored)
    write_json(folder / "unmask.json", PACKED)
    return folder


class Kernel:
    """A launcher kernel: its folders, its process, what it leaves."""

    def __init__(
        self, folder: Path, code: Path, attached: list[Path], steps: list[str], *,
        leaps: bool = False, sources: tuple[str, ...] = (), **request,
    ):  # fmt: skip
        self.working, inputs = folder / "working", folder / "input" / "notebooks" / "ada"
        self.working.mkdir(parents=True)
        inputs.mkdir(parents=True)
        for number, output in enumerate(attached):
            (inputs / f"kernel-{number}").symlink_to(output, target_is_directory=True)
        known = {"format": 1, "run_id": "0a1b2c3d", "key": "k", "part": 1, "profile": "demo"}
        asked = {**known, "overrides": [], "steps": steps, "seconds": 600, **request}
        asked["attached"] = list(sources)
        variables = {
            "KAGGLE_KERNEL_RUN_TYPE": "Batch",
            "UNMASK_KAGGLE_INPUT": str(folder / "input"),
            "UNMASK_KAGGLE_WORKING": str(self.working),
            "PYTHONPATH": str(code / "lib"),
            "GIT_COMMIT": "feed",
        }
        script = leaping_clock(self.working) + SCRIPT if leaps else SCRIPT
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(asked)],
            env={**os.environ, **variables},
            cwd=self.working,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> dict:
        self.log, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, self.log
        manifest = read_manifest(self.working)
        assert manifest, self.log
        return manifest

    def described(self, step: str) -> dict:
        with tarfile.open(self.working / "results.tar") as archive:
            return json.load(archive.extractfile(f"runs/demo/{step}/run.json"))


def of_an_older_image(output: Path, folder: Path) -> Path:
    """An output as an image with another Pillow would have left it."""
    restore(output, folder)
    manifest, step = read_manifest(output), folder / "runs/demo/preprocess"
    described, started = read_json(step / "run.json"), read_json(step / "started.json")
    described["versions"]["pillow"] = "9.0"
    write_json(step / "run.json", described)
    write_json(step / "started.json", started | {"work_key": "another image's"})
    pack(folder, "demo", ["preprocess"], manifest, manifest["steps"], folder / "out")
    return folder / "out"


def states(manifest: dict) -> dict[str, str]:
    return {name: step["status"] for name, step in manifest["steps"].items()}


@pytest.fixture(scope="module")
def download(tmp_path_factory, code):
    """The kernel of the step download, ended."""
    kernel = Kernel(tmp_path_factory.mktemp("download"), code, [], ["download"])
    return kernel, kernel.end()


@pytest.fixture(scope="module")
def parts(tmp_path_factory, code, download):
    """Two kernels of the step preprocess: the first runs out of time, the second goes on."""
    needed = download[0].working
    folder = tmp_path_factory.mktemp("parts")
    first = Kernel(folder / "1", code, [needed], ["preprocess"], leaps=True)
    before = first.end()
    attached = [of_an_older_image(first.working, folder / "older"), needed]
    second = Kernel(folder / "2", code, attached, ["preprocess"], part=2, run_id="ffffffff")
    return first, before, second, second.end()


def test_a_done_step_leaves_only_its_output(download):
    kernel, manifest = download
    assert manifest["status"] == "done" and states(manifest) == {"download": "done"}
    assert (manifest["run_id"], manifest["key"], manifest["part"]) == ("0a1b2c3d", "k", 1)
    assert {path.name for path in kernel.working.iterdir()} == {
        MANIFEST, "results.tar", "reports",
    }  # fmt: skip
    pages = {path.name for path in (kernel.working / "reports/demo").iterdir()}
    assert pages == {"01_download.html", "index.html"}
    assert "This kernel is done." in kernel.log and "download: done" in kernel.log


def test_the_report_says_that_it_ran_on_kaggle(download):
    kernel, _ = download
    described = kernel.described("download")
    assert described["place"] == "Kaggle"
    assert described["command"] == "unmask kaggle run --profile demo"
    assert described["revision"] == PACKED["revision"] and described["dirty"] is False
    assert described["machine"]["internet"] == "off"
    assert "commit feed" in described["machine"]["image"]
    page = (kernel.working / "reports/demo/01_download.html").read_text()
    assert "<dt>Place</dt><dd><code>Kaggle</code></dd>" in page


def test_a_step_that_runs_out_of_time_is_partial(parts):
    first, before, _, _ = parts
    assert before["status"] == "partial" and states(before) == {"preprocess": "partial"}
    assert "at 50% (epoch 2 of 4)" in before["steps"]["preprocess"]["message"]
    assert "This kernel is partial." in first.log
    page = (first.working / "reports/demo/02_preprocess.html").read_text()
    assert "This report is partial" in page
    assert (first.working / "reports/demo/01_download.html").exists()


def test_the_next_part_goes_on_and_ends(parts):
    _, _, second, after = parts
    assert after["status"] == "done" and after["part"] == 2, second.log
    with tarfile.open(second.working / "results.tar") as archive:
        epochs = json.load(archive.extractfile("runs/demo/preprocess/epochs.json"))
        assert not [name for name in archive.getnames() if "/download/" in name]
    assert epochs == [0, 0, 2, 2]
    page = (second.working / "reports/demo/02_preprocess.html").read_text()
    words = "An earlier part of this step ran with other versions: pillow 9.0 (now "
    assert words in page and words in (second.working / "reports/demo/index.html").read_text()
    assert {item["path"] for item in after["files"]} == {"results.tar", "faces/faces_8.npy"}


def test_one_kernel_for_all_steps_goes_on_after_those_that_are_done(tmp_path, code):
    steps = ["download", "preprocess"]
    first = Kernel(tmp_path / "1", code, [], steps, leaps=True)
    assert states(first.end()) == {"download": "done", "preprocess": "partial"}, first.log
    # Every kernel on Kaggle works in the same place, which tables name.
    (tmp_path / "1").rename(tmp_path / "kept")
    left = tmp_path / "kept" / "working"
    second = Kernel(tmp_path / "1", code, [left], steps, part=2, run_id="ffffffff")
    after = second.end()
    assert states(after) == {"download": "unchanged", "preprocess": "done"}, second.log
    assert after["status"] == "done"
    with tarfile.open(second.working / "results.tar") as archive:
        epochs = json.load(archive.extractfile("runs/demo/preprocess/epochs.json"))
        assert "runs/demo/download/done.json" in archive.getnames()
    assert epochs == [0, 0, 2, 2]


def test_at_home_what_ran_elsewhere_is_not_called_stale(parts, download, code, tmp_path):
    home = make_counting_home(tmp_path / "home")
    first, _, second, _ = parts
    restore_all([second.working, first.working, download[0].working], home)
    for step in ("download", "preprocess"):
        done = read_json(home / "runs/demo" / step / "done.json")
        assert done["place"] == "Kaggle"
        write_json(home / "runs/demo" / step / "done.json", {**done, "key": "another version's"})
    words = (
        "import json, sys; from unmask.suite import plan; from unmask.suite.profiles import *\n"
        "steps = ['download', 'preprocess']\n"
        "for change in ([], ['preprocess.pause=1'], ['download.amount=2']):\n"
        "    profile = load_profile('demo', change)\n"
        "    print(json.dumps([plan.stale_steps(profile, steps),\n"
        "        [plan.still_stands(profile.step(s), profile.run_folder) for s in steps]]))\n"
        "from unmask.suite import shelf\n"
        "profile = load_profile('demo')\n"
        "runs = [plan.StepRun(s, profile.run_folder / s.name, False) for s in profile.steps]\n"
        "for run in runs[:2]: shelf.write_report(profile, run, runs)\n"
        "shelf.write_index(profile, runs)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", words],
        env={**os.environ, "UNMASK_HOME": str(home), "PYTHONPATH": str(code / "lib")},
        capture_output=True,
        text=True,
    )
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert told == [
        [[], [False, False]],
        [["preprocess"], [False, False]],
        [["download", "preprocess"], [False, False]],
    ], result.stderr
    index = (home / "reports/demo/index.html").read_text()
    assert "2 of 3 done" in index and "From an earlier run" not in index
    page = (home / "reports/demo/02_preprocess.html").read_text()
    assert "Kaggle; this page was made at home" in page and "Built on an earlier run" not in page


def test_a_failed_notebook_ends_in_the_manifest(code, tmp_path):
    changes = ["download.fail=error"]
    kernel = Kernel(tmp_path, code, [], ["download", "preprocess"], overrides=changes)
    manifest = kernel.end()
    assert manifest["status"] == "failed"
    assert states(manifest) == {"download": "failed", "preprocess": "not run"}
    assert "planted <b>error</b>" in manifest["steps"]["download"]["message"]
    assert "download failed: ValueError: planted" in kernel.log
    command = "unmask kaggle run --profile demo --set download.fail=error"
    assert kernel.described("download")["command"] == command


def test_an_input_that_is_missing_is_named_with_its_kernel(code, tmp_path):
    kernel = Kernel(tmp_path, code, [], ["preprocess"])
    manifest = kernel.end()
    assert manifest["status"] == "failed" and states(manifest) == {"preprocess": "not run"}
    assert "unmask-demo-download" in manifest["message"] and manifest["message"] in kernel.log


def test_a_source_that_kaggle_did_not_attach_ends_the_kernel_at_once(code, tmp_path):
    sources = ("notebooks/ada/kernel-0", "datasets/ada/faces")
    kernel = Kernel(tmp_path, code, [code], ["download"], sources=sources)
    manifest = kernel.end()
    assert manifest["status"] == "failed" and states(manifest) == {"download": "not run"}
    assert "Kaggle did not attach datasets/ada/faces." in manifest["message"]


def test_a_mistake_in_the_request_still_leaves_a_manifest(code, tmp_path):
    kernel = Kernel(tmp_path, code, [], ["download"], seconds="many")
    manifest = kernel.end()
    assert manifest["status"] == "failed" and "ValueError" in manifest["message"]
    assert "Traceback" in kernel.log


def test_a_cancelled_kernel_packs_what_is_there(code, tmp_path):
    kernel = Kernel(tmp_path, code, [], ["download", "preprocess"])
    epochs = kernel.working / "runs/demo/preprocess/epochs.json"
    while not epochs.exists() or len(json.loads(epochs.read_text())) < 2:
        assert kernel.process.poll() is None
        time.sleep(0.1)
    kernel.process.send_signal(signal.SIGTERM)
    manifest = kernel.end()
    assert states(manifest) == {"download": "done", "preprocess": "partial"}, kernel.log
    assert manifest["status"] == "partial"
    assert kernel.described("preprocess")["status"] == "partial"
    page = (kernel.working / "reports/demo/02_preprocess.html").read_text()
    assert "This report is partial" in page and "It was stopped by hand, at 50%" in page


def test_at_home_a_request_is_refused_before_anything_is_removed(code, tmp_path):
    (tmp_path / "runs").mkdir()
    request = '{"profile": "demo", "steps": [], "overrides": []}'
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, request],
        env={**os.environ, "UNMASK_KAGGLE_WORKING": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "UsageError" in result.stderr and (tmp_path / "runs").is_dir()
