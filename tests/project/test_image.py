"""What Kaggle's image holds, from the summer of 2026, against what Unmask needs."""

from __future__ import annotations

import importlib.metadata

from locks import MADE, lock_lines, pins, ranges
from packaging.requirements import Requirement
from unmask.session.packages import LACKING

IMAGE_PYTHON = "3.12"
IMAGE = {
    "tensorflow": "2.20.0", "keras": "3.13.2", "tensorboard": "2.20.0", "keras-tuner": "1.4.8",
    "numpy": "2.0.2", "pandas": "2.2.2", "pyarrow": "18.1.0", "h5py": "3.16.0",
    "scipy": "1.16.3", "scikit-learn": "1.6.1", "onnx": "1.18.0", "matplotlib": "3.10.0",
    "seaborn": "0.13.2", "pillow": "11.3.0", "opencv-python-headless": "4.13.0.92",
    "ipykernel": "6.17.1", "papermill": "2.7.0", "nbconvert": "6.4.5", "nbformat": "5.10.4",
    "jinja2": "3.1.6", "beautifulsoup4": "4.13.5", "kaggle": "2.2.4",
    "rich": "13.9.4", "filelock": "3.29.7", "psutil": "5.9.5",
    "requests": "2.32.4", "flask": "3.1.3", "protobuf": "5.29.5",
    # Surely there, for others need them; their versions are those that pip chose beside the rest.
    "pyyaml": "6.0.3", "threadpoolctl": "3.8.0", "flatbuffers": "25.12.19", "joblib": "1.6.0",
    "packaging": "26.3",
}  # fmt: skip
# What no notebook needs that runs there.
AT_HOME_ONLY = {
    "jupyterlab": "Kaggle's editor is in its place",
    "nbval": "tests",
    "waitress": "serves the page",
}
# Results follow from these.
DECIDE = (
    *("tensorflow", "keras", "keras-tuner", "numpy", "pandas", "h5py", "scipy", "scikit-learn"),
    *("matplotlib", "seaborn", "pillow", "papermill"),
)
# OpenVINO reports its use with it where it is there, and runs without.
NOT_NEEDED = {"openvino-telemetry"}


def test_all_that_the_project_needs_is_in_the_image_or_known_to_lack_there():
    needed = set(ranges(MADE))
    lacking = set(pins(LACKING.values()))
    assert needed == (set(IMAGE) & needed) | lacking | AT_HOME_ONLY.keys()
    assert not lacking & IMAGE.keys() and not AT_HOME_ONLY.keys() & IMAGE.keys()


def test_the_image_is_inside_the_ranges():
    installed = {**IMAGE, **pins(LACKING.values())}
    allowed = {name: each for name, each in ranges(MADE).items() if name in installed}
    assert all(each.specifier.contains(installed[name]) for name, each in allowed.items())


def test_the_lock_follows_the_image_where_results_follow_from_a_package():
    locked = pins(lock_lines("requirements.lock"))
    assert {name: locked[name] for name in DECIDE} == {name: IMAGE[name] for name in DECIDE}


def test_what_is_installed_there_without_its_needs_finds_them():
    installed = {**IMAGE, **pins(LACKING.values())}
    checked = 0
    for name, version in pins(LACKING.values()).items():
        assert importlib.metadata.version(name) == version
        for line in importlib.metadata.requires(name) or []:
            need = Requirement(line)
            there = {"python_version": IMAGE_PYTHON, "extra": "", "sys_platform": "linux"}
            if need.name in NOT_NEEDED or (need.marker and not need.marker.evaluate(there)):
                continue
            assert need.specifier.contains(installed[need.name]), f"{name} needs {line}"
            checked += 1
    assert checked >= 10
