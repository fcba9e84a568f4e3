"""The page behind waitress, which reads requests to their end before a thread looks at them."""

from __future__ import annotations

import json
import logging

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask

from .headers import HEADERS
from .limits import Limits
from .problems import Problem
from .uploads import too_large

SPARE_THREADS = 4  # answer the page, its files and /health while all others look or wait
SILENCE = 60  # seconds without a byte after which a connection is closed
CONNECTIONS = 300


def least_threads(limits: Limits) -> int:
    """Returns how many threads are needed so that waiting files never hold up /health."""
    return limits.at_once + limits.queue + SPARE_THREADS


def make_server(
    app: Flask,
    limits: Limits,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    threads: int | None = None,
    behind_proxy: bool = False,
) -> BaseWSGIServer:
    """Returns a server that listens; its `run()` answers until Ctrl-C, `close()` ends it.

    Args:
        app: of `create_app`.
        limits: the same ones.
        host, port: where to listen; port 0 takes a free one, see `address_of`.
        threads: that answer; None for as many as the queue needs.
        behind_proxy: leave the headers of a proxy to the application.

    Raises:
        OSError: nobody can listen there, such as when the port is taken.
    """
    # A full queue is answered with 429; waitress' own line about it says nothing new.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = create_server(
        app,
        host=host,
        port=port,
        threads=threads or least_threads(limits),
        ident="unmask",
        # Twice the limit, so that a file a little too large is told so in words and not cut off.
        max_request_body_size=2 * limits.largest + 1_000_000,
        channel_timeout=SILENCE,
        connection_limit=CONNECTIONS,
        channel_request_lookahead=1,  # by which is seen that the one who asked is gone
        send_bytes=1,  # lines of progress leave at once
        clear_untrusted_proxy_headers=not behind_proxy,
    )
    for each in (server, *getattr(server, "map", {}).values()):
        each.channel_class, each.page, each.limits = PlainSpokenChannel, app, limits
    return server


def address_of(server: BaseWSGIServer) -> tuple[str, int]:
    """Returns host and port on which a server listens."""
    listens = getattr(server, "effective_listen", None)
    if listens:
        return listens[0][0], int(listens[0][1])
    return server.effective_host, int(server.effective_port)


class PlainSpokenError(ErrorTask):
    """Tells what waitress itself refuses (a broken header, a huge body) as the page would."""

    def execute(self) -> None:
        error, server = self.request.error, self.channel.server
        problem = Problem(error.code, error.reason.lower(), f"{error.reason}: {error.body}.")
        if error.code == 413:
            problem = too_large(server.limits)
        kind, body = "application/json", json.dumps(problem.as_dict())
        if "text/html" in self.request.headers.get("ACCEPT", ""):
            kind = "text/html; charset=utf-8"
            body = server.page.jinja_env.get_template("refused.html.j2").render(problem=problem)
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", kind), *HEADERS.items()]
        self.set_close_on_finish()
        self.content_length = len(body.encode())
        self.write(body.encode())


class OneLengthParser(HTTPRequestParser):
    """Refuses a body of two lengths, which a proxy could take for two requests (RFC 9112, 6.1)."""

    def parse_header(self, header_plus: bytes) -> None:
        """Raises ParsingError, which is answered with 400."""
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")


class PlainSpokenChannel(HTTPChannel):
    """A connection of waitress with our words for errors."""

    error_task_class = PlainSpokenError
    parser_class = OneLengthParser
