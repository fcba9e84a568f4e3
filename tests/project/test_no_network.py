"""No test reaches an address beyond loopback."""

import socket
import urllib.request

import pytest

# Reserved for documentation (RFC 5737): nobody answers there.
OUTSIDE = "192.0.2.1"


@pytest.mark.parametrize("name", ["connect", "connect_ex"])
def test_a_socket_to_elsewhere_is_an_error(outside_addresses, name):
    with socket.socket() as sock, pytest.raises(RuntimeError, match="loopback alone"):
        getattr(sock, name)((OUTSIDE, 80))
    assert outside_addresses == [str((OUTSIDE, 80))]
    outside_addresses.clear()


def test_a_library_that_asks_elsewhere_is_seen(outside_addresses):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(RuntimeError, match="loopback alone"):
        opener.open(f"http://{OUTSIDE}/", timeout=5)
    assert outside_addresses
    outside_addresses.clear()


def test_loopback_is_reached(outside_addresses):
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()):
        pass
    assert outside_addresses == []
