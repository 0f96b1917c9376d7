"""The stand-in's client meets connections that end as Go's client does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.plugins.kubernetes.client import Client, UnreachableError
from lab.plugins.kubernetes.kubeconfig import Cluster

pytestmark = pytest.mark.unit

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
DEADLINE = 10


@contextmanager
def serving(*connections: str) -> Iterator[tuple[Client, list[str]]]:
    """A server that takes one connection after the other; for each, what becomes of its requests.

    `a` is answered, at `x` it hangs up. The methods that it was asked with come beside the client.
    """
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)

        def serve() -> None:
            for requests in connections:
                one, _ = listener.accept()
                with one:
                    one.settimeout(DEADLINE)
                    for what in requests:
                        heard.append(one.recv(65536).split(b" ")[0].decode())
                        if what == "a":
                            one.sendall(ANSWER)

        thread = threading.Thread(target=serve)
        thread.start()
        client = Client(Cluster(server=f"http://127.0.0.1:{listener.getsockname()[1]}"))
        try:
            yield client, heard
        finally:
            thread.join(DEADLINE)


def test_a_read_whose_connection_ends_is_sent_again_on_a_new_one() -> None:
    with serving("ax", "a") as (client, heard):
        assert [client.request("GET", "/api/v1") for _ in range(2)] == [{}, {}]
    assert heard == ["GET"] * 3


def test_a_read_that_breaks_twice_fails_in_gos_words() -> None:
    with (
        serving("x", "x") as (client, heard),
        pytest.raises(UnreachableError, match=r'/api/v1": EOF$'),
    ):
        client.request("GET", "/api/v1")
    assert heard == ["GET"] * 2


def test_a_write_is_not_sent_twice() -> None:
    with serving("x", "a") as (client, heard):
        with pytest.raises(UnreachableError, match=r'^Post "http.*": EOF$'):
            client.request("POST", "/api/v1/namespaces", {})
        assert client.request("GET", "/api/v1") == {}
    assert heard == ["POST", "GET"]
