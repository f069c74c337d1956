from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from serving.routes import embed, explain, models, oip, operations, predict, tensorflow_serving
from serving.routes.known_parameters import refuse_unknown_parameters

ROUTES = [
    route
    for module in (embed, explain, models, oip, operations, predict, tensorflow_serving)
    for route in module.router.routes
    if isinstance(route, APIRoute)
]


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for dependency in dependant.dependencies:
        yield from calls(dependency)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_no_route_and_no_dependency_waits_for_a_thread(route: APIRoute) -> None:
    waiting = [call for call in calls(route.dependant) if not inspect.iscoroutinefunction(call)]

    assert waiting == []


def test_nor_does_the_dependency_of_all_native_routes() -> None:
    assert inspect.iscoroutinefunction(refuse_unknown_parameters)
