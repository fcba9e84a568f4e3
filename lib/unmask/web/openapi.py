"""What programs can ask, as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any

from ..verdict import VERDICTS
from .limits import Limits
from .uploads import FIELD, PICTURES

NUMBER, TEXT, COUNT = {"type": "number"}, {"type": "string"}, {"type": "integer"}
MAYBE_NUMBER = {"type": ["number", "null"]}
SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
PROBLEMS = {
    "400": "The form brings no file, or a field that cannot be read.",
    "403": "A page of another site sent the form.",
    "413": "The file, its picture or its duration is above the limits.",
    "415": "The content is neither a photo nor a clip, or two types at once.",
    "422": "The file is damaged.",
    "429": "All places are taken; the header Retry-After says when to come back.",
    "500": "Something went wrong in Unmask.",
    "503": "The request took longer than it may.",
}


def describe_api(limits: Limits, prefix: str = "") -> dict[str, Any]:
    """Returns the OpenAPI document.

    Args:
        limits: of a request, told in words.
        prefix: path under which a proxy shows the page, such as "/unmask".
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unmask",
            "version": "1",
            "description": "Says of photos and clips of faces: real, fake, unsure or no face. "
            "A score is no proof. Nothing that is sent is kept.",
        },
        "servers": [{"url": prefix or "/"}],
        "paths": {
            "/api/score": {"post": _score(limits)},
            "/api/heat-map": {"post": _heat_map(limits)},
            "/health": {"get": _health()},
            "/openapi.json": {"get": _document()},
        },
        "components": {"schemas": _schemas(), "responses": _problems()},
    }


def _score(limits: Limits) -> dict[str, Any]:
    return {
        "operationId": "score",
        "summary": "The verdict on a photo or a clip",
        "requestBody": _form(limits),
        "responses": {"200": _json("The verdict.", "Verdict"), **_references(PROBLEMS)},
    }


def _heat_map(limits: Limits) -> dict[str, Any]:
    person = {"type": "integer", "minimum": 0, "maximum": 999_999, "default": 0}
    about = "Number of the face or person, as the verdict gives it."
    return {
        "operationId": "heatMap",
        "summary": "Where the network looked on one face; the file is scored once more",
        "requestBody": _form(limits, person={**person, "description": about}),
        "responses": {
            "200": _json("The face under its heat map.", "HeatMap"),
            "404": _json("The file shows no such person.", "Problem"),
            **_references(PROBLEMS),
        },
    }


def _health() -> dict[str, Any]:
    return {
        "operationId": "health",
        "summary": "Whether the page answers, and how busy it is",
        "responses": {"200": _json("It does.", "Health")},
    }


def _document() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This document",
        "responses": {"200": {"description": "OpenAPI 3.1.", "content": content}},
    }


def _form(limits: Limits, **more: dict[str, Any]) -> dict[str, Any]:
    about = f"{PICTURES}; at most {limits.largest:,} bytes, {limits.longest:,.0f} seconds."
    schema = {
        "type": "object",
        "required": [FIELD],
        "properties": {
            FIELD: {"type": "string", "format": "binary", "description": about},
            **more,
        },
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _json(about: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": about, "content": content}


def _references(problems: dict[str, str]) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in problems}


def _problems() -> dict[str, Any]:
    answers = {status: _json(about, "Problem") for status, about in PROBLEMS.items()}
    wait = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}
    answers["429"]["headers"] = {"Retry-After": wait}
    return answers


def _schemas() -> dict[str, Any]:
    return {
        "Verdict": _verdict(),
        "Person": _person(),
        "HeatMap": _object(person=COUNT, sentence=TEXT, picture=TEXT),
        "Health": _object(status={"const": "ok"}, detector=TEXT, inside=COUNT, waiting=COUNT),
        "Problem": _object(error=_object(reason=TEXT, detail=TEXT, expected=TEXT, fix=TEXT)),
    }


def _verdict() -> dict[str, Any]:
    return _object(
        file=TEXT,
        kind={"enum": ["image", "video"]},
        verdict={"enum": list(VERDICTS)},
        score=SHARE,
        calibrated=SHARE,
        threshold=MAYBE_NUMBER,
        band={"type": ["array", "null"], "items": NUMBER, "minItems": 2, "maxItems": 2},
        false_positive_rate={
            "anyOf": [_object(value=SHARE, low=SHARE, high=SHARE), {"type": "null"}]
        },
        chances=_list(_object(share_of_fakes=NUMBER, right=SHARE, low=SHARE, high=SHARE)),
        reasons=_list(TEXT),
        people=_list({"$ref": "#/components/schemas/Person"}),
        notices=_list(TEXT),
        error={"type": "null"},
        seconds=NUMBER,
        detector=TEXT,
        width=COUNT,
        height=COUNT,
        clip={"type": ["object", "null"]},
    )


def _person() -> dict[str, Any]:
    box = {**_list(NUMBER), "minItems": 4, "maxItems": 4}
    return _object(
        number=COUNT,
        verdict={"enum": ["real", "fake", "unsure", ""]},
        score=SHARE,
        calibrated=SHARE,
        reasons=_list(TEXT),
        flips={"type": "object", "additionalProperties": NUMBER},
        box=box,
        landmarks={"type": ["array", "null"], "items": _list(NUMBER)},
        confidence=NUMBER,
        quality={"type": "object"},
        frames=_list(_object(index=COUNT, time=NUMBER, box=box, score=SHARE)),
        evidence=_list({"type": "object"}),
        outcome=TEXT,
    )


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
