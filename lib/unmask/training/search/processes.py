"""Worker processes of a search: how they are started, where they say that they live."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from ...session.processor import share_of_cores

WORKER_MODULE = "unmask.training.search.worker"
VISIBLE = "CUDA_VISIBLE_DEVICES"


def command_of(own: Path, name: str) -> list[str]:
    """Returns the command that starts the worker `name` of the search in `own`."""
    return [sys.executable, "-m", WORKER_MODULE, str(own), "--as", name]


def environment_of(name: str, address: str, share: int, place: int = 0) -> dict[str, str]:
    """Returns the environment of a worker process.

    Args:
        name: of the worker.
        address: of the chief, host:port.
        share: how many workers share this machine's cores.
        place: of this worker among them, for the choice of a GPU.
    """
    library = str(Path(__file__).resolve().parents[4])
    host, _, port = address.rpartition(":")
    variables = {
        **os.environ,
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": host,
        "KERASTUNER_ORACLE_PORT": port,
        # The chief is never behind a proxy.
        "no_grpc_proxy": host,
        "PYTHONPATH": os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH", "")))),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        **share_of_cores(share),
        # Workers on one GPU must not take all of its memory each, whatever is wanted elsewhere.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    variables.pop("UNMASK_PROGRESS", None)
    variables |= own_gpu(place, len(tf.config.list_physical_devices("GPU")), os.environ)
    return variables


def own_gpu(place: int, gpus: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Returns what shows the worker at `place` one of so many visible GPUs, in turn."""
    if gpus < 2:
        return {}
    # The variable counts all GPUs of the machine, TensorFlow those that it leaves.
    visible = [name for name in environment.get(VISIBLE, "").split(",") if name.strip()]
    names = visible if len(visible) == gpus else [str(number) for number in range(gpus)]
    return {VISIBLE: names[place % gpus]}


def beat_path(own: Path, worker: str) -> Path:
    """Returns the file in which a worker says that it lives, and how far it is."""
    return own / "workers" / f"{worker}.json"


def gone_path(own: Path, worker: str) -> Path:
    """Returns the file by which the chief tells a worker that it was given up."""
    return own / "workers" / f"{worker}.gone"


def why_ended(code: int) -> str:
    """Returns how a process ended, in words that follow its name."""
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with code {code}"


def last_words(path: Path) -> str:
    """Returns the last line of a log, "none" for an empty one."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "none"
