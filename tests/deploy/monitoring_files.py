"""The rules and the dashboard of deploy/, as data."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.deploy.rendered import DEPLOY

RULES = DEPLOY / "prometheus" / "rules.yaml"
RULES_TESTS = tuple(RULES.with_name(name) for name in ("rules_test.yaml", "rules_slow_test.yaml"))
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"


def rules() -> list[dict[str, Any]]:
    """Every rule, recording or alert."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def queries() -> dict[str, str]:
    """The dashboard's queries, with its variables filled in, by panel and letter."""
    found = {}
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            text = (
                target["expr"]
                .replace("$__rate_interval", "15s")
                .replace("$job", ".*")
                .replace("$model", ".*")
            )
            found[f"{panel['title']} {target['refId']}"] = text
    return found
