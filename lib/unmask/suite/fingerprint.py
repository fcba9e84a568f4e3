"""What a step depends on, as one hash: notebook, library code it imports, parameters, inputs."""

from __future__ import annotations

import ast
import functools
import glob
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from ..runs import resolve, sha256_file, sha256_of
from .notebook_parameters import code_of, read_notebook
from .profiles import Step

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
VERSIONED_PACKAGES = (
    "tensorflow",
    "keras",
    "keras-tuner",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "opencv-python-headless",
    "pillow",
    "matplotlib",
    "papermill",
    "openvino",
    "onnxruntime",
)
# Only the room `engines` calls these: another version of one costs no training.
ENGINE_PACKAGES = ("openvino", "onnxruntime")
ENGINE_ROOM = "engines"
# Notebooks begin by calling it, and nothing of what they compute depends on it.
SUITE_ROOM = "suite"

# Rooms that draw, measure and render: a change in them lets the work of a step stand.
READING_ROOMS = ("evaluation", "suite", "web", "session", "kaggle")
READING_PARAMETERS = (
    "resamples",
    "threshold_rule",
    "mistakes",
    "question",
    # Of an ablation, whose every training knows by its own key whether it still stands.
    "changes",
    "joined",
    "quality",
)
# Steps whose results stand beside a training's in tables, and change nothing in it.
READING_STEPS = ("audit",)
# Nothing but speed depends on these.
SPEED_PARAMETERS = ("jobs", "workers")


def step_key(step: Step, inputs: dict[str, Any]) -> str:
    """Returns the hash that decides whether a finished step still stands.

    Args:
        step: the step as planned.
        inputs: for each needed step the digest of its outputs; for `download`, its source.
    """
    sources = code_of(read_notebook(step.notebook))
    return sha256_of(
        {"notebook": sources, "library": library_digest(sources), **_given(step, sources, inputs)}
    )


def portable_key(step: Step, inputs: dict[str, Any]) -> str:
    """Returns `step_key` without versions and paths: the same at home and on Kaggle."""
    sources = code_of(read_notebook(step.notebook))
    given = _given(step, sources, inputs)
    del given["versions"]
    given["inputs"] = {need: digest for need, digest in inputs.items() if need != "paths"}
    return sha256_of({"notebook": sources, "library": library_digest(sources), **given})


def work_key(step: Step, inputs: dict[str, Any], *, portable: bool = False) -> str:
    """Returns the hash that decides whether a step's half-done work may be used to go on.

    Unlike `step_key` it leaves out the notebook and the code that only draws and measures, so
    that a better figure does not cost a training.

    Args:
        step: the step as planned.
        inputs: as for `step_key`.
        portable: leave versions out, too. Trainings look at that of Keras themselves.
    """
    sources = code_of(read_notebook(step.notebook))
    library = library_digest(sources, without=READING_ROOMS)
    inputs = {need: digest for need, digest in inputs.items() if need not in READING_STEPS}
    given = _given(step, sources, inputs, READING_PARAMETERS)
    if portable:
        del given["versions"]
    return sha256_of({"library": library, **given})


def _given(
    step: Step, sources: list[str], inputs: dict[str, Any], without: tuple[str, ...] = ()
) -> dict[str, Any]:
    left_out = (*SPEED_PARAMETERS, *without)
    values = {name: value for name, value in step.values.items() if name not in left_out}
    return {"values": values, "versions": versions_used(sources), "inputs": inputs}


def versions_used(sources: list[str]) -> dict[str, str]:
    """Returns `versions` without the engines' where the code in `sources` never calls one."""
    rooms = {path.relative_to(PACKAGE_FOLDER).parts[0] for path in _files_of(tuple(sources))}
    left_out = () if ENGINE_ROOM in rooms else ENGINE_PACKAGES
    return {name: value for name, value in versions().items() if name not in left_out}


