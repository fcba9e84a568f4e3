"""A notebook run by itself on Kaggle: what is missing is put in place, and it reports on itself."""

from __future__ import annotations

import atexit
import functools
import os
import time
from collections.abc import Callable
from typing import Any

from ..runs import project_home
from ..session.mounts import on_kaggle, working_folder

_began: float | None = None


def begin() -> None:
    """Prepares a notebook that runs on Kaggle by itself; elsewhere it does nothing.

    Sets the project's home to /kaggle/working, installs the packages that the image lacks, makes
    what earlier notebooks left in attached outputs appear, and starts the recorder that writes
    the notebook's report. Under Unmask's runner, which does all this, it does nothing either.
    Every notebook calls it in its first cell; running that cell again is safe.

    Raises:
        DataError: a package is missing and cannot be had, or an attached output is damaged.
    """
    if os.environ.get("UNMASK_PROGRESS") or not on_kaggle():
        return
    # Imported here: at home this cell shall cost nothing.
    from ..session.inputs import link_inputs, remove_inputs
    from ..session.packages import install_missing

    global _began
    os.environ.setdefault("UNMASK_HOME", str(working_folder()))
    home = project_home()
    said = [*install_missing(), *link_inputs(home)]
    print("\n".join([*said, f"Results go to {home}."]))
    if _began is None:
        _began = time.time()
        _at_the_end(functools.partial(remove_inputs, home, _began))
    from .alone_report import start_reporting

    start_reporting(said)


def _at_the_end(tidy_up: Callable[[], None]) -> None:
    """Has `tidy_up` called when the kernel is asked to end, or at the latest when it exits.

    A kernel that does not exit within seconds is killed, and what loaded libraries do at exit can
    take as long: only the first to act is sure to have the time.
    """
    from IPython import get_ipython

    atexit.register(tidy_up)
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return
    shut_down = kernel.do_shutdown

    def tidy_up_first(restart: bool) -> Any:
        tidy_up()
        return shut_down(restart)

    kernel.do_shutdown = tidy_up_first
