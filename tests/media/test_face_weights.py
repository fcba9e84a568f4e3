"""YuNet's file: given, found, fetched from a server on this machine, refused by its hash."""

from __future__ import annotations

import hashlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from unmask.errors import DataError
from unmask.media.faces import make_finder, weights

BODY = b"a small file in the place of a network" * 100
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        body = BODY[:-1] if self.path == "/cut" else BODY
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project and a cache with nothing in them, that may fetch."""
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNMASK_YUNET", raising=False)
    monkeypatch.delenv("UNMASK_OFFLINE")
    return tmp_path


def address(server, path: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def test_the_file_is_fetched_once(server, home):
    addresses = [address(server, "/file")]
    for _ in range(2):
        path = weights.yunet_file(addresses=addresses, digest=DIGEST)
        assert path == home / "cache" / weights.NAME
        assert path.read_bytes() == BODY
    assert server.asked == ["/file"]
    assert [entry.name for entry in (home / "cache").iterdir()] == [weights.NAME]


def test_the_second_address_is_asked_when_the_first_fails(server, home):
    addresses = [address(server, path) for path in ("/missing", "/cut", "/file")]
    assert weights.yunet_file(addresses=addresses, digest=DIGEST).read_bytes() == BODY
    assert server.asked == ["/missing", "/cut", "/file"]


def test_a_wrong_hash_leaves_nothing_and_is_not_asked_for_again(server, home):
    addresses = [address(server, "/cut"), address(server, "/missing")]
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            weights.yunet_file(addresses=addresses, digest=DIGEST)
        assert "wrong hash" in str(caught.value)
        assert "404" in str(caught.value)
        assert "UNMASK_YUNET" in str(caught.value)
    assert server.asked == ["/cut", "/missing"]
    assert not list((home / "cache").glob("*"))


def test_a_larger_file_is_refused(server, home, monkeypatch):
    monkeypatch.setattr(weights, "LARGEST", 1000)
    with pytest.raises(DataError, match="more than 1,000 bytes"):
        weights.yunet_file(addresses=[address(server, "/file?large")], digest=DIGEST)


def test_without_a_file_auto_takes_mtcnn_and_says_why(server, home, monkeypatch):
    monkeypatch.setattr(weights, "ADDRESSES", (address(server, "/cut?auto"),))
    finder = make_finder("auto")
    assert finder.name == "mtcnn"
    (notice,) = finder.notices
    assert "wrong hash" in notice
    assert "data/weights/" in notice
    with pytest.raises(DataError, match="could not be fetched"):
        make_finder("yunet")
    assert make_finder("mtcnn").notices == ()


@pytest.mark.parametrize("name", ["onnx", "onnxruntime"])
def test_without_the_extra_mtcnn_says_what_to_install(name, home, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(weights, "ADDRESSES", ("http://127.0.0.1:9/nobody",))
    for finder in ("mtcnn", "auto"):
        with pytest.raises(DataError, match=f"the package {name} that runs it") as caught:
            make_finder(finder)
        assert "pip install 'unmask[fast]'" in str(caught.value)


def test_a_server_that_is_not_there(home, monkeypatch):
    monkeypatch.setattr(weights, "ADDRESSES", ("http://127.0.0.1:9/nobody",))
    assert "refused" in make_finder("auto").notices[0]


def test_nothing_is_fetched_offline(server, home, monkeypatch):
    monkeypatch.setattr(weights, "ADDRESSES", (address(server, "/file?offline"),))
    monkeypatch.setenv("UNMASK_OFFLINE", "1")
    (notice,) = make_finder("auto").notices
    assert "could not be fetched (UNMASK_OFFLINE is set)" in notice and "data/weights/" in notice
    assert server.asked == []


def test_files_that_are_not_known_are_refused_by_name(home, monkeypatch):
    (home / "other.onnx").write_bytes(BODY)
    for name, what in (("other.onnx", DIGEST), ("nowhere.onnx", "is not there")):
        with pytest.raises(DataError, match=what) as caught:
            make_finder("auto", weights=home / name)
        assert name in str(caught.value)
    monkeypatch.setenv("UNMASK_YUNET", str(home / "other.onnx"))
    with pytest.raises(DataError, match=DIGEST):
        make_finder("yunet")
    assert "other.onnx" in make_finder("auto").notices[0]


def test_an_unknown_file_in_the_project_is_passed_over(server, home):
    folder = home / "home" / "data" / "weights"
    folder.mkdir(parents=True)
    (folder / "a_yunet.onnx").write_bytes(b"something else")
    addresses = [address(server, "/file")]
    assert weights.yunet_file(addresses=addresses, digest=DIGEST).parent.name == "cache"
    (folder / "my_yunet.onnx").write_bytes(BODY)
    assert weights.yunet_file(addresses=addresses, digest=DIGEST) == folder / "my_yunet.onnx"


@pytest.mark.parametrize("mount", ["datasets/ada/weights", "models/ada/yunet/onnx/n/1", "weights"])
def test_an_attached_file_is_found_by_its_hash(mount, server, home, monkeypatch):
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(home / "input"))
    monkeypatch.setenv("UNMASK_OFFLINE", "1")
    folder = home / "input" / mount
    folder.mkdir(parents=True)
    (folder / "another_yunet.onnx").write_bytes(b"something else")
    with pytest.raises(DataError, match="could not be fetched"):
        weights.yunet_file(digest=DIGEST)
    (folder / "The YuNet.onnx").write_bytes(BODY)
    assert weights.yunet_file(digest=DIGEST) == folder / "The YuNet.onnx"


def test_on_kaggle_it_is_said_what_to_attach(home, monkeypatch):
    monkeypatch.setenv("UNMASK_OFFLINE", "1")
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    (notice,) = make_finder("auto").notices
    assert "on Kaggle attach a dataset or model that holds it, or switch the internet on" in notice


def test_the_published_files(home, shared_data, monkeypatch):
    folder = shared_data / "weights"
    assert weights.check_known(folder / "yunet_n_640_640.onnx").startswith("YuNet n 640")
    with pytest.raises(DataError, match="OpenCV 4 cannot read"):
        weights.check_known(folder / "yunet_n_dynamic.onnx")
    monkeypatch.setenv("UNMASK_YUNET", str(folder / "yunet_n_640_640.onnx"))
    assert make_finder("auto").name == "yunet"
