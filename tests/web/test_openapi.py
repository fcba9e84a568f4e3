"""The API does what its description says, whatever is sent.

More examples than the few of each run: UNMASK_API_EXAMPLES=1000 pytest tests/web/test_openapi.py
"""

import itertools
import os

import pytest
import schemathesis
import upload_files as files
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from test_api import send
from unmask.web import Limits
from unmask.web.openapi import describe_api

EXAMPLES = int(os.environ.get("UNMASK_API_EXAMPLES", "6"))
load_all_checks()
# No schema can say which bytes are a photo, so that well-formed forms are refused as well.
NOT_SAID = CHECKS.get_by_names(["positive_data_acceptance"])


@pytest.fixture(scope="session")
def api(app):
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        *itertools.product(["/api/score", "/api/heat-map"], GenerationMode),
        # Nothing can be sent to these that would not fit.
        *itertools.product(["/health", "/openapi.json"], [GenerationMode.POSITIVE]),
    ],
)
def test_whatever_is_sent_is_answered_as_described(api, path, mode):
    (operation,) = (api[path][method] for method in api[path])

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def send_and_check(case):
        case.call_and_validate(excluded_checks=NOT_SAID)

    send_and_check()


def test_verdicts_and_refusals_are_as_described(api, client):
    score, heat = api["/api/score"]["POST"], api["/api/heat-map"]["POST"]
    two = files.encoded(files.two_people())
    none = files.encoded(files.portrait()[-40:, :40])
    for data in (files.photo(), files.clip(), two, none, b"", b"<svg/>", files.bomb()):
        score.validate_response(send(client, data))
    heat.validate_response(send(client, files.photo(), to="/api/heat-map"))
    heat.validate_response(send(client, files.photo(), to="/api/heat-map", person="3"))
    api["/health"]["GET"].validate_response(client.get("/health"))


def test_a_verdict_that_lacks_a_field_would_be_noticed(api, client):
    import jsonschema_rs

    document = describe_api(Limits())
    whole = {**document["components"]["schemas"]["Verdict"], "components": document["components"]}
    checker = jsonschema_rs.Draft202012Validator(whole)
    verdict = send(client, files.photo()).json
    assert checker.is_valid(verdict)
    assert not checker.is_valid({**verdict, "verdict": "certainly"})
    assert not checker.is_valid({**verdict, "people": [{}]})
    del verdict["chances"]
    assert not checker.is_valid(verdict)
