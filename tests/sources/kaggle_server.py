"""A loopback server that speaks the part of Kaggle's API that dataset downloads use.

Like the real one it answers DownloadDataset with a redirect to a storage address, which sends
ETag, Last-Modified and Accept-Ranges and honours Range with If-Range.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

USERNAME, KEY, TOKEN = "ada", "0123456789abcdef", "KGAT_secret"
SERVICES = "/api/v1/"
STORAGE = "/storage/"


@dataclass
class Request:
    """A request as it arrived: method, path, headers (lower case), parsed JSON body."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class KaggleServer:
    """Serves `archives` ({("owner/slug", version): zip bytes}) until `stop`.

    Faults: `failures` maps a method such as "DownloadDataset" to (status, headers);
    `cuts` holds, per answer of the storage, after how many bytes the connection breaks
    (None: never); `stall` makes a cut answer wait for `release` instead of breaking;
    `expires_after` is how many answers a storage address gives before it is refused.
    """

    archives: dict[tuple[str, int], bytes] = field(default_factory=dict)
    failures: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    cuts: list[int | None] = field(default_factory=list)
    stall: bool = False
    expires_after: int | None = None
    requests: list[Request] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def start(self) -> KaggleServer:
        owner = self

        class Handler(_Handler):
            server_state = owner

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def named(self, method: str) -> list[Request]:
        """Returns the requests of one API method, or those to "storage"."""
        return [request for request in self.requests if method in request.path]

    def newest(self, handle: str) -> int | None:
        return max((version for name, version in self.archives if name == handle), default=None)


class _Handler(BaseHTTPRequestHandler):
    server_state: KaggleServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        path = urlsplit(self.path).path  # a client behind a proxy sends the whole address
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        self._remember(path, body)
        method = path.rsplit("/", 1)[-1]
        if method in self.server_state.failures:
            status, headers = self.server_state.failures[method]
            self._fail(status, f"{method} refused", headers)
        elif not path.startswith(SERVICES):
            self._fail(404, "no such service")
        elif method == "IntrospectToken":
            active = body["token"] == TOKEN
            self._answer({"active": active, "username": USERNAME if active else ""})
        elif not self._is_authorized():
            self._fail(401, "Unauthenticated")
        elif method == "GetDataset":
            self._get_dataset(f"{body['ownerSlug']}/{body['datasetSlug']}")
        elif method == "DownloadDataset":
            self._redirect(f"{body['ownerSlug']}/{body['datasetSlug']}", body)
        else:
            self._fail(404, f"no method {method}")

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self._remember(path, {})
        if not path.startswith(STORAGE) or "signature=" not in self.path:
            return self._fail(404, "no such object")
        answers, limit = len(self.server_state.named(STORAGE)), self.server_state.expires_after
        if limit is not None and answers > limit:
            return self._fail(403, "the signature has expired")
        owner, slug, version = path.removeprefix(STORAGE).split("/")[:3]
        self._send_object(self.server_state.archives[f"{owner}/{slug}", int(version)])

    def _remember(self, path: str, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_state.requests.append(Request(self.command, path, headers, body))

    def _is_authorized(self) -> bool:
        basic = base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()
        return self.headers.get("Authorization") in (f"Basic {basic}", f"Bearer {TOKEN}")

    def _get_dataset(self, handle: str) -> None:
        version = self.server_state.newest(handle)
        if version is None:
            return self._fail(404, "Not found")
        size = len(self.server_state.archives[handle, version])
        self._answer({"ref": handle, "currentVersionNumber": version, "totalBytes": size})

    def _redirect(self, handle: str, body: dict[str, Any]) -> None:
        version = body.get("datasetVersionNumber") or self.server_state.newest(handle)
        if (handle, version) not in self.server_state.archives:
            return self._fail(404, "Not found")
        self.send_response(302)
        self.send_header("Location", f"{STORAGE}{handle}/{version}/archive.zip?signature=abc")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_object(self, content: bytes) -> None:
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        start, wanted = 0, self.headers.get("Range")
        if wanted and self.headers.get("If-Range", tag) == tag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", "Mon, 10 Feb 2020 04:31:12 GMT")
        self.end_headers()
        state = self.server_state
        cut = state.cuts.pop(0) if state.cuts else None
        with contextlib.suppress(ConnectionError):  # the client may not want the rest
            self.wfile.write(content[start : None if cut is None else start + cut])
        if cut is not None:
            if state.stall:
                state.release.wait(30)
            self.close_connection = True

    def _answer(self, data: dict[str, Any]) -> None:
        self._send_json(200, data, {})

    def _fail(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self._send_json(status, {"code": status, "message": message}, headers or {})

    def _send_json(self, status: int, data: dict[str, Any], headers: dict[str, str]) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
