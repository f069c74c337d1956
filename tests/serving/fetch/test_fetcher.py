"""Fetching over real sockets from hosts that misbehave in every way we could think of."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from serving.fetch.errors import UrlRefusedError, UrlTooLargeError, UrlUnreachableError
from tests.certificates import Authority
from tests.serving.fetch.host import answer, fetch, fetcher, host, names, says

IMAGE = b"an image " * 1000


async def test_the_bytes_behind_a_url_are_fetched() -> None:
    async with host(says(answer(IMAGE))) as there, fetcher(there.port) as it:
        assert await fetch(it, f"http://img.test:{there.port}/a.png?x=1") == IMAGE

    head = there.requests[0].decode().lower()
    assert head.startswith("get /a.png?x=1 http/1.1\r\n")
    assert f"host: img.test:{there.port}\r\n" in head
    assert "accept-encoding: identity\r\n" in head


async def test_a_chunked_answer_is_fetched() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    async with host(says(chunked)) as there, fetcher(there.port) as it:
        assert await fetch(it, f"http://img.test:{there.port}/") == b"abcde"


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    async with host(says(answer(IMAGE))) as there, fetcher(there.port) as it:
        assert await fetch(it, f"http://img.test:{there.port}/") == IMAGE


@pytest.mark.parametrize("location", ["/there", "http://img.test:{port}/there", "//img.test:{port}/there"])
async def test_a_redirect_to_an_allowed_place_is_followed(location: str) -> None:
    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        moved = answer(b"x", f"Location: {location.format(port=there.port)}", status="302 Found")
        writer.write(answer(IMAGE) if b"/there" in request else moved)

    async with host(say) as there, fetcher(there.port) as it:
        assert await fetch(it, f"http://img.test:{there.port}/") == IMAGE


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://other.test:{port}/",
        "http://img.test:1/",
        "http://user@img.test:{port}/",
        "file:///etc/passwd",
        "gopher://img.test/",
        "http://[::1",
    ],
)
async def test_a_redirect_to_anywhere_else_is_refused(location: str) -> None:
    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(answer(b"", f"Location: {location.format(port=there.port)}", status="302 Found"))

    async with host(say) as there, fetcher(there.port) as it:
        with pytest.raises(UrlRefusedError):
            await fetch(it, f"http://img.test:{there.port}/")

    assert len(there.requests) == 1


async def test_a_redirect_to_an_allowed_name_of_a_private_address_is_refused() -> None:
    moved = answer(b"", "Location: http://internal.test/", status="301 Moved Permanently")
    policy = {"hosts": ("img.test", "internal.test"), "ports": (80,)}
    resolve = names(img_test="127.0.0.1", internal_test="10.0.0.7")

    async with host(says(moved)) as there:
        policy["ports"] = (there.port, 80)
        async with fetcher(there.port, policy=policy, resolve=resolve) as it:
            with pytest.raises(UrlRefusedError, match="not on the public internet"):
                await fetch(it, f"http://img.test:{there.port}/")


async def test_redirects_end() -> None:
    again = answer(b"", "Location: /", status="307 Temporary Redirect")
    policy = {"max_redirects": 2}

    async with host(says(again)) as there, fetcher(there.port, policy=policy) as it:
        with pytest.raises(UrlRefusedError, match="more than 2 times"):
            await fetch(it, f"http://img.test:{there.port}/")

    assert len(there.requests) == 3


async def test_a_redirect_to_nowhere_is_a_failure() -> None:
    async with host(says(answer(b"", status="302 Found"))) as there, fetcher(there.port) as it:
        with pytest.raises(UrlUnreachableError, match="nowhere"):
            await fetch(it, f"http://img.test:{there.port}/")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "8.8.8.8 127.0.0.1"]
)
async def test_a_name_of_an_address_inside_is_refused_before_anything_is_sent(address: str) -> None:
    wiring = {"loopback": False, "resolve": names(img_test=address)}

    async with host(says(answer(IMAGE))) as there, fetcher(there.port, **wiring) as it:
        with pytest.raises(UrlRefusedError, match="not on the public internet"):
            await fetch(it, f"http://img.test:{there.port}/")

    assert there.requests == []


@pytest.mark.parametrize(
    "literal",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:7f00:1]",
    ],
)
async def test_an_address_in_any_spelling_is_refused_even_where_its_host_is_allowed(literal: str) -> None:
    """By the system's own resolver, which reads all of them."""
    async with host(says(answer(IMAGE))) as there:
        policy = {"hosts": (literal.strip("[]"), "127.0.0.1", "::ffff:7f00:1", "::ffff:127.0.0.1")}
        async with fetcher(there.port, loopback=False, policy=policy, resolve=None) as it:
            with pytest.raises(UrlRefusedError):
                await fetch(it, f"http://{literal}:{there.port}/")

    assert there.requests == []


