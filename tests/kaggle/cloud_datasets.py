"""Datasets and uploads of the loopback Kaggle: versions, states, files."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_faults import Faults
from cloud_http import USERNAME, Redirect, Refused

CREATED = "2026-01-02T03:04:05.000Z"


@dataclass
class Blob:
    """An upload: `file` grows until it has `size` bytes."""

    name: str
    size: int
    file: Path

    @property
    def got(self) -> int:
        return self.file.stat().st_size

    @property
    def is_whole(self) -> bool:
        return self.got == self.size

    def write(self, start: int, content: bytes) -> None:
        with self.file.open("r+b") as file:
            file.truncate(start)
            file.seek(start)
            file.write(content)


@dataclass
class Version:
    """A version of a dataset: its files, and how many questions until it is ready."""

    folder: Path
    polls: int = 0
    failed: bool = False

    @property
    def status(self) -> str:
        if self.polls > 0:
            return "BLOBS_RECEIVED"
        return "FAILED" if self.failed else "READY"


@dataclass
class Dataset:
    """A dataset with all its versions, oldest first."""

    owner: str
    slug: str
    title: str = ""
    license: str = ""
    is_private: bool = True
    versions: list[Version] = field(default_factory=list)

    def ready(self, number: int | None = None) -> tuple[int, Version] | None:
        """Returns number and version of the newest ready one, or of the asked one."""
        for place in range(len(self.versions), 0, -1):
            if self.versions[place - 1].status == "READY" and number in (None, place):
                return place, self.versions[place - 1]
        return None


class Datasets:
    """All datasets, and the API's methods about them."""

    def __init__(self, folder: Path, faults: Faults, cloud: Any) -> None:
        self.folder, self.faults, self.cloud = folder, faults, cloud
        self.all: dict[str, Dataset] = {}
        self.blobs: dict[str, Blob] = {}
        (folder / "blobs").mkdir(parents=True)

    def add(self, handle: str, folder: Path) -> Dataset:
        """Puts a folder up as a dataset's (next) version, ready at once."""
        owner, slug = handle.split("/")
        dataset = self.all.setdefault(handle, Dataset(owner, slug, slug))
        dataset.versions.append(Version(folder))
        return dataset

    def find(self, body: dict[str, Any]) -> Dataset:
        handle = f"{body.get('ownerSlug')}/{body.get('datasetSlug')}"
        if handle not in self.all:
            raise Refused(self.cloud.unknown, "Permission 'datasets.get' was denied")
        return self.all[handle]

    def blob(self, token: str) -> Blob:
        if token not in self.blobs:
            raise Refused(404, "no such upload")
        return self.blobs[token]

    def StartBlobUpload(self, body: dict[str, Any]) -> dict[str, Any]:
        token = f"blob-{len(self.blobs)}"
        file = self.folder / "blobs" / token
        file.touch()
        self.blobs[token] = Blob(body["name"], body.get("contentLength", 0), file)
        return {"token": token, "createUrl": f"{self.cloud.address}/upload/{token}"}

    def CreateDataset(self, body: dict[str, Any]) -> dict[str, Any]:
        owner, slug, title = body["ownerSlug"], body["slug"], body["title"]
        if owner != USERNAME:
            raise Refused(403, "Permission 'datasets.create' was denied")
        if not (6 <= len(slug) <= 50 and 6 <= len(title) <= 50):
            return {"status": "error", "error": "The title must be between 6 and 50 characters"}
        if f"{owner}/{slug}" in self.all:
            return {"status": "error", "error": f'The requested title "{title}" is already in use'}
        if "licenseName" not in body or "files" not in body:
            return {"status": "error", "error": "A dataset needs a license and files"}
        is_private = body.get("isPrivate", False)
        dataset = Dataset(owner, slug, title, body["licenseName"], is_private)
        dataset.versions.append(self._unpack(dataset, body))
        self.all[f"{owner}/{slug}"] = dataset
        return {"status": "ok", "ref": f"{owner}/{slug}", "url": f"{self.cloud.address}/{slug}"}

    def CreateDatasetVersion(self, body: dict[str, Any]) -> dict[str, Any]:
        dataset = self.find(body)
        if dataset.owner != USERNAME:
            raise Refused(403, "Permission 'datasets.update' was denied")
        dataset.versions.append(self._unpack(dataset, body["body"]))
        return {"status": "ok", "ref": f"{dataset.owner}/{dataset.slug}"}

    def _unpack(self, dataset: Dataset, body: dict[str, Any]) -> Version:
        """Makes a version of uploaded blobs; Kaggle extracts an archive X.zip as X/."""
        number = len(dataset.versions) + 1
        folder = self.folder / "datasets" / dataset.owner / dataset.slug / str(number)
        folder.mkdir(parents=True)
        for file in body.get("files", []):
            blob = self.blob(file["token"])
            if not blob.is_whole:
                raise Refused(400, f"the upload of {blob.name} is not complete")
            if blob.name.endswith(".zip"):
                with zipfile.ZipFile(blob.file) as archive:
                    archive.extractall(folder / blob.name.removesuffix(".zip"))
            else:
                shutil.copyfile(blob.file, folder / blob.name)
        pending = self.faults.take("pending", dataset.slug)
        failed = self.faults.take("failed", dataset.slug)
        polls = pending.values.get("polls", 3) if pending else self.cloud.dataset_polls
        return Version(folder, polls, bool(failed))

    def GetDatasetStatus(self, body: dict[str, Any]) -> dict[str, Any]:
        newest = self.find(body).versions[-1]
        status = newest.status
        newest.polls -= 1
        return {"status": status}

    def GetDataset(self, body: dict[str, Any]) -> dict[str, Any]:
        dataset = self.find(body)
        number, version = dataset.ready() or (0, None)
        return {
            "ref": f"{dataset.owner}/{dataset.slug}",
            "title": dataset.title,
            "isPrivate": dataset.is_private,
            "licenseName": dataset.license,
            "ownerRef": dataset.owner,
            "lastUpdated": CREATED,
            "currentVersionNumber": number,
            "totalBytes": sum(self._sizes(version).values()) if version else 0,
        }

    def GetDatasetMetadata(self, body: dict[str, Any]) -> dict[str, Any]:
        dataset = self.find(body)
        facts = {"datasetSlug": dataset.slug, "ownerUser": dataset.owner, "title": dataset.title}
        return {"info": {**facts, "isPrivate": dataset.is_private}}

    def ListDatasetFiles(self, body: dict[str, Any]) -> dict[str, Any]:
        _, version = self._asked(body)
        files = [
            {"name": name, "totalBytes": size, "creationDate": CREATED}
            for name, size in self._sizes(version).items()
        ]
        start, size = int(body.get("pageToken") or 0), body.get("pageSize", 20)
        following = str(start + size) if start + size < len(files) else ""
        return {"datasetFiles": files[start : start + size], "nextPageToken": following}

    def DownloadDataset(self, body: dict[str, Any]) -> Redirect:
        number, version = self._asked(body)
        name = body.get("fileName")
        if name:
            if name not in self._sizes(version):
                raise Refused(404, "Not found")
            return Redirect(self.cloud.sign(version.folder / name, Path(name).name))
        slug = body["datasetSlug"]
        archive = self.folder / "archives" / f"{slug}-{number}"
        if not archive.with_name(archive.name + ".zip").exists():
            archive.parent.mkdir(exist_ok=True)
            shutil.make_archive(str(archive), "zip", version.folder)
        return Redirect(self.cloud.sign(archive.with_name(archive.name + ".zip"), "archive.zip"))

    def _asked(self, body: dict[str, Any]) -> tuple[int, Version]:
        found = self.find(body).ready(body.get("datasetVersionNumber"))
        if found is None:
            raise Refused(404, "Not found")
        return found

    def _sizes(self, version: Version) -> dict[str, int]:
        files = sorted(path for path in version.folder.rglob("*") if path.is_file())
        return {path.relative_to(version.folder).as_posix(): path.stat().st_size for path in files}
