"""The rules, by Prometheus' own tool: well formed, firing when they should and not when they should not."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.monitoring_files import RULES, RULES_TESTS, alerts, queries, rules
from tests.deploy.promql import asked_for
from tests.deploy.rendered import DEPLOY
from tests.fake_model_server import FakeModelServer
from tests.serving.gateway_client import gateway

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL
    return subprocess.run((PROMTOOL, *arguments), capture_output=True, text=True, check=False)


@needs_promtool
def test_the_rules_are_well_formed() -> None:
    done = promtool("check", "rules", RULES)

    assert done.returncode == 0, done.stderr


@needs_promtool
def test_each_rule_does_what_its_cases_say() -> None:
    done = promtool("test", "rules", *RULES_TESTS)

    assert done.returncode == 0, done.stderr


@needs_promtool
def test_a_rule_that_never_fires_would_be_found(tmp_path: Path) -> None:
    spoilt = RULES.read_text().replace("miwake_model_ready)) == 0", "miwake_model_ready)) < 0")
    (tmp_path / "rules.yaml").write_text(spoilt)
    shutil.copy(RULES_TESTS[0], tmp_path)

    done = promtool("test", "rules", tmp_path / RULES_TESTS[0].name)

    assert done.returncode == 1
    assert "MiwakeModelNotReady" in done.stdout + done.stderr


@needs_promtool
def test_the_configuration_of_prometheus_is_one() -> None:
    done = promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")

    assert done.returncode == 0, done.stderr


def test_each_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    cases = [
        case
        for each in RULES_TESTS
        for test in yaml.safe_load(each.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]

    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == set(alerts())
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == set(alerts())


def test_each_alert_has_a_section_in_the_runbook_that_its_annotation_leads_to() -> None:
    runbook = (DEPLOY.parent / "docs" / "operations.md").read_text()
    headings = re.findall(r"^#+ (Miwake\w+)$", runbook, re.MULTILINE)

    assert sorted(headings) == sorted(alerts())
    for name, alert in alerts().items():
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"


async def test_the_requests_that_count_are_those_with_images() -> None:
    """Known by their route: images come by POST; two calls of the repository only administer."""
    async with gateway(FakeModelServer()) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    with_images = {path for path, calls in paths.items() if "post" in calls and "/repository/" not in path}
    patterns = {pattern for rule in rules() for pattern in re.findall(r'route=~"([^"]+)"', rule["expr"])}

    (pattern,) = patterns
    assert {path for path in paths if re.fullmatch(pattern, path)} == with_images
    assert re.fullmatch(pattern, "grpc:ModelInfer")
    assert not re.fullmatch(pattern, "grpc:ModelReady")
    assert all(f'route=~"{pattern}"' in query for query in queries().values() if "route" in query)


def test_what_the_rules_and_the_dashboard_ask_of_each_other_is_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    expressions = [*queries().values(), *(rule["expr"] for rule in rules())]
    asked = {
        each.metric for expression in expressions for each in asked_for(expression) if ":" in each.metric
    }

    assert asked <= recorded
