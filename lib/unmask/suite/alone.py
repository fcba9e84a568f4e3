"""A notebook run by itself on Kaggle: what is missing is put in place, and it reports on itself."""

from __future__ import annotations

import atexit
import os
import time

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
        atexit.register(remove_inputs, home, _began)
    from .alone_report import start_reporting

    start_reporting(said)