async def test_a_name_is_resolved_once_and_its_answer_is_where_the_connection_goes() -> None:
    asked: list[str] = []

    async def changes_its_mind(name: str) -> Any:
        asked.append(name)
        return await names(first="127.0.0.1", second="10.0.0.1")("first" if len(asked) == 1 else "second")

    async with host(says(answer(IMAGE))) as there, fetcher(there.port, resolve=changes_its_mind) as it:
        assert await fetch(it, f"http://img.test:{there.port}/") == IMAGE

    assert asked == ["img.test"]


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async with host(says(answer(IMAGE))) as there:
        wiring = {"resolve": names(img_test="127.0.0.9 127.0.0.1"), "may_connect": lambda _: True}
        async with fetcher(there.port, **wiring) as it:
            assert await fetch(it, f"http://img.test:{there.port}/") == IMAGE


@pytest.mark.parametrize("url", ["http://img.test:{port}/", "http://unknown.test:{port}/"])
async def test_a_host_that_is_not_there_is_unreachable(url: str) -> None:
    async with host(says(b"")) as there:
        pass  # the port is free again
    policy = {"hosts": ("img.test", "unknown.test")}

    async with fetcher(there.port, policy=policy) as it:
        with pytest.raises(UrlUnreachableError):
            await fetch(it, url.format(port=there.port))


async def test_a_host_that_drips_is_given_up() -> None:
    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with host(drip) as there, fetcher(there.port) as it:
        with pytest.raises(UrlUnreachableError, match="in time"):
            await fetch(it, f"http://img.test:{there.port}/", timeout_seconds=0.2)


async def test_a_host_that_says_nothing_is_given_up() -> None:
    async def silent(request: bytes, writer: asyncio.StreamWriter) -> None:
        del request, writer
        await there.over.wait()

    async with host(silent) as there, fetcher(there.port) as it:
        with pytest.raises(UrlUnreachableError, match="in time"):
            await fetch(it, f"http://img.test:{there.port}/", timeout_seconds=0.1)


async def test_a_body_without_end_is_cut_off_at_the_limit() -> None:
    sent = 0

    async def endless(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        del request
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with host(endless) as there, fetcher(there.port) as it:
        with pytest.raises(UrlTooLargeError):
            await fetch(it, f"http://img.test:{there.port}/", max_bytes=100_000)

    assert sent < 50_000_000  # what sockets hold, not what it would have sent


async def test_a_body_announced_too_large_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"

    async with host(says(head)) as there, fetcher(there.port) as it:
        with pytest.raises(UrlTooLargeError):
            await fetch(it, f"http://img.test:{there.port}/", max_bytes=100_000)


@pytest.mark.parametrize(
    "whole",
    [
        answer(b"no such image, and our secret is 42", status="404 Not Found"),
        answer(b"partly", status="206 Partial Content"),
        answer(b""),
        answer(b"x", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut off",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
        b"SSH-2.0-OpenSSH_9.2 secret 42\r\n",
        b"",
    ],
    ids=["404", "206", "empty", "gzip", "cut off", "long header", "not HTTP", "hangs up"],
)
async def test_an_answer_that_is_no_image_is_a_failure_and_nothing_of_it_is_repeated(whole: bytes) -> None:
    async with host(says(whole)) as there, fetcher(there.port) as it:
        with pytest.raises(UrlUnreachableError) as caught:
            await fetch(it, f"http://img.test:{there.port}/")

    assert "42" not in str(caught.value)


def contexts(folder: Path, *, name: str, signed_by: str = "ca") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's with a certificate for that name, and a client's that trusts the authority `ca`."""
    trusted = Authority(folder)
    signer = trusted if signed_by == "ca" else Authority(folder, signed_by)
    pair = signer.sign(name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    return server, ssl.create_default_context(cafile=str(trusted.ca.certificate))


async def test_https_is_fetched_by_the_name_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    server, client = contexts(tmp_path, name="img.test")

    async with host(says(answer(IMAGE)), tls=server) as there, fetcher(there.port, tls=client) as it:
        assert await fetch(it, f"https://img.test:{there.port}/") == IMAGE


@pytest.mark.parametrize(("name", "signed_by"), [("other.test", "ca"), ("img.test", "another-ca")])
async def test_a_wrong_certificate_is_a_failure(tmp_path: Path, name: str, signed_by: str) -> None:
    server, client = contexts(tmp_path, name=name, signed_by=signed_by)

    async with host(says(answer(IMAGE)), tls=server) as there, fetcher(there.port, tls=client) as it:
        with pytest.raises(UrlUnreachableError):
            await fetch(it, f"https://img.test:{there.port}/")

    assert there.requests == []


async def test_no_more_connections_are_open_at_once_than_allowed() -> None:
    open_now = most = 0

    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        del request
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.02)
        open_now -= 1
        writer.write(answer(b"x"))

    async with host(slow) as there, fetcher(there.port, max_connections=2) as it:
        url = f"http://img.test:{there.port}/"
        assert await asyncio.gather(*(fetch(it, url) for _ in range(8))) == [b"x"] * 8

    assert most == 2
