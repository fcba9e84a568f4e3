"""Executes a notebook as Kaggle executes a pushed kernel: in a container of its own.

    outcome = run_kernel(source, {"datasets/ada/unmask-code": folder}, working)

Inside there are /kaggle/input (read-only), /kaggle/working, Kaggle's variables, fresh HOME and
/tmp, an interpreter that has every package but Unmask, no repository and no network. Where this
machine grants no namespaces the folders are laid out elsewhere and named by UNMASK_KAGGLE_INPUT
and UNMASK_KAGGLE_WORKING; the outcome then says `isolated=False`.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("container_inside.py")
OURS = ("unmask", "__editable__", "a1_coverage")
# Which of its kernels OpenBLAS takes decides how a product is rounded: that is this machine's.
ARITHMETIC = ("OPENBLAS_", "OMP_", "MKL_")
NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child")
RUN = """import sys
from papermill.__main__ import papermill
papermill(["--kernel=python3", "--no-progress-bar", "--start-timeout=180", "--log-level=ERROR",
           "--stdout-file=/dev/stdout", "--stderr-file=/dev/stderr", *sys.argv[1:]])
"""


@dataclass
class Outcome:
    """How a kernel ended: papermill's exit code (negative: killed), its log, its seconds."""

    returncode: int
    log: str
    isolated: bool
    seconds: float = 0.0
    stopped: bool = False


@functools.cache
def isolation() -> tuple[str, ...]:
    """Returns the words before `unshare`'s own that work here; ("no",) where none do."""
    for words in ((), ("--user", "--map-root-user")):
        command = ["unshare", *words, *NAMESPACES, "--net", "mount", "-t", "tmpfs", "x", "/mnt"]
        if shutil.which("unshare") and not subprocess.run(command, capture_output=True).returncode:
            return words
    return ("no",)


def can_isolate() -> bool:
    """Whether kernels run in namespaces of their own here."""
    return isolation() != ("no",)


@functools.cache
def describe_python(python: str) -> dict[str, str]:
    """Returns `version`, `base` (the executable behind a venv) and `packages` of a Python."""
    code = (
        "import json, sys, sysconfig; print(json.dumps({"
        "'version': '%d.%d' % sys.version_info[:2], 'base': sys._base_executable, "
        "'home': sys.base_prefix, 'packages': sysconfig.get_path('purelib')}))"
    )
    return json.loads(subprocess.check_output([python, "-I", "-c", code], text=True))


def make_environment(
    folder: Path, about: dict[str, str], packages: str, without: tuple[str, ...] = ()
) -> Path:
    """Lays a virtual environment of links, which lacks Unmask and `without`; returns its Python.

    `packages` is where the linked folders will be found when the environment is used. A `.pth`
    in the original is left out with Unmask's own files, so an editable install has no effect.
    """
    site = folder / "lib" / f"python{about['version']}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "pyvenv.cfg").write_text(f"home = {Path(about['base']).parent}\n")
    (folder / "bin" / "python").symlink_to(about["base"])
    absent = (*OURS, *(name.lower().replace("-", "_") for name in without))
    for entry in sorted(Path(about["packages"]).iterdir()):
        if not entry.name.lower().startswith(absent) and entry.name != "__pycache__":
            (site / entry.name).symlink_to(f"{packages}/{entry.name}")
    templates = Path("share", "jupyter", "nbconvert")  # which packages keep beside themselves
    beside = Path(about["packages"]).parents[2] / templates
    if beside.is_dir():
        shutil.copytree(beside, folder / templates)
    return folder / "bin" / "python"


def kaggle_variables(run_type: str, home: str, scratch: str, python: Path) -> dict[str, str]:
    """Returns the whole environment of a kernel's process."""
    arithmetic = {key: each for key, each in os.environ.items() if key.startswith(ARITHMETIC)}
    return {
        **arithmetic,
        "HOME": home,
        "TMPDIR": scratch,
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KAGGLE_KERNEL_RUN_TYPE": run_type,
        "KAGGLE_URL_BASE": "https://www.kaggle.com",
        "KAGGLE_USER_SECRETS_TOKEN": "secret",
        "KAGGLE_KERNEL_INTEGRATIONS": "",
        "KAGGLE_CONTAINER_NAME": "kaggle_container-1",
        "KAGGLE_DATA_PROXY_TOKEN": "proxy",
    }


