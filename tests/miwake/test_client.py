"""The client against answers of every kind, given at httpx's own seam: a real server of one answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from miwake.client import Client, GatewayError
from tests.pictures import encoded


class OneAnswer(HTTPServer):
    """Answers every request alike."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.body = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def server() -> Iterator[OneAnswer]:
    server = OneAnswer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(encoded())
    return tmp_path / "a.png"


def test_an_answer_comes_back_as_it_is(server: OneAnswer, photograph: Path) -> None:
    server.body = json.dumps({"predictions": [{"label": "cat"}]}).encode()

    with Client(server.url) as client:
        assert client.predict([photograph])["predictions"] == [{"label": "cat"}]


def test_a_problem_becomes_an_error_with_its_code(server: OneAnswer, photograph: Path) -> None:
    server.status, server.body = 503, json.dumps({"code": "overloaded", "detail": "later"}).encode()

    with Client(server.url) as client, pytest.raises(GatewayError, match="later") as error:
        client.predict([photograph])

    assert error.value.code == "overloaded"


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}", b""])
def test_what_is_no_gateway_is_said_so(server: OneAnswer, photograph: Path, status: int, body: bytes) -> None:
    server.status, server.body = status, body

    with Client(server.url) as client, pytest.raises(GatewayError, match="not as a miwake gateway does"):
        client.predict([photograph])


def test_a_gateway_that_is_not_there_is_not_ready() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert not client.is_ready()
