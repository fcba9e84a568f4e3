"""`unmask app`: the page on your own machine."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import importlib
import ipaddress
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import DataError, UnmaskError, UsageError
from ..parser import Parser

if TYPE_CHECKING:
    from flask import Flask
    from waitress.server import BaseWSGIServer

    from ..verdict import Detector
    from .limits import Limits

UNUSABLE = 2
PACKAGES = ("flask", "waitress")  # of the extra `page`
MEGABYTE = 1_000_000
M_ARENA_MAX = -8  # of <malloc.h>
EPILOG = """Exit codes: 0 ended with Ctrl-C, 2 detector or command unusable.
Only this machine reaches the page unless --host or --tunnel says otherwise."""


def main(arguments: list[str] | None = None) -> int:
    """Shows the page until Ctrl-C; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        _check_packages()
        return _serve(options)
    except UnmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="unmask app",
        allow_abbrev=False,
        description="A web page that says of photos and clips: real, fake, unsure or no face.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", metavar="RUN", help="run, member's folder or .keras file (default: newest run)")
    add("--faces", default="auto", choices=("auto", "yunet", "mtcnn", "whole"), help="face finder")
    add("--every", type=int, default=10, metavar="N", help="look at each N-th frame of a clip")
    add("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    add("--port", type=int, default=8000, help="to listen on, 0 for a free one (default: 8000)")
    add("--threads", type=int, metavar="N", help="that answer (default: as many as needed)")
    add("--at-once", type=int, default=2, metavar="N", help="files looked at at once (default: 2)")
    add("--queue", type=int, default=64, metavar="N", help="files that may wait (default: 64)")
    add("--largest", type=float, default=100, metavar="MB", help="file size (default: 100)")
    add("--seconds", type=float, default=120, metavar="S", help="of a request (default: 120)")
    add("--behind-proxy", action="store_true", help="trust the X-Forwarded headers of one proxy")
    add("--tunnel", choices=("ngrok",), help="show the page to the internet through pyngrok")
    return parser


def _check(options: argparse.Namespace) -> None:
    least = {"every": 1, "at_once": 1, "queue": 0, "port": 0}
    for name, smallest in least.items():
        value = getattr(options, name)
        if value < smallest:
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} {value} is not possible.", expected=f"{smallest} or more")
    for name in ("largest", "seconds"):
        value = getattr(options, name)
        if not 0 < value < 1e6:
            raise UsageError(f"--{name} {value:g} is not possible.", expected="more than 0")
    if options.port > 65535:
        raise UsageError(f"There is no port {options.port}.", expected="0 to 65535")
    needed = options.at_once + options.queue + 1
    if options.threads is not None and options.threads < needed:
        raise UsageError(
            f"--threads {options.threads} are too few: those that look and wait would take all.",
            expected=f"{needed} or more for --at-once {options.at_once} --queue {options.queue}",
            fix="leave --threads out",
        )


def _check_packages() -> None:
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing = (error.name or name).split(".")[0]
            raise DataError(
                f"The page needs the package {missing}, which is not installed.",
                expected="what the extra `page` brings: Flask and waitress",
                fix="pip install 'unmask[page]'",
            ) from error


def _serve(options: argparse.Namespace) -> int:
    tunnel = _tunnel() if options.tunnel else None
    _share_heaps()
    from ..verdict import Detector
    from ..verdict.choosing import find_model
    from . import Limits, create_app

    model = find_model(options.model)
    limits = Limits(
        largest=int(options.largest * MEGABYTE),
        seconds=options.seconds,
        at_once=options.at_once,
        queue=options.queue,
    )
    print(f"Opening the detector in {model} ...", file=sys.stderr)
    detector = Detector.load(model, faces=options.faces, every=options.every)
    for notice in detector.notices:
        print(f"note: {notice}", file=sys.stderr)
    app = create_app(detector, limits, behind_proxy=options.behind_proxy)
    server = _listen(app, limits, options)
    _warm_up(detector)
    return _run(server, detector.title, options.host, tunnel)


def _listen(app: Flask, limits: Limits, options: argparse.Namespace) -> BaseWSGIServer:
    from .server import make_server

    try:
        return make_server(
            app,
            limits,
            host=options.host,
            port=options.port,
            threads=options.threads,
            behind_proxy=options.behind_proxy,
        )
    except (OSError, ValueError, OverflowError) as error:
        raise _cannot_listen(options, error) from error


def _share_heaps() -> None:
    """Lets all threads take memory from two heaps instead of eight a core (glibc; else nothing).

    Each heap keeps what its busiest moment needed: with the demo's ensemble the page holds 1.4 GB
    instead of 1.7 after forty photos.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _warm_up(detector: Detector) -> None:
    """Looks at one face, so that the networks are loaded before the first visitor comes."""
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as stream:
        detector.score_image(stream.read())


def _run(server: BaseWSGIServer, title: str, asked_host: str, tunnel: ModuleType | None) -> int:
    from .server import address_of

    host, port = address_of(server)
    shown = f"[{host}]" if ":" in host else host
    print(f"{title} answers at http://{shown}:{port}/ (Ctrl-C ends it)", flush=True)
    if not _is_loopback(asked_host):
        print("note: everybody in your network can use this page.", file=sys.stderr)
    try:
        if tunnel is not None:
            public = tunnel.connect(str(port), "http").public_url
            print(f"and, for everybody on the internet, at {public}", flush=True)
        server.run()
    finally:
        if tunnel is not None:
            tunnel.kill()
    return 0


def _tunnel() -> ModuleType:
    try:
        from pyngrok import ngrok
    except ImportError as error:
        raise DataError(
            "--tunnel ngrok needs the package pyngrok, which is not installed.",
            expected='what `pip install "unmask[tunnel]"` brings, and an ngrok account',
            fix="install it (make: .venv/bin/pip install pyngrok), or leave --tunnel out",
        ) from error
    return ngrok


def _cannot_listen(options: argparse.Namespace, error: Exception) -> UnmaskError:
    where = f"{options.host}:{options.port}"
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return UsageError(
            f"Another program listens on {where} already.",
            expected="a free port",
            fix=f"choose another one, such as --port {options.port + 1}, or --port 0 for any",
        )
    return UsageError(
        f"The page cannot listen on {where}: {error}",
        expected="an address of this machine and a port that you may use (above 1023)",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
