"""The API: one verdict with the detector's own words, every refusal with a status and a fix."""

import http.client
import io
import json
from urllib.parse import urlsplit

import pytest
import upload_files as files
from unmask.web import Limits, create_app

HOSTILE = "'><script>alert(1)</script>.jpg"


def send(client, data: bytes, name: str = "photo.jpg", to: str = "/api/score", **more):
    headers = more.pop("headers", {})
    fields = {"file": (io.BytesIO(data), name), **more}
    return client.post(to, data=fields, headers=headers)


def without_time(record: dict) -> dict:
    return {name: value for name, value in record.items() if name != "seconds"}


def test_a_photo_gets_the_detectors_own_verdict(client, detector):
    answer = send(client, files.photo(), "me.png")
    assert answer.status_code == 200
    mine = json.loads(json.dumps(detector.score_image(files.photo(), name="me.png").as_dict()))
    assert without_time(answer.json) == without_time(mine)
    assert len(answer.json["people"]) == 1
    assert answer.json["people"][0]["score"] is not None


def test_a_clip_gets_the_detectors_own_verdict(client, detector, tmp_path):
    answer = send(client, files.clip(), "../x.jpg")
    path = tmp_path / "clip"
    path.write_bytes(files.clip())
    mine = json.loads(json.dumps(detector.score_video(path, name="x.jpg").as_dict()))
    assert without_time(answer.json) == without_time(mine)
    assert [frame["index"] for frame in answer.json["people"][0]["frames"]] == [0, 3, 6, 9]


def test_a_picture_without_a_face_is_no_face(client):
    answer = send(client, files.encoded(files.portrait()[-40:, :40]))
    assert answer.status_code == 200
    assert (answer.json["verdict"], answer.json["people"]) == ("no face", [])


def test_a_heat_map_on_demand(client):
    answer = send(client, files.photo(), to="/api/heat-map", person="0")
    assert answer.status_code == 200
    assert answer.json["picture"].startswith("data:image/jpeg;base64,")
    assert "not whether it is right" in answer.json["sentence"]
    missing = send(client, files.photo(), to="/api/heat-map", person="7")
    assert (missing.status_code, missing.json["error"]["reason"]) == (404, "no such person")
    for wrong in ("x", "-1", "1.5", "٣", "9999999"):
        assert send(client, files.photo(), to="/api/heat-map", person=wrong).status_code == 400


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", 422, "empty file"),
        (b"<svg xmlns='x'/>", 415, "not an image"),
        (b"\xff\xd8\xff" + bytes(100), 422, "truncated"),
        (files.photo()[:-700], 422, "truncated"),
        (files.photo() + files.zip_of(), 415, "two types in one"),
        (files.bomb(), 413, "too large"),
        (files.sound(), 415, "not a video"),
        (files.clip(count=25, rate=1, side=64), 413, "too long"),
        (bytes(3_000_000), 413, "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_tell_what_happened(client, data, status, reason):
    answer = send(client, data)
    assert answer.status_code == status
    error = answer.json["error"]
    assert error["reason"] == reason
    assert set(error) == {"reason", "detail", "expected", "fix"}
    assert error["detail"]
    assert error["fix"]
    assert "Traceback" not in answer.text


def test_forms_without_a_file(client):
    assert client.post("/api/score").status_code == 400
    assert client.post("/api/score", data={"file": "text"}).status_code == 400
    assert client.post("/api/score", data=b"{}", content_type="application/json").status_code == 400
    cut = client.post(
        "/api/score", data=b"--x\r\nContent-Disp", content_type="multipart/form-data; boundary=x"
    )
    assert cut.status_code == 400


def test_a_form_of_many_files_is_refused_and_opens_none_of_them(client):
    many = {"file": [(io.BytesIO(files.photo()), "photo.jpg") for _ in range(11)]}
    answer = client.post("/api/score", data=many)
    assert (answer.status_code, answer.json["error"]["reason"]) == (400, "too many fields")


def test_wrong_addresses_and_methods_are_told_as_asked(client):
    assert client.get("/api/nothing").json["error"]["reason"] == "not found"
    wrong = client.get("/api/score")
    assert (wrong.status_code, wrong.json["error"]["reason"]) == (405, "method not allowed")
    assert "POST" in wrong.headers["Allow"]
    page = client.get("/nothing")
    assert page.status_code == 404
    assert "<!doctype html>" in page.text


def test_pages_of_other_sites_are_sent_away(client):
    for origin, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 400)):
        answer = client.post("/api/score", headers={"Sec-Fetch-Site": origin})
        assert answer.status_code == status
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/nothing", "/api/score", "/static/page.css"])
def test_every_answer_carries_the_headers(client, path):
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers
    assert path.startswith("/static") or headers["Cache-Control"] == "no-store"


