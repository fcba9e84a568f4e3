"""A small detector that never learnt anything, and the real server around it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from unmask.web import Limits, create_app
from unmask.web.server import address_of, make_server

SIDE = 32
LIMITS = Limits(largest=2_000_000, longest=20.0, seconds=60.0)


@pytest.fixture(scope="session")
def model_path(tmp_path_factory) -> Path:
    import keras
    from unmask import detectors

    keras.utils.set_random_seed(3)
    model = detectors.build_from_choices((SIDE, SIDE, 3), blocks=(4,), name="small")
    path = tmp_path_factory.mktemp("model") / "small.keras"
    model.save(path)
    return path


@pytest.fixture(scope="session")
def detector(model_path):
    from unmask.verdict import Detector

    return Detector.load(model_path, faces="mtcnn", every=3)


@pytest.fixture(scope="session")
def app(detector):
    return create_app(detector, LIMITS)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def address(app):
    """Where waitress shows the page: http://127.0.0.1:PORT."""
    server = make_server(app, LIMITS, port=0)
    threading.Thread(target=server.run, daemon=True).start()
    host, port = address_of(server)
    yield f"http://{host}:{port}"
    server.close()
