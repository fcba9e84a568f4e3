"""Run folders: where steps write, atomic files, hashes, progress. Imports nothing of Unmask."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import MissingStepError

NOTEBOOK_OF_STEP = {
    "download": "01_download",
    "preprocess": "02_preprocess",
    "audit": "03_audit",
    "baseline_cnn": "04_baseline_cnn",
    "hp_search": "05_hp_search",
    "resnet50": "06_resnet50",
    "architecture": "07_architecture",
    "ensemble": "08_ensemble",
    "stress": "09_stress",
    "ablation": "learn/why_this_detector",
    "report": "10_report",
    "score": "learn/score_your_own",
    "lesson": "learn/how_leakage_fools_you",
}
# A profile holds one such step for each network it names, such as architecture_lenet.
REPEATED_STEP = "architecture"
TRAINING_STEPS = ("baseline_cnn", "hp_search", "resnet50", REPEATED_STEP)
DETECTOR_STEPS = (*TRAINING_STEPS, "ensemble")
# In a step's folder it says which attached output the folder shows.
ATTACHED_MARK = ".attached"


def kind_of_step(step: str) -> str:
    """Returns the key of NOTEBOOK_OF_STEP that `step` belongs to: itself, or "architecture"."""
    return REPEATED_STEP if step.startswith(f"{REPEATED_STEP}_") else step


def notebook_of(step: str) -> str:
    """Returns the notebook of a step, its path below notebooks/ without the ending."""
    return NOTEBOOK_OF_STEP.get(kind_of_step(step), step)


def steps_of_run(run_folder: str | Path, kinds: Iterable[str] = ()) -> list[str]:
    """Returns the steps that have a folder in a run, in the order in which they run.

    Args:
        run_folder: of the run.
        kinds: only these; "architecture" means every step of that kind. All when empty.
    """
    kinds = tuple(kinds)
    names = sorted(path.name for path in resolve(run_folder).glob("*") if path.is_dir())
    wanted = [name for name in names if not kinds or {name, kind_of_step(name)} & set(kinds)]
    order = {step: number for number, step in enumerate(NOTEBOOK_OF_STEP)}
    known = [name for name in wanted if kind_of_step(name) in order]
    return sorted(known, key=lambda name: order[kind_of_step(name)])


def project_home() -> Path:
    """Returns the folder that relative paths are meant from.

    UNMASK_HOME when set; else the nearest folder upwards of the working folder that holds both
    `notebooks/` and `params/` (so a notebook opened by hand writes where run_all.py writes);
    else the working folder.
    """
    if os.environ.get("UNMASK_HOME"):
        return Path(os.environ["UNMASK_HOME"]).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "params").is_dir():
            return folder
    return here


def resolve(path: str | Path) -> Path:
    """Returns `path` as an absolute path; a relative one is meant from `project_home()`."""
    return (project_home() / Path(path).expanduser()).resolve()


def step_folder(run_folder: str | Path, step: str) -> Path:
    """Returns (and creates) the one folder that `step` writes to: <run folder>/<step>.

    A folder that only shows an attached output (see `session.inputs`) becomes the session's own.
    """
    global _asked_folder
    folder = resolve(run_folder) / step
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / ATTACHED_MARK).exists():
        for link in [path for path in folder.rglob("*") if path.is_symlink()]:
            with atomic_path(link) as temporary:
                shutil.copyfile(link, temporary)
        (folder / ATTACHED_MARK).unlink()
    _asked_folder = folder
    return folder


def last_step_folder() -> Path | None:
    """Returns the folder that `step_folder` gave last in this process, if it gave any."""
    return _asked_folder


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it; of one that is a link, the link alone."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _on_kaggle() -> bool:
    return bool(os.environ.get("KAGGLE_KERNEL_RUN_TYPE"))


def require(run_folder: str | Path, step: str, name: str) -> Path:
    """Returns the path of `name` written by `step`; says which notebook to run when it is missing.

    Raises:
        MissingStepError: the file is not there.
    """
    path = resolve(run_folder) / step / name
    if not path.exists():
        notebook = notebook_of(step)
        fix = f"run notebooks/{notebook}.ipynb first, or: python run_all.py --until {step}"
        if _on_kaggle():
            fix = (
                f"attach the output of notebook {notebook} (Add Input > Your Work > Notebooks), "
                f"with the same run_folder ({Path(run_folder).as_posix()}), and run again from "
                "the first cell; or run that notebook first in this session"
            )
        raise MissingStepError(
            f"{path} is not there yet.",
            expected=f"what notebook {notebook} leaves in {path.parent}",
            fix=fix,
        )
    return path


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it into place when the block ends well.

    Example:
        with atomic_path("scores.parquet") as temporary:
            frame.to_parquet(temporary)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        # Names of files need not be UTF-8; what cannot be written is written as \\udcff.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: str | Path, data: Any) -> None:
    """Writes `data` as indented JSON, atomically. NumPy scalars and paths are converted."""
    write_text(path, json.dumps(data, indent=2, default=_plain) + "\n")


def read_json(path: str | Path) -> Any:
    """Returns the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_table(path: str | Path, frame: Any) -> None:
    """Writes a pandas DataFrame atomically, as Parquet or CSV by the ending of `path`."""
    with atomic_path(path) as temporary:
        if Path(path).suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)


def sha256_file(path: str | Path) -> str:
    """Returns the SHA-256 of a file's bytes as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of(data: Any) -> str:
    """Returns the SHA-256 of plain data (through sorted JSON) as 64 hex digits."""
    text = json.dumps(data, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


_asked_folder: Path | None = None
_share = (0.0, 1.0)
_last_line = 0.0
SECONDS_BETWEEN_LINES = 2.0


@contextlib.contextmanager
def progress_share(part: int, parts: int) -> Iterator[None]:
    """Makes what the block reports count as part number `part` (from 0) of `parts` equal ones."""
    global _share
    outer, (start, end) = _share, _share
    width = (end - start) / parts
    _share = (start + part * width, start + (part + 1) * width)
    try:
        yield
    finally:
        _share = outer


def report_progress(fraction: float, message: str = "") -> None:
    """Tells the runner how far the running step is; with no runner, prints a line now and then.

    Args:
        fraction: share of the step that is done, 0 to 1.
        message: a few words, such as "epoch 3 of 10".
    """
    global _last_line
    target = os.environ.get("UNMASK_PROGRESS")
    if not target and time.monotonic() - _last_line > SECONDS_BETWEEN_LINES:
        _last_line = time.monotonic()
        print(f"\r{fraction:4.0%} {message:<60}", end="", file=sys.stderr, flush=True)
    if target:
        start, end = _share
        fraction = start + (end - start) * min(max(float(fraction), 0.0), 1.0)
        event = {"time": time.time(), "fraction": round(fraction, 4), "message": message}
        with open(target, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(event) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