def test_the_page_needs_nothing_inline(client):
    import re

    answer = send(client, files.encoded(files.two_people()), to="/", heat_maps="1")
    assert answer.status_code == 200
    for page in (client.get("/").text, answer.text):
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
        assert re.findall(r"<script[^>]*>[^<]+</script>", page) == []


def test_names_are_escaped_everywhere(client):
    shown = send(client, files.photo(), HOSTILE, to="/")
    assert "<script>alert" not in shown.text
    # The slash ends a folder, so that only what follows it is shown.
    assert "script&gt;.jpg" in shown.text
    plain = send(client, files.photo(), "<img src=x onerror=alert(1)>.jpg", to="/")
    assert "&lt;img src=x onerror=alert(1)&gt;.jpg" in plain.text
    assert "<img src=x" not in plain.text


def test_lines_of_progress_end_in_the_answer(client):
    answer = send(client, files.clip(), to="/look")
    assert answer.mimetype == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines() if line]
    assert set(lines[-1]) == {"html"}
    assert 'data-kind="video"' in lines[-1]["html"]
    shares = [line["share"] for line in lines[:-1]]
    assert len(shares) >= 2
    assert all(0 <= share <= 1 for share in shares)


def test_a_broken_file_in_lines_of_progress(client):
    answer = send(client, files.photo()[:-700], to="/look")
    last = json.loads(answer.text.splitlines()[-1])
    assert (last["status"], last["error"]["reason"]) == (422, "truncated")
    assert send(client, b"text", to="/look").status_code == 415


def test_a_clip_that_takes_too_long_is_stopped(detector):
    app = create_app(detector, Limits(seconds=1e-6))
    answer = send(app.test_client(), files.clip())
    assert (answer.status_code, answer.json["error"]["reason"]) == (503, "time is up")


def test_health_and_prefix_of_a_proxy(detector, client):
    assert client.get("/health").json == {
        "status": "ok",
        "detector": detector.name,
        "inside": 0,
        "waiting": 0,
    }
    headers = {"X-Forwarded-Prefix": "/tools/unmask"}
    assert 'action="/"' in client.get("/", headers=headers).text
    behind = create_app(detector, behind_proxy=True).test_client()
    page = behind.get("/", headers=headers).text
    for name in ("static/page.js", "look", "openapi.json", "api/heat-map"):
        assert f'="/tools/unmask/{name}"' in page
    document = behind.get("/openapi.json", headers=headers).json
    assert document["servers"] == [{"url": "/tools/unmask"}]


def test_a_full_queue_asks_to_come_back(detector):
    app = create_app(detector, Limits(at_once=1, queue=0))
    client = app.test_client()
    with client.post("/look", data={"file": (io.BytesIO(files.clip()), "a.mp4")}) as first:
        lines = iter(first.response)
        assert b"share" in next(lines)  # it is being looked at, and not read to its end
        second = send(client, files.photo())
        assert (second.status_code, second.json["error"]["reason"]) == (429, "busy")
        assert int(second.headers["Retry-After"]) >= 1
        assert list(lines)[-1].startswith(b'{"html"')
    assert send(client, files.photo()).status_code == 200


def test_who_goes_away_makes_room(detector):
    client = create_app(detector, Limits(at_once=1, queue=0)).test_client()
    with client.post("/look", data={"file": (io.BytesIO(files.clip()), "a.mp4")}) as first:
        assert b"share" in next(iter(first.response))
    assert client.get("/health").json["inside"] == 0
    never_read = client.post("/look", data={"file": (io.BytesIO(files.clip()), "a.mp4")})
    never_read.close()
    assert client.get("/health").json["inside"] == 0


def asked_with(address: str, headers: dict[str, str], body: bytes = b""):
    """What the server answers to a request that is written as it is: answer, headers, text."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.putrequest("POST", "/")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body or None)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_what_the_server_refuses_before_the_page_is_told_alike(address):
    huge = {"Content-Length": "50000000000"}  # of which nothing is ever sent
    answer, text = asked_with(address, huge)
    assert answer.status == 413
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    error = json.loads(text)["error"]
    assert (error["reason"], error["expected"]) == ("too large", "at most 2 MB")
    answer, text = asked_with(address, {**huge, "Accept": "text/html,*/*"})
    assert answer.status == 413
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "at most 2 MB" in text
    assert "<!doctype html>" in text


def test_a_body_of_two_lengths_is_refused(address):
    lengths = {"Content-Length": "6", "Transfer-Encoding": "chunked"}
    answer, text = asked_with(address, lengths, b"0\r\n\r\nGET /health HTTP/1.1\r\n\r\n")
    assert (answer.status, answer.headers["Connection"]) == (400, "close")
    assert "Content-Length" in json.loads(text)["error"]["detail"]


def test_no_answer_repeats_the_host_header(client):
    for path in ("/static//page.css", "//api/score", "/api/score/"):
        answer = client.get(path, headers={"Host": "elsewhere.example"})
        assert answer.status_code == 404
        assert "elsewhere" not in answer.text
