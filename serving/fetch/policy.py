"""Which URLs may be asked at all, before anything is resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from serving.fetch.errors import UrlRefusedError
from serving.settings import Settings

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class UrlPolicy:
    """What the operator allows.

    Attributes:
        hosts: lower-case names; `*.example.com` stands for all names below it and not for itself.
        ports: numbers.
        http: whether plain HTTP is allowed beside HTTPS.
        max_redirects: hops after the first URL, each checked as the first is.
    """

    hosts: Sequence[str] = ()
    ports: Sequence[int] = (80, 443)
    http: bool = False
    max_redirects: int = 3

    def parse(self, text: str) -> httpx.URL:
        """A URL that may be asked.

        Raises:
            UrlRefusedError: it may not, or is none.
        """
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as exc:
            raise UrlRefusedError("not a URL") from exc
        self.check(url)
        return url

    def check(self, url: httpx.URL) -> None:
        """Raise UrlRefusedError unless the URL may be asked."""
        if not self.hosts:
            raise UrlRefusedError("this gateway takes no URLs")
        if url.scheme != "https" and not (self.http and url.scheme == "http"):
            raise UrlRefusedError("the URL does not begin with https://")
        if url.userinfo:
            raise UrlRefusedError("the URL holds credentials")
        if not self._allows_host(url.raw_host.decode("ascii").lower()):
            raise UrlRefusedError("the URL's host is not one of those allowed")
        port = _PORTS[url.scheme] if url.port is None else url.port
        if port not in self.ports:
            raise UrlRefusedError("the URL's port is not one of those allowed")

    def _allows_host(self, host: str) -> bool:
        return any(
            host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
            for allowed in self.hosts
        )


def url_policy(settings: Settings) -> UrlPolicy:
    """As deployed."""
    return UrlPolicy(
        hosts=settings.url_hosts,
        ports=settings.url_ports,
        http=settings.url_plain_http,
        max_redirects=settings.url_max_redirects,
    )
