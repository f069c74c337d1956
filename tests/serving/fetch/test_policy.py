"""What an operator allows, before anything is resolved."""

from __future__ import annotations

import pytest

from serving.fetch.errors import UrlRefusedError
from serving.fetch.policy import UrlPolicy

POLICY = UrlPolicy(hosts=("img.test", "*.cdn.test", "xn--bcher-kva.test"))


@pytest.mark.parametrize(
    "url",
    [
        "https://img.test/a.png",
        "https://IMG.test:443/a.png?x=1#part",
        "https://a.cdn.test/",
        "https://a.b.cdn.test/",
        "https://bücher.test/",
    ],
)
def test_a_url_of_an_allowed_host_passes(url: str) -> None:
    POLICY.parse(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://other.test/", "host"),
        ("https://cdn.test/", "host"),
        ("https://evilcdn.test/", "host"),
        ("https://img.test.evil.test/", "host"),
        ("https://img.test./", "host"),
        ("https://127.0.0.1/", "host"),
        ("https://[::1]/", "host"),
        ("https:///path", "host"),
        ("https://img.test\\@evil.test/", "not a URL|host|credentials"),
        ("https://evil.test#@img.test/", "host"),
        ("https://evil.test/@img.test", "host"),
        ("https://user@img.test/", "credentials"),
        ("https://user:word@img.test/", "credentials"),
        ("https://img.test@evil.test/", "credentials"),
        ("http://img.test/", "https://"),
        ("ftp://img.test/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("//img.test/", "https://"),
        ("img.test", "https://"),
        ("", "https://"),
        ("https://img.test:22/", "port"),
        ("https://img.test:0/", "port"),
        ("https://img.test:99999/", "not a URL|port"),
        ("https://img.test/\r\nHost: evil", "not a URL"),
        ("https://img.test/" + "a" * 70_000, "not a URL"),
        ("https://[::1/", "not a URL"),
    ],
)
def test_any_other_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(UrlRefusedError, match=why):
        POLICY.parse(url)


def test_without_allowed_hosts_every_url_is_refused() -> None:
    with pytest.raises(UrlRefusedError, match="takes no URLs"):
        UrlPolicy().parse("https://img.test/")


def test_plain_http_passes_where_it_is_allowed() -> None:
    assert UrlPolicy(hosts=("img.test",), http=True).parse("http://img.test/").scheme == "http"
