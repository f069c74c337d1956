"""The page at `/`: whole, and from this gateway alone."""

from __future__ import annotations

import re

from serving.routes.playground import FOLDER
from tests.fake_model_server import FakeModelServer
from tests.serving.gateway_client import gateway


async def test_the_page_and_all_it_links_to_are_answered_by_the_gateway() -> None:
    async with gateway(FakeModelServer()) as client:
        page = await client.get("/")
        links = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
        answers = {link: await client.get(link) for link in links}

    assert page.headers["content-type"].startswith("text/html")
    assert {"/playground/script.js", "/playground/style.css", "/docs", "/models"} <= set(links)
    assert {link: answer.status_code for link, answer in answers.items()} == dict.fromkeys(links, 200)


async def test_its_script_may_run_and_nothing_inline_may() -> None:
    async with gateway(FakeModelServer()) as client:
        policy = (await client.get("/")).headers["content-security-policy"]

    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "style=" not in (FOLDER / "index.html").read_text()


def test_it_asks_no_other_host() -> None:
    for path in FOLDER.iterdir():
        assert "//" not in re.sub(r"^\s*//.*|; //.*| // .*", "", path.read_text(), flags=re.MULTILINE), path
