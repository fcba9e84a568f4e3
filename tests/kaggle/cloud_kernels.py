"""Kernels of the loopback Kaggle: pushes, sessions, outputs, quota."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_faults import Faults
from cloud_http import USERNAME, Redirect, Refused
from cloud_sessions import Session
from slugify import slugify

LISTED = 500
OWN_FILES = ("__notebook__.ipynb", "__results__.html")
REFRESH = "2026-11-28T00:00:00.000Z"
LARGEST_SOURCE = 1_000_000


@dataclass
class Kernel:
    """A kernel: its sessions, one a version, oldest first."""

    owner: str
    slug: str
    title: str
    number: int
    sessions: list[Session] = field(default_factory=list)

    def complete(self, skip: int = 0) -> Session | None:
        """Returns the newest session that is COMPLETE, or an earlier one."""
        done = [session for session in self.sessions if session.state == "COMPLETE"]
        return done[-1 - skip] if len(done) > skip else None


class Kernels:
    """All kernels, and the API's methods about them."""

    def __init__(self, folder: Path, faults: Faults, cloud: Any, places: int) -> None:
        self.folder, self.faults, self.cloud = folder, faults, cloud
        self.all: dict[str, Kernel] = {}
        self.models: dict[str, Path] = {}
        self.slots = threading.Semaphore(places)
        self.sessions: list[Session] = []

    def find(self, owner: str, slug: str) -> Kernel:
        if f"{owner}/{slug}" not in self.all:
            raise Refused(self.cloud.unknown, "Permission 'kernels.get' was denied")
        return self.all[f"{owner}/{slug}"]

    def latest(self, owner: str, slug: str) -> Session:
        return self.find(owner, slug.split("/")[0]).sessions[-1]

    def SaveKernel(self, body: dict[str, Any]) -> dict[str, Any]:
        kernel = self.all.get(body.get("slug", ""))
        title = body.get("newTitle") or (kernel.title if kernel else "")
        slug = kernel.slug if kernel else slugify(title)
        self._check_push(body, title, slug)
        if error := self._no_machine(body, slug):
            return {"error": error}
        inputs, invalid = self._inputs(body)
        if fault := self.faults.take("invalid", slug):
            named, sources = fault.values["field"], fault.values["sources"]
            invalid[named] = sources
            inputs = {
                name: path for name, path in inputs.items() if not name.endswith(tuple(sources))
            }
        if kernel is None:
            kernel = Kernel(USERNAME, slug, title, 1000 + len(self.all))
            self.all[f"{USERNAME}/{slug}"] = kernel
        session = self._new_session(kernel, body, inputs)
        url = f"https://www.kaggle.com/code/{USERNAME}/{slug}"
        return {
            "ref": f"/code/{USERNAME}/{slug}",
            "url": url,
            "versionNumber": session.version,
            "kernelId": kernel.number,
            **invalid,
        }

    def _check_push(self, body: dict[str, Any], title: str, slug: str) -> None:
        owner = body.get("slug", "/").split("/")[0]
        if owner != USERNAME:
            raise Refused(403, "Permission 'kernels.save' was denied")
        if not 5 <= len(title) <= 50:
            raise Refused(400, "The title must be between 5 and 50 characters")
        if len(body.get("text", "").encode()) > LARGEST_SOURCE:
            raise Refused(400, "The kernel source must not exceed 1 megabyte")
        if body.get("kernelType") != "notebook" or body.get("language") != "python":
            raise Refused(400, "A kernel is a notebook in Python here")
        if not slug:
            raise Refused(400, "The title gives no slug")

    def _no_machine(self, body: dict[str, Any], slug: str) -> str:
        """Returns why no GPU session may start now, or nothing. Answered with status 200."""
        if not Session(0, "", 0, body, {}, Path(), print, self.slots).uses_gpu:
            return ""
        hours = self.cloud.gpu_seconds / 3600
        if self.faults.take("quota", slug) or self.gpu_used >= self.cloud.gpu_seconds:
            return f"Maximum weekly GPU quota of {hours:.2f} hours reached."
        running = sum(1 for other in self.sessions if other.uses_gpu and not other.is_over)
        most = self.cloud.gpu_sessions
        if self.faults.take("sessions", slug) or running >= most:
            return f"Maximum batch GPU session count of {most} reached."
        return ""

    @property
    def gpu_used(self) -> float:
        own = sum(session.seconds for session in self.sessions if session.uses_gpu)
        return self.cloud.gpu_seconds_before + own

    def _inputs(self, body: dict[str, Any]) -> tuple[dict[str, Path], dict[str, list[str]]]:
        """Returns what is mounted, and the sources that Kaggle does not know."""
        inputs, invalid = {}, {}
        for source in body.get("datasetDataSources", []):
            owner, slug, *number = source.split("/")
            dataset = self.cloud.datasets.all.get(f"{owner}/{slug}")
            found = dataset and dataset.ready(int(number[0]) if number else None)
            if found:
                inputs[f"dataset:{owner}/{slug}"] = found[1].folder
            else:
                invalid.setdefault("invalidDatasetSources", []).append(source)
        for source in body.get("kernelDataSources", []):
            kernel = self.all.get(source)
            if kernel is None:
                invalid.setdefault("invalidKernelSources", []).append(source)
            elif session := kernel.complete():
                inputs[f"notebook:{source}"] = session.working
        for source in body.get("modelDataSources", []):
            if source in self.models:
                inputs[f"model:{source}"] = self.models[source]
            else:
                invalid.setdefault("invalidModelSources", []).append(source)
        return inputs, invalid

    def _new_session(self, kernel: Kernel, body: dict[str, Any], inputs: dict) -> Session:
        number = len(self.sessions) + 1
        queue = self.faults.take("queue", kernel.slug)
        end = self.faults.take("die", kernel.slug) or self.faults.take("cancel", kernel.slug)
        session = Session(
            number=number,
            kernel=kernel.slug,
            version=len(kernel.sessions) + 1,
            body=body,
            inputs=inputs,
            working=self.folder / "sessions" / str(number) / "working",
            execute=self.cloud.execute,
            slots=self.slots,
            layout=self.cloud.layout,
            polls=queue.values.get("polls", 3) if queue else self.cloud.kernel_polls,
            end=end,
        )
        kernel.sessions.append(session)
        self.sessions.append(session)
        session.start()
        return session

    def GetKernelSessionStatus(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.latest(body["userName"], body["kernelSlug"]).asked()

    def GetKernel(self, body: dict[str, Any]) -> dict[str, Any]:
        slug, _, version = body["kernelSlug"].partition("/")
        kernel = self.find(body["userName"], slug)
        newest = kernel.sessions[int(version) - 1 if version else -1]
        sources = ("datasetDataSources", "kernelDataSources", "modelDataSources")
        text = {"source": newest.body["text"], "language": "python", "kernelType": "notebook"}
        return {
            "blob": {**text, "slug": kernel.slug},
            "metadata": {
                **self._metadata(kernel),
                **{name: newest.body[name] for name in sources if name in newest.body},
                "enableInternet": newest.body.get("enableInternet", False),
                "machineShape": newest.body.get("machineShape", ""),
            },
        }

    def _metadata(self, kernel: Kernel) -> dict[str, Any]:
        return {
            "id": kernel.number,
            "ref": f"{kernel.owner}/{kernel.slug}",
            "title": kernel.title,
            "slug": kernel.slug,
            "author": kernel.owner,
            "isPrivate": kernel.sessions[-1].body.get("isPrivate", False),
            "currentVersionNumber": len(kernel.sessions),
        }

    def ListKernels(self, body: dict[str, Any]) -> dict[str, Any]:
        words = body.get("search", "").lower()
        kernels = [kernel for kernel in self.all.values() if words in kernel.title.lower()]
        start, size = int(body.get("pageToken") or 0), body.get("pageSize", 20)
        following = str(start + size) if start + size < len(kernels) else ""
        found = [self._metadata(kernel) for kernel in kernels[start : start + size]]
        return {"kernels": found, "nextPageToken": following}

    def ListKernelSessionOutput(self, body: dict[str, Any]) -> dict[str, Any]:
        """Lists a page of the newest session's output: all of a COMPLETE one, an ERROR's log."""
        kernel = self.find(body["userName"], body["kernelSlug"])
        session = self.latest(body["userName"], body["kernelSlug"])
        if session.state == "ERROR":
            return {"files": [], "log": session.log}
        if session.state != "COMPLETE":
            raise Refused(403 if session.is_over else 404, "The session has no output")
        if self.faults.take("stale", kernel.slug):
            session = kernel.complete(skip=1) or session
        names = self.output_names(session)
        start, size = int(body.get("pageToken") or 0), body.get("pageSize", 20)
        files = [self._listed(kernel, session, name) for name in names[start : start + size]]
        following = str(start + size) if start + size < len(names) else ""
        return {"files": files, "log": session.log, "nextPageToken": following}

    def output_names(self, session: Session) -> list[str]:
        files = (path for path in session.working.rglob("*") if path.is_file())
        names = sorted(path.relative_to(session.working).as_posix() for path in files)
        return [name for name in names if name not in OWN_FILES][:LISTED]

    def _listed(self, kernel: Kernel, session: Session, name: str) -> dict[str, str]:
        fault = self.faults.take("damage", f"{kernel.slug}/{name}")
        damage = fault.values["how"] if fault else ""
        return {"fileName": name, "url": self.cloud.sign(session.working / name, name, damage)}

    def DownloadKernelOutput(self, body: dict[str, Any]) -> Redirect:
        session = self.latest(body["ownerSlug"], body["kernelSlug"])
        name = body.get("filePath", "")
        if session.state != "COMPLETE" or name not in self.output_names(session):
            raise Refused(404, "Not found")
        return Redirect(self.cloud.sign(session.working / name, name))

    def CancelKernelSession(self, body: dict[str, Any]) -> dict[str, Any]:
        for session in self.sessions:
            if session.number == body["kernelSessionId"]:
                session.cancel()
                return {}
        return {"errorMessage": "no such session"}

    def DeleteKernel(self, body: dict[str, Any]) -> dict[str, Any]:
        kernel = self.find(body["userName"], body["kernelSlug"])
        for session in kernel.sessions:
            session.cancel()
        del self.all[f"{kernel.owner}/{kernel.slug}"]
        return {}

    def ListModelInstanceVersionFiles(self, body: dict[str, Any]) -> dict[str, Any]:
        framework = body["framework"].removeprefix("MODEL_FRAMEWORK_").replace("_", "").lower()
        number = str(body["versionNumber"])
        names = (body["ownerSlug"], body["modelSlug"], framework, body["instanceSlug"], number)
        if "/".join(names) not in {handle.lower() for handle in self.models}:
            raise Refused(self.cloud.unknown, "Permission 'models.get' was denied")
        return {"files": [], "nextPageToken": ""}

    def GetAcceleratorQuotaStatistics(self, body: dict[str, Any]) -> dict[str, Any]:
        gpu = {
            "timeUsed": f"{int(self.gpu_used)}s",
            "totalTimeAllowed": f"{int(self.cloud.gpu_seconds)}s",
            "hasEverRun": True,
        }
        tpu = {"timeUsed": "0s", "totalTimeAllowed": f"{20 * 3600}s"}
        return {"quotaRefreshTime": REFRESH, "gpuQuota": gpu, "tpuQuota": tpu}
