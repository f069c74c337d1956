"""Images named by URL in a JSON body."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from serving.fetch.fetcher import Fetcher
from serving.fetch.policy import UrlPolicy
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.fetch.host import LOOPBACK, Host, Say, answer, host, names, says
from tests.serving.gateway_client import gateway, settings

PNG = encoded()
B64 = base64.b64encode(PNG).decode()


@contextlib.asynccontextmanager
async def gateway_and_host(say: Say, **changes: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Host]]:
    """A gateway that may fetch from one host, `http://img.test`, and that host."""
    async with host(say) as there:
        policy = UrlPolicy(hosts=("img.test",), ports=(there.port,), http=True)
        fetcher = Fetcher(
            policy, resolve=names(img_test="127.0.0.1"), may_connect=LOOPBACK.__eq__, max_connections=4
        )
        async with gateway(FakeModelServer(), fetcher=fetcher, **changes) as client:
            yield client, there


async def post(client: httpx.AsyncClient, *images: dict[str, str]) -> Any:
    return await client.post("/predict", json={"images": list(images)})


async def test_an_image_behind_a_url_is_labelled_and_keeps_its_place_and_name() -> None:
    async with gateway_and_host(says(answer(PNG))) as (client, there):
        url = f"http://img.test:{there.port}/cat.png"
        response = await post(client, {"b64": B64, "name": "a"}, {"url": url, "name": "b"}, {"url": url})

    assert [item["name"] for item in response.json()["predictions"]] == ["a", "b", None]
    assert [item["label"] for item in response.json()["predictions"]] == ["cat"] * 3


async def test_a_url_that_gives_nothing_fails_alone() -> None:
    async with gateway_and_host(says(answer(b"", status="404 Not Found"))) as (client, there):
        images = [{"url": f"http://img.test:{there.port}/"}, {"b64": B64}, {"url": "https://evil.test/"}]
        response = await post(client, *images)

    assert response.status_code == 200
    unreachable, good, refused = response.json()["predictions"]
    assert unreachable["error"]["code"] == "url_unreachable"
    assert good["label"] == "cat"
    assert refused["error"]["code"] == "url_refused"


async def test_a_host_that_never_answers_leaves_time_for_the_other_images() -> None:
    async def silent(request: bytes, writer: asyncio.StreamWriter) -> None:
        del request, writer
        await there.over.wait()

    async with gateway_and_host(silent, timeout_seconds=0.6) as (client, there):
        response = await post(client, {"url": f"http://img.test:{there.port}/"}, {"b64": B64})

    assert response.status_code == 200
    assert response.json()["predictions"][0]["error"]["code"] == "url_unreachable"
    assert response.json()["predictions"][1]["label"] == "cat"


async def test_what_is_no_image_is_told_as_of_any_other() -> None:
    async with gateway_and_host(says(answer(b"<html>"))) as (client, there):
        response = await post(client, {"url": f"http://img.test:{there.port}/"})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_format")


async def test_all_images_of_a_request_together_may_be_as_large_as_a_body() -> None:
    async with gateway_and_host(says(answer(b"x" * 600)), max_body_bytes=1000) as (client, there):
        url = f"http://img.test:{there.port}/"
        response = await post(client, {"url": url}, {"url": url})

    codes = sorted(item["error"]["code"] for item in response.json()["errors"])
    assert codes == ["body_too_large", "unsupported_format"]


async def test_what_is_fetched_counts_among_the_bytes_in_flight() -> None:
    limits = {"max_bytes_in_flight": 1000}
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"text"
        begun.set()
        await ended.wait()

    async with gateway_and_host(says(answer(b"x" * 2000)), **limits) as (client, there):
        # Whoever is alone may have more.
        other = asyncio.create_task(client.post("/predict", content=slow(), headers={"content-length": "4"}))
        await begun.wait()
        response = await post(client, {"url": f"http://img.test:{there.port}/"})
        ended.set()
        await other
        again = await client.post("/predict", content=b"text")

    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert again.status_code == 415  # and the room is free again


async def test_urls_are_off_by_default() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await post(client, {"url": "https://img.test/"})

    assert (response.status_code, response.json()["code"]) == (422, "url_refused")
    assert "takes no URLs" in response.json()["detail"]


@pytest.mark.parametrize(
    "image",
    [
        {"url": "https://img.test/", "b64": B64},
        {"url": 7},
        {"url": "https://img.test/" + "a" * 9000},
        {},
        {"name": "a"},
        {"b64": B64, "size": 1},
    ],
)
async def test_an_item_is_one_of_the_two_and_nothing_else(image: dict[str, Any]) -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.post("/predict", json={"images": [image]})

    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
    assert "images.0" in response.json()["detail"]


def test_hosts_and_ports_come_as_lists_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_URL_HOSTS", "Img.Example.com, *.cdn.example.com")
    monkeypatch.setenv("MIWAKE_URL_PORTS", "443,8443")

    chosen = settings()

    assert chosen.url_hosts == ("img.example.com", "*.cdn.example.com")
    assert chosen.url_ports == (443, 8443)


@pytest.mark.parametrize(
    "hosts", ["*", "*.com", "https://img.test", "img.test/path", "img.test:443", "a.*.test"]
)
def test_a_host_that_would_allow_too_much_or_nothing_is_refused(hosts: str) -> None:
    with pytest.raises(ValidationError):
        settings(url_hosts=hosts)
