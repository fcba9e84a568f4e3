"""The HTTP side of the loopback Kaggle: who asks, for what, and how answers leave."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

USERNAME, KEY, TOKEN = "ada", "0123456789abcdef", "KGAT_secret"
SERVICES = "/api/v1/"
STORAGE = "/storage/"
UPLOAD = "/upload/"
LOGS = "/api/v1/kernels/logs/stream/"


@dataclass
class Request:
    """A request as it arrived: method, path, headers (lower case), parsed JSON body."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """An HTTP error that a service answers with."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


@dataclass
class Redirect:
    """An answer that sends the client to a storage address."""

    address: str


class Handler(BaseHTTPRequestHandler):
    """One connection; `cloud` is the Cloud it belongs to."""

    cloud: Any
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self._read_body() or b"{}")
        path = self._remember(body)
        method = path.rsplit("/", 1)[-1]
        self._answer(method, lambda: self._serve(path, method, body))

    def do_PUT(self) -> None:
        path = self._remember({})
        self._answer("upload", lambda: self._take_upload(path))

    def do_GET(self) -> None:
        path = self._remember({})
        if path.startswith(LOGS):
            self._answer("logs", lambda: self._send_log(path))
        else:
            self._answer("storage", lambda: self._send_object(path))

    def _serve(self, path: str, method: str, body: dict[str, Any]) -> None:
        if not path.startswith(SERVICES):
            raise Refused(404, "no such service")
        if method != "IntrospectToken" and not self._is_authorized():
            raise Refused(401, "Unauthenticated")
        answer = self.cloud.call(method, body)
        if self.cloud.faults.take("lost_answer", method):
            self._break_off()
        elif isinstance(answer, Redirect):
            self._send(302, b"", {"Location": answer.address})
        else:
            self._send_json(200, answer)

    def _send_log(self, path: str) -> None:
        """The log of a session: of one that runs, line by line as server-sent events."""
        if not self._is_authorized():
            raise Refused(401, "Unauthenticated")
        session = self.cloud.kernels.latest(*path.removeprefix(LOGS).split("/")[:2])
        if session.is_over:
            kind = {"Content-Type": "application/json"}
            return self._send(200, session.log.encode(), kind)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            for event in session.follow():
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: END_OF_LOG\n\n")

    def _answer(self, name: str, work: Callable[[], None]) -> None:
        """Does `work` unless a fault comes before it; turns refusals into HTTP errors."""
        if self.cloud.faults.take("drop", name):
            return self._break_off()
        try:
            if fault := self.cloud.faults.take("status", name):
                values = fault.values
                message = values.get("message", f"{name} refused")
                raise Refused(values["status"], message, values.get("headers"))
            work()
        except Refused as refused:
            data = {"code": refused.status, "message": refused.message}
            self._send_json(refused.status, data, refused.headers)

    def _remember(self, body: dict[str, Any]) -> str:
        """Notes the request; returns its path (a client behind a proxy sends a whole address)."""
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.cloud.requests.append(Request(self.command, path, headers, body))
        return path

    def _is_authorized(self) -> bool:
        basic = base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()
        return self.headers.get("Authorization") in (f"Basic {basic}", f"Bearer {TOKEN}")

    def _read_body(self, at_most: int | None = None) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length if at_most is None else min(length, at_most))

    def _take_upload(self, path: str) -> None:
        """A resumable upload: a question how far it got, or (the rest of) the content."""
        blob = self.cloud.datasets.blob(path.removeprefix(UPLOAD))
        place = self.headers.get("Content-Range", "")
        if place.startswith("bytes */"):
            self._read_body()
            if blob.is_whole:
                return self._send(200, b"")
            got = blob.got
            return self._send(308, b"", {"Range": f"bytes=0-{got - 1}"} if got else {})
        start = int(place.removeprefix("bytes ").split("-")[0]) if place else 0
        fault = self.cloud.faults.take("cut", "upload")
        blob.write(start, self._read_body(fault.values["at"] if fault else None))
        if fault:
            return self._break_off()
        if self.cloud.faults.take("lost_answer", "upload"):
            return self._break_off()
        self._send(200, b"{}")

    def _send_object(self, path: str) -> None:
        """Sends a stored file, or the asked rest of it."""
        signature = urlsplit(self.path).query.rpartition("signature=")[2]
        if not path.startswith(STORAGE) or not signature:
            raise Refused(404, "no such object")
        file, damage = self.cloud.stored(signature)
        content = file.read_bytes()
        if damage == "truncated":
            content = content[: len(content) // 2]
        elif damage == "changed":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        tag, wanted = f'"{hashlib.md5(content).hexdigest()}"', self.headers.get("Range")
        headers = {
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "ETag": tag,
            "Last-Modified": "Mon, 10 Feb 2020 04:31:12 GMT",
        }
        start = 0
        if wanted and self.headers.get("If-Range", tag) == tag:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                headers["Content-Range"] = f"bytes */{len(content)}"
                return self._send(416, b"", headers)
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        take, name = self.cloud.faults.take, path.rpartition("/")[2]
        fault = take("cut", name) or take("cut", "storage")
        self._send(206 if wanted and start else 200, content[start:], headers, fault)

    def _send_json(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        kind = {"Content-Type": "application/json; charset=utf-8"}
        self._send(status, content, {**kind, **(headers or {})})

    def _send(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, cut: Any = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may not want the rest
            self.wfile.write(content[: cut.values["at"]] if cut else content)
        if cut:
            self._break_off()

    def _break_off(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(2)
        self.close_connection = True
