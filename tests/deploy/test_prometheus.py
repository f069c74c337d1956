"""A real Prometheus scrapes a real gateway under load, which goes through all that the dashboard shows."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.clients import Clients
from tests.colour_server import ColourServer, colour_manifest, in_thread
from tests.deploy.monitoring_files import dashboard, queries, rules
from tests.deploy.prometheus_process import PrometheusProcess
from tests.deploy.promql import asked_for
from tests.gateway_process import GatewayProcess, free_port
from tests.manifests import REFERENCE
from tests.pictures import colour_picture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]
MODELS = """
default = "toy"
[models.toy]
aliases = { stable = 1, canary = 2 }
shadow = { alias = "canary", percent = 100 }
"""
OVERLOADED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
# What Prometheus adds to every series; the last two in a cluster.
SCRAPED = {"job", "instance", "namespace", "pod"}


@dataclass(frozen=True)
class Watched:
    """Prometheus, the metrics of the gateway it scrapes as text, and what answers behind both."""

    prometheus: PrometheusProcess
    metrics: str
    server: ColourServer


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder, admin = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "models.toml").write_text(MODELS)
    server = ColourServer(dataclasses.replace(colour_manifest(), reference=REFERENCE))
    server.versions = [1, 2]
    with in_thread(server) as address:
        flags = ("--models-file", str(folder / "models.toml"), "--model-server", address)
        environment = {"MIWAKE_ADMIN_PORT": str(admin)}
        gateway = GatewayProcess(None, *flags, log=folder / "gateway.log", environment=environment)
        clients = Clients(gateway.url, colour_picture("red"), count=2)
        with gateway, clients, PrometheusProcess(f"127.0.0.1:{admin}", folder=folder) as prometheus:
            _trouble(server, gateway.url)
            prometheus.wait_for(*queries().values())
            metrics = httpx.get(f"http://127.0.0.1:{admin}/metrics").text
            yield Watched(prometheus, metrics, server)


def _trouble(server: ColourServer, url: str) -> None:
    """Everything that only trouble shows: a bad image, refusals, second attempts; two scrapes long."""
    httpx.post(f"{url}/predict", content=b"text")
    for refusal in (OVERLOADED, (grpc.StatusCode.UNAVAILABLE, "gone")):
        server.refusal = refusal
        time.sleep(3)
    server.refusal = None


def exported(text: str) -> dict[str, set[str]]:
    """The labels of every series of an exposition, by its name."""
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set(SCRAPED)).update(sample.labels)
    return labels


def test_every_query_asks_for_metrics_and_labels_that_the_gateway_exports(watched: Watched) -> None:
    there = exported(watched.metrics)
    there |= {rule["record"]: {"namespace", "job", "model"} for rule in rules() if "record" in rule}
    expressions = [*queries().values(), *(rule["expr"] for rule in rules())]

    for expression in expressions:
        for asked in asked_for(expression):
            assert asked.metric in there, expression
            assert asked.labels <= there[asked.metric], expression


def test_every_variable_of_the_dashboard_has_values(watched: Watched) -> None:
    there = exported(watched.metrics)
    asked = [each["query"]["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"]

    matches = [re.fullmatch(r"label_values\((\w+), (\w+)\)", query) for query in asked]
    assert len(matches) == 2
    assert all(match and match[2] in there[match[1]] for match in matches)


def test_every_panel_shows_something(watched: Watched) -> None:
    for title, query in queries().items():
        assert watched.prometheus.query(query), title


def test_a_gateway_with_two_versions_is_one_that_is_ready_and_both_tests_are_shown(watched: Watched) -> None:
    ready = watched.prometheus.query(queries()["Ready A"])
    tests = watched.prometheus.query(queries()["Self-tests A"])

    assert [sample["value"][1] for sample in ready] == ["1"]
    passed = {sample["metric"]["version"] for sample in tests if sample["metric"]["result"] == "passed"}
    assert passed == {"1", "2"}


def test_every_rule_is_evaluated_without_an_error(watched: Watched) -> None:
    found = watched.prometheus.rules()

    assert len(found) == len(rules())
    assert {(rule["health"], rule.get("lastError", "")) for rule in found} == {("ok", "")}


def test_a_calm_gateway_raises_no_alert_and_one_whose_model_server_refuses_does(watched: Watched) -> None:
    firing = 'ALERTS{alertstate="firing", alertname="MiwakeErrorBudgetBurnsFast"}'
    not_ready = watched.prometheus.query(
        'ALERTS{alertname=~"MiwakeModelNotReady|MiwakeGone|MiwakeSelfTestFailed"}'
    )
    watched.server.refusal = OVERLOADED

    watched.prometheus.wait_for(firing)
    assert not_ready == []