@functools.cache
def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide the results."""
    found = {"python": platform.python_version()}
    for package in VERSIONED_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def library_digest(sources: list[str], without: tuple[str, ...] = ()) -> str:
    """Returns a hash over every file of `unmask` that the code in `sources` imports, in any depth.

    Comments do not count, nor do files in the rooms named by `without`. Every version of Python
    gives the same.
    """
    files = _files_of(tuple(sources))
    named = {path.relative_to(PACKAGE_FOLDER): _digest_of(path) for path in files}
    return sha256_of({str(k): v for k, v in named.items() if k.parts[0] not in without})


@functools.cache
def _files_of(sources: tuple[str, ...]) -> frozenset[Path]:
    files, waiting = set(), []
    for source in sources:
        waiting += _imported_files(ast.parse(_without_magics(source)), package="")
    while waiting:
        path = waiting.pop()
        if path not in files and SUITE_ROOM not in path.relative_to(PACKAGE_FOLDER).parts[:1]:
            files.add(path)
            waiting += _imported_by(path)
    return frozenset(files)


@functools.cache
def _imported_by(path: Path) -> list[Path]:
    """Returns the files of `unmask` that are read when the one at `path` is imported."""
    package = ".".join(("unmask", *path.parent.relative_to(PACKAGE_FOLDER).parts))
    inits = [folder / "__init__.py" for folder in _packages_above(path)]
    return [*_imported_files(_tree_of(path), package), *inits]


def source_state(values: dict[str, Any]) -> Any:
    """Returns what the download step's source looks like now (plain data, cheap to compute).

    For a folder: path, label, split, size and time of every file, so that a new, changed or gone
    picture is noticed. What is rendered or fetched is checked through the files it left.

    Raises:
        UsageError: the folder or manifest is wrong.
    """
    if values.get("source") != "folder":
        return "rendered or fetched"
    from ..sources.folder import list_source

    reals_only = values.get("make_fakes", False)
    frame = list_source(resolve(values["root"]), reals_only=reals_only)
    states = [os.stat(path) for path in frame["path"]]
    described = frame[["path", "label", "official_split", "group", "generator"]].astype(str)
    return [
        [*row, state.st_size, state.st_mtime_ns]
        for row, state in zip(described.itertuples(index=False), states, strict=True)
    ]


def paths_state(paths: list[str]) -> list[list[Any]]:
    """Returns name, size and time of every file that `paths` (files, folders, patterns) mean."""
    found: set[Path] = set()
    for each in paths:
        matches = [Path(name) for name in glob.glob(str(resolve(each)), recursive=True)]
        for path in (resolve(each), *matches):
            found |= {path} if path.is_file() else set(path.rglob("*"))
    states = [(str(path), path.stat()) for path in sorted(found) if path.is_file()]
    return [[name, state.st_size, state.st_mtime_ns] for name, state in states]


def files_stand(files_table: Path) -> bool:
    """Returns whether every file of a files table is still there with the size it had."""
    import pandas

    # No threads: Arrow's can abort an interpreter that exits while they end.
    reading = {"use_threads": False, "pre_buffer": False}
    files = pandas.read_parquet(files_table, columns=["path", "bytes"], **reading)
    try:
        return all(
            os.stat(path).st_size == size
            for path, size in zip(files["path"], files["bytes"], strict=True)
        )
    except OSError:
        return False


def outputs_digest(folder: Path, outputs: tuple[str, ...]) -> dict[str, str]:
    """Returns the hash of every file below `folder` that matches one of the `outputs` patterns."""
    found = {path for pattern in outputs for path in folder.glob(pattern) if path.is_file()}
    return {str(path.relative_to(folder)): sha256_file(path) for path in sorted(found)}


@functools.cache
def _tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _digest_of(path: Path) -> str:
    return sha256_of(_plain_tree(_tree_of(path)))


def _plain_tree(node: Any) -> Any:
    """Returns a syntax tree as plain data. What is empty is left out: versions of Python differ
    in which empty fields a node has, and in empty texts at the end of a format."""
    if isinstance(node, list):
        return [_plain_tree(item) for item in node]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", [_plain_tree(part) for part in node.values if not _is_no_text(part)]]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, [])}
    return [type(node).__name__, {name: _plain_tree(item) for name, item in fields.items()}]


def _is_no_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _without_magics(source: str) -> str:
    return "\n".join(
        "" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()
    )


def _packages_above(path: Path) -> list[Path]:
    inside = path.parent.relative_to(PACKAGE_FOLDER).parts
    return [PACKAGE_FOLDER.joinpath(*inside[:depth]) for depth in range(len(inside) + 1)]


def _imported_files(tree: ast.AST, package: str) -> list[Path]:
    modules = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            modules += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [path for module in modules for path in _file_of(module)]


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _file_of(module: str) -> list[Path]:
    first, *rest = module.split(".")
    if first != "unmask":
        return []
    base = PACKAGE_FOLDER.joinpath(*rest)
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return [path for path in candidates if path.is_file()]
