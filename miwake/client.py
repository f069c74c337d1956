"""The Python client of the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from contract.errors import MiwakeError


class GatewayError(MiwakeError):
    """The gateway refused, or could not be reached; `code` is the gateway's own."""

    def __init__(
        self, detail: str, *, code: str = "gateway", problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.problem = problem or {}


class Client:
    """Talks to one gateway over one pool of connections.

    Args:
        url: of the gateway.
        timeout_seconds: for each answer.
        api_key: of `miwake keys new`, where the gateway asks for one.

    Raises:
        GatewayError: what is given is not a URL.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 30.0, api_key: str | None = None) -> None:
        headers = {} if api_key is None else {"X-API-Key": api_key}
        try:
            self._http = httpx.Client(base_url=url, timeout=timeout_seconds, headers=headers)
        except httpx.InvalidURL as exc:
            raise GatewayError(f"{url} is not a URL: {exc}") from exc
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def predict(self, paths: Sequence[Path], *, top_k: int = 5) -> Mapping[str, Any]:
        """Predict files by the default model.

        Returns:
            The gateway's answer; its `predictions` are in the order of the paths.

        Raises:
            GatewayError: all images were refused, or the gateway cannot answer.
            OSError: a path cannot be read.
        """
        files = [("image", (path.name, path.read_bytes())) for path in paths]
        try:
            response = self._http.post("/predict", params={"top_k": top_k}, files=files)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise GatewayError(f"{self._url}: {exc}") from exc
        document = _document(response)
        if response.is_success and "predictions" in document:
            return document
        if "code" in document and "detail" in document:
            raise GatewayError(document["detail"], code=document["code"], problem=document)
        raise GatewayError(f"{response.url} answered {response.status_code}, not as a miwake gateway does")

    def is_ready(self) -> bool:
        """Whether the gateway has a model to answer with."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.HTTPError:
            return False


def _document(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
