"""The first process of a container: builds its file system, then becomes the kernel.

Started by container.py under `unshare`, with the path of a plan as its one argument. Uses the
standard library alone. A new root is put together from the machine's folders; what the plan
hides or replaces is not in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

SET_FLAGS, UP = 0x8914, 0x1
LEFT_OUT = {"proc", "tmp", "kaggle", "home", "opt", "lost+found"}


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    raise_loopback()
    root = Path(plan["root"])
    build_root(root)
    for place, folder in plan["binds"].items():
        bind(Path(folder), root / place.lstrip("/"))
    inputs = root / "kaggle" / "input"
    inputs.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "input", str(inputs))
    for place, folder in plan["read_only"].items():
        bind(Path(folder), root / place.lstrip("/"), read_only=True)
    mount("-o", "remount,ro", str(inputs))
    for place in plan["hidden"]:
        hide(root / place.lstrip("/"))
    os.chroot(root)
    os.chdir("/kaggle/working")
    os.execve(plan["command"][0], plan["command"], plan["environment"])


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def raise_loopback() -> None:
    """A new network namespace has a loopback that is down; Jupyter talks over it."""
    request = struct.pack("16sh", b"lo", UP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SET_FLAGS, request)


def build_root(root: Path) -> None:
    """Puts the machine's top folders under `root`, but those that the container has its own of."""
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "root", str(root))
    for entry in Path("/").iterdir():
        place = root / entry.name
        if entry.name in LEFT_OUT:
            continue
        if entry.is_symlink():
            place.symlink_to(os.readlink(entry))
        elif entry.is_dir():
            place.mkdir()
            mount("--rbind", str(entry), str(place))
    (root / "proc").mkdir()
    mount("-t", "proc", "proc", str(root / "proc"))


def bind(folder: Path, place: Path, read_only: bool = False) -> None:
    place.mkdir(parents=True, exist_ok=True)
    mount("--bind", str(folder), str(place))
    if read_only:
        mount("-o", "remount,bind,ro", str(place))


def hide(place: Path) -> None:
    """Covers a folder with an empty one that cannot be written."""
    if place.is_dir():
        mount("-t", "tmpfs", "-o", "ro", "hidden", str(place))


if __name__ == "__main__":
    main()
