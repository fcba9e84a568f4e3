"""The packages that Unmask needs and Kaggle's image lacks: installed from wheels or the network."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import DataError
from .mounts import attached_folders

# Import name -> what pip installs. The versions are those of requirements.lock.
LACKING = {
    "av": "av==18.1.0",
    "lz4": "lz4==4.4.5",
    "mtcnn": "mtcnn==1.0.0",
    "onnxruntime": "onnxruntime==1.31.1",
    "openvino": "openvino==2026.4.1",
    "tf2onnx": "tf2onnx==1.17.0",
}
DATASET = "unmask-packages"
FOLDER = "wheels"
# What else they name as their needs is in the image already, in the image's own versions.
PIP = ("install", "--no-deps", "--quiet", "--disable-pip-version-check", "--no-input")
# Without a network pip would ask, wait and ask again for minutes.
IMPATIENT = ("--retries", "1", "--timeout", "15")
SHOWN_LINES = 3


def install_missing(lacking: Mapping[str, str] = LACKING) -> list[str]:
    """Installs those packages that cannot be imported; returns sentences on what was done.

    The wheels of an attached dataset come first; what they do not cover is fetched.

    Args:
        lacking: import name -> "distribution==version".

    Raises:
        DataError: neither attached wheels nor the network gave them.
    """
    missing = {name: what for name, what in lacking.items() if not _is_there(name)}
    if not missing:
        return []
    folders = wheel_folders()
    attempts = [
        *([("attached wheels", ("--no-index",))] if folders else []),
        ("the network", IMPATIENT),
    ]
    said = ""
    for source, options in attempts:
        said = _pip(missing.values(), folders, options)
        importlib.invalidate_caches()
        if all(_is_there(name) for name in missing):
            return [f"Installed from {source}: {', '.join(missing.values())}."]
    raise DataError(
        f"This machine lacks packages that Unmask needs: {', '.join(missing.values())}. "
        f"Pip said: {said}",
        expected=f"their wheels in an attached dataset's folder {FOLDER}/, or a network",
        fix=(
            f"attach the dataset {DATASET} (Add Input > Datasets > {DATASET}, made by "
            "`unmask kaggle push`), or switch the internet on (Settings > Turn on internet), "
            "then run again"
        ),
    )


def wheel_folders() -> list[Path]:
    """Returns the attached folders that hold wheels: those called wheels/, and unmask-packages."""
    found = []
    for folder in attached_folders():
        places = [folder / FOLDER, folder / FOLDER / FOLDER]
        places += [folder] if folder.name == DATASET else []
        found += [place for place in places if any(place.glob("*.whl"))]
    return found


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _pip(requirements, folders: list[Path], options: tuple[str, ...]) -> str:
    """Runs pip once; returns the last lines of what it complained about."""
    links = [word for folder in folders for word in ("--find-links", str(folder))]
    command = [sys.executable, "-m", "pip", *PIP, *options, *links, *requirements]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
    return " ".join(lines[-SHOWN_LINES:]) or f"code {result.returncode}"