def run_kernel(
    source: str,
    inputs: dict[str, Path],
    working: Path,
    *,
    layout: str = "new",
    internet: bool = False,
    seconds: float = 600,
    run_type: str = "Batch",
    python: str | None = None,
    without: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    stop: threading.Event | None = None,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """Executes a notebook's text as `__notebook__.ipynb` in /kaggle/working; returns its end.

    `inputs` names folders by their place below /kaggle/input, for example
    "datasets/ada/unmask-code"; `mount_place` gives the place in either `layout`, and
    `inputs` keys of the form "dataset:ada/unmask-code", "notebook:..." and "model:..." are
    translated by it. `working` is the host's folder behind /kaggle/working. `python` is the
    interpreter whose packages the kernel sees (default: this one), less Unmask and `without`.
    After `seconds`, or when `stop` is set, everything inside is killed. `tell` gets each line.
    """
    about = describe_python(python or sys.executable)
    mounts = {mount_place(name, layout): str(folder) for name, folder in inputs.items()}
    working.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="kernel-"))
    try:
        (scratch / "notebook.ipynb").write_text(source)
        lay = _lay_isolated if can_isolate() else _lay_plain
        command, environment, cwd = lay(
            scratch, mounts, working, about=about, internet=internet, run_type=run_type,
            without=without, variables=variables or {},
        )  # fmt: skip
        return _execute(command, environment, cwd, seconds, stop, tell)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def mount_place(name: str, layout: str) -> str:
    """Returns where Kaggle mounts an input, below /kaggle/input, in the new or the old layout."""
    kind, _, handle = name.partition(":")
    if not handle:
        return name
    if layout == "new":
        return f"{kind}s/{handle}"
    return handle.partition("/")[2]


def _lay_isolated(
    scratch: Path, mounts: dict, working: Path, *, about: dict, internet: bool, run_type: str,
    without: tuple[str, ...], variables: dict[str, str],
) -> tuple[list[str], dict[str, str], Path]:  # fmt: skip
    """Returns command, environment and working folder of a kernel in namespaces of its own."""
    for name in ("root", "tmp", "home"):
        (scratch / name).mkdir()
    python = Path("/opt/environment/bin/python")
    make_environment(scratch / "environment", about, "/opt/packages", without)
    plan = {
        "root": str(scratch / "root"),
        "binds": {
            "/tmp": str(scratch / "tmp"),
            "/home/kaggle": str(scratch / "home"),
            "/opt/environment": str(scratch / "environment"),
            "/kaggle/working": str(working),
        },
        "read_only": {
            "/opt/packages": about["packages"],
            "/kaggle/src": str(scratch),
            **{f"/kaggle/input/{place}": folder for place, folder in mounts.items()},
        },
        "hidden": [str(REPOSITORY)],
        "command": [str(python), "-c", RUN, "/kaggle/src/notebook.ipynb", "__notebook__.ipynb"],
        "environment": kaggle_variables(run_type, "/home/kaggle", "/tmp", python) | variables,
    }
    (scratch / "plan.json").write_text(json.dumps(plan))
    network = () if internet else ("--net",)
    command = ["unshare", *isolation(), *NAMESPACES, *network]
    command += [about["base"], "-I", "-S", str(INSIDE), str(scratch / "plan.json")]
    return command, dict(os.environ), scratch


def _lay_plain(
    scratch: Path, mounts: dict, working: Path, *, about: dict, internet: bool, run_type: str,
    without: tuple[str, ...], variables: dict[str, str],
) -> tuple[list[str], dict[str, str], Path]:  # fmt: skip
    """Like `_lay_isolated` where there are no namespaces: links, and variables that name them."""
    for name in ("tmp", "home", "input"):
        (scratch / name).mkdir()
    for place, folder in mounts.items():
        link = scratch / "input" / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder)
    python = make_environment(scratch / "environment", about, about["packages"], without)
    environment = kaggle_variables(run_type, str(scratch / "home"), str(scratch / "tmp"), python)
    environment["UNMASK_KAGGLE_INPUT"] = str(scratch / "input")
    environment["UNMASK_KAGGLE_WORKING"] = str(working)
    notebook = str(scratch / "notebook.ipynb")
    command = [str(python), "-c", RUN, notebook, "__notebook__.ipynb"]
    return command, environment | variables, working


def _execute(
    command: list[str], environment: dict[str, str], cwd: Path, seconds: float,
    stop: threading.Event | None, tell: Callable[[str], None] | None,
) -> Outcome:  # fmt: skip
    """Runs the command until it ends, time is up or `stop` is set; collects what it prints."""
    start, lines = time.monotonic(), []
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip

    def collect() -> None:
        for line in process.stdout:
            lines.append(line)
            if tell:
                tell(line)

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    stopped = False
    while process.poll() is None:
        if time.monotonic() - start > seconds or (stop and stop.is_set()):
            stopped = True
            os.killpg(process.pid, 9)
            process.wait()
            break
        time.sleep(0.05)
    reader.join(10)
    taken = time.monotonic() - start
    return Outcome(process.returncode, "".join(lines), can_isolate(), taken, stopped)
