"""The report of a notebook that runs by itself: written when it concludes, or when a cell fails."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat

from .. import runs
from ..session.mounts import RUN_TYPE_VARIABLE, on_kaggle
from ..session.pictures import pack_pictures
from .alarms import own_alarms, read_alarms
from .executed import assemble, find_notebook, parameters_used
from .notebook_parameters import code_of, read_notebook, read_parameters, title_of
from .profiles import Profile, Step
from .provenance import describe_run
from .recorder import Recorder
from .shelf import SHOWN_APART, report_path
from .step_process import describe_failure

STOPPED = "It was stopped by hand. What it had written is kept: run the cell again to go on."
CLOCK_SLACK = 0.05  # seconds by which a file's time may lag behind the clock

_watcher: Watcher | None = None


def start_reporting(said: Sequence[str] = ()) -> None:
    """Makes this kernel write a report on its notebook; called again, it only takes `said`.

    Args:
        said: what was prepared for this session, for the report's reader.
    """
    global _watcher
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if _watcher is not None:
        _watcher.said += [sentence for sentence in said if sentence not in _watcher.said]
    elif kernel is not None:
        _watcher = Watcher(kernel, list(said))


class Watcher:
    """Follows the cells of a kernel; writes the report when one concludes or raises."""

    def __init__(self, kernel: Any, said: list[str]):
        self.said = said
        self._shell = kernel.shell
        self._recorder = Recorder(kernel)
        self._began = self._cell_began = time.time()
        self._concluded: Path | None = None
        self._recorder.listen()
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def _before(self, info: Any) -> None:
        self._cell_began = time.time()

    def _after(self, result: Any) -> None:
        folder = runs.last_step_folder()
        error = result.error_before_exec or result.error_in_exec
        concluded = error is None and folder is not None and self._has_concluded(folder)
        if concluded:
            self._concluded = folder
        elif error is None:
            return
        if concluded and folder.name == "download" and on_kaggle():
            _attempt("The pictures could not be packed into one archive", _pack)
        _attempt("The report could not be written", lambda: self._write(folder, error))

    def _has_concluded(self, folder: Path) -> bool:
        summary = folder / "summary.json"
        return summary.exists() and summary.stat().st_mtime >= self._cell_began - CLOCK_SLACK

    def _write(self, folder: Path | None, error: BaseException | None) -> None:
        whole = self._recorder.catch_up()
        records = self._recorder.cells()
        path = find_notebook(shipped_folders(), records)
        cells = read_notebook(path)["cells"] if path else []
        sources = [source.strip() for source in code_of({"cells": cells})]
        if error is not None and self._concluded and records[-1].source.strip() not in sources:
            return  # somebody tries something out behind a finished notebook
        step = _describe_step(path, folder, records, self._shell.user_ns)
        if step is None:
            return
        if folder is None or folder.name != step.name:
            folder = runs.resolve(step.values.get("run_folder", "runs/demo")) / step.name
        described = self._describe(step, error)
        if not whole:
            described["outputs"] = "not all of them arrived in time to stand in this report"
        page = write_alone(assemble(cells, records), step, folder, described)
        print(f"The report on this notebook: {page}")

    def _describe(self, step: Step, error: BaseException | None) -> dict[str, Any]:
        now = time.time()
        kind = os.environ.get(RUN_TYPE_VARIABLE, "")
        place = f" on Kaggle ({kind})" if on_kaggle() else ""
        return {
            **describe_run(step, "", {}),
            "command": f"notebook {step.notebook.name}, run alone{place}",
            "attached": [sentence.rstrip(".") for sentence in self.said],
            "start": datetime.fromtimestamp(self._began, UTC).isoformat(timespec="seconds"),
            "seconds": round(now - self._began, 1),
            **_outcome(error),
        }


def _outcome(error: BaseException | None) -> dict[str, str]:
    if error is None:
        return {"status": "done"}
    if isinstance(error, KeyboardInterrupt):
        return {"status": "partial", "stopped": STOPPED}
    return {"status": "failed", "failure": describe_failure(error)["message"]}


def _attempt(what: str, work: Callable[[], None]) -> None:
    """Calls `work`; says when it fails: the notebook's own work must not be lost to it."""
    try:
        with warnings.catch_warnings():
            # Of libraries of Kaggle's image, on nothing that a reader could change.
            warnings.simplefilter("ignore", SyntaxWarning)
            work()
    except Exception as problem:
        print(f"{what}: {type(problem).__name__}: {problem}")


