"""What is uploaded: the dataset `unmask-code`, and once `unmask-packages`."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import DataError, UsageError
from ..runs import project_home, sha256_file, sha256_of, write_json
from ..session.packages import FOLDER, LACKING
from ..suite.provenance import describe_revision
from .state import kaggle_folder

DESCRIPTION = "unmask.json"
METADATA = "dataset-metadata.json"
LICENCE = "apache-2.0"
LIBRARY = Path(__file__).resolve().parents[1]
WEIGHTS = "weights"
YUNET = "*yunet*.onnx"
LARGEST_YUNET = 5_000_000  # bytes
# What Kaggle's image runs: wheels are fetched for it, not for this machine.
IMAGE = (
    *("--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"),
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_27_x86_64"),
    *("--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"),
)
PIP_SECONDS = 900


class NoWheelsError(DataError):
    """The wheels that the image lacks cannot be fetched from here."""


def code_files() -> dict[str, Path]:
    """Returns what goes into `unmask-code`: path in the dataset -> file here, sorted.

    The package this process runs, and the notebooks and profiles of the project.
    """
    home = project_home()
    found = {
        f"lib/unmask/{path.relative_to(LIBRARY).as_posix()}": path
        for path in LIBRARY.rglob("*")
        if path.is_file() and _belongs(path.relative_to(LIBRARY))
    }
    for folder, pattern in (("notebooks", "*.ipynb"), ("params", "*.yaml")):
        for path in (home / folder).rglob(pattern):
            if path.is_file() and _belongs(path.relative_to(home)):
                found[path.relative_to(home).as_posix()] = path
    return dict(sorted(found.items()))


def content_digest(files: Mapping[str, Path]) -> str:
    """Returns a hash of names and contents, whatever the order and the times of the files."""
    return sha256_of({name: sha256_file(path) for name, path in files.items()})


def describe_code(files: Mapping[str, Path]) -> dict[str, Any]:
    """Returns what `unmask.json` of `unmask-code` says: {digest, revision, dirty, version, files}.

    `version` is that of the distribution, "" where none is installed; `files` counts them.
    """
    try:
        version = importlib.metadata.version("unmask")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return {
        "digest": content_digest(files),
        **describe_revision(),
        "version": version,
        "files": len(files),
    }


def write_dataset(
    folder: Path, handle: str, files: Mapping[str, Path], description: Mapping[str, Any]
) -> None:
    """Lays out a dataset as the official client uploads it: files, `unmask.json`, metadata.

    Args:
        folder: empty, or not there yet.
        handle: "owner/slug".
        files: path in the dataset -> file here.
        description: goes into `unmask.json`.
    """
    for name, path in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    write_json(folder / DESCRIPTION, dict(description))
    write_json(
        folder / METADATA,
        {
            "id": handle,
            "title": handle.partition("/")[2],
            "licenses": [{"name": LICENCE}],
            "isPrivate": True,
        },
    )


def read_description(content: bytes | None) -> dict[str, Any]:
    """Returns `unmask.json` as Kaggle gave it, plain or zipped; {} when it is none."""
    if not content:
        return {}
    try:
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(archive.namelist()[0])
        described = json.loads(content)
    except (ValueError, OSError, zipfile.BadZipFile, IndexError):
        return {}
    return described if isinstance(described, dict) else {}


def describe_packages(yunet: Path | None) -> dict[str, Any]:
    """Returns what `unmask.json` of `unmask-packages` says: {digest, packages, yunet}."""
    packages = sorted(LACKING.values())
    return {"digest": sha256_of(packages), "packages": packages, "yunet": bool(yunet)}


def package_files(given: Path | None, yunet: Path | None) -> dict[str, Path]:
    """Returns what goes into `unmask-packages`: the wheels, and YuNet's file where it is known.

    Args:
        given: a folder of wheels; None fetches them with pip, once per set of versions.
        yunet: the file of the face finder, or None.

    Raises:
        UsageError: the folder given lacks a wheel.
        NoWheelsError: pip cannot fetch them.
    """
    wheels = _wheels_in(given) if given else _fetched()
    if given and (lacking := _lacking(wheels)):
        raise UsageError(
            f"The folder {given} lacks wheels: {', '.join(lacking)}.",
            expected="for Python 3.12 on Linux x86_64, one wheel of each",
            fix=f"on a machine with a network: {_command(given, lacking, 'python')}",
        )
    files = {f"{FOLDER}/{path.name}": path for path in wheels}
    return files | ({f"{WEIGHTS}/{yunet.name}": yunet} if yunet else {})


def yunet_here() -> Path | None:
    """Returns YuNet's file where this machine has it: `data/weights/` or the cache."""
    named = os.environ.get("UNMASK_YUNET")
    cache = Path(os.environ.get("UNMASK_CACHE") or "~/.cache/unmask").expanduser()
    places = [project_home() / "data" / "weights", cache]
    found = [path for place in places for path in sorted(place.glob(YUNET))]
    for path in [*([Path(named)] if named else []), *found]:
        if path.is_file() and path.stat().st_size < LARGEST_YUNET:
            return path
    return None


def _fetched() -> list[Path]:
    folder = kaggle_folder() / "wheels" / sha256_of(sorted(LACKING.values()))[:12]
    wheels = _wheels_in(folder)
    if lacking := _lacking(wheels):
        folder.mkdir(parents=True, exist_ok=True)
        _run_pip(folder, lacking)
        wheels = _wheels_in(folder)
    if lacking := _lacking(wheels):
        raise NoWheelsError(f"pip left no wheel of {', '.join(lacking)}.")
    return wheels


def _run_pip(folder: Path, specifications: Iterable[str]) -> None:
    command = [sys.executable, *_arguments(folder, specifications)]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoWheelsError(f"pip could not fetch the wheels: {error}.") from error
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        said = [line for line in lines if line.startswith("ERROR")] or lines or ["no reason"]
        raise NoWheelsError(f"pip could not fetch the wheels: {said[-1]}.")


def _arguments(folder: Path, specifications: Iterable[str]) -> list[str]:
    return [
        *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--only-binary=:all:", "--retries", "1", "--timeout", "15"),
        *(*IMAGE, "--dest", str(folder)),
        *specifications,
    ]


def _command(folder: Path, specifications: Iterable[str], python: str) -> str:
    return shlex.join([python, *_arguments(folder, specifications)])


def _wheels_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.whl"))


def _lacking(wheels: Iterable[Path]) -> list[str]:
    """Returns those of LACKING's "name==version" that no wheel is of."""
    there = {tuple(path.name.lower().split("-")[:2]) for path in wheels}
    wanted = {each: each.lower().replace("-", "_").split("==") for each in LACKING.values()}
    return [each for each, named in wanted.items() if tuple(named) not in there]


def _belongs(path: Path) -> bool:
    # What an editor or a system hides beside the code is none of Kaggle's business.
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return not hidden and path.suffix != ".pyc"
