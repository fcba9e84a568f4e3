"""The first code cell of every notebook: it finds Unmask, wherever the notebook was opened."""

SETUP = """\
import os
import sys
from pathlib import Path

# Unmask lies above this notebook, is installed, or is attached to the notebook on Kaggle.
here, attached = Path.cwd(), Path(os.environ.get("UNMASK_KAGGLE_INPUT", "/kaggle/input"))
above = [folder / "lib" for folder in (here, *here.parents)]
mounts = [path for kind in ("*", "datasets/*/*", "notebooks/*/*") for path in attached.glob(kind)]
mounted = [lib for path in sorted(mounts) for at in ("lib", "*/lib") for lib in path.glob(at)]
sys.path[:0] = [str(lib) for lib in above if (lib / "unmask").is_dir()][:1]
sys.path += [str(lib) for lib in mounted if (lib / "unmask").is_dir()][:1]
try:
    from unmask.suite.alone import begin
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "The code of Unmask was not found. On Kaggle attach it: Add Input > Datasets > "
        "unmask-code, which `unmask kaggle push` makes; or upload the folders lib, notebooks and "
        "params as a dataset. At home keep the notebook in its repository, or install Unmask: "
        "python -m pip install --editable . (see README.md)"
    ) from error
begin()"""
