"""Which trained detector a command means: a run by name, a path, or the newest run."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError, nearest
from ..runs import DETECTOR_STEPS, project_home, resolve, steps_of_run

TRAIN = "train one first: python run_all.py"


def find_model(given: str | None = None) -> Path:
    """Returns the path of the detector that `given` names: absolute, and there.

    Args:
        given: the name of a run ("demo"), a path as typed or as seen from the project's home
            (run folder, member's folder, detector.json, .keras file), or None for the newest run.

    Raises:
        UsageError: there is none.
    """
    if given is None:
        return newest_run()
    typed = Path(given).expanduser()
    runs = project_home() / "runs"
    for path in (typed, resolve(given), runs / given):
        if path.exists():
            return path.resolve()
    known = [run.name for run in runs_with_detectors()]
    raise UsageError(
        f"There is no detector {given!r}.{nearest(given, known)}",
        expected=f"a run ({', '.join(known) or 'there is none yet'}), or the path of a run folder, "
        "a member's folder, a detector.json or a .keras file",
        fix=TRAIN if not known else "",
    )


def newest_run() -> Path:
    """Returns the run folder whose detectors were scored last.

    Raises:
        UsageError: no run holds a trained detector.
    """
    found = runs_with_detectors()
    if not found:
        raise UsageError(
            f"No run in {project_home() / 'runs'} holds a trained detector.",
            expected="a run with notebooks 04 to 08 done, or --model with another one's path",
            fix=TRAIN,
        )
    return found[-1]


def runs_with_detectors() -> list[Path]:
    """Returns the run folders that hold a detector with scores, the newest last."""
    dated = []
    for run in sorted((project_home() / "runs").glob("*")):
        files = [
            path for step in steps_of_run(run, DETECTOR_STEPS) for path in _members(run / step)
        ]
        if files:
            dated.append((max(path.stat().st_mtime_ns for path in files), run))
    return [run for _, run in sorted(dated)]


def _members(step: Path) -> list[Path]:
    return [
        path for path in step.glob("*/scores.parquet") if (path.parent / "member.json").is_file()
    ]
