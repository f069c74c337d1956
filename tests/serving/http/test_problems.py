"""Every error class of the project has an HTTP status."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import contract
import modelserver
import serving
from contract.errors import MiwakeError
from serving.http.problems import STATUS_BY_CODE

PACKAGES = ("contract", "modelserver", "serving")


def import_all_errors() -> None:
    for package in (contract, modelserver, serving):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if "errors" in module.name:
                importlib.import_module(module.name)


def subclasses(error: type[MiwakeError]) -> Iterator[type[MiwakeError]]:
    yield error
    for subclass in error.__subclasses__():
        yield from subclasses(subclass)


import_all_errors()


MET_IN_A_GATEWAY = [
    error for error in set(subclasses(MiwakeError)) if error.__module__.split(".")[0] in PACKAGES
]


@pytest.mark.parametrize(
    "error", sorted(MET_IN_A_GATEWAY, key=lambda e: e.__name__), ids=lambda e: e.__name__
)
def test_every_error_a_gateway_can_meet_has_a_status(error: type[MiwakeError]) -> None:
    assert error.code in STATUS_BY_CODE


def test_the_codes_are_those_of_the_design() -> None:
    assert {code: int(status) for code, status in STATUS_BY_CODE.items()} == {
        "malformed_body": 400,
        "unauthenticated": 401,
        "forbidden": 403,
        "not_found": 404,
        "model_not_found": 404,
        "version_not_found": 404,
        "signature_not_found": 404,
        "method_not_allowed": 405,
        "body_too_large": 413,
        "too_many_pixels": 413,
        "unsupported_format": 415,
        "image_undecodable": 422,
        "invalid_parameter": 422,
        "url_refused": 422,
        "url_unreachable": 422,
        "rate_limited": 429,
        "internal": 500,
        "contract_broken": 502,
        "overloaded": 503,
        "model_server_away": 503,
        "deadline_exceeded": 504,
    }
