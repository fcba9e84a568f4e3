"""A kernel's container: what is there, what is not, and how kernels end."""

import json
import threading

import pytest
from container import REPOSITORY, can_isolate, mount_place, run_kernel
from nbformat.v4 import new_code_cell, new_notebook, writes

LOOK = """
import importlib.util, json, os, socket, subprocess, sys
from pathlib import Path
def reaches(address):
    try:
        socket.create_connection(address, 2).close()
    except OSError as error:
        return type(error).__name__
    return "reached"
def writes(folder):
    try:
        (Path(folder) / "written").write_text("x")
    except OSError as error:
        return error.strerror
    return "written"
inputs = Path(os.environ.get("UNMASK_KAGGLE_INPUT", "/kaggle/input"))
print(json.dumps({
    "cwd": os.getcwd(), "type": os.environ["KAGGLE_KERNEL_RUN_TYPE"],
    "unmask": importlib.util.find_spec("unmask") is not None,
    "numpy": importlib.util.find_spec("numpy") is not None,
    "lz4": importlib.util.find_spec("lz4") is not None,
    "repository": sorted(os.listdir(REPOSITORY)) if os.path.isdir(REPOSITORY) else [],
    "inputs": sorted(str(path.relative_to(inputs)) for path in inputs.rglob("*.txt")),
    "input": writes(inputs / PLACE), "inputs_root": writes(inputs), "working": writes("."),
    "home": os.listdir(os.environ["HOME"]), "tmp": "pytest-of-root" in os.listdir("/tmp"),
    "network": reaches(("1.1.1.1", 443)),
}))
"""


def notebook(*cells: str) -> str:
    return writes(new_notebook(cells=[new_code_cell(cell) for cell in cells]))


@pytest.mark.skipif(not can_isolate(), reason="this machine grants no namespaces (unshare)")
def test_a_kernel_sees_kaggles_folders_and_nothing_else(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "hello.txt").write_text("hello")
    place = mount_place("dataset:ada/some-code", "new")
    code = LOOK.replace("REPOSITORY", repr(str(REPOSITORY))).replace("PLACE", repr(place))
    outcome = run_kernel(
        notebook(code), {"dataset:ada/some-code": tmp_path / "code"}, tmp_path / "working",
        without=("lz4",),
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.log
    seen = json.loads(next(line for line in outcome.log.splitlines() if line[:1] == "{"))
    home = seen.pop("home")
    assert seen == {
        "cwd": "/kaggle/working", "type": "Batch", "unmask": False, "numpy": True, "lz4": False,
        "repository": [], "inputs": [f"{place}/hello.txt"], "input": "Read-only file system",
        "inputs_root": "Read-only file system",
        "working": "written", "tmp": False, "network": "OSError",
    }  # fmt: skip
    assert set(home) <= {".ipython", ".local", ".cache", ".jupyter"}
    names = sorted(path.name for path in (tmp_path / "working").iterdir())
    assert names == ["__notebook__.ipynb", "written"]


def test_old_and_new_places_of_inputs():
    places = {
        "dataset:ada/code": ("datasets/ada/code", "code"),
        "notebook:ada/step": ("notebooks/ada/step", "step"),
        "model:ada/net/keras/small/1": ("models/ada/net/keras/small/1", "net/keras/small/1"),
    }
    for name, (new, old) in places.items():
        assert (mount_place(name, "new"), mount_place(name, "old")) == (new, old)


def test_a_failing_cell_ends_the_kernel_and_its_files_stay(tmp_path):
    source = notebook("open('kept', 'w').close(); print('before')", "raise ValueError('planted')")
    outcome = run_kernel(source, {}, tmp_path)
    assert outcome.returncode != 0 and not outcome.stopped
    assert "before" in outcome.log and "planted" in outcome.log
    assert (tmp_path / "kept").exists()


def test_a_kernel_is_stopped_with_everything_it_started(tmp_path):
    stop = threading.Event()
    source = notebook(
        "import subprocess, time\n"
        "subprocess.Popen(['sleep', '60'])\nprint('started', flush=True)\ntime.sleep(60)"
    )
    outcome = run_kernel(source, {}, tmp_path, stop=stop, tell=lambda line: stop.set())
    assert outcome.stopped and outcome.returncode == -9
