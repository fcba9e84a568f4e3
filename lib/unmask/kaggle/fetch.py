"""Fetches what a kernel left: streamed to disk, gone on with after a drop, checked by its hash."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DataError
from ..runs import sha256_file
from ..session.outputs import MANIFEST, RESULTS, read_manifest
from .client import Client
from .retrying import TIMEOUTS, Refused, with_patience

CHUNK = 2**16
# How often a file that came damaged is fetched anew, and an address that expired is asked for.
TRIES = 3


def fetch_manifest(client: Client, slug: str, folder: Path) -> dict[str, Any] | None:
    """Fetches the manifest of a kernel's output; None when the kernel left none.

    Args:
        client: logged in.
        slug: of the kernel, whose latest session is COMPLETE.
        folder: where it is put, as `unmask_output.json`.
    """
    for _ in range(TRIES):
        addresses = client.outputs(slug)
        if MANIFEST not in addresses:
            return None
        target = folder / MANIFEST
        target.unlink(missing_ok=True)
        _partial(target).unlink(missing_ok=True)
        with contextlib.suppress(Refused):  # the address expired
            _download(client, addresses[MANIFEST], target)
            return read_manifest(folder)
    return None


def fetch_files(
    client: Client,
    slug: str,
    folder: Path,
    manifest: dict[str, Any],
    *,
    with_data: bool = False,
    tell: Callable[[str], None] = lambda words: None,
) -> None:
    """Fetches what home needs of a kernel's output into `folder`; leaves alone what is there.

    Args:
        client: logged in.
        slug: of the kernel.
        folder: that holds its manifest.
        manifest: names, sizes and hashes.
        with_data: also arrays of faces and pictures, which else stay on Kaggle.
        tell: called with words as files come.

    Raises:
        DataError: a file is not listed, or comes damaged again and again.
    """
    wanted = [item for item in manifest["files"] if with_data or _checked(item["path"]) == RESULTS]
    wanted = [item for item in wanted if not _is_whole(folder / _checked(item["path"]), item)]
    addresses = client.outputs(slug) if wanted else {}
    for item in wanted:
        tell(f"fetching {item['path']} ({item['bytes'] / 2**20:,.1f} MiB)")
        _fetch(client, slug, folder / item["path"], item, addresses, tell)


def _fetch(
    client: Client,
    slug: str,
    target: Path,
    item: dict[str, Any],
    addresses: dict[str, str],
    tell: Callable[[str], None],
) -> None:
    name = item["path"]
    why = ""
    for _ in range(TRIES):
        if why:
            tell(f"fetching {name} again: {why}")
        if name not in addresses:
            raise DataError(
                f"The kernel {slug} says that it left {name}, and Kaggle does not list it.",
                fix="run again; if that does not help, push the kernel anew with --again",
            )
        try:
            _download(client, addresses[name], target)
        except Refused as refused:
            why = refused.what
            addresses |= client.outputs(slug)  # the address had expired
            continue
        if _is_whole(target, item):
            return
        why = f"it has {target.stat().st_size:,} bytes, or another content than the kernel wrote"
        target.unlink()
        addresses |= client.outputs(slug)
    raise DataError(
        f"{name} of the kernel {slug} came damaged or not at all, {TRIES} times: {why}.",
        expected=f"{item['bytes']:,} bytes with SHA-256 {item['sha256']}",
        fix="run again; if that does not help, push the kernel anew with --again",
    )


def _download(client: Client, address: str, target: Path) -> None:
    """Streams an address to a file, going on from what an earlier try got."""
    partial = _partial(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with_patience(lambda: _get(address, partial), client.tell, client.patience)
    partial.replace(target)


def _get(address: str, partial: Path) -> None:
    import requests

    here = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={here}-"} if here else {}
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUTS) as answer:
        if answer.status_code == 416:  # nothing is left to get, or the file is another by now
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if whole == str(here):
                return
            partial.unlink()
            raise ConnectionError("the file on Kaggle is shorter than what came of it before")
        answer.raise_for_status()
        with open(partial, "ab" if answer.status_code == 206 else "wb") as stream:
            for chunk in answer.iter_content(CHUNK):
                stream.write(chunk)


def is_fetched(folder: Path, with_data: bool = False) -> bool:
    """Returns whether what home needs of an output lies in `folder`, by sizes."""
    manifest = read_manifest(folder)
    if manifest is None:
        return False
    wanted = [item for item in manifest["files"] if with_data or item["path"] == RESULTS]
    return all(
        (folder / item["path"]).is_file()
        and (folder / item["path"]).stat().st_size == item["bytes"]
        for item in wanted
    )


def _is_whole(path: Path, item: dict[str, Any]) -> bool:
    if not path.is_file() or path.stat().st_size != item["bytes"]:
        return False
    return sha256_file(path) == item["sha256"]


def _checked(name: str) -> str:
    """Returns a file's name as the manifest has it, if it stays below its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise DataError(f"The kernel's manifest names the file {json.dumps(name)}.")
    return name


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")
