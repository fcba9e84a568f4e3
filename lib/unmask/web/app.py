"""The Flask application: which address does what."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from ..verdict import Detector, HeatMap
from ..verdict.detector import ONLY_DEMO
from ..verdict.lines import NO_PROOF
from ..verdict.stills import data_uri, heat_words, reduced, with_heat
from . import words
from .desk import EVERYONE, Desk, Look, Order, Tell
from .headers import refuse_other_sites, secure
from .limits import MEGABYTE, Clock, Limits
from .openapi import describe_api
from .problems import Problem
from .streaming import FAILED, TYPE, Progress
from .timeline import timeline_of
from .uploads import FIELD, UnnamedFilesRequest, receive, too_large

# What the lines around a file and the other fields of a form may take.
FORM_BYTES = 64_000
MOST_PARTS = 10  # of a form: each could be a file, and is held open as one
TOO_MANY_FIELDS = Problem(
    400,
    "too many fields",
    "The form has more fields, or longer ones, than this page asks for.",
    expected=f"one field {FIELD!r} with one file",
    fix="send one file at a time",
)
SERIOUS = (ONLY_DEMO,)  # of the detector's notices: told beside every verdict, not below it
LONGER_SIDE, HEAT_SIDE = 1280, 320  # pixels of the pictures in an answer
FOR_PROGRAMS = ("/api/", "/health", "/openapi.json", "/look")


def create_app(
    detector: Detector, limits: Limits | None = None, *, behind_proxy: bool = False
) -> Flask:
    """Returns the page and its API around a detector.

    Args:
        detector: that is asked.
        limits: of a request; None for the usual ones.
        behind_proxy: trust X-Forwarded-For, -Proto, -Host and -Prefix of one proxy before it.
            Without a proxy anybody could set them, so they are ignored.
    """
    limits = limits or Limits()
    app = Flask(__name__)
    app.request_class = UnnamedFilesRequest
    app.config["MAX_CONTENT_LENGTH"] = limits.largest + FORM_BYTES
    app.config["MAX_FORM_PARTS"] = MOST_PARTS
    app.url_map.merge_slashes = False  # no redirects: they would repeat the Host header
    app.json.sort_keys = False
    app.jinja_env.autoescape = True  # Flask's own rule knows no .j2
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(words=words, as_address=_as_address, heat_address=_heat_address)
    app.jinja_env.globals.update(heat_words=heat_words)
    app.jinja_env.globals.update(timeline_of=timeline_of, no_proof=NO_PROOF)
    if behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    desk = Desk(detector, limits)
    app.before_request(lambda: refuse_other_sites(request))
    app.after_request(secure)
    _answer_problems(app, desk)
    _add_page(app, desk)
    _add_api(app, desk)
    return app


def _add_page(app: Flask, desk: Desk) -> None:
    @app.get("/")
    def page() -> str:
        return _page(desk)

    @app.post("/")
    def answer() -> str:
        """The page with its answer: how it works without JavaScript."""
        upload = receive(request, desk.limits)
        explain = EVERYONE if "heat_maps" in request.form else ()
        with desk.turnstile.take() as ticket:
            order = Order(ticket, _clock(desk), picture=True, explain=explain)
            look = desk.look(upload, order)
        return _page(desk, look=look, size=upload.size)

    @app.post("/look")
    def look() -> Response:
        """The same for the script of the page: lines of progress, then the answer as HTML."""
        received = receive(request, desk.limits)
        clock, ticket = _clock(desk), desk.turnstile.take()
        # The request closes its files before the lines are read.
        upload = received.kept_open()

        def work(tell: Tell) -> dict[str, Any]:
            found = desk.look(upload, Order(ticket, clock, tell, picture=True))
            with app.app_context():
                return {"html": _answer(found, upload.size, scripted=True)}

        response = Response(Progress(work, app.logger.error).lines(), mimetype=TYPE)
        response.call_on_close(upload.stream.close)
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(ticket.leave)
        return response


def _add_api(app: Flask, desk: Desk) -> None:
    @app.post("/api/score")
    def score() -> Response:
        upload = receive(request, desk.limits)
        with desk.turnstile.take() as ticket:
            found = desk.look(upload, Order(ticket, _clock(desk)))
        return jsonify(found.verdict.as_dict())

    @app.post("/api/heat-map")
    def heat_map() -> Response:
        upload, number = receive(request, desk.limits), _person()
        with desk.turnstile.take() as ticket:
            order = Order(ticket, _clock(desk), explain=(number,))
            person, found = desk.explain(upload, order, number)
        picture = _heat_address(person.crop, found)
        return jsonify(person=number, sentence=heat_words(found), picture=picture)

    @app.get("/health")
    def health() -> Response:
        inside, waiting = desk.turnstile.counts()
        return jsonify(status="ok", detector=desk.detector.name, inside=inside, waiting=waiting)

    @app.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(describe_api(desk.limits, request.script_root))


def _as_address(pixels: np.ndarray) -> str:
    return data_uri(reduced(pixels, LONGER_SIDE))


def _heat_address(crop: np.ndarray, heat: HeatMap) -> str:
    return data_uri(with_heat(crop, heat, HEAT_SIDE))


def _answer_problems(app: Flask, desk: Desk) -> None:
    def tell(problem: Problem) -> tuple[Response | str, int, dict[str, str]]:
        for_programs = request.path.startswith(FOR_PROGRAMS)
        body = jsonify(problem.as_dict()) if for_programs else _page(desk, problem=problem)
        return body, problem.status, problem.headers()

    @app.errorhandler(Problem)
    def known(problem: Problem) -> tuple[Response | str, int, dict[str, str]]:
        return tell(problem)

    @app.errorhandler(HTTPException)
    def of_http(error: HTTPException) -> tuple[Response | str, int, dict[str, str]]:
        if error.code == 413:
            whole = (request.content_length or 0) <= app.config["MAX_CONTENT_LENGTH"]
            return tell(TOO_MANY_FIELDS if whole else too_large(desk.limits))
        problem = Problem(error.code or 500, (error.name or "").lower(), error.description or "")
        body, status, headers = tell(problem)
        allowed = getattr(error, "valid_methods", None)
        return body, status, {**headers, **({"Allow": ", ".join(allowed)} if allowed else {})}

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> tuple[Response | str, int, dict[str, str]]:
        app.logger.error("%s %s", request.method, request.path, exc_info=error)
        return tell(FAILED)


def _page(
    desk: Desk, *, look: Look | None = None, size: int = 0, problem: Problem | None = None
) -> str:
    answer = _answer(look, size, scripted=False) if look else ""
    return render_template(
        "page.html.j2",
        look=look,
        answer=answer,
        problem=problem,
        detector=desk.detector,
        notices=desk.detector.notices,
        serious=SERIOUS,
        error_rates=desk.detector.error_rates(),
        limits=desk.limits,
        largest_megabytes=desk.limits.largest / MEGABYTE,
    )


def _answer(look: Look, size: int, *, scripted: bool) -> str:
    return render_template(
        "answer.html.j2", look=look, verdict=look.verdict, size=size, scripted=scripted
    )


def _clock(desk: Desk) -> Clock:
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    return Clock(desk.limits.seconds, gone)


def _person() -> int:
    given = request.form.get("person", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 7):
        raise Problem(
            400, "no number", "The field 'person' is no number.", expected="0 for the first one"
        )
    return int(given)