def _pack() -> None:
    print(pack_pictures(runs.project_home()), end="")


def shipped_folders() -> list[Path]:
    """Returns the folders of notebooks that came with the code that runs."""
    library = Path(__file__).resolve().parents[2]
    found = [folder / "notebooks" for folder in (library.parent, library.parent.parent)]
    return [folder for folder in found if folder.is_dir()][:1]


def write_alone(notebook: Any, step: Step, folder: Path, described: dict[str, Any]) -> Path:
    """Writes run.json, the executed notebook, its report and the shelf; returns the report's path.

    Args:
        notebook: as executed.
        step: the step that the notebook is.
        folder: of the step; written to only when it is there.
        described: the content of run.json.
    """
    from .html import ReportContext, render_index, render_report

    profile = Profile(folder.parent.name, folder.parent.name, "", (step,))
    page = report_path(profile, step)
    done = described["status"] == "done"
    runs.write_text(page.with_suffix(".ipynb"), nbformat.writes(notebook))
    if folder.is_dir() and not folder.is_symlink():
        runs.write_json(folder / "run.json", described)
        runs.write_text(folder / "executed.ipynb", nbformat.writes(notebook))
    summary = _summary(folder) if done else {}
    context = ReportContext(
        profile=profile.name,
        step=step.name,
        status=described["status"],
        error=described.get("failure", described.get("stopped")),
        title=_title(step) if step.label else "",
        provenance={name: each for name, each in described.items() if name not in SHOWN_APART},
        steps=[_page(step, page, described, folder)],
        notices=summary.get("notices", []),
        alarms=read_alarms(folder, step.name) if done else [],
    )
    try:
        render_report(page.with_suffix(".ipynb"), page, context=context)
    finally:
        page.with_suffix(".ipynb").unlink()
    render_index(
        page.with_name("index.html"),
        profile=profile.name,
        steps=context.steps,
        provenance=context.provenance,
        headline=None,
    )
    return page


def _describe_step(
    path: Path | None, folder: Path | None, records: Sequence[Any], variables: dict[str, Any]
) -> Step | None:
    """Returns the step that a notebook is, with the values its cells gave to its parameters."""
    parameters = read_parameters(path) if path else {}
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    values = defaults | parameters_used(parameters, records, variables)
    name = folder.name if folder else _step_of(path, values)
    if not name:
        return None
    changed = tuple(name for name in defaults if values[name] != defaults[name])
    notebook = path or Path(f"{runs.notebook_of(name).rpartition('/')[2]}.ipynb")
    return Step(name, notebook, (), values, changed, parameters)


def _step_of(path: Path | None, values: dict[str, Any]) -> str:
    steps = {name.rpartition("/")[2]: step for step, name in runs.NOTEBOOK_OF_STEP.items()}
    step = steps.get(path.stem, "") if path else ""
    if step == runs.REPEATED_STEP:
        return f"{step}_{values.get('label') or values.get('network')}"
    return step


def _page(step: Step, page: Path, described: dict[str, Any], folder: Path) -> dict[str, Any]:
    done = described["status"] == "done"
    summary = _summary(folder) if done else {}
    return {
        "step": step.name,
        "title": _title(step),
        "file": page.name,
        "status": described["status"],
        "duration": described["seconds"],
        "sentence": summary.get("sentence", ""),
        "notices": summary.get("notices", []),
        "alarms": own_alarms(folder, step.name) if done else [],
    }


def _title(step: Step) -> str:
    own = title_of(read_notebook(step.notebook)) if step.notebook.is_file() else step.name
    return f"{step.label}: {own.partition(': ')[2] or own}" if step.label else own


def _summary(folder: Path) -> dict[str, Any]:
    try:
        return runs.read_json(folder / "summary.json")
    except (OSError, ValueError):
        return {}
