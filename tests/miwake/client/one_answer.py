"""A server on a real port that answers every request alike, and counts."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.certificates import Pair
from tests.miwake.client.scripted import ANSWER


class OneAnswer(ThreadingHTTPServer):
    """Every knob is an attribute."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = json.dumps(ANSWER).encode()
        self.seconds_per_byte = 0.0
        self.closes_unasked = False  # after each answer, without saying so in it
        self.connections = self.answers = 0
        self._context: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return (
            f"https://localhost:{self.server_port}"
            if self._context
            else f"http://127.0.0.1:{self.server_port}"
        )

    def secure(self, pair: Pair) -> None:
        """Speak TLS from now on."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.certificate, pair.key)

    def get_request(self) -> tuple[object, object]:
        connection, address = super().get_request()
        self.connections += 1
        if self._context:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OneAnswer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        if self.server.seconds_per_byte:
            for byte in self.server.body:
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.seconds_per_byte)
        else:
            self.wfile.write(self.server.body)
        self.server.answers += 1
        self.close_connection = self.close_connection or self.server.closes_unasked

    def log_message(self, *_: object) -> None:
        """Quietly."""


@contextmanager
def one_answer() -> Iterator[OneAnswer]:
    server = OneAnswer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
