"""A Kaggle on 127.0.0.1, for the real client: uploads, datasets, kernels that really run.

    with Cloud(tmp_path) as cloud:
        subprocess.run([..., "-m", "unmask", "kaggle", "run", ...], env=cloud.environment())
        assert cloud.count("SaveKernel") == 3

It keeps the contract that the installed client and Kaggle's documents show, and where they leave
room the harsher reading: an unknown name is refused as a forbidden one is, outputs of anything
but a COMPLETE session are not given, a push with unknown sources answers 200 and runs without
them. Pushed kernels are executed in a container laid out like Kaggle's (container.py).
"""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cloud_datasets import Datasets
from cloud_faults import Faults
from cloud_http import KEY, TOKEN, USERNAME, Handler, Refused, Request
from cloud_kernels import Kernels
from container import run_kernel


class Cloud:
    """Kaggle as the user "ada" finds it; stops when the `with` block ends.

    Args: `folder` keeps datasets and outputs; `layout` "new" or "old" is where inputs are
    mounted; `execute` runs a kernel (default: in the container; any function with
    run_kernel's arguments will do); `places` is how many run at the same time; `kernel_polls`
    and `dataset_polls` are questions for a status before work starts; `gpu_seconds` is the
    week's quota, of which `gpu_seconds_before` is used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        layout: str = "new",
        execute: Callable[..., Any] = run_kernel,
        places: int = 2,
        kernel_polls: int = 0,
        dataset_polls: int = 1,
        gpu_seconds: float = 30 * 3600,
        gpu_seconds_before: float = 0,
    ) -> None:
        self.folder, self.layout, self.execute = folder / "cloud", layout, execute
        self.kernel_polls, self.dataset_polls = kernel_polls, dataset_polls
        self.gpu_seconds, self.gpu_seconds_before = gpu_seconds, gpu_seconds_before
        self.gpu_sessions = 2
        self.unknown = 403
        self.requests: list[Request] = []
        self.faults = Faults()
        self.datasets = Datasets(self.folder, self.faults, self)
        self.kernels = Kernels(self.folder, self.faults, self, places)
        self._signed: dict[str, tuple[Path, str, str]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def __enter__(self) -> Cloud:
        handler = type("BoundHandler", (Handler,), {"cloud": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: Any) -> None:
        for session in self.kernels.sessions:
            session.cancel()
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def environment(self, token: bool = False, **more: str) -> dict[str, str]:
        """Returns this process's variables, changed so that the real client comes here.

        With `token` the client signs in with an access token, else with user name and key.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("KAGGLE_") and name.lower() not in ("http_proxy", "no_proxy")
        }
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        sign_in = {"KAGGLE_USERNAME": USERNAME, "KAGGLE_KEY": KEY}
        return {
            **kept,
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "KAGGLE_CONFIG_DIR": str(config),
            "HOME": str(config),
            "TMPDIR": str(config),  # the client keeps notes of half-done uploads there
            "http_proxy": self.address,
            "no_proxy": "",
            **({"KAGGLE_API_TOKEN": TOKEN} if token else sign_in),
            **more,
        }

    def call(self, method: str, body: dict[str, Any]) -> Any:
        """Answers a method of the API; raises Refused for one that is not there."""
        if method == "IntrospectToken":
            active = body.get("token") == TOKEN
            return {"active": active, "username": USERNAME if active else ""}
        for service in (self.datasets, self.kernels):
            if method[:1].isupper() and hasattr(service, method):
                with self._lock:
                    return getattr(service, method)(body)
        raise Refused(404, f"no method {method}")

    def sign(self, file: Path, name: str, damage: str = "") -> str:
        """Returns a storage address of a file, good until a fault lets it expire."""
        signature = f"s{next(self._numbers)}"
        self._signed[signature] = (file, name, damage)
        return f"{self.address}/storage/{name}?signature={signature}"

    def stored(self, signature: str) -> tuple[Path, str]:
        """Returns the file behind a signature and how it is damaged; raises Refused."""
        if signature not in self._signed:
            raise Refused(403, "the signature has expired")
        file, name, damage = self._signed[signature]
        if self.faults.take("expired", name):
            del self._signed[signature]
            raise Refused(403, "the signature has expired")
        if not file.is_file():
            raise Refused(404, "no such object")
        return file, damage

    def add_dataset(self, handle: str, folder: Path) -> None:
        """Puts a folder up as "owner/slug", ready at once."""
        self.datasets.add(handle, folder)

    def add_model(self, handle: str, folder: Path) -> None:
        """Puts a folder up as "owner/model/framework/variation/version"."""
        self.kernels.models[handle] = folder

    def count(self, method: str) -> int:
        """Returns how many requests of a method, or of "/storage/" or "/upload/", came."""
        return len(self.named(method))

    def named(self, method: str) -> list[Request]:
        return [request for request in self.requests if method in request.path]

    @property
    def pushed(self) -> list[dict[str, Any]]:
        """The bodies of all SaveKernel requests, in order."""
        return [request.body for request in self.named("SaveKernel")]

    def pushes(self) -> dict[str, int]:
        """How many sessions each kernel has had, by slug."""
        return {kernel.slug: len(kernel.sessions) for kernel in self.kernels.all.values()}

    def cells(self, slug: str) -> list[str]:
        """The sources of the cells of a kernel's newest version."""
        text = self.kernels.latest(USERNAME, slug).body["text"]
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
