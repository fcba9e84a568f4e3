"""Runs one notebook in a process of its own: `python -m unmask.suite.step_process REQUEST.json`.

Papermill marks cells of a killed kernel as completed, so the outcome is told by this process:
exit code 0, or exit code 1 and a failure.json beside the request.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ..errors import DataError, MissingStepError, UsageError
from ..runs import read_json, write_json

# Their messages say everything; the name of another error is half of what it says.
OWN_ERRORS = tuple(kind.__name__ for kind in (DataError, MissingStepError, UsageError))


def main(request_path: str) -> int:
    """Executes the notebook named in the request; returns the exit code."""
    request = read_json(request_path)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _end_with_parent()
    failure_path = Path(request["output"]).with_name("failure.json")
    failure_path.unlink(missing_ok=True)
    try:
        _execute(request)
    except Exception as error:
        write_json(failure_path, describe_failure(error))
        return 1
    return 0


def describe_failure(error: Exception) -> dict[str, Any]:
    """Returns {"kind", "message"} of what ended a notebook, in words for its reader."""
    kind, text = type(error).__name__, str(error)
    if kind == "PapermillExecutionError":
        kind, text = error.ename, error.evalue
    if kind == "DeadKernelError":
        message = (
            "The kernel died in the middle of a cell.\n"
            "  expected: a kernel that lives until its last cell\n"
            "  to fix:   most often memory ran out: close other programs or use smaller batches; "
            "run again to go on from the last epoch"
        )
        return {"kind": kind, "message": message}
    if kind == "NoSuchKernel":
        message = (
            "Jupyter has no kernel named python3.\n"
            "  to fix:   python -m ipykernel install --sys-prefix --name python3"
        )
        return {"kind": kind, "message": message}
    return {"kind": kind, "message": _explain(kind, text)}


def _explain(kind: str, text: str) -> str:
    if kind == "OSError" and text.startswith(f"[Errno {errno.ENOSPC}]"):
        return (
            f"The disk is full: {text}\n"
            "  to fix:   free some space and run again; finished steps are kept"
        )
    return text if kind in OWN_ERRORS else f"{kind}: {text}".rstrip(": ")


def _execute(request: dict[str, Any]) -> None:
    import papermill
    from nbclient import NotebookClient

    # Kaggle's image has an older nbclient, which does not know how to join printed pieces.
    joins = "coalesce_streams" in NotebookClient.class_trait_names()
    papermill.execute_notebook(
        # Papermill fills in {names} in paths; a brace in a folder's name must stay one.
        _without_fields(request["notebook"]),
        _without_fields(request["output"]),
        parameters=request["values"],
        kernel_name="python3",
        cwd=request["cwd"],
        progress_bar=False,
        start_timeout=180,
        **({"coalesce_streams": True} if joins else {}),
    )


def _without_fields(path: str) -> str:
    return path.replace("{", "{{").replace("}", "}}")


def _end_with_parent() -> None:
    """Ends this process when the runner is gone; the kernel watches this process in turn."""
    runner = os.getppid()

    def watch() -> None:
        while os.getppid() == runner:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
